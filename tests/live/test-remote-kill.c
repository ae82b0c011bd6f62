/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tracer is killed while it makes a call on a borrowed thread: at every one of its own system
 * calls, at their entries and exits, and then a thousand times at random. The thread comes back by
 * itself and has noticed nothing.
 *
 * The tracer is a process of its own, which the test traces: that is how it knows its system calls.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "borrow.h"
#include "tap.h"
#include "target/remote.h"

#define STOPS_MAX 2000
#define RANDOM_KILLS 1000
#define RANDOM_CHECKS 20
#define RANDOM_US 3000

struct tracer {
	pid_t pid;
	int to;
	int from;
};

/* What the tracer is to do; it has this from its parent. */
struct task {
	struct target *target;
	int32_t tids[SUBJECT_COUNT];
	size_t tid_count;
	struct target_call call;
};

/* A function of the victim, which is a copy of the test, to be called there. */
static uint64_t multiply(uint64_t a, uint64_t b)
{
	return a * b;
}

/* Frames that are not written. */
static int write_nothing(struct target *target, uint64_t address, const void *bytes, size_t size)
{
	(void)target;
	(void)address;
	(void)bytes;
	(void)size;
	return 0;
}

/* One call, on a thread that is stopped before the tracer says that it is ready. */
static void trace_once(const struct task *task, int in, int out)
{
	uint64_t value;
	char byte = 'r';

	if (borrow_stop_usable(task->target, task->tids[0]) < 0 || write(out, &byte, 1) != 1 ||
	    read(in, &byte, 1) != 1)
		_exit(2);
	if (remote_call(task->target, task->tids[0], &task->call, now_ns() + UINT64_C(10000000000),
			&value) < 0)
		_exit(3);
	borrow_release(task->tids[0]);
	_exit(0);
}

/* Calls on one thread after the other. */
static void trace_on(const struct task *task, int in, int out)
{
	uint64_t value;
	char byte = 'r';

	(void)in;
	if (write(out, &byte, 1) != 1)
		_exit(2);
	for (size_t i = (size_t)getpid();; i++)
		(void)borrow_call(task->target, task->tids[i % task->tid_count], &task->call,
				  &value);
}

static void tracer_start(struct tracer *tracer, const struct task *task,
			 void (*body)(const struct task *task, int in, int out))
{
	int to[2], from[2];
	char byte = 0;

	if (pipe(to) < 0 || pipe(from) < 0)
		exit(99);
	(void)fflush(stdout);
	tracer->pid = fork();
	if (tracer->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		body(task, to[0], from[1]);
	}
	(void)close(to[0]);
	(void)close(from[1]);
	tracer->to = to[1];
	tracer->from = from[0];
	if (read(tracer->from, &byte, 1) != 1)
		printf("Bail out! a tracer does not begin\n");
}

/* Its status. When this returns nothing is traced by it any more. */
static int tracer_end(struct tracer *tracer)
{
	int status = -1;

	while (waitpid(tracer->pid, &status, __WALL) == tracer->pid && WIFSTOPPED(status))
		;
	(void)close(tracer->to);
	(void)close(tracer->from);
	return status;
}

/*
 * Kill the tracer at its stop number @stop, counted from where it is ready: false if it has ended
 * by then.
 */
static bool kill_at(const struct task *task, int stop, int *ret_status)
{
	struct tracer tracer;
	int status;

	tracer_start(&tracer, task, trace_once);
	if (ptrace(PTRACE_SEIZE, tracer.pid, 0, PTRACE_O_TRACESYSGOOD) < 0 ||
	    ptrace(PTRACE_INTERRUPT, tracer.pid, 0, 0) < 0)
		exit(99);
	(void)waitpid(tracer.pid, &status, __WALL);
	(void)!write(tracer.to, "g", 1);
	for (int i = 0; i < stop; i++) {
		int signal = 0;

		do {
			(void)ptrace(PTRACE_SYSCALL, tracer.pid, 0, signal);
			if (waitpid(tracer.pid, &status, __WALL) != tracer.pid ||
			    !WIFSTOPPED(status)) {
				(void)close(tracer.to);
				(void)close(tracer.from);
				*ret_status = status;
				return false;
			}
			signal = status >> 8 == SIGCHLD ? SIGCHLD : 0;
		} while (status >> 8 != (SIGTRAP | 0x80));
	}
	(void)kill(tracer.pid, SIGKILL);
	*ret_status = tracer_end(&tracer);
	return true;
}

/* As victim_ask(), but the victim may be dead: "". */
static const char *ask(struct victim *victim, const char *word)
{
	char line[16];
	int size = snprintf(line, sizeof(line), "%s\n", word);

	(void)!write(victim->to, line, (size_t)size);
	return victim_listen(victim);
}

static void begin(struct victim *victim, struct task *task, uint32_t subjects)
{
	subjects_wanted = subjects;
	victim_start(victim, subjects_body);
	task->target = borrow_open(victim);
	task->tid_count = 0;
	for (enum subject i = 0; i < SUBJECT_COUNT; i++)
		if ((subjects & 1U << i) != 0)
			task->tids[task->tid_count++] = subject_tid(victim, i);
}

static void try_every_stop(enum subject subject, const struct target_call *call, const char *what)
{
	struct task task = { .call = *call };
	struct victim victim;
	const char *said = "ok";
	int stop = 1, status;

	begin(&victim, &task, 1U << subject);
	while (stop < STOPS_MAX && strcmp(said, "ok") == 0 && kill_at(&task, stop, &status)) {
		said = ask(&victim, "check");
		stop++;
	}
	tap_say("%s on %s: the tracer was killed at each of %d stops", what, subject_names[subject],
		stop - 1);
	ok(stop > 40 && stop < STOPS_MAX, "there are stops to kill it at");
	is_int(status, 0, "the tracer that was not killed made its call");
	is_text(said, "ok", "the thread noticed nothing");
	is_text(ask(&victim, "leaks"), "0", "no system call was interrupted");
	ok(victim_is_free(&victim), "and it is not traced");
	target_close(task.target);
	ok(victim_end(&victim) == 0, "the victim ends well");
}

static void try_random(void)
{
	struct task task = { .call = { .number = SYSCALL_GETPID } };
	const char *said = "ok";
	struct victim victim;
	int kills;

	begin(&victim, &task, (1U << SUBJECT_COUNT) - 1);
	srandom(1);
	for (kills = 0; kills < RANDOM_KILLS && strcmp(said, "ok") == 0; kills++) {
		struct tracer tracer;

		tracer_start(&tracer, &task, trace_on);
		(void)usleep((useconds_t)(random() % RANDOM_US));
		(void)kill(tracer.pid, SIGKILL);
		(void)tracer_end(&tracer);
		if (kills % RANDOM_CHECKS == 0)
			said = ask(&victim, "check");
	}
	is_int(kills, RANDOM_KILLS, "a thousand tracers were killed at random");
	is_text(ask(&victim, "check"), "ok", "and no thread noticed anything");
	tap_say("stops that were not cured yet: %s calls of epoll_wait returned EINTR",
		ask(&victim, "leaks"));
	ok(victim_is_free(&victim), "and none is traced");
	target_close(task.target);
	ok(victim_end(&victim) == 0, "the victim ends well");
}

/* The same without frames: there have to be stops at which the victim is lost. */
static void try_without_frames(void)
{
	struct task task = { .call = { .number = SYSCALL_GETPID } };
	int stop, lost = 0, status;

	for (stop = 1; stop < STOPS_MAX; stop++) {
		struct target_ops ops;
		struct victim victim;
		bool killed;

		begin(&victim, &task, 1U << SUBJECT_SLEEP);
		ops = *task.target->ops;
		ops.write = write_nothing;
		task.target->ops = &ops;
		killed = kill_at(&task, stop, &status);
		lost += strcmp(ask(&victim, "check"), "ok") != 0;
		target_close(task.target);
		(void)victim_kill(&victim);
		if (!killed)
			break;
	}
	tap_say("without frames the victim dies at %d of %d stops", lost, stop - 1);
	ok(lost > 5, "without frames victims do die");
}

int main(void)
{
	const struct target_call getpid_call = { .number = SYSCALL_GETPID };
	const struct target_call function_call = {
		.function = (uint64_t)(uintptr_t)multiply,
		.args = { 6, 7 },
	};

	tap_begin();
	(void)signal(SIGPIPE, SIG_IGN);
	for (enum subject subject = 0; subject < SUBJECT_COUNT; subject++)
		try_every_stop(subject, &getpid_call, "a system call");
	try_every_stop(SUBJECT_LOOP, &function_call, "a function");
	try_every_stop(SUBJECT_NANOSLEEP, &function_call, "a function");
	try_every_stop(SUBJECT_SLEEP, &function_call, "a function");
	try_without_frames();
	try_random();
	return tap_end();
}
