/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls on borrowed threads: what is returned is right, and the thread notices nothing.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "borrow.h"
#include "tap.h"
#include "target/remote.h"

#define ROUNDS 1000
#define PAGE 4096

/* A call on a thread that is stopped: what it returned; @failed if it could not be made. */
static uint64_t call_stopped(struct target *target, int32_t tid, const struct target_call *call,
			     uint64_t failed)
{
	uint64_t value = failed;

	(void)remote_call(target, tid, call, now_ns() + UINT64_C(10000000000), &value);
	return value;
}

/* In one stop getpid, mmap, munmap: which of them went wrong, or 0. */
static int call_round(struct target *target, int32_t tid)
{
	struct target_call getpid_call = { .number = SYSCALL_GETPID };
	struct target_call mmap_call = {
		.number = SYSCALL_MMAP,
		.args = { 0, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1,
			  0 },
	};
	struct target_call munmap_call = { .number = SYSCALL_MUNMAP };
	uint64_t area;

	if (call_stopped(target, tid, &getpid_call, 0) != (uint64_t)target->pid)
		return SYS_getpid;
	area = call_stopped(target, tid, &mmap_call, 1);
	if (area % PAGE != 0)
		return SYS_mmap;
	munmap_call.args[0] = area;
	munmap_call.args[1] = PAGE;
	return call_stopped(target, tid, &munmap_call, 1) == 0 ? 0 : SYS_munmap;
}

static int compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

static double median_us(uint64_t *times, size_t count)
{
	qsort(times, count, sizeof(*times), compare);
	return (double)times[count / 2] / 1000;
}

/* What a call costs, beside what it costs to stop a thread and let it go. */
static uint64_t call_times[ROUNDS], stop_times[ROUNDS];

static int time_round(struct target *target, int32_t tid, int round)
{
	uint64_t begin = now_ns(), called;
	int r = borrow_stop(target, tid);

	if (r < 0)
		return r;
	borrow_release(tid);
	stop_times[round] = now_ns() - begin;
	r = borrow_stop_usable(target, tid);
	if (r < 0)
		return r;
	called = now_ns();
	r = call_round(target, tid);
	call_times[round] = (now_ns() - called) / 3;
	borrow_release(tid);
	return r;
}

static void try_subject(enum subject subject)
{
	struct victim victim;
	struct target *target;
	int wrong = 0, round;
	int32_t tid;

	subjects_wanted = 1U << subject;
	victim_start(&victim, subjects_body);
	target = borrow_open(&victim);
	tid = subject_tid(&victim, subject);
	for (round = 0; round < ROUNDS && wrong == 0; round++)
		wrong = time_round(target, tid, round);
	is_int(wrong, 0, "calls on a thread return what they should");
	if (wrong != 0)
		tap_say("round %d: %s", round, target->fault.text);
	tap_say("%s: %d calls, median %.1f us each; a stop and release: %.1f us",
		subject_names[subject], 3 * round, median_us(call_times, (size_t)round),
		median_us(stop_times, (size_t)round));
	is_text(victim_ask(&victim, "check"), "ok", subject_names[subject]);
	is_text(victim_ask(&victim, "leaks"), "0", "no system call was interrupted");
	ok(victim_is_free(&victim), "and it is not traced");
	target_close(target);
	ok(victim_end(&victim) == 0, "the victim ends well");
}

int main(void)
{
	tap_begin();
	for (enum subject subject = 0; subject < SUBJECT_COUNT; subject++)
		try_subject(subject);
	return tap_end();
}
