/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Stopping and resuming processes whose threads wait, run, come and go, or stand still already.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "operation.h"
#include "tap.h"
#include "victim.h"

#define THREADS_MAX 64
#define CHURN_STOPS 300

static atomic_uint turns[THREADS_MAX];
static int gates[THREADS_MAX][2];

/* What the next victim is like. */
static size_t thread_count;
static bool spinning;

static void *wait_for_turns(void *number)
{
	size_t i = (size_t)number;
	char byte;

	while (read(gates[i][0], &byte, 1) == 1)
		turns[i]++;
	return NULL;
}

static void *spin(void *number)
{
	for (size_t i = (size_t)number;;)
		turns[i]++;
	return NULL;
}

/* Does each of the threads make a turn? */
static bool all_turn(void)
{
	unsigned int before[THREADS_MAX];
	uint64_t end = now_ns() + UINT64_C(20000000000);

	for (size_t i = 0; i < thread_count; i++) {
		before[i] = turns[i];
		if (write(gates[i][1], "x", 1) != 1 && !spinning)
			return false;
	}
	for (size_t i = 0; i < thread_count; i++)
		while (turns[i] == before[i])
			if (now_ns() > end)
				return false;
	return true;
}

static void have_threads(void)
{
	char line[64];
	pthread_t thread;

	for (size_t i = 0; i < thread_count; i++)
		if (pipe(gates[i]) < 0 ||
		    pthread_create(&thread, NULL, spinning ? spin : wait_for_turns, (void *)i) != 0)
			return;
	victim_say("ready");
	while (victim_hear(line, sizeof(line)))
		victim_say("%s", all_turn() ? "all" : "some");
}

static void try_threads(size_t count, bool spins, uint32_t flags)
{
	struct victim victim;
	struct operation operation;

	tap_say("%zu threads that %s%s", count, spins ? "spin" : "wait",
		flags != 0 ? ", traced by the thread that calls" : "");
	thread_count = count;
	spinning = spins;
	victim_start(&victim, have_threads);
	operation_begin(&operation, victim.pid, flags);
	operation.stops = 20;
	is_int(operation_run(&operation), 0, "a process is stopped 20 times");
	ok(operation.least_threads == count + 1 && operation.most_threads == count + 1,
	   "each time all its %zu threads stand still (%zu to %zu)", count + 1,
	   operation.least_threads, operation.most_threads);
	ok(victim_is_free(&victim), "none of them is traced afterwards");
	is_text(victim_ask(&victim, "turn"), "all", "all of them go on");
	tap_say("stopped for %.1f us (median), %.1f us (most)", (double)operation.median_ns / 1e3,
		(double)operation.longest_ns / 1e3);
	operation_end(&operation);
	(void)victim_kill(&victim);
}

static void try_stopped(uint32_t flags)
{
	struct victim victim;
	struct operation operation;

	thread_count = 3;
	spinning = false;
	victim_start(&victim, have_threads);
	(void)kill(victim.pid, SIGSTOP);
	(void)waitpid(victim.pid, NULL, WUNTRACED);
	operation_begin(&operation, victim.pid, flags);
	operation.stops = 5;
	operation.pause_ns = 1000000;
	is_int(operation_run(&operation), 0,
	       "a process that SIGSTOP has stopped is stopped 5 times");
	is_int(operation.least_threads, 4, "all its threads are there");
	victim_await_state(&victim, victim.pid, 'T');
	ok(victim_is_free(&victim), "it is stopped by SIGSTOP afterwards, and not traced");
	(void)kill(victim.pid, SIGCONT);
	is_text(victim_ask(&victim, "turn"), "all", "SIGCONT lets all of it go on");
	operation_end(&operation);
	(void)victim_kill(&victim);
}

/* Threads that are made, work and end, all the time. */
static atomic_uint begun, ended;

static void *be_short(void *unused)
{
	begun++;
	(void)syscall(SYS_getpid);
	ended++;
	return unused;
}

static void *make_threads(void *unused)
{
	pthread_t threads[4];

	for (;;) {
		for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
			if (pthread_create(&threads[i], NULL, be_short, NULL) != 0)
				victim_say("no thread");
		for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
			if (pthread_join(threads[i], NULL) != 0)
				victim_say("no end");
		turns[(size_t)unused]++;
	}
	return NULL;
}

static void churn(void)
{
	char line[64];
	pthread_t thread;
	unsigned int behind = 0;

	for (size_t i = 0; i < 2; i++)
		if (pthread_create(&thread, NULL, make_threads, (void *)i) != 0)
			return;
	victim_say("ready");
	while (victim_hear(line, sizeof(line))) {
		thread_count = 2;
		spinning = true;
		behind = begun - ended;
		victim_say("%s %s", all_turn() ? "all" : "some", behind <= 8 ? "right" : "wrong");
	}
}

static void try_churn(void)
{
	struct victim victim;
	struct operation operation;

	victim_start(&victim, churn);
	operation_begin(&operation, victim.pid, 0);
	operation.stops = CHURN_STOPS;
	operation.pause_ns = 200000;
	is_int(operation_run(&operation), 0,
	       "a process that makes and joins threads all the time is stopped 300 times");
	tap_say("%s", operation.text);
	ok(operation.most_threads > operation.least_threads, "with %zu to %zu threads",
	   operation.least_threads, operation.most_threads);
	is_text(victim_ask(&victim, "turn"), "all right", "its threads go on, and all of them ran");
	ok(victim_is_free(&victim), "none of them is traced");
	operation_end(&operation);
	(void)victim_kill(&victim);
}

static void *outlive(void *unused)
{
	char line[64];

	victim_say("ready");
	while (victim_hear(line, sizeof(line)))
		victim_say("%ld", syscall(SYS_gettid) - getpid());
	_exit(0);
	return unused;
}

static void lose_leader(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, outlive, NULL) == 0)
		(void)syscall(SYS_exit, 0);
}

static void look_at_memory(struct target *target, void *arg)
{
	uint8_t byte;

	if (target->ops->read(target, (uint64_t)(uintptr_t)lose_leader, &byte, 1) == 0 &&
	    target->ops->write(target, (uint64_t)(uintptr_t)lose_leader, &byte, 1) == 0 &&
	    target->ops->alive(target) == 0)
		++*(unsigned int *)arg;
}

static void try_leaderless(uint32_t flags)
{
	unsigned int looks = 0;
	struct victim victim;
	struct operation operation;
	char *text = NULL;
	size_t size = 0;

	thread_count = 0;
	victim_start(&victim, lose_leader);
	victim_await_state(&victim, victim.pid, 'Z');
	operation_begin(&operation, victim.pid, flags);
	operation.stops = 10;
	operation.while_stopped = look_at_memory;
	operation.arg = &looks;
	is_int(operation_run(&operation), 0, "a process without its first thread is stopped");
	is_int(operation.least_threads, 1, "its other thread is there");
	is_int(looks, 10, "its memory is read and written");
	is_int(operation.target->ops->file(operation.target, "maps", &text, &size), 0,
	       "its mappings are read");
	ok(text != NULL && strstr(text, "[stack]") != NULL, "they are there");
	free(text);
	ok(victim_is_free(&victim) && *victim_ask(&victim, "who") != '\0', "it goes on, untraced");
	operation_end(&operation);
	(void)victim_end(&victim);
}

int main(void)
{
	static const size_t counts[] = { 1, 10, 64 };

	tap_begin();
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		try_threads(counts[i], false, 0);
		try_threads(counts[i], true, 0);
	}
	try_threads(10, false, TARGET_IN_PROCESS);
	try_threads(10, true, TARGET_IN_PROCESS);
	try_stopped(0);
	try_stopped(TARGET_IN_PROCESS);
	try_churn();
	try_leaderless(0);
	try_leaderless(TARGET_IN_PROCESS);
	return tap_end();
}
