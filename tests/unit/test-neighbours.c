/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which processes have their memory for themselves, while others come and go.
 */
#include <linux/kcmp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/neighbours.h"
#include "tap.h"

#define STACK_SIZE ((size_t)64 << 10)
#define QUESTIONS 4
#define LOOKS 100

static int wait_for_end(void *unused)
{
	(void)unused;
	(void)pause();
	return 0;
}

/* A process with its own memory, or in ours. It ends with us. */
static pid_t start(int flags)
{
	char *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	pid_t pid = stack != MAP_FAILED
			    ? clone(wait_for_end, stack + STACK_SIZE, flags | SIGCHLD, NULL)
			    : -1;

	if (pid < 0)
		exit(99);
	return pid;
}

static void end(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

static uint64_t start_time(pid_t pid)
{
	char path[64], text[512];
	unsigned long long ret = 0;
	FILE *file;
	size_t size;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	size = file != NULL ? fread(text, 1, sizeof(text) - 1, file) : 0;
	text[size] = '\0';
	if (file == NULL || strrchr(text, ')') == NULL ||
	    sscanf(strrchr(text, ')') + 1,
		   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d "
		   "%llu",
		   &ret) != 1)
		exit(99);
	(void)fclose(file);
	return ret;
}

/* The answer to the last of as many questions as it takes. */
static bool is_alone(struct neighbours *neighbours, pid_t pid)
{
	bool alone = false;

	for (int i = 0; i < QUESTIONS; i++)
		alone = neighbours_saw_alone(neighbours, pid, start_time(pid));
	return alone;
}

static bool was_alone(pid_t pid)
{
	struct neighbours neighbours;
	bool alone;

	neighbours_init(&neighbours);
	alone = is_alone(&neighbours, pid);
	neighbours_fini(&neighbours);
	return alone;
}

static void test_answers(pid_t other, pid_t sharer)
{
	struct neighbours neighbours;
	pid_t late;

	neighbours_init(&neighbours);
	for (int i = 1; i < QUESTIONS; i++)
		ok(!neighbours_saw_alone(&neighbours, other, start_time(other)),
		   "for a few questions nobody looks");
	ok(neighbours_saw_alone(&neighbours, other, start_time(other)),
	   "for more one does: a process has its memory for itself");
	ok(!neighbours_saw_alone(&neighbours, sharer, start_time(sharer)),
	   "one that has not has not");
	ok(!neighbours_saw_alone(&neighbours, getpid(), start_time(getpid())),
	   "nor has the one that it shares it with");
	ok(!neighbours_saw_alone(&neighbours, other, start_time(other) + 1000),
	   "nothing is known of a process that has begun since with the same number");
	late = start(0);
	ok(!neighbours_saw_alone(&neighbours, late, 0), "nor of one that was not there");
	(void)sleep(1);
	ok(neighbours_saw_alone(&neighbours, late, start_time(late)),
	   "a second later one looks again");
	end(late);
	neighbours_fini(&neighbours);
}

/* Processes that begin, execute another program, and end. */
static pid_t start_churn(void)
{
	pid_t pid = fork();

	while (pid == 0) {
		pid_t child = fork();

		if (child == 0) {
			(void)execl("/bin/true", "true", NULL);
			_exit(1);
		}
		(void)waitpid(child, NULL, 0);
	}
	return pid;
}

static void test_churn(pid_t other, pid_t sharer)
{
	pid_t churns[3];
	unsigned int wrong = 0, known = 0;

	for (int i = 0; i < 3; i++)
		churns[i] = start_churn();
	for (int i = 0; i < LOOKS; i++) {
		wrong += was_alone(i % 2 == 0 ? sharer : getpid());
		known += was_alone(other);
	}
	for (int i = 0; i < 3; i++)
		end(churns[i]);
	is_int(wrong, 0, "while others come and go, one that shares its memory is never missed");
	tap_say("%u of %u looks told that another one does not", known, LOOKS);
	ok(known > 0, "and one that does not is known not to");
}

int main(void)
{
	pid_t other, sharer;

	tap_begin();
	if (syscall(SYS_kcmp, getpid(), getpid(), KCMP_VM, 0, 0) != 0) {
		tap_skip("kcmp(2) is not there or not permitted", "memory is compared");
		return tap_end();
	}
	other = start(0);
	sharer = start(CLONE_VM);
	(void)usleep(20000); /* times are in ticks */
	test_answers(other, sharer);
	test_churn(other, sharer);
	end(other);
	end(sharer);
	return tap_end();
}
