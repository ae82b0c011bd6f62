/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lcp build: make a patch, from pairs of assembler files or from a source patch.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "command.h"
#include "compdb.h"
#include "fromsource.h"
#include "report.h"
#include "save.h"
#include "scratch.h"

#define JOBS_MAX 1024
#define STRIP_MAX 100

enum {
	OPTION_OBJECT = 1,
	OPTION_DEBUG,
	OPTION_ID,
	OPTION_LEVEL,
	OPTION_DESCRIPTION,
	OPTION_CVE,
	OPTION_ASM,
	OPTION_COMPDB,
	OPTION_SOURCE,
	OPTION_STRIP,
	OPTION_COPY_TREE,
	OPTION_KEEP_ASM,
	OPTION_OUTPUT,
	OPTION_REPORT,
	OPTION_ASSEMBLER,
	OPTION_NO_LAYOUT,
	OPTION_JOBS,
};

static const char *const synopsis[] = {
	"--object BIN [--debug FILE] --id ID [--level N] [--description TEXT] [--cve NAME]... "
	"--asm ORIG.s PATCHED.s [--asm ...] -o OUT.kpatch",
	"--object BIN --id ID --compdb compile_commands.json -o OUT.kpatch FIX.patch...",
	NULL,
};

static const struct option options[] = {
	{ OPTION_OBJECT, 0, "object", "BIN",
	  "the program or library to patch, as it is installed" },
	{ OPTION_ID, 0, "id", "ID", "name of the patch, by which it is queried and reverted" },
	{ OPTION_OUTPUT, 'o', "output", "OUT.kpatch", "the file to write" },
	{ OPTION_ASM, 0, "asm", "ORIG.s PATCHED.s",
	  "a unit as the compiler wrote it with -S, before and after the fix; may be repeated" },
	{ OPTION_COMPDB, 0, "compdb", "FILE",
	  "how the units were compiled, to make the assembler files from source patches" },
	{ OPTION_SOURCE, 0, "source", "DIR",
	  "where the file names in source patches begin, if that cannot be found out" },
	{ OPTION_STRIP, 'p', "strip", "N",
	  "leave out N leading parts of the file names in source patches; 1 if not given" },
	{ OPTION_COPY_TREE, 0, "copy-tree", NULL,
	  "compile in a copy of the tree even where a mount namespace is to be had" },
	{ OPTION_KEEP_ASM, 0, "keep-asm", "DIR", "keep the assembler files made with --compdb" },
	{ OPTION_DEBUG, 0, "debug", "FILE",
	  "separate debug file of BIN, or its unstripped twin, if BIN is stripped" },
	{ OPTION_LEVEL, 0, "level", "N",
	  "of two patches with one id the higher level replaces the lower; 0 if not given" },
	{ OPTION_DESCRIPTION, 0, "description", "TEXT", "what the patch is for" },
	{ OPTION_CVE, 0, "cve", "NAME", "a vulnerability that the patch mends; may be repeated" },
	{ OPTION_ASSEMBLER, 0, "assembler", "COMMAND",
	  "the assembler with its options, split at blanks as by a shell" },
	{ OPTION_NO_LAYOUT, 0, "no-layout", NULL, "do not compare types by debug information" },
	{ OPTION_REPORT, 0, "report", "FILE", "write the report to FILE, as JSON" },
	{ OPTION_JOBS, 'j', "jobs", "N",
	  "work on N units at the same time; as many as there are CPUs if not given" },
	{ 0 },
};

struct request {
	const char *object, *debug, *id, *description, *file, *report, *assembler;
	uint32_t level;
	bool no_layout;
	struct words cves;
	struct words patches;
	struct asm_pairs pairs;
	struct source_request source;
};

/* What came of it. */
struct result {
	enum outcome outcome;
	struct failure failure;
	struct lcp_kpatch *patch;
	struct lcp_build_report *report;
};

static bool take_value(struct request *request, int option, char *const *values)
{
	switch (option) {
	case OPTION_OBJECT:
		request->object = values[0];
		return true;
	case OPTION_DEBUG:
		request->debug = values[0];
		return true;
	case OPTION_ID:
		request->id = values[0];
		return true;
	case OPTION_DESCRIPTION:
		request->description = values[0];
		return true;
	case OPTION_CVE:
		words_add(&request->cves, values[0]);
		return true;
	case OPTION_COMPDB:
		request->source.compdb = values[0];
		return true;
	case OPTION_SOURCE:
		request->source.source = values[0];
		return true;
	case OPTION_KEEP_ASM:
		request->source.keep = values[0];
		return true;
	case OPTION_OUTPUT:
		request->file = values[0];
		return true;
	case OPTION_REPORT:
		request->report = values[0];
		return true;
	case OPTION_ASSEMBLER:
		request->assembler = values[0];
		return true;
	default:
		return false;
	}
}

static bool take_other(struct request *request, struct arguments *arguments, int option)
{
	struct asm_pair pair;

	switch (option) {
	case ARGUMENT_WORD:
		words_add(&request->patches, arguments->values[0]);
		return true;
	case OPTION_ASM:
		pair.unit = NULL;
		pair.original = copy_text(arguments->values[0]);
		pair.patched = copy_text(arguments->values[1]);
		append(&request->pairs, pair);
		return true;
	case OPTION_LEVEL:
		return arguments_number(arguments, "--level", UINT32_MAX, &request->level);
	case OPTION_STRIP:
		return arguments_number(arguments, "--strip", STRIP_MAX, &request->source.strip);
	case OPTION_JOBS:
		return arguments_number(arguments, "--jobs", JOBS_MAX, &request->source.jobs);
	case OPTION_COPY_TREE:
		request->source.copy_tree = true;
		return true;
	case OPTION_NO_LAYOUT:
		request->no_layout = true;
		return true;
	default:
		return false;
	}
}

/* What is missing, or does not go together; NULL if all is well. */
static const char *find_fault(const struct request *request)
{
	if (request->object == NULL)
		return "--object is missing: the program or library to patch";
	if (request->id == NULL)
		return "--id is missing: a name for the patch";
	if (request->file == NULL)
		return "-o is missing: the file to write";
	if (request->source.compdb != NULL && request->pairs.count > 0)
		return "either --asm or --compdb";
	if (request->source.compdb != NULL && request->patches.count == 0)
		return "--compdb needs a source patch";
	if (request->source.compdb == NULL && request->patches.count > 0)
		return "a source patch needs --compdb";
	if (request->source.compdb == NULL && request->pairs.count == 0)
		return "--asm or --compdb is missing: what to make the patch from";
	return NULL;
}

static bool read_arguments(struct arguments *arguments, struct request *request)
{
	const char *fault;
	int next;

	while ((next = arguments_next(arguments)) != ARGUMENT_END) {
		char *values[OPTION_VALUES_MAX] = { (char *)(uintptr_t)arguments->values[0],
						    (char *)(uintptr_t)arguments->values[1] };

		if (next == ARGUMENT_STOP ||
		    (!take_value(request, next, values) && !take_other(request, arguments, next)))
			return false;
	}
	request->source.object = request->object;
	request->source.patches = &request->patches;
	fault = find_fault(request);
	if (fault != NULL)
		(void)arguments_wrong(arguments, "%s", fault);
	return fault == NULL;
}

static void show_progress(void *userdata, uint32_t done, uint32_t total)
{
	output_progress(userdata, "building", done, total);
}

static int32_t set_assembler(struct lcp_build *build, const char *command,
			     struct lcp_error **reterr)
{
	autowords struct words words = { 0 };
	int32_t r = 0;

	if (command != NULL)
		words_split(command, &words);
	for (size_t i = 0; i < words.count && r == 0; i++)
		r = lcp_build_add_assembler_arg(build, words.items[i], reterr);
	return r;
}

/*
 * Does clang's name stand at the end of an assembler file, where .ident is? GNU as does not know
 * all that clang writes, and fills code with other no-ops.
 */
static bool is_from_clang(const char *path)
{
	char tail[65536];
	FILE *file = fopen(path, "re");
	size_t size;

	if (file == NULL)
		return false;
	if (fseek(file, -(long)sizeof(tail), SEEK_END) < 0)
		rewind(file);
	size = fread(tail, 1, sizeof(tail), file);
	(void)fclose(file);
	return memmem(tail, size, "clang version", strlen("clang version")) != NULL;
}

/* What made the object's code is to make the patch's. */
static const char *find_assembler(const struct request *request)
{
	if (request->assembler != NULL)
		return request->assembler;
	for (size_t i = 0; i < request->pairs.count; i++)
		if (is_from_clang(request->pairs.items[i].patched))
			return "clang -c -x assembler -";
	return NULL;
}

/* Tell the library everything. */
static int32_t prepare(const struct request *request, const struct output *output,
		       struct lcp_build *build, struct lcp_error **reterr)
{
	int32_t r;

	r = lcp_build_set_debug_file(build, request->debug, reterr);
	if (r == 0)
		r = lcp_build_set_description(build, request->description, reterr);
	for (size_t i = 0; i < request->cves.count && r == 0; i++)
		r = lcp_build_add_cve(build, request->cves.items[i], reterr);
	for (size_t i = 0; i < request->pairs.count && r == 0; i++)
		r = lcp_build_add_asm(build, request->pairs.items[i].original,
				      request->pairs.items[i].patched, reterr);
	if (r == 0)
		r = set_assembler(build, find_assembler(request), reterr);
	if (r == 0)
		r = lcp_build_set_level(build, request->level);
	if (r == 0)
		r = lcp_build_set_jobs(build, request->source.jobs);
	if (r == 0)
		r = lcp_build_set_flags(build, request->no_layout ? LCP_BUILD_NO_LAYOUT : 0);
	if (r == 0)
		r = lcp_build_set_progress(build, show_progress, (void *)(uintptr_t)output);
	return r;
}

static void build_from_asm(const struct request *request, const struct output *output,
			   struct result *result)
{
	struct lcp_ctx *ctx = output_context(output);
	struct lcp_build *build = NULL;
	struct lcp_error *error = NULL;
	int32_t r;

	r = lcp_build_new(ctx, request->object, request->id, &build, &error);
	if (r == 0)
		r = prepare(request, output, build, &error);
	if (r == 0)
		r = lcp_patch_build_from_asm(build, &result->patch, &error);
	if (r < 0)
		(void)fail_library(&result->failure, error);
	if (build != NULL)
		(void)lcp_build_get_report(build, &result->report, NULL);
	lcp_build_free(build);
	lcp_ctx_unref(ctx);
}

static void save(const struct request *request, struct result *result)
{
	char *json = NULL;
	int r;

	if (request->report != NULL && result->report != NULL) {
		r = lcp_build_report_json(result->report, &json);
		if (r == 0)
			r = save_file(request->report, SAVE_MODE, json, strlen(json));
		lcp_string_free(json);
		if (r < 0)
			(void)fail_system(&result->failure, r, request->report);
	}
	if (result->failure.message != NULL)
		return;
	r = save_file(request->file, SAVE_MODE, lcp_kpatch_data(result->patch),
		      lcp_kpatch_size(result->patch));
	if (r < 0)
		(void)fail_system(&result->failure, r, request->file);
}

static void put_object(const char *name, char *json, int32_t r)
{
	printf(",\"%s\":%s", name, r == 0 && json != NULL ? json : "null");
	lcp_string_free(json);
}

static void print_json(const struct request *request, const struct result *result)
{
	autotext struct text head = { 0 };
	char *patch = NULL, *report = NULL;
	bool built = result->outcome == OUTCOME_BUILT;
	int32_t r;

	text_printf(&head, "{\"outcome\":\"%s\",\"file\":", outcome_word(result->outcome));
	text_json(&head, built ? request->file : NULL);
	printf("%s", head.bytes);
	r = built ? lcp_kpatch_json(result->patch, &patch) : 0;
	put_object("patch", patch, r);
	r = result->report != NULL ? lcp_build_report_json(result->report, &report) : 0;
	put_object("report", report, r);
	printf(",\"error\":%s}\n", result->failure.json != NULL ? result->failure.json : "null");
}

static void print_text(const struct request *request, const struct output *output,
		       const struct result *result)
{
	autofree char *word = outcome_painted(output, result->outcome);

	if (result->outcome == OUTCOME_BUILT)
		printf("%s %s: id %s, level %u, %u functions, %" PRIu64 " bytes, for %s %s\n", word,
		       request->file, request->id, request->level,
		       lcp_kpatch_function_count(result->patch), lcp_kpatch_size(result->patch),
		       lcp_kpatch_target(result->patch), lcp_kpatch_build_id(result->patch));
	else
		printf("%s\n", word);
	if (result->report != NULL)
		report_print(result->report, output);
}

static int build(const struct request *request, const struct output *output)
{
	struct result result = { .outcome = OUTCOME_BUILT };
	int status;

	build_from_asm(request, output, &result);
	save(request, &result);
	if (result.failure.message != NULL) {
		result.outcome = result.failure.outcome;
		complain("%s", result.failure.message);
	}
	if (output->json)
		print_json(request, &result);
	else if (!output->quiet)
		print_text(request, output, &result);
	status = outcome_exit(result.outcome);
	lcp_build_report_free(result.report);
	lcp_kpatch_unref(result.patch);
	failure_fini(&result.failure);
	return status;
}

/* What compilers look at beside their command line. */
static void set_environment(const struct scratch *scratch)
{
	autofree char *now = format_text("%lld", (long long)time(NULL));

	(void)setenv("TMPDIR", scratch->path, 1);
	/* Both versions have to be compiled, at the same __DATE__ and __TIME__. */
	(void)setenv("CCACHE_DISABLE", "1", 1);
	(void)setenv("SOURCE_DATE_EPOCH", now, 0);
	/* These make gcc write dependency files. */
	(void)unsetenv("DEPENDENCIES_OUTPUT");
	(void)unsetenv("SUNPRO_DEPENDENCIES");
}

static int build_from_source(struct request *request, const struct output *output)
{
	struct result result = { 0 };
	struct scratch scratch = { 0 };
	int status;

	if (scratch_open(&scratch, &result.failure) == 0) {
		set_environment(&scratch);
		(void)fromsource_pairs(&request->source, &scratch, output, &request->pairs,
				       &result.failure);
	}
	if (result.failure.message == NULL) {
		status = build(request, output);
	} else {
		result.outcome = result.failure.outcome;
		complain("%s", result.failure.message);
		if (output->json)
			print_json(request, &result);
		else if (!output->quiet)
			print_text(request, output, &result);
		status = outcome_exit(result.outcome);
	}
	scratch_close(&scratch);
	failure_fini(&result.failure);
	return status;
}

static int run(struct arguments *arguments, struct output *output)
{
	struct request request = { .source.strip = 1 };
	int status;

	if (!read_arguments(arguments, &request))
		status = arguments->status;
	else if (request.source.compdb != NULL)
		status = build_from_source(&request, output);
	else
		status = build(&request, output);
	asm_pairs_fini(&request.pairs);
	words_fini(&request.patches);
	words_fini(&request.cves);
	return status;
}

const struct command command_build = {
	.name = "build",
	.help = "make a patch from assembler files or a source patch",
	.synopsis = synopsis,
	.options = options,
	.run = run,
};
