/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "processes.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const struct option processes_options[] = {
	{ PROCESSES_PID, 'p', "pid", "PID", "a process; more than one may be named" },
	{ PROCESSES_ALL, 0, "all", NULL, "all processes that the caller may look at" },
	{ PROCESSES_BUILD_ID, 0, "build-id", "ID",
	  "only processes with an object of this build-id" },
	{ 0 },
};

/* What came of a visit so far. */
struct tour {
	const struct output *output;
	const struct processes *processes;
	const struct process_visit *visit;
	struct text json;
	unsigned int done; /* processes of which what was asked for is true */
	unsigned int failed;
	unsigned int unreadable;
	int status; /* of those that failed, if it is the same for all */
};

static int compare_pids(const void *left, const void *right)
{
	int32_t a = *(const int32_t *)left, b = *(const int32_t *)right;

	return (a > b) - (a < b);
}

bool pids_find_all(struct pids *ret)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;

	if (proc == NULL) {
		complain("/proc: %s", strerror(errno));
		return false;
	}
	while ((entry = readdir(proc)) != NULL) {
		long pid = strtol(entry->d_name, NULL, 10);

		if (isdigit((unsigned char)entry->d_name[0]) && pid != getpid())
			append(ret, (int32_t)pid);
	}
	(void)closedir(proc);
	if (ret->count > 0)
		qsort(ret->items, ret->count, sizeof(*ret->items), compare_pids);
	return true;
}

void processes_take(struct processes *processes, struct arguments *arguments, int next)
{
	uint32_t pid = 0;

	if (next == PROCESSES_ALL)
		processes->all = true;
	else if (next == PROCESSES_BUILD_ID)
		processes->build_id = arguments->values[0];
	else if (next == PROCESSES_PID && arguments_number(arguments, "-p", INT32_MAX, &pid))
		append(&processes->pids, (int32_t)pid);
}

bool processes_given(const struct processes *processes, struct arguments *arguments)
{
	if (processes_named(processes) && processes->all)
		(void)arguments_wrong(arguments, "-p and --all exclude each other");
	else if (!processes_named(processes) && !processes->all && processes->build_id == NULL)
		(void)arguments_wrong(arguments, "which process? -p PID, --all or --build-id ID");
	else
		return true;
	return false;
}

bool processes_named(const struct processes *processes)
{
	return processes->pids.count > 0;
}

void processes_fini(struct processes *processes)
{
	free(processes->pids.items);
	*processes = (struct processes){ 0 };
}

static void put_json(struct tour *tour, int32_t pid, const struct process_result *result)
{
	text_printf(&tour->json,
		    "%s{\"pid\":%" PRId32 ",\"outcome\":\"%s\",\"%s\":%s,\"error\":%s}",
		    tour->json.size > 0 ? "," : "", pid, outcome_word(result->outcome),
		    tour->visit->member, result->json.size > 0 ? result->json.bytes : "null",
		    result->failure.json != NULL ? result->failure.json : "null");
}

/* Why, and who was in the way. Most messages of the library name the process. */
static void tell_failure(int32_t pid, const struct failure *failure)
{
	autofree char *name = format_text("process %" PRId32, pid);

	if (strstr(failure->message, name) != NULL)
		complain("%s", failure->message);
	else
		complain("%s: %s", name, failure->message);
	if (failure->details != NULL)
		(void)fprintf(stderr, "%s\n", failure->details);
}

static void count_result(struct tour *tour, enum outcome outcome)
{
	int status = outcome_exit(outcome);

	if (status == EXIT_DONE) {
		tour->done++;
		return;
	}
	tour->status = tour->failed++ == 0 || tour->status == status ? status : EXIT_SOME;
}

static void show(struct tour *tour, int32_t pid, struct process_result *result)
{
	autofree char *word = NULL;

	if (result->failure.message != NULL) {
		result->outcome = result->failure.outcome;
		tell_failure(pid, &result->failure);
	}
	count_result(tour, result->outcome);
	if (tour->output->json) {
		put_json(tour, pid, result);
	} else if (!tour->output->quiet) {
		word = outcome_painted(tour->output, result->outcome);
		printf("%" PRId32 ": %s%s\n", pid, word,
		       result->text.size > 0 ? result->text.bytes : "");
		(void)fflush(stdout);
	}
}

static bool has_object(const struct lcp_process *process, const char *build_id)
{
	for (uint32_t i = 0; i < lcp_process_object_count(process); i++) {
		const char *has = lcp_process_object_build_id(process, i);

		if (has != NULL && strcmp(has, build_id) == 0)
			return true;
	}
	return false;
}

/* One of all processes cannot be looked at. Threads of the kernel and what has ended are none. */
static void pass_over(struct tour *tour, struct lcp_error *error)
{
	int32_t code = lcp_error_code(error);

	if (code != -ESRCH && code != -LCP_EGONE && code != -EINVAL) {
		tour->unreadable++;
		say_more(tour->output, "%s", lcp_error_message(error));
	}
	lcp_error_free(error);
}

static void look_at(struct tour *tour, struct lcp_ctx *ctx, int32_t pid)
{
	const struct processes *processes = tour->processes;
	const struct lcp_process_attach_options options = {
		.size = sizeof(options),
		.flags = processes->attach_flags,
	};
	struct process_result result = { 0 };
	struct lcp_process *process = NULL;
	struct lcp_error *error = NULL;

	if (lcp_process_attach(ctx, pid, &options, &process, &error) < 0) {
		if (!processes_named(processes)) {
			pass_over(tour, error);
			return;
		}
		(void)fail_library(&result.failure, error);
		show(tour, pid, &result);
	} else if ((processes->build_id == NULL || has_object(process, processes->build_id)) &&
		   tour->visit->look(tour->visit->userdata, process, &result)) {
		show(tour, pid, &result);
	}
	lcp_process_detach(process);
	failure_fini(&result.failure);
	text_fini(&result.text);
	text_fini(&result.json);
}

static int finish(const struct tour *tour)
{
	if (tour->output->json)
		printf("{\"processes\":[%s],\"unreadable\":%u,\"error\":null}\n",
		       tour->json.size > 0 ? tour->json.bytes : "", tour->unreadable);
	if (tour->unreadable > 0)
		say(tour->output, "%u process%s could not be looked at", tour->unreadable,
		    tour->unreadable == 1 ? "" : "es");
	if (tour->failed > 0)
		return tour->done > 0 ? EXIT_SOME : tour->status;
	return tour->done > 0 ? EXIT_DONE : EXIT_NONE;
}

static int travel(struct tour *tour, struct lcp_ctx *ctx, const struct pids *pids)
{
	int status;

	for (size_t i = 0; i < pids->count; i++) {
		output_progress(tour->output, "processes", (uint32_t)i, (uint32_t)pids->count);
		look_at(tour, ctx, pids->items[i]);
	}
	output_progress(tour->output, "processes", (uint32_t)pids->count, (uint32_t)pids->count);
	status = finish(tour);
	text_fini(&tour->json);
	return status;
}

int processes_visit(const struct output *output, struct lcp_ctx *ctx,
		    const struct processes *processes, const struct process_visit *visit)
{
	struct tour tour = { .output = output, .processes = processes, .visit = visit };
	struct pids all = { 0 };
	int status = EXIT_ERROR;

	if (processes_named(processes))
		return travel(&tour, ctx, &processes->pids);
	if (pids_find_all(&all))
		status = travel(&tour, ctx, &all);
	free(all.items);
	return status;
}

int processes_fail(const struct output *output, const struct failure *failure)
{
	complain("%s", failure->message);
	if (output->json)
		printf("{\"processes\":[],\"unreadable\":0,\"error\":%s}\n", failure->json);
	return outcome_exit(failure->outcome);
}
