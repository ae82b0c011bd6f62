/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lcp revert: take patches out of processes again.
 */
#include "operation.h"

static const char *const synopsis[] = {
	"-p PID... [OPTION...] ID",
	"--all [OPTION...] ID",
	"--build-id ID [OPTION...] ID",
	NULL,
};

static const struct option *const options[] = {
	processes_options,
	operation_options,
	operation_look_options,
	NULL,
};

/* Of all processes most hold no patch: those are left in peace. */
static bool holds_patches(struct lcp_process *process)
{
	struct lcp_status *status = NULL;
	bool holds;

	if (lcp_query(process, &status, NULL) < 0)
		return true;
	holds = lcp_status_patch_count(status) > 0;
	lcp_status_free(status);
	return holds;
}

static bool look(void *userdata, struct lcp_process *process, struct process_result *ret)
{
	const struct operation *operation = userdata;
	bool named = processes_named(&operation->processes);
	struct lcp_report *report = NULL;
	struct lcp_error *error = NULL;
	int32_t r;

	if (!named && !holds_patches(process))
		return false;
	r = lcp_revert(process, operation->id, &operation->options, &report, &error);
	if (r == 0) {
		operation_result(ret, report);
		lcp_report_free(report);
		return true;
	}
	if (r == -LCP_ENOTAPPLIED && !named) {
		lcp_error_free(error);
		return false;
	}
	(void)fail_library(&ret->failure, error);
	return true;
}

static int run(struct arguments *arguments, struct output *output)
{
	return operation_run_id(arguments, output, look);
}

const struct command command_revert = {
	.name = "revert",
	.help = "take patches out of running processes",
	.synopsis = synopsis,
	.shared = options,
	.run = run,
};
