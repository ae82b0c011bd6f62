/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libcare-dump: what the header of a patch file says, and the ELF image behind it. See
 * libcare-tools(1).
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "classic_file.h"

/* Sizes of the headers; see kpatch(5). */
#define LIBCARE_HEADER 688
#define PLUS_HEADER 504

static const char usage[] = "usage: libcare-dump -H -i PATCH\n"
			    "       libcare-dump -c -i PATCH -o OUTPUT\n"
			    "  -H         print what the header says\n"
			    "  -c         write the ELF image behind the header\n"
			    "  -i PATCH   the patch file\n"
			    "  -o OUTPUT  where to write the image\n"
			    "  -h         this text\n";

struct arguments {
	int print_header;
	int cut;
	const char *input;
	const char *output;
};

static void parse(int argc, char **argv, struct arguments *arguments)
{
	int option;

	while ((option = getopt(argc, argv, "Hci:o:h")) != -1) {
		switch (option) {
		case 'H':
			arguments->print_header = 1;
			break;
		case 'c':
			arguments->cut = 1;
			break;
		case 'i':
			arguments->input = optarg;
			break;
		case 'o':
			arguments->output = optarg;
			break;
		case 'h':
			(void)fputs(usage, stdout);
			exit(EXIT_SUCCESS);
		default:
			exit(EXIT_FAILURE);
		}
	}
	if (arguments->input == NULL || optind < argc)
		fail("a patch file is needed: -i PATCH");
	if (arguments->print_header == arguments->cut)
		fail("one of -H and -c is needed");
	if (arguments->cut && arguments->output == NULL)
		fail("a file to write is needed: -o OUTPUT");
}

static void print_header(const char *path, const struct lcp_kpatch *patch)
{
	const char *id = lcp_kpatch_id(patch);

	(void)printf("Patch Name: %s\nMagic: KPATCH1\nPatch id: %s\nbuildid: %s\n", path,
		     id != NULL ? id : "", lcp_kpatch_build_id(patch));
}

/* The image may be read and run by all but changed by none, as LibcarePlus has it: 0550. */
static void write_image(const char *path, const char *bytes, uint64_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size || fchmod(fd, 0550) < 0 ||
	    close(fd) < 0)
		fail("%s: %s", path, strerror(errno));
}

int main(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	struct lcp_error *error = NULL;
	struct lcp_kpatch *patch = NULL;
	struct content file;
	struct lcp_ctx *ctx;
	uint64_t header;

	tool_begin("libcare-dump", "", EXIT_FAILURE);
	parse(argc, argv, &arguments);
	file = read_all(arguments.input);
	ctx = new_context(LCP_LOG_WARNING, NULL);
	if (lcp_kpatch_load_mem(ctx, file.bytes, file.size, NULL, &patch, &error) < 0)
		fail_with(arguments.input, error);
	header = lcp_kpatch_format(patch) == LCP_FORMAT_LIBCARE ? LIBCARE_HEADER : PLUS_HEADER;
	if (arguments.print_header)
		print_header(arguments.input, patch);
	else
		write_image(arguments.output, file.bytes + header, lcp_kpatch_size(patch) - header);
	lcp_kpatch_unref(patch);
	free(file.bytes);
	lcp_ctx_unref(ctx);
	return EXIT_SUCCESS;
}
