/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lcp check: could patches be applied to processes now, and if not, every reason why not.
 */
#include "operation.h"

static const char *const synopsis[] = {
	"-p PID... [OPTION...] FILE...",
	"--all [OPTION...] FILE...",
	"--build-id ID [OPTION...] FILE...",
	NULL,
};

static const struct option *const options[] = {
	processes_options,
	operation_look_options,
	NULL,
};

/*
 * The reasons, a line each with its word. One that stays if one waits decides on the outcome; if
 * there is none, the first.
 */
static void put_reasons(const struct lcp_report *report, struct process_result *ret)
{
	bool stays = false;

	for (uint32_t i = 0; i < lcp_report_reason_count(report); i++) {
		struct failure failure = { 0 };

		(void)fail_reason(&failure, lcp_report_reason(report, i));
		text_printf(&ret->text, "\n  %s: %s%s%s", outcome_word(failure.outcome),
			    failure.message, failure.details != NULL ? "\n" : "",
			    failure.details != NULL ? failure.details : "");
		if (i == 0 || (!stays && outcome_exit(failure.outcome) != EXIT_BUSY))
			ret->outcome = failure.outcome;
		stays = stays || outcome_exit(failure.outcome) != EXIT_BUSY;
		failure_fini(&failure);
	}
}

static bool look(void *userdata, struct lcp_process *process, struct process_result *ret)
{
	const struct operation *operation = userdata;
	uint32_t count;
	autofree struct lcp_kpatch **patches = operation_patches(operation, process, &count);
	struct lcp_report *report = NULL;
	struct lcp_error *error = NULL;

	if (count == 0)
		return false;
	if (lcp_process_check(process, patches, count, &operation->options, &report, &error) < 0) {
		(void)fail_library(&ret->failure, error);
		return true;
	}
	operation_result(ret, report);
	put_reasons(report, ret);
	lcp_report_free(report);
	return true;
}

static int run(struct arguments *arguments, struct output *output)
{
	return operation_run_files(arguments, output, look);
}

const struct command command_check = {
	.name = "check",
	.help = "tell whether patches could be applied now, and why not",
	.synopsis = synopsis,
	.shared = options,
	.run = run,
};
