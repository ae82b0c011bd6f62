/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Thread-local variables of the object, in this thread and in another.
 *
 * expect: 7 35 7
 * mixes: 1
 * flags: -O2
 * flags: -O0
 * compilers: gcc
 * program: -pthread
 */
#include <pthread.h>
#include <stddef.h>

__thread int global = 3;
static __thread int own = 4;
static __thread int zero;

int __attribute__((noinline)) value(void)
{
	zero++;
#ifdef PATCHED
	return zero == 1 ? 5 * (global + own) : -1;
#else
	return zero == 1 ? global + own : -2;
#endif
}

static void *run(void *result)
{
	*(int *)result = value();
	return NULL;
}

int test_value(void)
{
	pthread_t thread;
	int there = 0;

	zero = 0;
	if (pthread_create(&thread, NULL, run, &there) != 0 || pthread_join(thread, NULL) != 0)
		return -3;
	return value() == there ? there : -4;
}
