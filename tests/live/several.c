/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What several.sh patches: a program of three functions and, with LIBRARY, a library of two. What
 * each returns is said when it is compiled.
 *
 *	value	what all of them return, one digit each
 *	stay	a thread is in a function of the library from now on: "ok"
 *	leave	it has come back: "ok"
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

/*
 * What it returns is hidden from callers, which would change with it otherwise. It is long enough
 * for a branch, whatever is behind it.
 */
#define FUNCTION(name, value)                                         \
	int __attribute__((noinline)) name(void)                      \
	{                                                             \
		int digit = value;                                    \
		__asm__ volatile("nop; nop; nop; nop" : "+r"(digit)); \
		return digit;                                         \
	}

int in_library(void);
int stay(sem_t *inside, sem_t *leave);

#ifdef LIBRARY
FUNCTION(in_library, FOUR)

int __attribute__((noinline)) stay(sem_t *inside, sem_t *leave)
{
	(void)sem_post(inside);
	while (sem_wait(leave) != 0)
		;
	return FIVE;
}
#else
FUNCTION(one, ONE)
FUNCTION(two, TWO)
FUNCTION(three, THREE)

static sem_t inside, leave;

static void *run(void *arg)
{
	(void)stay(&inside, &leave);
	return arg;
}

int main(void)
{
	pthread_t thread;
	char line[32];

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	(void)sem_init(&inside, 0, 0);
	(void)sem_init(&leave, 0, 0);
	(void)puts("ready");
	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (strcmp(line, "stay\n") == 0) {
			(void)pthread_create(&thread, NULL, run, NULL);
			while (sem_wait(&inside) != 0)
				;
			(void)puts("ok");
		} else if (strcmp(line, "leave\n") == 0) {
			(void)sem_post(&leave);
			(void)pthread_join(thread, NULL);
			(void)puts("ok");
		} else {
			(void)printf("%d%d%d%d\n", one(), two(), three(), in_library());
		}
	}
	return 0;
}
#endif
