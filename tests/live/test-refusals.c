/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Processes that cannot be opened, held or stopped, and why they say so; those that end or become
 * another program meanwhile.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "operation.h"
#include "tap.h"
#include "victim.h"

#define EXEC_RACES 100

#define MS UINT64_C(1000000)

static void answer(void)
{
	char line[64];

	victim_say("ready");
	while (victim_hear(line, sizeof(line)))
		victim_say("%s", line);
}

/* target_open() fails with @code, and the message holds @words. */
static void refuses(int32_t pid, int code, const char *words, const char *claim)
{
	autoerror struct lcp_error *error = NULL;
	struct target *target = NULL;
	int r = target_open(pid, 0, &target, &error);

	is_int(r, code, claim);
	if (r == 0)
		target_close(target);
	else if (!ok(strstr(error->message, words) != NULL, "and says why"))
		tap_say("%s", error->message);
}

static void *be_a_thread(void *tid)
{
	*(_Atomic int32_t *)tid = (int32_t)syscall(SYS_gettid);
	for (;;)
		(void)pause();
	return NULL;
}

static void try_opening(void)
{
	_Atomic int32_t tid = 0;
	pthread_t thread;
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	refuses(0, -EINVAL, "no process id", "0 is refused");
	refuses(-5, -EINVAL, "no process id", "a negative number is refused");
	refuses(INT32_MAX, -ESRCH, "no process", "a number that is no process is refused");
	refuses(2, -EINVAL, "kernel", "a thread of the kernel is refused");
	while (waitid(P_PID, (id_t)child, &(siginfo_t){ 0 }, WEXITED | WNOWAIT) < 0)
		;
	refuses(child, -ESRCH, "zombie", "a zombie is refused");
	(void)waitpid(child, NULL, 0);
	refuses(child, -ESRCH, "no process", "a process that was there is refused");
	if (pthread_create(&thread, NULL, be_a_thread, (void *)&tid) != 0)
		return;
	while (tid == 0)
		;
	refuses(tid, -EINVAL, "a thread of process", "a thread's number is refused");
	(void)pthread_cancel(thread);
	(void)pthread_join(thread, NULL);
}

static void try_unprivileged(void)
{
	struct victim victim;
	pid_t child;
	int status = 0;

	if (getuid() != 0) {
		tap_skip("needs root to have somebody else's process", "it is refused");
		return;
	}
	victim_start(&victim, answer);
	(void)fflush(stdout);
	child = fork();
	if (child == 0) {
		autoerror struct lcp_error *error = NULL;
		struct target *target;

		if (setuid(65534) < 0)
			_exit(1);
		_exit(target_open(victim.pid, 0, &target, &error) == -EPERM &&
				      strstr(error->message, "no right") != NULL
			      ? 0
			      : 2);
	}
	(void)waitpid(child, &status, 0);
	is_int(status, 0, "somebody else's process is refused with -EPERM, which says so");
	(void)victim_end(&victim);
}

static void try_traced(void)
{
	struct operation operation;
	struct victim victim;
	char own[64];

	victim_start(&victim, answer);
	operation_begin(&operation, victim.pid, 0);
	if (ptrace(PTRACE_SEIZE, victim.pid, 0, 0) < 0)
		tap_say("cannot be traced");
	(void)snprintf(own, sizeof(own), "(%d)", getpid());
	is_int(operation_run(&operation), -LCP_ETRACED, "a process that is traced is refused");
	if (!ok(strstr(operation.text, own) != NULL && strstr(operation.text, "test-refusals"),
		"it says by whom"))
		tap_say("%s", operation.text);
	operation_end(&operation);
	is_text(victim_ask(&victim, "alive"), "alive", "the process goes on");
	(void)victim_kill(&victim);
}

/* A surgeon holds it for a while. */
struct rival {
	int32_t pid;
	atomic_int held;
	atomic_bool leave;
};

static void dawdle(struct target *target, void *arg)
{
	struct rival *rival = arg;

	(void)target;
	rival->held = 1;
	while (!rival->leave)
		;
}

static void *hold_long(void *arg)
{
	struct rival *rival = arg;
	struct operation operation;

	operation_begin(&operation, rival->pid, 0);
	operation.while_stopped = dawdle;
	operation.arg = rival;
	if (operation_run(&operation) < 0)
		rival->held = -1;
	operation_end(&operation);
	return NULL;
}

static void try_locked(void)
{
	struct operation operation;
	struct victim victim;
	pthread_t thread;
	struct rival rival = { 0 };
	uint64_t start;

	victim_start(&victim, answer);
	rival.pid = victim.pid;
	operation_begin(&operation, victim.pid, 0);
	if (pthread_create(&thread, NULL, hold_long, &rival) != 0)
		return;
	while (rival.held == 0)
		;
	operation.patience_ns = 100 * MS;
	start = now_ns();
	is_int(operation_run(&operation), -LCP_ELOCKED, "a process that a doctor holds is refused");
	ok(now_ns() - start >= 100 * MS, "not before the deadline");
	if (!ok(strstr(operation.text, "another doctor") != NULL, "it says so"))
		tap_say("%s", operation.text);
	rival.leave = true;
	operation.patience_ns = 10000 * MS;
	is_int(operation_run(&operation), 0, "when that doctor leaves it is held");
	(void)pthread_join(thread, NULL);
	operation_end(&operation);
	ok(victim_is_free(&victim), "it is free afterwards");
	is_text(victim_ask(&victim, "alive"), "alive", "it goes on");
	(void)victim_end(&victim);
}

static void *have_child(void *unused)
{
	char *const argv[] = { (char *)"true", NULL };
	pid_t child;

	victim_say("ready");
	child = vfork();
	if (child == 0) {
		/* Long enough to be stopped before it executes anything. */
		struct timespec time = { .tv_nsec = 400000000 };

		(void)syscall(SYS_nanosleep, &time, NULL);
		(void)execv("/bin/true", argv);
		_exit(0);
	}
	(void)waitpid(child, NULL, 0);
	victim_say("done");
	return unused;
}

static void wait_in_vfork(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, have_child, NULL) == 0)
		answer();
}

static bool is_late(const struct victim *victim, int32_t *ret)
{
	char state = '\0';

	for (*ret = victim->pid + 1; state != 'D' && *ret < victim->pid + 50; ++*ret)
		state = victim_state(victim, *ret);
	--*ret;
	return state == 'D';
}

static void try_vfork(uint32_t flags)
{
	struct operation operation;
	struct victim victim;
	int32_t tid;

	victim_start(&victim, wait_in_vfork);
	(void)victim_listen(&victim); /* the other "ready" */
	while (!is_late(&victim, &tid))
		;
	operation_begin(&operation, victim.pid, flags);
	operation.patience_ns = 50 * MS;
	is_int(operation_run(&operation), -LCP_ESTOP, "a thread in vfork(2) does not stop in time");
	is_int(operation.fault_tid, tid, "the fault has its number");
	if (!ok(strstr(operation.text, "vfork") != NULL, "and the text says what it is in"))
		tap_say("%s", operation.text);
	ok(victim_is_free(&victim), "nothing is traced");
	is_text(victim_listen(&victim), "done", "the thread goes on when its child does");
	is_text(victim_ask(&victim, "alive"), "alive", "the others go on");
	operation.patience_ns = 10000 * MS;
	is_int(operation_run(&operation), 0, "then the process is stopped");
	operation_end(&operation);
	(void)victim_end(&victim);
}

static void become_another(void)
{
	char line[64];

	victim_say("ready");
	if (victim_hear(line, sizeof(line)))
		victim_become_cat();
}

struct change {
	struct victim *victim;
	int alive_before, alive_after, stop, code;
};

/* Hold it, and see it go. */
static int see_change(void *arg)
{
	struct operation *operation = arg;
	struct target *target = operation->target;
	struct change *change = operation->arg;
	uint64_t end = target->ops->now(target) + 10000 * MS;

	change->code = target->ops->hold(target, end);
	change->alive_before = target->ops->alive(target);
	victim_tell(change->victim, "go");
	while (target->ops->alive(target) == 0 && target->ops->now(target) < end)
		target->ops->sleep(target, MS);
	change->alive_after = target->ops->alive(target);
	change->stop = target->ops->stop(target, end);
	target->ops->release(target);
	return 0;
}

static void try_change(void (*body)(void), uint32_t flags, const char *claim)
{
	struct operation operation;
	struct victim victim;
	struct change change = { .victim = &victim };
	uint8_t byte;

	victim_start(&victim, body);
	operation_begin(&operation, victim.pid, flags);
	operation.arg = &change;
	is_int(operation.target->ops->operate(operation.target, see_change, &operation), 0, claim);
	ok(change.code == 0 && change.alive_before == 0, "it is alive while it is held");
	is_int(change.alive_after, -LCP_EGONE, "then it is gone");
	is_int(change.stop, -LCP_EGONE, "and cannot be stopped");
	is_int(operation.target->ops->read(operation.target, (uint64_t)(uintptr_t)body, &byte, 1),
	       -LCP_EGONE, "nor read");
	operation_end(&operation);
	if (body == become_another) {
		ok(victim_is_free(&victim), "the other program is not traced");
		is_text(victim_ask(&victim, "alive"), "alive", "it runs");
	}
	(void)victim_end(&victim);
}

static void *become_another_soon(void *unused)
{
	char line[64];
	uint64_t until;

	if (victim_hear(line, sizeof(line))) {
		until = now_ns() + (uint64_t)atoll(line);
		while (now_ns() < until)
			;
		victim_become_cat();
	}
	return unused;
}

/* A thread that is not the first becomes another program, among many that wait. */
static void become_another_among_many(void)
{
	_Atomic int32_t tid;
	pthread_t thread;

	for (int i = 0; i < 60; i++)
		if (pthread_create(&thread, NULL, be_a_thread, (void *)&tid) != 0)
			return;
	if (pthread_create(&thread, NULL, become_another_soon, NULL) != 0)
		return;
	victim_say("ready");
	for (;;)
		(void)pause();
}

/*
 * execve(2) holds the lock that PTRACE_SEIZE needs, and waits for threads which it has killed,
 * until their tracer has waited for them: see ptrace_tick().
 */
static void try_exec_race(void)
{
	unsigned int right = 0, gone = 0, run = 0;

	for (int i = 0; i < EXEC_RACES; i++) {
		struct operation operation;
		struct victim victim;
		char delay[32];
		int r;

		victim_start(&victim, become_another_among_many);
		operation_begin(&operation, victim.pid, 0);
		(void)operation_run(&operation); /* so that the next one is quick */
		(void)snprintf(delay, sizeof(delay), "%d", i * 5000);
		victim_tell(&victim, delay);
		operation.stops = 3;
		r = operation_run(&operation);
		gone += r == -LCP_EGONE;
		right += r == 0 || r == -LCP_EGONE;
		if (r < 0 && r != -LCP_EGONE)
			tap_say("%d: %s", r, operation.text);
		run += strcmp(victim_ask(&victim, "alive"), "alive") == 0 &&
		       victim_is_free(&victim);
		operation_end(&operation);
		(void)victim_end(&victim);
	}
	is_int(right, EXEC_RACES,
	       "a process that becomes another program at any moment is stopped, or gone");
	tap_say("it was gone %u times", gone);
	is_int(run, EXEC_RACES, "the other program runs, each time");
}

static void end(void)
{
	char line[64];

	victim_say("ready");
	(void)victim_hear(line, sizeof(line));
}

int main(void)
{
	tap_begin();
	try_opening();
	try_unprivileged();
	try_traced();
	try_locked();
	try_vfork(0);
	try_vfork(TARGET_IN_PROCESS);
	try_exec_race();
	try_change(become_another, 0, "a process becomes another program while it is held");
	try_change(become_another, TARGET_IN_PROCESS, "the same, traced by the thread that calls");
	try_change(end, 0, "a process ends while it is held");
	try_change(end, TARGET_IN_PROCESS, "the same, traced by the thread that calls");
	return tap_end();
}
