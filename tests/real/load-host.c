/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program that patches servers through the public interface, as tests/real/load tells it: one
 * command a line, lines of JSON as the answer, one for each process,
 *
 *     attach PID...     from now on these are the processes
 *     load FILE...      from now on these are the patches
 *     apply             the patches to all processes at once, each from a thread of its own
 *     revert ID...      the patches with these ids, one after the other
 *     query
 *
 * It knows nothing of servers, and compares nothing.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lcp/lcp.h>

#define MOST 64

/* Long enough for a server of which one thread is inside a patched function most of the time. */
static const struct lcp_apply_options settings = { .size = sizeof(settings), .timeout_ms = 20000 };

/* A process, and what the thread that works on it is to do and has to say. */
struct work {
	struct lcp_process *process;
	pthread_t thread;
	const char *id;
	int32_t r;
	uint64_t ns;
	char *said;
};

static struct lcp_ctx *context;
static struct work works[MOST];
static size_t work_count;
static struct lcp_kpatch *patches[MOST];
static uint32_t patch_count;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void fail(const char *what, struct lcp_error *error)
{
	fprintf(stderr, "load-host: %s: %s\n", what, lcp_error_message(error));
	exit(1);
}

/* Keep what a call ended with: the text of its report, of its error, or @text. */
static void keep_said(struct work *work, struct lcp_report *report, char *text,
		      struct lcp_error *error)
{
	work->said = text;
	if (work->r < 0)
		lcp_error_json(error, &work->said);
	else if (report)
		lcp_report_json(report, &work->said);
	lcp_report_free(report);
	lcp_error_free(error);
}

static void *apply(void *arg)
{
	struct lcp_report *report = NULL;
	struct lcp_error *error = NULL;
	struct work *work = arg;
	uint64_t begin = now_ns();

	work->r = lcp_apply(work->process, patches, patch_count, &settings, &report, &error);
	work->ns = now_ns() - begin;
	keep_said(work, report, NULL, error);
	return NULL;
}

static void *revert(void *arg)
{
	struct lcp_report *report = NULL;
	struct lcp_error *error = NULL;
	struct work *work = arg;
	uint64_t begin = now_ns();

	work->r = lcp_revert(work->process, work->id, &settings, &report, &error);
	work->ns = now_ns() - begin;
	keep_said(work, report, NULL, error);
	return NULL;
}

static void *query(void *arg)
{
	struct lcp_error *error = NULL;
	struct work *work = arg;
	uint64_t begin = now_ns();
	char *text = NULL;

	work->r = lcp_query_json(work->process, &text, &error);
	work->ns = now_ns() - begin;
	keep_said(work, NULL, text, error);
	return NULL;
}

/* Do the same with all processes, at once, and print what came of it. */
static void with_all(void *(*function)(void *), const char *id)
{
	struct work *work;

	for (work = works; work < works + work_count; work++) {
		work->id = id;
		if (pthread_create(&work->thread, NULL, function, work) != 0)
			exit(1);
	}
	for (work = works; work < works + work_count; work++) {
		pthread_join(work->thread, NULL);
		printf("{\"pid\":%" PRId32 ",\"r\":%" PRId32 ",\"ns\":%" PRIu64 ",\"said\":%s}\n",
		       lcp_process_pid(work->process), work->r, work->ns,
		       work->said ? work->said : "null");
		lcp_string_free(work->said);
		work->said = NULL;
	}
}

static void attach(const char *pid)
{
	struct lcp_error *error = NULL;

	if (lcp_process_attach(context, atoi(pid), NULL, &works[work_count].process, &error) < 0)
		fail(pid, error);
	work_count++;
}

static void load(const char *path)
{
	struct lcp_error *error = NULL;

	if (lcp_kpatch_load(context, path, NULL, &patches[patch_count], &error) < 0)
		fail(path, error);
	patch_count++;
}

static void forget_processes(void)
{
	while (work_count > 0)
		lcp_process_detach(works[--work_count].process);
}

static void forget_patches(void)
{
	while (patch_count > 0)
		lcp_kpatch_unref(patches[--patch_count]);
}

/* Words beyond MOST are no loss: nobody asks for them. */
static void obey(char *line)
{
	const char *command = strtok(line, " \n");
	size_t count = 0;
	char *word;

	if (!command)
		return;
	if (strcmp(command, "attach") == 0)
		forget_processes();
	if (strcmp(command, "load") == 0)
		forget_patches();
	if (strcmp(command, "apply") == 0)
		with_all(apply, NULL);
	if (strcmp(command, "query") == 0)
		with_all(query, NULL);
	while ((word = strtok(NULL, " \n")) && count++ < MOST) {
		if (strcmp(command, "attach") == 0)
			attach(word);
		else if (strcmp(command, "load") == 0)
			load(word);
		else if (strcmp(command, "revert") == 0)
			with_all(revert, word);
	}
	printf("done\n");
	fflush(stdout);
}

int main(void)
{
	struct lcp_error *error = NULL;
	static char line[65536];

	if (lcp_ctx_new(NULL, &context, &error) < 0)
		fail("lcp_ctx_new", error);
	while (fgets(line, sizeof(line), stdin))
		obey(line);
	forget_processes();
	forget_patches();
	lcp_ctx_unref(context);
	return 0;
}
