/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The surgeon in a program that has its own ideas of children, signals and threads; that is ended
 * in the middle; whose surgeon is killed.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "operation.h"
#include "tap.h"
#include "victim.h"

#define STOPS 200
#define KILLS 100
#define THREADS 8

static void *turn(void *counter)
{
	for (;;)
		++*(atomic_uint *)counter;
	return NULL;
}

static void *rest(void *unused)
{
	for (;;)
		(void)pause();
	return unused;
}

/* Threads that run and threads that wait, and an answer for whoever asks. */
static void live(void)
{
	static atomic_uint counters[2];
	char line[64];
	pthread_t thread;

	for (size_t i = 0; i < THREADS; i++)
		if (pthread_create(&thread, NULL, i < 2 ? turn : rest,
				   i < 2 ? &counters[i] : NULL) != 0)
			return;
	victim_say("ready");
	while (victim_hear(line, sizeof(line))) {
		unsigned int before[2] = { counters[0], counters[1] };

		while (counters[0] == before[0] || counters[1] == before[1])
			;
		victim_say("alive");
	}
}

static void is_well(struct victim *victim)
{
	is_text(victim_ask(victim, "how"), "alive", "all of the process goes on");
	ok(victim_is_free(victim), "it is not traced");
}

static atomic_bool leave;
static atomic_uint stolen, own_children, child_signals;

static void count_child(int signal)
{
	(void)signal;
	child_signals++;
}

/* Reaps whatever it can, and makes children of its own to have something to reap. */
static void *reap_all(void *unused)
{
	while (!leave) {
		pid_t own = fork(), found;

		if (own == 0)
			_exit(0);
		while ((found = waitpid(-1, NULL, 0)) > 0)
			if (found != own)
				stolen++;
		own_children++;
	}
	return unused;
}

static void try_hostile(void)
{
	const struct sigaction action = { .sa_handler = count_child, .sa_flags = SA_RESTART };
	unsigned int children, signals;
	struct operation operation;
	struct victim victim;
	pthread_t thread;

	/* A grandchild: waitpid(-1) would wait for a child to end. */
	victim_start_apart(&victim, live);
	(void)sigaction(SIGCHLD, &action, NULL);
	if (pthread_create(&thread, NULL, reap_all, NULL) != 0)
		return;
	operation_begin(&operation, victim.pid, 0);
	operation.stops = STOPS;
	operation.pause_ns = 200000;
	is_int(operation_run(&operation), 0,
	       "200 stops beside a thread that waits for any child, and a SIGCHLD handler");
	leave = true;
	(void)pthread_join(thread, NULL);
	(void)signal(SIGCHLD, SIG_DFL);
	children = own_children;
	signals = child_signals;
	is_int(stolen, 0, "no stop and no surgeon was taken for a child");
	ok(children > 0 && signals <= children, "no signal but those of %u own children (%u)",
	   children, signals);
	is_well(&victim);
	operation_end(&operation);
	(void)victim_end(&victim);
}

static void try_ignored(void)
{
	struct operation operation;
	struct victim victim;

	victim_start(&victim, live);
	(void)signal(SIGCHLD, SIG_IGN);
	operation_begin(&operation, victim.pid, 0);
	operation.stops = 10;
	is_int(operation_run(&operation), 0, "a program that ignores SIGCHLD stops a process");
	(void)signal(SIGCHLD, SIG_DFL);
	is_well(&victim);
	operation_end(&operation);
	(void)victim_end(&victim);
}

/* The surgeon says who it is, and is killed by a thread of the program, at any moment. */
static atomic_int surgeon_pid;
static uint64_t kill_after_ns;

static void *kill_surgeon(void *unused)
{
	uint64_t end;

	while (surgeon_pid == 0)
		;
	end = now_ns() + kill_after_ns;
	while (now_ns() < end)
		;
	(void)kill(surgeon_pid, SIGKILL);
	return unused;
}

static int work_for_long(void *arg)
{
	struct operation *operation = arg;
	struct target *target = operation->target;
	uint64_t end = target->ops->now(target) + UINT64_C(10000000000);
	uint8_t bytes[64];
	int r;

	surgeon_pid = (int)syscall(SYS_getpid);
	r = target->ops->hold(target, end);
	while (r == 0 && target->ops->now(target) < end) {
		r = target->ops->stop(target, end);
		if (r == 0)
			(void)target->ops->read_some(target, (uint64_t)(uintptr_t)live, bytes,
						     sizeof(bytes));
		if (r == 0)
			r = target->ops->resume(target);
		target->ops->sleep(target, 100000);
	}
	return r;
}

static unsigned int mappings(void)
{
	FILE *file = fopen("/proc/self/maps", "re");
	unsigned int lines = 0;
	int c;

	while (file != NULL && (c = fgetc(file)) != EOF)
		lines += c == '\n';
	if (file != NULL)
		(void)fclose(file);
	return lines;
}

static void try_killed(void)
{
	unsigned int killed = 0, named = 0, free = 0, answered = 0, before = 0;
	struct operation operation;
	struct victim victim;
	pthread_t thread;

	victim_start(&victim, live);
	operation_begin(&operation, victim.pid, 0);
	for (int i = 0; i < KILLS; i++) {
		surgeon_pid = 0;
		kill_after_ns = (uint64_t)i * 17000; /* up to 1.7 ms: some stops */
		if (pthread_create(&thread, NULL, kill_surgeon, NULL) != 0)
			break;
		killed += operation.target->ops->operate(operation.target, work_for_long,
							 &operation) == -LCP_EINTERRUPTED;
		named += strstr(operation.target->fault.text, "signal 9") != NULL;
		operation.target->fault = (struct target_fault){ 0 };
		(void)pthread_join(thread, NULL);
		free += victim_is_free(&victim);
		answered += strcmp(victim_ask(&victim, "how"), "alive") == 0;
		if (i == 10)
			before = mappings();
	}
	is_int(killed, KILLS, "100 surgeons that are killed have been interrupted");
	is_int(named, KILLS, "and by what is said");
	is_int(free, KILLS, "the process is not traced afterwards, each time");
	is_int(answered, KILLS, "it goes on, each time");
	ok(mappings() <= before + 5, "nothing is left in our memory");
	is_int(operation_run(&operation), 0, "the next surgeon does its work");
	is_well(&victim);
	operation_end(&operation);
	(void)victim_end(&victim);
}

/* Says on the pipe when it is stopped, and stays so for a while after the program was killed. */
static void outlive_program(struct target *target, void *arg)
{
	const int *fds = arg;
	uint64_t end = target->ops->now(target) + UINT64_C(100000000);

	(void)!write(fds[1], "s", 1);
	while (target->ops->now(target) < end)
		;
	(void)!write(fds[1], "d", 1);
}

static void try_orphaned(void)
{
	struct operation operation;
	struct victim victim;
	char said[2] = "";
	int fds[2];
	pid_t program;

	victim_start(&victim, live);
	if (pipe(fds) < 0)
		return;
	(void)fflush(stdout);
	program = fork();
	if (program == 0) {
		operation_begin(&operation, victim.pid, 0);
		operation.while_stopped = outlive_program;
		operation.arg = fds;
		_exit(operation_run(&operation) == 0 ? 0 : 1);
	}
	(void)close(fds[1]);
	(void)!read(fds[0], &said[0], 1);
	(void)kill(program, SIGKILL);
	(void)waitpid(program, NULL, 0);
	(void)!read(fds[0], &said[1], 1);
	ok(said[0] == 's' && said[1] == 'd', "a surgeon whose program is killed goes on");
	(void)!read(fds[0], &said[1], 1); /* until its end */
	(void)close(fds[0]);
	is_well(&victim);
	(void)victim_end(&victim);
}

static int look_at_schedule(void *arg)
{
	*(int *)arg = sched_getscheduler(0);
	return 7;
}

static void try_schedule(uint32_t flags)
{
	struct sched_param none = { 0 };
	struct operation operation;
	struct victim victim;
	int inside = -1;

	victim_start(&victim, live);
	operation_begin(&operation, victim.pid, flags);
	(void)setpriority(PRIO_PROCESS, 0, 3);
	(void)sched_setscheduler(0, SCHED_BATCH, &none);
	is_int(operation_run(&operation), 0, "a program of low priority stops a process");
	ok(sched_getscheduler(0) == SCHED_BATCH && getpriority(PRIO_PROCESS, 0) == 3,
	   "its policy and niceness are what they were");
	is_int(operation.target->ops->operate(operation.target, look_at_schedule, &inside), 7,
	       "operate() returns what the work returns");
	is_int(inside, SCHED_BATCH, "which runs as the program does as long as nothing is stopped");
	(void)sched_setscheduler(0, SCHED_OTHER, &none);
	(void)setpriority(PRIO_PROCESS, 0, 0);
	is_well(&victim);
	operation_end(&operation);
	(void)victim_end(&victim);
}

/* How far a thread is that is cancelled meanwhile. */
static atomic_bool stopped, cancelled;
static atomic_uint steps;

static void *be_cancelled(void *arg)
{
	steps += operation_run(arg) == 0;
	pthread_testcancel();
	steps += 10;
	return NULL;
}

static void wait_for_cancelling(struct target *target, void *arg)
{
	uint64_t end = target->ops->now(target) + UINT64_C(10000000000);

	(void)arg;
	stopped = true;
	while (!cancelled && target->ops->now(target) < end)
		;
	target->ops->sleep(target, 1000000); /* it would end here */
}

static void try_cancelled(void)
{
	struct operation operation;
	struct victim victim;
	pthread_t thread;

	victim_start(&victim, live);
	operation_begin(&operation, victim.pid, 0);
	operation.while_stopped = wait_for_cancelling;
	if (pthread_create(&thread, NULL, be_cancelled, &operation) != 0)
		return;
	while (!stopped)
		;
	(void)pthread_cancel(thread);
	cancelled = true;
	(void)pthread_join(thread, NULL);
	is_int(steps, 1, "a thread that is cancelled finishes the operation first");
	is_well(&victim);
	operation_end(&operation);
	(void)victim_end(&victim);
}

int main(void)
{
	tap_begin();
	try_hostile();
	try_ignored();
	try_killed();
	try_orphaned();
	try_schedule(0);
	try_schedule(TARGET_IN_PROCESS);
	try_cancelled();
	return tap_end();
}
