/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Makes a patch through the interface, for tests in shell. Prints the report; if there is no patch,
 * the reason stands on stderr behind the name of its code, and the status is 1.
 *
 *	make-patch [-a ASSEMBLER-ARGUMENT]... [-j JOBS] OBJECT DEBUG PATCH ORIGINAL PATCHED...
 *
 * "-" means none: for DEBUG, and for the ORIGINAL of a unit that is new.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lcp/lcp.h>

static int complain(struct lcp_error *error)
{
	const char *path = lcp_error_path(error);

	(void)fprintf(stderr, "%s: %s%s%s\n", lcp_error_name(lcp_error_code(error)),
		      path != NULL ? path : "", path != NULL ? ": " : "", lcp_error_message(error));
	lcp_error_free(error);
	return 1;
}

static const char *unless_dash(const char *argument)
{
	return strcmp(argument, "-") != 0 ? argument : NULL;
}

static int save(const struct lcp_kpatch *patch, const char *path)
{
	FILE *file = fopen(path, "w");
	size_t size = (size_t)lcp_kpatch_size(patch);

	if (file == NULL || fwrite(lcp_kpatch_data(patch), 1, size, file) != size ||
	    fclose(file) != 0) {
		perror(path);
		return 1;
	}
	return 0;
}

static void print_report(struct lcp_build *build)
{
	struct lcp_build_report *report = NULL;
	char *json = NULL;

	if (lcp_build_get_report(build, &report, NULL) < 0)
		return;
	if (lcp_build_report_json(report, &json) == 0)
		(void)printf("%s\n", json);
	lcp_string_free(json);
	lcp_build_report_free(report);
}

/* Options come before the object is known: they are kept until then. */
struct options {
	const char *assembler[16];
	size_t assembler_count;
	uint32_t jobs;
};

static bool parse(int argc, char **argv, struct options *ret)
{
	int option;

	while ((option = getopt(argc, argv, "+a:j:")) != -1) {
		if (option == 'a' && ret->assembler_count < 16)
			ret->assembler[ret->assembler_count++] = optarg;
		else if (option == 'j')
			ret->jobs = (uint32_t)strtoul(optarg, NULL, 10);
		else
			return false;
	}
	return argc - optind >= 5 && (argc - optind) % 2 == 1;
}

static int fill(struct lcp_build *build, const struct options *options, char **argv,
		struct lcp_error **reterr)
{
	int r = lcp_build_set_debug_file(build, unless_dash(argv[1]), reterr);

	for (size_t i = 0; i < options->assembler_count && r == 0; i++)
		r = lcp_build_add_assembler_arg(build, options->assembler[i], reterr);
	for (char **unit = argv + 3; *unit != NULL && r == 0; unit += 2)
		r = lcp_build_add_asm(build, unless_dash(unit[0]), unit[1], reterr);
	return r < 0 ? r : lcp_build_set_jobs(build, options->jobs);
}

int main(int argc, char **argv)
{
	struct options options = { .jobs = 1 };
	struct lcp_kpatch *patch = NULL;
	struct lcp_build *build = NULL;
	struct lcp_error *error = NULL;
	struct lcp_ctx *ctx = NULL;
	int r;

	if (!parse(argc, argv, &options)) {
		(void)fprintf(stderr, "usage: see the source\n");
		return 2;
	}
	argv += optind;
	r = lcp_ctx_new(NULL, &ctx, &error);
	if (r == 0)
		r = lcp_build_new(ctx, argv[0], "test", &build, &error);
	if (r == 0)
		r = fill(build, &options, argv, &error);
	if (r == 0)
		r = lcp_patch_build_from_asm(build, &patch, &error);
	if (build != NULL)
		print_report(build);
	r = r < 0 ? complain(error) : save(patch, argv[2]);
	lcp_kpatch_unref(patch);
	lcp_build_free(build);
	lcp_ctx_unref(ctx);
	return r;
}
