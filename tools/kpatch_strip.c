/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kpatch_strip: from a linked file to the object file of a patch, in three steps. See
 * libcare-tools(1).
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "classic_file.h"

#define USAGE_STATUS 255

static const char usage[] = "usage: kpatch_strip --strip LINKED OUTPUT\n"
			    "       kpatch_strip --rel-fixup ORIGINAL PATCH\n"
			    "       kpatch_strip --undo-link ORIGINAL PATCH\n"
			    "  -s, --strip      take the patch out of a file linked with -Wl,-q\n"
			    "  -r, --rel-fixup  let relocations refer to the original\n"
			    "  -u, --undo-link  make it an object file\n"
			    "  -o               accepted, means nothing\n"
			    "  -h, --help       this text\n";

static const struct option long_options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "rel-fixup", no_argument, NULL, 'r' },
	{ "strip", no_argument, NULL, 's' },
	{ "undo-link", no_argument, NULL, 'u' },
	{ NULL, 0, NULL, 0 },
};

static int usage_error(const char *what)
{
	(void)fprintf(stderr, "kpatch_strip: %s\n%s", what, usage);
	return USAGE_STATUS;
}

/* "Fixing up relocation printf+0" is for the standard output. */
static void log_line(void *userdata, int32_t level, const char *message)
{
	(void)userdata;
	(void)fprintf(level == LCP_LOG_INFO ? stdout : stderr, "%s\n", message);
}

static void run(int action, const char *first, const char *second)
{
	struct lcp_ctx *ctx = new_context(LCP_LOG_INFO, log_line);
	struct content one = read_all(first), two = { 0 };
	struct lcp_error *error = NULL;
	struct lcp_bytes *made = NULL;
	int32_t r;

	if (action == 's') {
		r = lcp_classic_strip(ctx, one.bytes, one.size, &made, &error);
	} else {
		two = read_all(second);
		r = action == 'r' ? lcp_classic_rel_fixup(ctx, one.bytes, one.size, two.bytes,
							  two.size, &made, &error)
				  : lcp_classic_undo_link(ctx, one.bytes, one.size, two.bytes,
							  two.size, &made, &error);
	}
	if (r < 0)
		fail_with(action == 's' || lcp_error_path(error) != NULL ? first : second, error);
	write_all(second, action == 's' ? 0660 : 0, made);
	free(one.bytes);
	free(two.bytes);
	lcp_ctx_unref(ctx);
}

int main(int argc, char **argv)
{
	int option, action = 0;

	tool_begin("kpatch_strip", "", EXIT_FAILURE);
	while ((option = getopt_long(argc, argv, "hosru", long_options, NULL)) != -1) {
		if (option == 'h') {
			(void)fputs(usage, stdout);
			return EXIT_SUCCESS;
		}
		if (option == '?')
			return USAGE_STATUS;
		if (option == 'o')
			continue;
		if (action != 0)
			return usage_error("only one action at a time");
		action = option;
	}
	if (action == 0)
		return usage_error("no action");
	if (argc - optind != 2)
		return usage_error("two files are needed");
	run(action, argv[optind], argv[optind + 1]);
	return EXIT_SUCCESS;
}
