/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lcp apply: patch processes. A process gets all patches that are for it, or none.
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
	operation_options,
	operation_look_options,
	NULL,
};

static bool look(void *userdata, struct lcp_process *process, struct process_result *ret)
{
	const struct operation *operation = userdata;
	uint32_t count;
	autofree struct lcp_kpatch **patches = operation_patches(operation, process, &count);
	struct lcp_report *report = NULL;
	struct lcp_error *error = NULL;

	if (count == 0)
		return false;
	if (lcp_apply(process, patches, count, &operation->options, &report, &error) < 0)
		(void)fail_library(&ret->failure, error);
	else
		operation_result(ret, report);
	lcp_report_free(report);
	return true;
}

static int run(struct arguments *arguments, struct output *output)
{
	return operation_run_files(arguments, output, look);
}

const struct command command_apply = {
	.name = "apply",
	.help = "apply patches to running processes",
	.synopsis = synopsis,
	.shared = options,
	.run = run,
};
