/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which thread is borrowed for a call: one that stops, and is not in the code to be avoided. What
 * the call itself does to a thread is the subject of another test.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "operation.h"
#include "tap.h"
#include "victim.h"

#define MS UINT64_C(1000000)

static atomic_uint turns, inside;

/* Code that is not to be in: it loops until it is told to leave. */
static atomic_bool leave;

/* In a section of its own, whose bounds the linker tells. */
extern const char __start_stay_code[], __stop_stay_code[];

static __attribute__((noinline, section("stay_code"))) void stay(void)
{
	inside++;
	while (!leave)
		turns++;
	__asm__ volatile("" ::: "memory");
}

static void *turn(void *unused)
{
	for (;;)
		turns++;
	return unused;
}

static void *rest(void *unused)
{
	char byte;
	int fds[2];

	while (pipe(fds) == 0 && read(fds[0], &byte, 1) == 1)
		;
	return unused;
}

static void answer(void)
{
	char line[64];

	victim_say("ready");
	while (victim_hear(line, sizeof(line))) {
		if (strcmp(line, "stay") == 0) {
			leave = false;
			victim_say("staying");
			stay();
		}
		victim_say("alive");
	}
}

static void run_and_rest(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, turn, NULL) == 0 &&
	    pthread_create(&thread, NULL, rest, NULL) == 0)
		answer();
}

struct calling {
	struct operation operation;
	struct target_call call;
	unsigned int count;
	uint64_t result;
	int code;
};

static int make_calls(void *arg)
{
	struct calling *calling = arg;
	struct target *target = calling->operation.target;
	int r = target->ops->hold(target, target->ops->now(target) + 1000 * MS);

	for (unsigned int i = 0; r == 0 && i < calling->count; i++)
		r = target->ops->call(target, &calling->call,
				      target->ops->now(target) + calling->operation.patience_ns,
				      &calling->result);
	target->ops->release(target);
	return r;
}

static void run(struct calling *calling)
{
	struct target *target = calling->operation.target;

	calling->code = target->ops->operate(target, make_calls, calling);
	(void)snprintf(calling->operation.text, sizeof(calling->operation.text), "%s",
		       target->fault.text);
	target->fault = (struct target_fault){ 0 };
}

static void begin(struct calling *calling, struct victim *victim, void (*body)(void),
		  uint32_t flags)
{
	*calling = (struct calling){ .count = 1 };
	victim_start(victim, body);
	operation_begin(&calling->operation, victim->pid, flags);
	calling->call.number = SYSCALL_GETPID;
}

static void end(struct calling *calling, struct victim *victim)
{
	is_text(victim_ask(victim, "how"), "alive", "the process goes on");
	ok(victim_is_free(victim), "it is not traced");
	operation_end(&calling->operation);
	(void)victim_kill(victim);
}

static void try_calls(void (*body)(void), uint32_t flags, const char *claim)
{
	struct calling calling;
	struct victim victim;

	begin(&calling, &victim, body, flags);
	calling.count = 200;
	run(&calling);
	if (!is_int(calling.code, 0, claim))
		tap_say("%s", calling.operation.text);
	is_int(calling.result, victim.pid, "with the result of the process");
	end(&calling, &victim);
}

static void try_stopped(void)
{
	struct calling calling;
	struct victim victim;

	begin(&calling, &victim, run_and_rest, 0);
	(void)kill(victim.pid, SIGSTOP);
	(void)waitpid(victim.pid, NULL, WUNTRACED);
	run(&calling);
	if (!is_int(calling.code, 0, "a process that SIGSTOP has stopped makes a call"))
		tap_say("%s", calling.operation.text);
	is_int(calling.result, victim.pid, "with its result");
	victim_await_state(&victim, victim.pid, 'T');
	ok(victim_is_free(&victim), "it is stopped as before");
	(void)kill(victim.pid, SIGCONT);
	end(&calling, &victim);
}

static void try_avoided(void (*body)(void), int code, const char *claim)
{
	struct calling calling;
	struct victim victim;

	begin(&calling, &victim, body, 0);
	calling.call.avoid[0].start = (uint64_t)(uintptr_t)__start_stay_code;
	calling.call.avoid[0].end = (uint64_t)(uintptr_t)__stop_stay_code;
	calling.operation.patience_ns = 100 * MS;
	is_text(victim_ask(&victim, "stay"), "staying", "the first thread is in a function");
	while (victim_state(&victim, victim.pid) != 'R')
		;
	run(&calling);
	if (!is_int(calling.code, code, claim) || code != 0)
		tap_say("%s", calling.operation.text);
	if (code != 0)
		ok(strstr(calling.operation.text, "to be avoided") != NULL, "it says why");
	ok(victim_is_free(&victim), "it is not traced");
	operation_end(&calling.operation);
	(void)victim_kill(&victim);
}

#define KILLS 100
#define KILL_STEP_NS 5000

struct killer {
	pthread_t thread;
	int32_t pid;
	long delay_ns;
};

static void *kill_soon(void *arg)
{
	const struct killer *killer = arg;
	const struct timespec delay = { .tv_nsec = killer->delay_ns };

	(void)nanosleep(&delay, NULL);
	(void)kill(killer->pid, SIGKILL);
	return NULL;
}

/* A thread that its tracer has not waited for keeps its process from being waited for. */
static void try_killed(uint32_t flags, const char *claim)
{
	unsigned int right = 0, waited = 0;

	for (int i = 0; i < KILLS; i++) {
		struct killer killer;
		struct calling calling;
		struct victim victim;

		begin(&calling, &victim, run_and_rest, flags);
		calling.count = 1000000;
		killer.pid = victim.pid;
		killer.delay_ns = (long)i * KILL_STEP_NS;
		if (pthread_create(&killer.thread, NULL, kill_soon, &killer) != 0)
			exit(99);
		run(&calling);
		(void)pthread_join(killer.thread, NULL);
		right += calling.code == -LCP_EGONE;
		waited += WIFSIGNALED(victim_kill(&victim));
		operation_end(&calling.operation);
	}
	is_int(right, KILLS, claim);
	is_int(waited, KILLS, "and can be waited for at once");
}

int main(void)
{
	tap_begin();
	try_calls(answer, 0, "a process that waits makes 200 calls");
	try_calls(run_and_rest, 0, "a process of three threads makes 200 calls");
	try_calls(run_and_rest, TARGET_IN_PROCESS, "the same, traced by the thread that calls");
	try_stopped();
	try_avoided(run_and_rest, 0, "another thread makes the call");
	try_avoided(answer, -LCP_EBORROW, "without another one no call is made");
	try_killed(0, "a process that is killed while it makes calls is gone");
	try_killed(TARGET_IN_PROCESS, "the same, traced by the thread that calls");
	return tap_end();
}
