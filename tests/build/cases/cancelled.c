/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A thread is cancelled inside a patched function: what it left to be cleaned up further out is.
 *
 * expect: 11 21 11
 * unwinds: 1
 * mixes: 1
 * flags: -O2 -fexceptions
 * flags: -O0 -fexceptions
 * glibc: that of musl does not unwind
 * program: -pthread
 */
#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

static sem_t entered;
int kind, cleaned;

static void clean(int *arg)
{
	cleaned += *arg;
}

void __attribute__((noinline)) wait_long(void)
{
#ifdef PATCHED
	volatile char room[300] = { 20 };

	kind = room[0];
#else
	kind = 10;
#endif
	(void)sem_post(&entered);
	for (;;)
		(void)pause();
}

static void *run(void *arg)
{
	__attribute__((cleanup(clean))) int one = 1;

	wait_long();
	return arg;
}

int test_value(void)
{
	pthread_t thread;

	kind = 0;
	cleaned = 0;
	(void)sem_init(&entered, 0, 0);
	if (pthread_create(&thread, NULL, run, NULL) != 0)
		return -1;
	while (sem_wait(&entered) != 0)
		;
	(void)pthread_cancel(thread);
	(void)pthread_join(thread, NULL);
	return kind + cleaned;
}
