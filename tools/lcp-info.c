/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lcp info: what patch files hold.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "patchfile.h"

static const char *const synopsis[] = { "FILE...", NULL };

static const char *class_name(uint32_t class)
{
	static const char *const names[] = {
		[LCP_SYMBOL_PATCH] = "patch",	    [LCP_SYMBOL_OBJECT] = "object",
		[LCP_SYMBOL_BOUND] = "bound",	    [LCP_SYMBOL_IMPORT] = "import",
		[LCP_SYMBOL_TLS] = "tls",	    [LCP_SYMBOL_TLS_BOUND] = "tls-bound",
		[LCP_SYMBOL_ABSOLUTE] = "absolute",
	};

	return class > 0 && class < sizeof(names) / sizeof(names[0]) ? names[class] : "unknown";
}

static const char *format_name(uint32_t format)
{
	switch (format) {
	case LCP_FORMAT_LIBCARE:
		return "libcare";
	case LCP_FORMAT_LIBCAREPLUS:
		return "libcareplus";
	default:
		return "lcp";
	}
}

static void print_line(const char *name, const char *value)
{
	if (value != NULL)
		printf("%-12s %s\n", name, value);
}

static void print_functions(const struct lcp_kpatch *patch)
{
	uint32_t count = lcp_kpatch_function_count(patch);

	printf("functions    %u\n", count);
	for (uint32_t i = 0; i < count; i++) {
		const char *unit = lcp_kpatch_function_unit(patch, i);
		uint64_t old_size = lcp_kpatch_function_old_size(patch, i);

		printf("  %-32s ", lcp_kpatch_function_name(patch, i));
		if (old_size > 0)
			printf("at 0x%" PRIx64 ", %" PRIu64 " -> %" PRIu64 " bytes",
			       lcp_kpatch_function_old_address(patch, i), old_size,
			       lcp_kpatch_function_new_size(patch, i));
		else
			printf("new, %" PRIu64 " bytes", lcp_kpatch_function_new_size(patch, i));
		printf("%s%s\n", unit != NULL ? ", " : "", unit != NULL ? unit : "");
	}
}

static void print_symbols(const struct lcp_kpatch *patch)
{
	uint32_t count = lcp_kpatch_symbol_count(patch);

	printf("symbols      %u\n", count);
	for (uint32_t i = 0; i < count; i++) {
		const char *symbol_version = lcp_kpatch_symbol_version(patch, i);

		printf("  %-10s %s%s%s\n", class_name(lcp_kpatch_symbol_class(patch, i)),
		       lcp_kpatch_symbol_name(patch, i), symbol_version != NULL ? "@" : "",
		       symbol_version != NULL ? symbol_version : "");
	}
}

static void print_patch(const char *file, const struct lcp_kpatch *patch)
{
	print_line("file", file);
	print_line("id", lcp_kpatch_id(patch));
	printf("level        %u\n", lcp_kpatch_level(patch));
	print_line("target", lcp_kpatch_target(patch));
	print_line("build-id", lcp_kpatch_build_id(patch));
	print_line("description", lcp_kpatch_description(patch));
	for (uint32_t i = 0; i < lcp_kpatch_cve_count(patch); i++)
		print_line("cve", lcp_kpatch_cve(patch, i));
	print_line("format", format_name(lcp_kpatch_format(patch)));
	print_line("arch", lcp_kpatch_arch(patch));
	print_line("builder", lcp_kpatch_builder(patch));
	print_line("sha256", lcp_kpatch_digest(patch));
	printf("size         %" PRIu64 " bytes: %" PRIu64 " of code and constants, %" PRIu64
	       " of data\n",
	       lcp_kpatch_size(patch), lcp_kpatch_text_size(patch), lcp_kpatch_data_size(patch));
	print_functions(patch);
	print_symbols(patch);
}

static enum outcome look(void *nothing, struct lcp_kpatch *patch, struct failure *failure)
{
	(void)nothing;
	(void)patch;
	(void)failure;
	return OUTCOME_LOADED;
}

static void print(const struct output *output, const struct patchfile *file, bool first)
{
	if (file->patch == NULL)
		return;
	if (!first)
		printf("\n");
	(void)output;
	print_patch(file->name, file->patch);
}

static int run(struct arguments *arguments, struct output *output)
{
	const struct patchfile_visit visit = { .look = look, .print = print };
	autowords struct words files = { 0 };
	int next;

	while ((next = arguments_next(arguments)) == ARGUMENT_WORD)
		words_add(&files, arguments->values[0]);
	if (next == ARGUMENT_STOP)
		return arguments->status;
	if (files.count == 0)
		return arguments_wrong(arguments, "which file?");
	return patchfile_visit(output, &files, &visit);
}

const struct command command_info = {
	.name = "info",
	.help = "show what patch files hold",
	.synopsis = synopsis,
	.options = NULL,
	.run = run,
};
