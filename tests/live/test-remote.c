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

static void try_subject(enum subject subject)
{
	struct victim victim;
	struct target *target;
	uint64_t begin, ns = 0;
	int wrong = 0, round;
	int32_t tid;

	subjects_wanted = 1U << subject;
	victim_start(&victim, subjects_body);
	target = borrow_open(&victim);
	tid = subject_tid(&victim, subject);
	for (round = 0; round < ROUNDS && wrong == 0; round++) {
		wrong = borrow_stop_usable(target, tid);
		if (wrong != 0)
			break;
		begin = now_ns();
		wrong = call_round(target, tid);
		ns += now_ns() - begin;
		borrow_release(tid);
	}
	is_int(wrong, 0, "calls on a thread return what they should");
	if (wrong != 0)
		tap_say("round %d: %s", round, target->fault.text);
	tap_say("%s: %d calls, %.1f us each", subject_names[subject], 3 * round,
		(double)ns / 1000 / (3 * round));
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
