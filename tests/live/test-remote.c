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

#include "base/error.h"
#include "borrow.h"
#include "tap.h"
#include "target/remote.h"

#define ROUNDS 1000
#define PAGE 4096

static struct target *open_target(const struct victim *victim)
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

/* The call, with as many attempts as it takes to find the thread where it may be borrowed. */
static int call_patiently(struct target *target, int32_t tid, const struct target_call *call,
			  unsigned int *refused, uint64_t *ret)
{
	uint64_t end = now_ns() + UINT64_C(20000000000);
	int r;

	while ((r = borrow_call(target, tid, call, ret)) == -LCP_EBORROW && now_ns() < end)
		++*refused;
	return r;
}

/* getpid, mmap, munmap: which of them went wrong, or 0. */
static int call_round(struct target *target, int32_t tid, unsigned int *refused)
{
	struct target_call call = { .number = SYSCALL_GETPID };
	uint64_t value = 0, area = 0;

	if (call_patiently(target, tid, &call, refused, &value) < 0 ||
	    value != (uint64_t)target->pid)
		return SYS_getpid;
	call = (struct target_call){
		.number = SYSCALL_MMAP,
		.args = { 0, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1,
			  0 },
	};
	if (call_patiently(target, tid, &call, refused, &area) < 0 || area % PAGE != 0)
		return SYS_mmap;
	call = (struct target_call){ .number = SYSCALL_MUNMAP, .args = { area, PAGE } };
	if (call_patiently(target, tid, &call, refused, &value) < 0 || value != 0)
		return SYS_munmap;
	return 0;
}

static void try_subject(enum subject subject)
{
	unsigned int refused = 0;
	struct victim victim;
	struct target *target;
	int wrong = 0, round;
	uint64_t begin;
	int32_t tid;

	subjects_wanted = 1U << subject;
	victim_start(&victim, subjects_body);
	target = open_target(&victim);
	tid = subject_tid(&victim, subject);
	begin = now_ns();
	for (round = 0; round < ROUNDS && wrong == 0; round++)
		wrong = call_round(target, tid, &refused);
	is_int(wrong, 0, "calls on a thread return what they should");
	if (wrong != 0)
		tap_say("round %d: %s", round, target->fault.text);
	tap_say("%s: %d calls, %.1f us each with stop and release, %u times refused",
		subject_names[subject], 3 * round,
		(double)(now_ns() - begin) / 1000 / (3 * round + (int)refused), refused);
	is_text(victim_ask(&victim, "check"), "ok", subject_names[subject]);
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
