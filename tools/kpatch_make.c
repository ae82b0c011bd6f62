/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kpatch_make: the object file of a patch becomes a patch file. See libcare-tools(1).
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "classic_file.h"

#define BUILD_ID_DIGITS 40

static const char usage[] =
	"usage: kpatch_make -b BUILDID [-i ID] [-o OUTPUT] OBJECT\n"
	"  -b BUILDID  build-id of the program or library that is patched\n"
	"  -i ID       id of the patch, which makes a file in LibcarePlus's format\n"
	"  -o OUTPUT   default: the standard output\n"
	"  -d, -v X, -s X  accepted, mean nothing\n"
	"  -h          this text\n";

struct arguments {
	const char *build_id;
	const char *id;
	const char *output;
	const char *input;
};

static void take_once(const char **value, int option)
{
	if (*value != NULL)
		fail("option -%c is given twice", option);
	*value = optarg;
}

static void parse(int argc, char **argv, struct arguments *arguments)
{
	int option;

	while ((option = getopt(argc, argv, "b:i:o:v:s:dh")) != -1) {
		switch (option) {
		case 'b':
			take_once(&arguments->build_id, option);
			break;
		case 'i':
			take_once(&arguments->id, option);
			break;
		case 'o':
			take_once(&arguments->output, option);
			break;
		case 'h':
			(void)fputs(usage, stdout);
			exit(EXIT_SUCCESS);
		case '?':
			exit(EXIT_FAILURE);
		default:
			break;
		}
	}
	if (arguments->build_id == NULL)
		fail("no build-id: -b BUILDID");
	if (argc - optind != 1)
		fail("one object file is needed");
	arguments->input = argv[optind];
}

/* When the patch is made; https://reproducible-builds.org/specs/source-date-epoch/ */
static uint64_t build_time(void)
{
	const char *fixed = getenv("SOURCE_DATE_EPOCH");

	return fixed != NULL ? strtoull(fixed, NULL, 10) : (uint64_t)time(NULL);
}

int main(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	struct lcp_error *error = NULL;
	struct lcp_bytes *file = NULL;
	struct content object;
	struct lcp_ctx *ctx;

	tool_begin("kpatch_make", "", EXIT_FAILURE);
	parse(argc, argv, &arguments);
	if (strlen(arguments.build_id) != BUILD_ID_DIGITS)
		(void)fprintf(stderr, "kpatch_make: build-id '%s' has not %d digits\n",
			      arguments.build_id, BUILD_ID_DIGITS);
	object = read_all(arguments.input);
	ctx = new_context(LCP_LOG_WARNING, NULL);
	if (lcp_classic_make(ctx, object.bytes, object.size, arguments.build_id, arguments.id,
			     build_time(), &file, &error) < 0)
		fail_with(arguments.input, error);
	write_all(arguments.output, 0660, file);
	free(object.bytes);
	lcp_ctx_unref(ctx);
	return EXIT_SUCCESS;
}
