/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The victim that a case of tests/build/cases is linked with, or a library of it that is linked or
 * opened. It runs test_value() when it is told to, in its only thread or in another one all the
 * time, and ends with its input. It knows nothing of patches.
 *
 *	case-victim [PATCH [LIBRARY]]		as the driver of tests/build is called
 *
 *	value	what test_value() returns
 *	watch	a thread calls it from now on: "ok"
 *	pass	wait until it has called it once more from beginning to end: "ok"
 *	seen	that is enough: all it saw, what comes again and again once
 */
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SEEN_MAX 16

typedef int (*value_fn)(void);

struct watch {
	value_fn value;
	pthread_t thread;
	atomic_uint calls; /* that have ended */
	atomic_bool ends, ended;
	unsigned int count;
	int seen[SEEN_MAX];
};

#ifndef OPENS_LIBRARY
int test_value(void);
#endif

static value_fn find_value(const char *library)
{
#ifdef OPENS_LIBRARY
	void *handle = dlopen(library, RTLD_LAZY);
	void *symbol = handle != NULL ? dlsym(handle, "test_value") : NULL;
	value_fn value = NULL;

	if (symbol == NULL)
		(void)puts(dlerror());
	memcpy(&value, &symbol, sizeof(value)); /* no cast from data to function in ISO C */
	return value;
#else
	(void)library;
	return test_value;
#endif
}

static uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* As long outside as inside at least: a function that is never left cannot be patched. */
static void breathe(uint64_t began)
{
	uint64_t ended = now_ns();

	while (now_ns() - ended < ended - began + 10000)
		;
}

/*
 * Call it, and leave no old return addresses behind where waiting leaves them: musl has no unwind
 * tables, and without them nobody can tell old ones from live ones.
 */
static int call(value_fn value)
{
	int ret = value();
#ifndef __GLIBC__
	volatile char room[8192];

	for (unsigned int i = 0; i < sizeof(room); i++)
		room[i] = 0;
#endif
	return ret;
}

static void *call_always(void *arg)
{
	struct watch *watch = arg;

	while (!watch->ends) {
		uint64_t began = now_ns();
		int value = call(watch->value);

		if (watch->count == 0 ||
		    (watch->seen[watch->count - 1] != value && watch->count < SEEN_MAX))
			watch->seen[watch->count++] = value;
		watch->calls++;
		breathe(began);
	}
	watch->ended = true;
	while (watch->ended) /* so that its stack stays mapped */
		(void)pause();
	return NULL;
}

static void start(struct watch *watch)
{
	(void)puts(pthread_create(&watch->thread, NULL, call_always, watch) == 0 ? "ok"
										 : "no thread");
}

/* One call that has begun may end in old code; the next one did not. */
static void pass(const struct watch *watch)
{
	unsigned int calls = watch->calls;

	while (watch->calls - calls < 2)
		(void)sched_yield();
	(void)puts("ok");
}

static void end(struct watch *watch)
{
	watch->ends = true;
	while (!watch->ended)
		(void)sched_yield();
	for (unsigned int i = 0; i < watch->count; i++)
		(void)printf("%s%d", i > 0 ? " " : "", watch->seen[i]);
	(void)puts("");
}

int main(int argc, char **argv)
{
	static struct watch watch;
	char line[32];

#ifdef __GLIBC__
	(void)mallopt(M_ARENA_MAX, 1); /* threads that map none look as they did */
#endif
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	watch.value = find_value(argc > 2 ? argv[2] : NULL);
	if (watch.value == NULL)
		return 2;
	(void)puts("ready");
	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (strcmp(line, "value\n") == 0)
			(void)printf("%d\n", call(watch.value));
		else if (strcmp(line, "watch\n") == 0)
			start(&watch);
		else if (strcmp(line, "pass\n") == 0)
			pass(&watch);
		else if (strcmp(line, "seen\n") == 0)
			end(&watch);
	}
	return 0;
}
