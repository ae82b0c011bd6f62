/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Measures the doctor at work on victims, beside the floor (floor.h), and prints samples as one
 * JSON object. What they mean and what becomes of them is tests/bench/doctor's business.
 *
 *	doctor-run pause VICTIM PATCH ID THREADS blocked|spinning RUNS [COMMAND]
 *	doctor-run functions VICTIM PATCH ID RUNS
 *	doctor-run patches VICTIM PATCH COUNT
 *	doctor-run processes VICTIM PATCH COUNT
 *	doctor-run calls VICTIM PATCH
 *	doctor-run apply VICTIM PATCH THREADS
 *	doctor-run PID PATCH
 *
 * The last one is the least program that applies a patch. It stands for COMMAND if there is none.
 */
#include <inttypes.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lcp/lcp.h>

#include "bench.h"
#include "floor.h"
#include "format/kpatch_write.h"

extern char **environ;

/* *@error is the reason, if there is one: a pointer, since arguments are made in any order. */
static void check(int32_t r, const char *what, struct lcp_error **error)
{
	if (r < 0)
		give_up("%s: %s", what, *error != NULL ? lcp_error_message(*error) : "?");
}

static struct lcp_ctx *new_context(void)
{
	struct lcp_error *error = NULL;
	struct lcp_ctx *ctx = NULL;

	check(lcp_ctx_new(NULL, &ctx, &error), "context", &error);
	return ctx;
}

static struct lcp_kpatch *load(struct lcp_ctx *ctx, const char *path)
{
	struct lcp_error *error = NULL;
	struct lcp_kpatch *patch = NULL;

	check(lcp_kpatch_load(ctx, path, NULL, &patch, &error), path, &error);
	return patch;
}

static struct lcp_process *attach(struct lcp_ctx *ctx, pid_t pid)
{
	struct lcp_process *process = NULL;
	struct lcp_error *error = NULL;

	check(lcp_process_attach(ctx, pid, NULL, &process, &error), "attach", &error);
	return process;
}

/* A thread that is borrowed has to come to its turn, which takes seconds if hundreds spin. */
static const struct lcp_apply_options patient = {
	.size = sizeof(patient),
	.timeout_ms = 120000,
};

/* How long threads stood still, as the library has it. */
static uint64_t apply(struct lcp_process *process, struct lcp_kpatch *patch)
{
	struct lcp_report *report = NULL;
	struct lcp_error *error = NULL;
	uint64_t stop_ns;

	check(lcp_apply(process, &patch, 1, &patient, &report, &error), "apply", &error);
	if (lcp_report_outcome(report) != LCP_OUTCOME_APPLIED)
		give_up("it was applied before");
	stop_ns = lcp_report_stop_ns(report);
	lcp_report_free(report);
	return stop_ns;
}

static void revert(struct lcp_process *process, const char *id)
{
	struct lcp_error *error = NULL;

	check(lcp_revert(process, id, &patient, NULL, &error), "revert", &error);
}

/* A patch that is said to be applied, and is not, is not measured. */
static void expect_value(const struct victim *victim, int value)
{
	int is = victim_value(victim);

	if (is != value)
		give_up("the victim returns %d where it should return %d", is, value);
}

struct session {
	struct lcp_ctx *ctx;
	struct lcp_kpatch *patch;
	struct victim victim;
	struct lcp_process *process;
	const char *id;
};

static struct session begin(const char *program, const char *patch, unsigned int blocked,
			    unsigned int spinning)
{
	struct session session = { .ctx = new_context() };

	session.patch = load(session.ctx, patch);
	session.victim = victim_start(program, blocked, spinning);
	session.process = attach(session.ctx, session.victim.pid);
	return session;
}

static void end(struct session *session)
{
	lcp_process_detach(session->process);
	victim_end(&session->victim);
	lcp_kpatch_unref(session->patch);
	lcp_ctx_unref(session->ctx);
}

static void run_apply(const struct session *session)
{
	uint64_t process, thread, start, stop;

	gap_begin(&session->victim);
	start = now_ns();
	stop = apply(session->process, session->patch);
	sample("apply", now_ns() - start);
	sample("stop", stop);
	gap_end(&session->victim, &process, &thread);
	sample("pause", process);
	sample("pause_thread", thread);
	expect_value(&session->victim, 1);
	revert(session->process, session->id);
	expect_value(&session->victim, 0);
}

static void run_attached(const struct session *session)
{
	uint64_t start = now_ns();
	struct lcp_process *process = attach(session->ctx, session->victim.pid);

	(void)apply(process, session->patch);
	lcp_process_detach(process);
	sample("attach_apply_detach", now_ns() - start);
	revert(session->process, session->id);
}

static void run_command(const struct session *session, const char *const *command)
{
	char pid_text[16];
	const char *argv[8] = { 0 };
	int status = 0, count = 0;
	uint64_t start;
	pid_t child;

	(void)snprintf(pid_text, sizeof(pid_text), "%d", session->victim.pid);
	for (; command[count] != NULL; count++)
		argv[count] = strcmp(command[count], "PID") == 0 ? pid_text : command[count];
	start = now_ns();
	if (posix_spawn(&child, argv[0], NULL, NULL, (char **)argv, environ) != 0 ||
	    waitpid(child, &status, 0) != child || status != 0)
		give_up("%s failed: %d", argv[0], status);
	sample("command", now_ns() - start);
	expect_value(&session->victim, 1);
	revert(session->process, session->id);
}

static void run_floor(const struct session *session, bool fifo)
{
	uint64_t process, thread;
	struct floor floor;

	gap_begin(&session->victim);
	if (!floor_measure(session->victim.pid, fifo, &floor))
		give_up("the floor cannot be measured%s", fifo ? " with SCHED_FIFO" : "");
	gap_end(&session->victim, &process, &thread);
	sample(fifo ? "floor_fifo_stop" : "floor_stop", floor.stop_ns);
	sample(fifo ? "floor_fifo_wall" : "floor_wall", floor.wall_ns);
	sample(fifo ? "floor_fifo_pause" : "floor_pause", process);
	sample(fifo ? "floor_fifo_pause_thread" : "floor_pause_thread", thread);
}

/* With more threads that spin, only the stop is of interest. */
#define CALLS_MAX 16

static int measure_pause(char **argv, int count)
{
	unsigned int threads = (unsigned int)strtoul(argv[3], NULL, 10);
	bool spinning = strcmp(argv[4], "spinning") == 0;
	struct session session = begin(argv[0], argv[1], spinning ? 0 : threads - 1,
				       spinning ? threads : 1);
	const char *own[] = { "/proc/self/exe", "PID", argv[1], NULL };
	const char *given[] = {
		count > 6 ? argv[6] : NULL, "apply", "-q", "-p", "PID", argv[1], NULL
	};

	session.id = argv[2];
	for (unsigned long i = strtoul(argv[5], NULL, 10); i > 0; i--) {
		run_floor(&session, false);
		run_floor(&session, true);
		run_apply(&session);
		if (spinning && threads > CALLS_MAX)
			continue;
		run_attached(&session);
		run_command(&session, count > 6 ? given : own);
	}
	end(&session);
	return 0;
}

static int measure_functions(char **argv, int count)
{
	struct session session = begin(argv[0], argv[1], 1, 1);

	(void)count;
	session.id = argv[2];
	for (unsigned long i = strtoul(argv[3], NULL, 10); i > 0; i--) {
		run_floor(&session, true);
		run_apply(&session);
	}
	end(&session);
	return 0;
}

/* The same patch for the function @number, with an id of its own. */
static struct lcp_kpatch *make_copy(const struct session *session, size_t number)
{
	struct lcp_kpatch copy = *session->patch;
	struct kpatch_function function = copy.functions[0];
	struct lcp_error *error = NULL;
	struct lcp_kpatch *ret = NULL;
	uint8_t *bytes = NULL;
	char id[32], name[32];
	size_t size;

	(void)snprintf(id, sizeof(id), "copy-%zu", number);
	(void)snprintf(name, sizeof(name), "f%03zx", number);
	function.old_address += (uint64_t)session->victim.board->offsets[number];
	function.name = name;
	copy.functions = &function;
	copy.id = id;
	check(kpatch_write(&copy, &bytes, &size, &error), "copy", &error);
	check(lcp_kpatch_load_mem(session->ctx, bytes, size, NULL, &ret, &error), "copy", &error);
	free(bytes);
	return ret;
}

static void sample_memory(const char *of, pid_t pid)
{
	char *rss = NULL, *mappings = NULL;

	if (asprintf(&rss, "%s_kb", of) < 0 || asprintf(&mappings, "%s_mappings", of) < 0)
		give_up("no memory");
	sample(rss, memory_kb(pid, "smaps_rollup", "Pss_Anon:"));
	sample(mappings, memory_mappings(pid));
}

static int measure_patches(char **argv, int count)
{
	struct session session = begin(argv[0], argv[1], 1, 1);
	unsigned long patches = strtoul(argv[2], NULL, 10);

	(void)count;
	if (patches > BOARD_FUNCTIONS || session.patch->function_count != 1)
		give_up("that is no patch of one function, or there are too many");
	sample_memory("victim", session.victim.pid);
	sample_memory("doctor", getpid());
	for (unsigned long i = 0; i < patches; i++) {
		struct lcp_kpatch *patch = make_copy(&session, i);
		uint64_t start = now_ns();
		uint64_t stop = apply(session.process, patch);

		sample("apply", now_ns() - start);
		sample("stop", stop);
		lcp_kpatch_unref(patch);
		if (i == 0 || i + 1 == patches) {
			sample_memory("victim", session.victim.pid);
			sample_memory("doctor", getpid());
		}
	}
	expect_value(&session.victim, 1);
	end(&session);
	return 0;
}

static int measure_processes(char **argv, int count)
{
	unsigned long processes = strtoul(argv[2], NULL, 10);
	struct victim *victims = calloc(processes, sizeof(*victims));
	struct lcp_ctx *ctx = new_context();
	struct lcp_kpatch *patch = load(ctx, argv[1]);

	(void)count;
	if (victims == NULL)
		give_up("no memory");
	for (size_t i = 0; i < processes; i++)
		victims[i] = victim_start(argv[0], 1, 0);
	for (size_t i = 0; i < processes; i++) {
		uint64_t start = now_ns(), used = used_ns();
		struct lcp_process *process = attach(ctx, victims[i].pid);

		sample("stop", apply(process, patch));
		lcp_process_detach(process);
		sample("process", now_ns() - start);
		sample("process_cpu", used_ns() - used);
	}
	for (size_t i = 0; i < processes; i++)
		victim_end(&victims[i]);
	free(victims);
	lcp_kpatch_unref(patch);
	lcp_ctx_unref(ctx);
	return 0;
}

static int measure_calls(char **argv, int count)
{
	struct session session = begin(argv[0], argv[1], 0, 1);
	struct board *board = session.victim.board;

	(void)count;
	for (int patched = 0; patched <= 1; patched++) {
		if (patched)
			(void)apply(session.process, session.patch);
		victim_calls(&session.victim);
		sample(patched ? "empty_patched_ps" : "empty_ps",
		       (uint64_t)(board->empty_ns * 1e3));
		sample(patched ? "small_patched_ps" : "small_ps",
		       (uint64_t)(board->small_ns * 1e3));
	}
	end(&session);
	return 0;
}

/*
 * To be looked at with strace(1), which must not trace the victim: so it is told when it may attach
 * to us, and says when it has. Writes to no descriptor mark what is of interest.
 */
static int show_apply(char **argv, int count)
{
	struct session session = begin(argv[0], argv[1],
				       (unsigned int)strtoul(argv[2], NULL, 10) - 1, 1);

	(void)count;
	(void)puts("ready");
	(void)fflush(stdout);
	(void)getchar();
	(void)write(-1, "begin", 5);
	(void)apply(session.process, session.patch);
	(void)write(-1, "end", 3);
	end(&session);
	return 0;
}

static int apply_once(char **argv)
{
	struct lcp_ctx *ctx = new_context();
	struct lcp_kpatch *patch = load(ctx, argv[2]);
	struct lcp_process *process = attach(ctx, atoi(argv[1]));

	(void)apply(process, patch);
	lcp_process_detach(process);
	lcp_kpatch_unref(patch);
	lcp_ctx_unref(ctx);
	return 0;
}

static const struct {
	const char *name;
	int arguments;
	int (*run)(char **argv, int count);
} measures[] = {
	{ "pause", 6, measure_pause },	   { "functions", 4, measure_functions },
	{ "patches", 3, measure_patches }, { "processes", 3, measure_processes },
	{ "calls", 2, measure_calls },	   { "apply", 3, show_apply },
};

int main(int argc, char **argv)
{
	if (argc == 3)
		return apply_once(argv);
	for (size_t i = 0; argc > 1 && i < sizeof(measures) / sizeof(measures[0]); i++)
		if (strcmp(argv[1], measures[i].name) == 0 && argc - 2 >= measures[i].arguments) {
			(void)measures[i].run(argv + 2, argc - 2);
			samples_print();
			return 0;
		}
	give_up("what is to be measured?");
}
