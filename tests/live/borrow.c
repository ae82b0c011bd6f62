/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "borrow.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "subjects.h"
#include "target/remote.h"

const char *const subject_names[SUBJECT_COUNT] = {
	[SUBJECT_LOOP] = "registers", [SUBJECT_NANOSLEEP] = "nanosleep",
	[SUBJECT_POLL] = "poll",      [SUBJECT_EPOLL] = "epoll_wait",
	[SUBJECT_PIPE] = "pipe",      [SUBJECT_FUTEX] = "futex",
	[SUBJECT_PPOLL] = "ppoll",    [SUBJECT_ALARM] = "alarm",
	[SUBJECT_SLEEP] = "sleep",
};

uint32_t subjects_wanted;
void (*subject_hear)(const char *word);

struct subject_state subject_states[SUBJECT_COUNT];

void subject_fail(struct subject_state *state, const char *what, long value)
{
	char text[sizeof(state->wrong)];

	(void)snprintf(text, sizeof(text), "%s: %ld (0x%lx)", what, value, (unsigned long)value);
	if (!atomic_load(&state->failed)) {
		memcpy(state->wrong, text, sizeof(text));
		atomic_store(&state->failed, true);
	}
}

static void *run_subject(void *number)
{
	size_t i = (size_t)number;
	struct subject_state *state = &subject_states[i];
	sigset_t mask, now;

	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGUSR2);
	if (i != SUBJECT_ALARM)
		(void)sigaddset(&mask, SIGALRM);
	(void)pthread_sigmask(SIG_SETMASK, &mask, NULL);
	atomic_store(&state->tid, (int)syscall(SYS_gettid));
	for (;;) {
		errno = 77;
		subject_turns[i](state);
		if (errno != 77)
			subject_fail(state, "errno", errno);
		(void)pthread_sigmask(SIG_SETMASK, NULL, &now);
		if (memcmp(&now, &mask, 8) != 0)
			subject_fail(state, "the mask", *(long *)(void *)&now);
		atomic_fetch_add(&state->turns, 1);
	}
	return NULL;
}

/* Every subject makes two more turns: the first may have begun long ago. */
static void check(void)
{
	unsigned int before[SUBJECT_COUNT];
	uint64_t end = now_ns() + UINT64_C(20000000000);

	for (size_t i = 0; i < SUBJECT_COUNT; i++)
		before[i] = atomic_load(&subject_states[i].turns);
	for (size_t i = 0; i < SUBJECT_COUNT; i++) {
		struct subject_state *state = &subject_states[i];

		if ((subjects_wanted & 1U << i) == 0)
			continue;
		while (!atomic_load(&state->failed) && atomic_load(&state->turns) < before[i] + 2) {
			if (i == SUBJECT_SLEEP)
				subject_wake(state);
			if (now_ns() > end) {
				victim_say("%s: does not go on", subject_names[i]);
				return;
			}
			(void)usleep(100);
		}
		if (atomic_load(&state->failed)) {
			victim_say("%s: %s", subject_names[i], state->wrong);
			return;
		}
	}
	victim_say("ok");
}

static void start_subjects(void)
{
	for (enum subject i = 0; i < SUBJECT_COUNT; i++) {
		pthread_t thread;

		if ((subjects_wanted & 1U << i) == 0)
			continue;
		subject_prepare(i);
		if (pthread_create(&thread, NULL, run_subject, (void *)(uintptr_t)i) != 0)
			_exit(97);
		while (atomic_load(&subject_states[i].turns) == 0)
			(void)usleep(100);
	}
}

void subjects_body(void)
{
	char line[64];
	sigset_t all;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, NULL);
	/* Where Yama is, a tracer that is no parent has to be allowed. */
	(void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	start_subjects();
	victim_say("ready");
	while (victim_hear(line, sizeof(line))) {
		if (strcmp(line, "check") == 0)
			check();
		else if (strcmp(line, "leaks") == 0)
			victim_say("%u", atomic_load(&subject_states[SUBJECT_EPOLL].leaks));
		else if (strncmp(line, "tid ", 4) == 0)
			victim_say("%d", atomic_load(&subject_states[atoi(line + 4)].tid));
		else if (subject_hear != NULL)
			subject_hear(line);
	}
}

int32_t subject_tid(struct victim *victim, enum subject subject)
{
	char line[16];

	(void)snprintf(line, sizeof(line), "tid %d", subject);
	return atoi(victim_ask(victim, line));
}

static void cure(struct target *target, int32_t tid)
{
	uint8_t regs[TARGET_REGS_MAX];
	const struct arch_blocked before = { .number = ARCH_NO_SYSCALL };
	struct iovec set = { regs, sizeof(regs) };

	if (ptrace(PTRACE_GETREGSET, tid, 1, &set) == 0 && set.iov_len > 200 &&
	    target->arch->cure(regs, &before))
		(void)ptrace(PTRACE_SETREGSET, tid, 1, &set);
}

int borrow_stop(struct target *target, int32_t tid)
{
	int status;

	if (ptrace(PTRACE_SEIZE, tid, 0, 0) < 0 || ptrace(PTRACE_INTERRUPT, tid, 0, 0) < 0)
		return -errno;
	for (;;) {
		if (waitpid(tid, &status, __WALL) != tid || !WIFSTOPPED(status))
			return -ECHILD;
		if (status >> 16 == PTRACE_EVENT_STOP)
			break;
		(void)ptrace(PTRACE_CONT, tid, 0, WSTOPSIG(status));
	}
	cure(target, tid);
	return 0;
}

int borrow_stop_usable(struct target *target, int32_t tid)
{
	struct target_call call = { .number = SYSCALL_GETPID };
	uint64_t value;
	int r;

	do {
		r = borrow_stop(target, tid);
		if (r < 0)
			return r;
		target->fault = (struct target_fault){ 0 };
		r = remote_call(target, tid, &call, now_ns() + UINT64_C(10000000000), &value);
		if (r < 0)
			borrow_release(tid);
	} while (r == -LCP_EBORROW);
	return r;
}

struct target *borrow_open(const struct victim *victim)
{
	autoerror struct lcp_error *error = NULL;
	struct target *target = NULL;

	if (target_open(victim->pid, TARGET_IN_PROCESS, &target, &error) < 0 ||
	    remote_prepare(target, 0) < 0) {
		printf("Bail out! cannot open the victim\n");
		exit(99);
	}
	return target;
}

void borrow_release(int32_t tid)
{
	(void)ptrace(PTRACE_DETACH, tid, 0, 0);
}

int borrow_call(struct target *target, int32_t tid, const struct target_call *call, uint64_t *ret)
{
	int r;

	target->fault = (struct target_fault){ 0 };
	r = borrow_stop(target, tid);
	if (r < 0)
		return r;
	r = remote_call(target, tid, call, now_ns() + UINT64_C(10000000000), ret);
	borrow_release(tid);
	return r;
}
