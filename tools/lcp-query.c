/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lcp query: the patches that processes hold. Nothing is stopped.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "processes.h"
#include "symbolfile.h"

enum {
	OPTION_ONLY_PATCHED = 1,
	OPTION_PERF_MAP,
	OPTION_SYMBOLS
};

static const char *const synopsis[] = {
	"-p PID... [OPTION...]",
	"--all [OPTION...]",
	"--build-id ID [OPTION...]",
	NULL,
};

static const struct option *const shared[] = { processes_options, NULL };

static const struct option options[] = {
	{ OPTION_ONLY_PATCHED, 0, "only-patched", NULL, "only processes that hold patches" },
	{ OPTION_PERF_MAP, 0, "perf-map", "[=FILE]",
	  "write the map that perf reads, to /tmp/perf-PID.map if no FILE is named" },
	{ OPTION_SYMBOLS, 0, "symbols", "FILE", "write a file of symbols for debuggers" },
	{ 0 },
};

struct query {
	struct processes processes;
	bool only_patched;
	bool perf_map;
	const char *perf_map_file; /* NULL: where perf looks; "-": standard output */
	const char *symbols;
};

static const char *state_word(uint32_t state)
{
	switch (state) {
	case LCP_STATE_LOADED:
		return "loaded";
	case LCP_STATE_SWITCHING:
		return "switching";
	case LCP_STATE_APPLIED:
		return "applied";
	case LCP_STATE_REVERTING:
		return "reverting";
	case LCP_STATE_REVERTED:
		return "reverted";
	default:
		return "unknown";
	}
}

/* "  fix-1 level 2: applied, on /usr/sbin/server", and its functions. */
static void put_patch(const struct lcp_status *status, uint32_t index, struct text *ret)
{
	uint32_t state = lcp_status_patch_state(status, index);
	bool in_force = lcp_status_patch_in_force(status, index) != 0;
	bool told = (state == LCP_STATE_APPLIED) == in_force;
	const char *name;

	text_printf(ret, "\n  %s level %" PRIu32 ": %s%s, on %s, build-id %s",
		    lcp_status_patch_id(status, index), lcp_status_patch_level(status, index),
		    state_word(state), told ? "" : " (in force)",
		    lcp_status_patch_object(status, index),
		    lcp_status_patch_build_id(status, index));
	for (uint32_t i = 0; (name = lcp_status_function_name(status, index, i)) != NULL; i++)
		text_printf(ret, "\n    0x%" PRIx64 " %" PRIu32 " %s",
			    lcp_status_function_address(status, index, i),
			    lcp_status_function_size(status, index, i), name);
}

static bool is_output(const char *path)
{
	return path != NULL && strcmp(path, "-") == 0;
}

/* For a process without patches there is nothing to write, unless the file was named. */
static void write_files(const struct query *query, const struct lcp_process *process,
			const struct lcp_status *status, struct failure *failure)
{
	autotext struct text map = { 0 };
	bool patched = lcp_status_patch_count(status) > 0;

	if (is_output(query->perf_map_file)) {
		perfmap_put(status, &map);
		(void)fwrite(map.bytes, 1, map.size, stdout);
	} else if (query->perf_map && (patched || query->perf_map_file != NULL)) {
		(void)perfmap_write(process, status, query->perf_map_file, failure);
	}
	if (query->symbols != NULL)
		(void)symbolfile_write(process, status, query->symbols, failure);
}

static bool look(void *userdata, struct lcp_process *process, struct process_result *ret)
{
	const struct query *query = userdata;
	struct lcp_status *status = NULL;
	struct lcp_error *error = NULL;
	char *json = NULL;
	uint32_t count;

	if (lcp_query(process, &status, &error) < 0) {
		(void)fail_library(&ret->failure, error);
		return true;
	}
	count = lcp_status_patch_count(status);
	ret->outcome = count > 0 ? OUTCOME_PATCHED : OUTCOME_UNPATCHED;
	if (lcp_status_json(status, &json) == 0)
		text_puts(&ret->json, json);
	lcp_string_free(json);
	for (uint32_t i = 0; i < count; i++)
		put_patch(status, i, &ret->text);
	write_files(query, process, status, &ret->failure);
	lcp_status_free(status);
	return count > 0 || !query->only_patched || ret->failure.message != NULL;
}

static int visit_all(struct query *query, const struct output *output)
{
	const struct process_visit visit = {
		.member = "status",
		.look = look,
		.userdata = query,
	};
	struct lcp_ctx *ctx = output_context(output);
	int status = EXIT_ERROR;

	if (ctx != NULL)
		status = processes_visit(output, ctx, &query->processes, &visit);
	lcp_ctx_unref(ctx);
	return status;
}

static void take_option(struct query *query, struct arguments *arguments, int next)
{
	switch (next) {
	case ARGUMENT_WORD:
		(void)arguments_wrong(arguments, "'%s': a process is named with -p",
				      arguments->values[0]);
		break;
	case OPTION_ONLY_PATCHED:
		query->only_patched = true;
		break;
	case OPTION_PERF_MAP:
		query->perf_map = true;
		query->perf_map_file = arguments->values[0];
		break;
	case OPTION_SYMBOLS:
		query->symbols = arguments->values[0];
		break;
	default:
		processes_take(&query->processes, arguments, next);
	}
}

/* A file is about one process, and a map on standard output is all that is there. */
static bool files_fit(const struct query *query, struct arguments *arguments)
{
	if ((query->perf_map_file != NULL || query->symbols != NULL) &&
	    query->processes.pids.count != 1)
		(void)arguments_wrong(arguments, "a file is written for one process: -p PID");
	else if (is_output(query->perf_map_file) && arguments->output->json)
		(void)arguments_wrong(arguments, "--perf-map=- and --json exclude each other");
	else
		return true;
	return false;
}

static bool read_arguments(struct query *query, struct arguments *arguments)
{
	int next;

	while ((next = arguments_next(arguments)) != ARGUMENT_END) {
		if (next != ARGUMENT_STOP)
			take_option(query, arguments, next);
		if (next == ARGUMENT_STOP || arguments->status != EXIT_DONE)
			return false;
	}
	return processes_given(&query->processes, arguments) && files_fit(query, arguments);
}

static int run(struct arguments *arguments, struct output *output)
{
	struct query query = { 0 };
	int status;

	if (read_arguments(&query, arguments)) {
		output->quiet = output->quiet || is_output(query.perf_map_file);
		status = visit_all(&query, output);
	} else {
		status = arguments->status;
	}
	processes_fini(&query.processes);
	return status;
}

const struct command command_query = {
	.name = "query",
	.help = "show the patches that processes hold",
	.synopsis = synopsis,
	.shared = shared,
	.options = options,
	.run = run,
};
