/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lcp list: processes and the objects in them, with build-ids.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "processes.h"

enum {
	OPTION_PID = 1,
	OPTION_BUILD_ID
};

static const char *const synopsis[] = { "[-p PID]... [--build-id ID]", NULL };

static const struct option options[] = {
	{ OPTION_PID, 'p', "pid", "PID", "a process to look at, instead of all" },
	{ OPTION_BUILD_ID, 0, "build-id", "ID", "only objects with this build-id" },
	{ 0 },
};

struct list {
	const struct output *output;
	struct lcp_ctx *ctx;
	const char *build_id; /* NULL: all */
	bool named; /* the caller said which processes */
	struct text json;
	unsigned int seen; /* processes with something to show */
	unsigned int failed;
	unsigned int unreadable;
	int status; /* of the first that failed */
};

static bool is_wanted(const struct list *list, const struct lcp_process *process, uint32_t index)
{
	const char *build_id = lcp_process_object_build_id(process, index);

	return list->build_id == NULL ||
	       (build_id != NULL && strcmp(build_id, list->build_id) == 0);
}

static bool has_wanted(const struct list *list, const struct lcp_process *process)
{
	for (uint32_t i = 0; i < lcp_process_object_count(process); i++)
		if (is_wanted(list, process, i))
			return true;
	return false;
}

static void print_process(const struct list *list, const struct lcp_process *process)
{
	if (list->seen == 1)
		printf("%7s  %-18s  %-40s  %s\n", "PID", "BASE", "BUILD-ID", "OBJECT");
	for (uint32_t i = 0; i < lcp_process_object_count(process); i++) {
		const char *build_id = lcp_process_object_build_id(process, i);
		const char *name = lcp_process_object_name(process, i);

		if (is_wanted(list, process, i))
			printf("%7" PRId32 "  0x%-16" PRIx64 "  %-40s  %s\n",
			       lcp_process_pid(process), lcp_process_object_base(process, i),
			       build_id != NULL ? build_id : "-", name[0] != '\0' ? name : "-");
	}
}

static void put_json(struct list *list, int32_t pid, const struct lcp_process *process,
		     const struct failure *failure)
{
	char *text = NULL;

	text_printf(&list->json,
		    "%s{\"pid\":%" PRId32 ",\"process\":", list->json.size > 0 ? "," : "", pid);
	if (process != NULL && lcp_process_json(process, &text) == 0)
		text_puts(&list->json, text);
	else
		text_puts(&list->json, "null");
	text_printf(&list->json, ",\"error\":%s}", failure != NULL ? failure->json : "null");
	lcp_string_free(text);
}

static void show(struct list *list, const struct lcp_process *process)
{
	if (!has_wanted(list, process))
		return;
	list->seen++;
	if (list->output->json)
		put_json(list, lcp_process_pid(process), process, NULL);
	else if (!list->output->quiet)
		print_process(list, process);
}

static void report(struct list *list, int32_t pid, struct lcp_error *error)
{
	struct failure failure = { 0 };

	(void)fail_library(&failure, error);
	complain("%s", failure.message);
	if (list->output->json)
		put_json(list, pid, NULL, &failure);
	if (list->failed++ == 0)
		list->status = outcome_exit(failure.outcome);
	failure_fini(&failure);
}

/* One of all processes cannot be looked at. Threads of the kernel and what has ended are none. */
static void pass_over(struct list *list, struct lcp_error *error)
{
	int32_t code = lcp_error_code(error);

	if (code != -ESRCH && code != -LCP_EGONE && code != -EINVAL) {
		list->unreadable++;
		say_more(list->output, "%s", lcp_error_message(error));
	}
	lcp_error_free(error);
}

static void look_at(struct list *list, int32_t pid)
{
	struct lcp_process *process = NULL;
	struct lcp_error *error = NULL;

	if (lcp_process_attach(list->ctx, pid, NULL, &process, &error) == 0)
		show(list, process);
	else if (list->named)
		report(list, pid, error);
	else
		pass_over(list, error);
	lcp_process_detach(process);
}

static int finish(const struct list *list)
{
	if (list->output->json)
		printf("{\"processes\":[%s],\"unreadable\":%u}\n",
		       list->json.bytes != NULL ? list->json.bytes : "", list->unreadable);
	if (list->unreadable > 0)
		say(list->output, "%u process%s could not be looked at", list->unreadable,
		    list->unreadable == 1 ? "" : "es");
	if (list->failed > 0)
		return list->seen > 0 ? EXIT_SOME : list->status;
	return list->seen > 0 ? EXIT_DONE : EXIT_NONE;
}

static int list_all(struct list *list, struct pids *pids)
{
	int status = EXIT_ERROR;

	list->named = pids->count > 0;
	list->ctx = output_context(list->output);
	if (list->ctx != NULL && (list->named || pids_find_all(pids))) {
		for (size_t i = 0; i < pids->count; i++)
			look_at(list, pids->items[i]);
		status = finish(list);
	}
	lcp_ctx_unref(list->ctx);
	text_fini(&list->json);
	return status;
}

static int run(struct arguments *arguments, struct output *output)
{
	struct list list = { .output = output };
	struct pids pids = { 0 };
	uint32_t pid = 0;
	int next, status;

	while ((next = arguments_next(arguments)) != ARGUMENT_END) {
		if (next == ARGUMENT_WORD)
			(void)arguments_wrong(arguments, "'%s': a process is named with -p",
					      arguments->values[0]);
		if (next == OPTION_BUILD_ID)
			list.build_id = arguments->values[0];
		if (next == OPTION_PID && arguments_number(arguments, "-p", INT32_MAX, &pid))
			append(&pids, (int32_t)pid);
		if (next == ARGUMENT_STOP || arguments->status != EXIT_DONE) {
			free(pids.items);
			return arguments->status;
		}
	}
	status = list_all(&list, &pids);
	free(pids.items);
	return status;
}

const struct command command_list = {
	.name = "list",
	.help = "list processes and the objects in them",
	.synopsis = synopsis,
	.options = options,
	.run = run,
};
