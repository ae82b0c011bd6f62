/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program of its own, compiled by tests in several ways: linked statically, with another C
 * library. It tells where its function is, and goes where it is told: into that function, or
 * through it and on.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

extern const char __start_patched_code[], __stop_patched_code[];

static char line[64];

static void hear(void)
{
	size_t size = 0;

	while (size < sizeof(line) - 1 && read(0, line + size, 1) == 1 && line[size] != '\n')
		size++;
	line[size] = '\0';
}

__attribute__((section("patched_code"), noinline, noipa)) static int patched(int waits)
{
	if (waits != 0) {
		dprintf(1, "in\n");
		hear();
	}
	return usleep(0) + waits;
}

/* Leaves the return addresses of patched() and what it calls where wait_above() does not write. */
__attribute__((noinline, noipa)) static int leave_traces(void)
{
	volatile char room[512];

	room[0] = 1;
	return patched(0) + room[0];
}

__attribute__((noinline, noipa)) static int wait_above(void)
{
	volatile char room[4096];

	room[0] = 1;
	dprintf(1, "out\n");
	hear();
	return room[0];
}

/* The same without a call of the C library. */
__attribute__((noinline, noipa)) static int spin_above(void)
{
	volatile char room[4096];

	dprintf(1, "spin\n");
	for (;;)
		room[0]++;
	return room[0];
}

static void *serve(void *arg)
{
	(void)arg;
	hear();
	if (strcmp(line, "in") == 0)
		(void)patched(1);
	else if (strcmp(line, "spin") == 0)
		(void)(leave_traces() + spin_above());
	else
		(void)(leave_traces() + wait_above());
	return NULL;
}

int main(int count, char **args)
{
	pthread_t thread;

	dprintf(1, "ready\n%lx %lx\n", (unsigned long)__start_patched_code,
		(unsigned long)__stop_patched_code);
	if (count > 1 && strcmp(args[1], "second") == 0) {
		if (pthread_create(&thread, NULL, serve, NULL) != 0)
			return 1;
		(void)pthread_join(thread, NULL);
		return 0;
	}
	(void)serve(NULL);
	return 0;
}
