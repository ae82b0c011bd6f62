/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "operation.h"

#include <inttypes.h>
#include <string.h>

const struct option operation_options[] = {
	{ OPERATION_TIMEOUT, 0, "timeout", "MS",
	  "how long to try again, in milliseconds; 5000 if not given" },
	{ OPERATION_RETRIES, 0, "retries", "N", "how often to try again within that time" },
	{ OPERATION_STOP_LIMIT, 0, "stop-limit", "US",
	  "give an attempt up if threads take longer to stop, in microseconds" },
	{ OPERATION_DRY_RUN, 0, "dry-run", NULL, "do everything but change the process" },
	{ 0 },
};

const struct option operation_look_options[] = {
	{ OPERATION_ENTRY_ONLY, 0, "entry-only", NULL,
	  "let calls that have begun end in the code they began in" },
	{ OPERATION_SCAN_ALL, 0, "scan-all", NULL,
	  "look for coroutines in all memory of the process" },
	{ OPERATION_IN_PROCESS, 0, "in-process", NULL,
	  "trace from lcp itself, not from a process of its own" },
	{ 0 },
};

static void take_timeout(struct operation *operation, struct arguments *arguments)
{
	if (arguments_number(arguments, "--timeout", UINT32_MAX, &operation->options.timeout_ms) &&
	    operation->options.timeout_ms == 0)
		(void)arguments_wrong(arguments,
				      "--timeout: 0 is no time; --retries 0 is for one attempt");
}

/* The library counts attempts, the first one too. */
static void take_retries(struct operation *operation, struct arguments *arguments)
{
	uint32_t retries;

	if (arguments_number(arguments, "--retries", INT32_MAX, &retries))
		operation->options.attempts = retries + 1;
}

static void take_option(struct operation *operation, struct arguments *arguments, int next)
{
	switch (next) {
	case OPERATION_TIMEOUT:
		take_timeout(operation, arguments);
		break;
	case OPERATION_RETRIES:
		take_retries(operation, arguments);
		break;
	case OPERATION_STOP_LIMIT:
		(void)arguments_number(arguments, "--stop-limit", UINT32_MAX,
				       &operation->options.stop_limit_us);
		break;
	case OPERATION_ENTRY_ONLY:
		operation->options.flags |= LCP_APPLY_ENTRY_ONLY;
		break;
	case OPERATION_SCAN_ALL:
		operation->options.flags |= LCP_APPLY_SCAN_ALL;
		break;
	case OPERATION_DRY_RUN:
		operation->options.flags |= LCP_APPLY_DRY_RUN;
		break;
	case OPERATION_IN_PROCESS:
		operation->processes.attach_flags |= LCP_ATTACH_IN_PROCESS;
		break;
	default:
		processes_take(&operation->processes, arguments, next);
	}
}

/* The words of the command line; false, with arguments->status, if the command ends there. */
static bool read_arguments(struct operation *operation, struct arguments *arguments,
			   struct words *ret)
{
	int next;

	while ((next = arguments_next(arguments)) != ARGUMENT_END) {
		if (next == ARGUMENT_WORD)
			words_add(ret, arguments->values[0]);
		else
			take_option(operation, arguments, next);
		if (next == ARGUMENT_STOP || arguments->status != EXIT_DONE)
			return false;
	}
	return processes_given(&operation->processes, arguments);
}

static int load(struct operation *operation, struct lcp_ctx *ctx, const struct words *files,
		struct failure *failure)
{
	for (size_t i = 0; i < files->count; i++) {
		struct lcp_kpatch *patch = NULL;
		struct lcp_error *error = NULL;

		if (lcp_kpatch_load(ctx, files->items[i], NULL, &patch, &error) < 0)
			return fail_library(failure, error);
		append(&operation->patches, patch);
	}
	return 0;
}

static int visit_all(struct operation *operation, const struct output *output,
		     const struct words *files, operation_look_fn look)
{
	const struct process_visit visit = {
		.member = "report",
		.look = look,
		.userdata = operation,
	};
	struct lcp_ctx *ctx = output_context(output);
	struct failure failure = { 0 };
	int status;

	if (ctx == NULL)
		return EXIT_ERROR;
	if (load(operation, ctx, files, &failure) < 0)
		status = processes_fail(output, &failure);
	else
		status = processes_visit(output, ctx, &operation->processes, &visit);
	failure_fini(&failure);
	lcp_ctx_unref(ctx);
	return status;
}

static void init(struct operation *operation)
{
	*operation = (struct operation){ .options.size = sizeof(operation->options) };
}

static void fini(struct operation *operation)
{
	for (size_t i = 0; i < operation->patches.count; i++)
		lcp_kpatch_unref(operation->patches.items[i]);
	free(operation->patches.items);
	processes_fini(&operation->processes);
}

int operation_run_files(struct arguments *arguments, const struct output *output,
			operation_look_fn look)
{
	autowords struct words files = { 0 };
	struct operation operation;
	int status;

	init(&operation);
	if (!read_arguments(&operation, arguments, &files))
		status = arguments->status;
	else if (files.count == 0)
		status = arguments_wrong(arguments, "which file?");
	else
		status = visit_all(&operation, output, &files, look);
	fini(&operation);
	return status;
}

int operation_run_id(struct arguments *arguments, const struct output *output,
		     operation_look_fn look)
{
	autowords struct words ids = { 0 }, files = { 0 };
	struct operation operation;
	int status;

	init(&operation);
	if (!read_arguments(&operation, arguments, &ids)) {
		status = arguments->status;
	} else if (ids.count != 1) {
		status = arguments_wrong(arguments, ids.count == 0 ? "the id of which patch?"
								   : "one id at a time");
	} else {
		operation.id = ids.items[0];
		status = visit_all(&operation, output, &files, look);
	}
	fini(&operation);
	return status;
}

static bool has_object_for(const struct lcp_process *process, const struct lcp_kpatch *patch)
{
	const char *wanted = lcp_kpatch_build_id(patch);

	for (uint32_t i = 0; i < lcp_process_object_count(process); i++) {
		const char *build_id = lcp_process_object_build_id(process, i);

		if (build_id != NULL && strcmp(build_id, wanted) == 0)
			return true;
	}
	return false;
}

struct lcp_kpatch **operation_patches(const struct operation *operation,
				      const struct lcp_process *process, uint32_t *ret_count)
{
	struct patches wanted = { 0 };

	for (size_t i = 0; i < operation->patches.count; i++) {
		struct lcp_kpatch *patch = operation->patches.items[i];

		if (processes_named(&operation->processes) || has_object_for(process, patch))
			append(&wanted, patch);
	}
	*ret_count = (uint32_t)wanted.count;
	return wanted.items;
}

static enum outcome outcome_of_report(const struct lcp_report *report)
{
	switch (lcp_report_outcome(report)) {
	case LCP_OUTCOME_APPLIED:
		return OUTCOME_APPLIED;
	case LCP_OUTCOME_ALREADY_APPLIED:
		return OUTCOME_ALREADY_APPLIED;
	case LCP_OUTCOME_REVERTED:
		return OUTCOME_REVERTED;
	case LCP_OUTCOME_APPLICABLE:
		return OUTCOME_APPLICABLE;
	default:
		return OUTCOME_FAILED;
	}
}

void operation_result(struct process_result *result, const struct lcp_report *report)
{
	uint32_t functions = lcp_report_function_count(report);
	uint32_t unguarded = lcp_report_unguarded(report);
	uint32_t threads = lcp_report_threads(report);
	char *json = NULL;

	result->outcome = outcome_of_report(report);
	if (lcp_report_json(report, &json) == 0)
		text_puts(&result->json, json);
	lcp_string_free(json);
	if (functions > 0)
		text_printf(&result->text,
			    " (%" PRIu32 " function%s, %" PRIu32 " thread%s stopped for %" PRIu64
			    " us)",
			    functions, functions == 1 ? "" : "s", threads, threads == 1 ? "" : "s",
			    lcp_report_stop_ns(report) / 1000);
	if (unguarded > 0)
		text_printf(&result->text, ", %" PRIu32 " without a guard", unguarded);
	if (lcp_report_kept(report) > 0)
		text_printf(&result->text,
			    ", %" PRIu64 " bytes of what is out are kept: the process may point to "
			    "them",
			    lcp_report_kept(report));
}
