/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signals of a process that is stopped and held: none is lost, none is late, and a call that a
 * signal ends or does not end is as it would be without us.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "operation.h"
#include "tap.h"
#include "victim.h"

#define STOPS 500
#define QUEUED 20000

static atomic_uint timer_signals, queued_signals, queued_sum, handled;

static void count_timer(int signal)
{
	(void)signal;
	timer_signals++;
}

static void count_queued(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	queued_signals++;
	queued_sum += (unsigned int)info->si_value.sival_int;
}

static void *turn(void *unused)
{
	volatile unsigned int number = 0;

	for (;;)
		number++;
	return unused;
}

static void take_signals(void)
{
	struct sigaction timer = { .sa_handler = count_timer, .sa_flags = SA_RESTART };
	struct sigaction queued = { .sa_sigaction = count_queued,
				    .sa_flags = SA_RESTART | SA_SIGINFO };
	const struct itimerval often = { { 0, 1000 }, { 0, 1000 } };
	pthread_t thread;
	char line[64];

	(void)sigaction(SIGALRM, &timer, NULL);
	(void)sigaction(SIGRTMIN, &queued, NULL);
	(void)setitimer(ITIMER_REAL, &often, NULL);
	if (pthread_create(&thread, NULL, turn, NULL) != 0)
		return;
	victim_say("ready");
	while (victim_hear(line, sizeof(line)))
		victim_say("%u %u %u", timer_signals, queued_signals, queued_sum);
}

/* In a process of its own: queue signals, one after the other, while the victim is stopped. */
static pid_t start_sender(pid_t victim)
{
	pid_t sender;

	(void)fflush(stdout);
	sender = fork();
	if (sender != 0)
		return sender;
	for (int i = 0; i < QUEUED; i++)
		while (sigqueue(victim, SIGRTMIN, (union sigval){ .sival_int = i }) < 0)
			if (errno != EAGAIN)
				_exit(1);
	_exit(0);
}

static void try_counting(uint32_t flags)
{
	unsigned int timer, timer_before, queued, sum, before_sum;
	struct operation operation;
	struct victim victim;
	int status = 0;
	pid_t sender;

	victim_start(&victim, take_signals);
	operation_begin(&operation, victim.pid, flags);
	operation.stops = STOPS;
	operation.pause_ns = 300000;
	(void)sscanf(victim_ask(&victim, "count"), "%u", &timer_before);
	sender = start_sender(victim.pid);
	is_int(operation_run(&operation), 0, "a process that gets signals is stopped 500 times");
	is_int(operation.least_threads, 2, "all its threads stand still each time");
	(void)waitpid(sender, &status, 0);
	is_int(status, 0, "meanwhile 20000 real-time signals were queued");
	do {
		before_sum = 0;
		(void)sscanf(victim_ask(&victim, "count"), "%u %u %u", &timer, &queued, &sum);
	} while (queued < QUEUED && before_sum++ < 1000);
	is_int(queued, QUEUED, "as many were received");
	is_int(sum, (unsigned int)((uint64_t)QUEUED * (QUEUED - 1) / 2),
	       "each with the number it was sent with");
	ok(timer > timer_before + 100, "the 1 kHz timer goes on: %u signals", timer - timer_before);
	ok(victim_is_free(&victim), "nothing is traced afterwards");
	operation_end(&operation);
	(void)victim_kill(&victim);
}

static void handle(int signal)
{
	(void)signal;
	handled++;
}

/* Waits in epoll_wait(2), with a handler for SIGUSR1, and SIGUSR2 ignored. */
static void wait_for_events(void)
{
	const struct sigaction action = { .sa_handler = handle, .sa_flags = SA_RESTART };
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC), fds[2], result;

	(void)sigaction(SIGUSR1, &action, NULL);
	(void)signal(SIGUSR2, SIG_IGN);
	if (pipe(fds) < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fds[0], &event) < 0)
		return;
	victim_say("ready");
	result = epoll_wait(epoll, &event, 1, 3000);
	victim_say("%s, %u handled", result < 0 && errno == EINTR ? "EINTR" : "timeout", handled);
	victim_say("end");
}

/* A signal sent by the test: while threads are stopped, or while one is held. */
struct sending {
	int signal;
	bool stopped;
	uint64_t until_ns;
};

static void send_stopped(struct target *target, void *arg)
{
	(void)syscall(SYS_kill, target->pid, ((struct sending *)arg)->signal);
}

static int send_held(void *arg)
{
	struct operation *operation = arg;
	struct target *target = operation->target;
	const struct sending *sending = operation->arg;
	int r = target->ops->hold(target, target->ops->now(target) + UINT64_C(1000000000));

	for (int i = 0; r == 0 && i < 20; i++) {
		(void)syscall(SYS_kill, target->pid, sending->signal);
		target->ops->sleep(target, 2000000);
	}
	target->ops->release(target);
	return r;
}

static void try_ending(int signal, bool stopped, uint32_t flags, const char *wanted,
		       const char *claim)
{
	struct sending sending = { .signal = signal };
	struct operation operation;
	struct victim victim;

	victim_start(&victim, wait_for_events);
	victim_await_state(&victim, victim.pid, 'S');
	operation_begin(&operation, victim.pid, flags);
	operation.arg = &sending;
	operation.while_stopped = send_stopped;
	if (stopped)
		is_int(operation_run(&operation), 0, "a process in epoll_wait is stopped");
	else
		is_int(operation.target->ops->operate(operation.target, send_held, &operation), 0,
		       "a process in epoll_wait is held");
	is_text(victim_listen(&victim), wanted, claim);
	operation_end(&operation);
	(void)victim_end(&victim);
}

int main(void)
{
	tap_begin();
	try_counting(0);
	try_counting(TARGET_IN_PROCESS);
	for (uint32_t flags = 0; flags <= TARGET_IN_PROCESS; flags++) {
		try_ending(SIGUSR1, true, flags, "EINTR, 1 handled",
			   "a signal with a handler ends the call with EINTR");
		try_ending(SIGUSR2, true, flags, "timeout, 0 handled",
			   "one that is ignored does not");
		try_ending(SIGUSR2, false, flags, "timeout, 0 handled",
			   "nor does one that is ignored while the thread is held");
	}
	return tap_end();
}
