/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Stopping and resuming threads that wait, run, come, go, or have been stopped by somebody else.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "operation.h"
#include "tap.h"
#include "victim.h"

#define THREADS_MAX 64

static atomic_uint turns[THREADS_MAX];
static int gates[THREADS_MAX][2];

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

/* Did all of the first @count threads make a turn? */
static bool all_turn(size_t count)
{
	unsigned int before[THREADS_MAX];
	uint64_t end = now_ns() + UINT64_C(20000000000);

	for (size_t i = 0; i < count; i++)
		before[i] = turns[i];
	for (size_t i = 0; i < count; i++)
		(void)write(gates[i][1], "x", 1);
	for (size_t i = 0; i < count; i++)
		while (turns[i] == before[i])
			if (now_ns() > end)
				return false;
	return true;
}

static size_t thread_count;
static bool spinning;

static void run_threads(void)
{
	char line[64];
	pthread_t thread;

	for (size_t i = 0; i < thread_count; i++)
		if (pipe(gates[i]) < 0 ||
		    pthread_create(&thread, NULL, spinning ? spin : wait_for_turns, (void *)i) != 0)
			return;
	victim_say("ready");
	while (victim_hear(line, sizeof(line)))
		victim_say("%s", all_turn(thread_count) ? "all" : "some");
}

static void try_threads(size_t count, bool spins, uint32_t flags)
{
	const char *kind = spins ? "that spin" : "that wait";
	struct victim victim;
	struct operation operation;

	thread_count = count;
	spinning = spins;
	victim_start(&victim, run_threads);
	operation_begin(&operation, victim.pid, flags);
	operation.stops = 20;
	is_int(operation_run(&operation), 0, "20 stops");
	ok(operation.least_threads == count + 1 && operation.most_threads == count + 1,
	   "%zu threads %s, and the first: all stood still (%zu to %zu)", count, kind,
	   operation.least_threads, operation.most_threads);
	ok(victim_is_free(&victim), "none of them is traced");
	is_text(victim_ask(&victim, "turn"), "all", "all of them go on");
	tap_say("stop: %.1f us, median of 20", (double)operation.median_ns / 1000);
	operation_end(&operation);
	(void)victim_kill(&victim);
}

int main(void)
{
	static const size_t counts[] = { 1, 10, 64 };

	tap_begin();
	for (size_t i = 0; i < 3; i++) {
		try_threads(counts[i], false, 0);
		try_threads(counts[i], true, 0);
	}
	try_threads(10, false, TARGET_IN_PROCESS);
	try_threads(10, true, TARGET_IN_PROCESS);
	return tap_end();
}
