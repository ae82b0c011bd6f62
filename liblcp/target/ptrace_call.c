/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which thread is borrowed for a call. One after the other is stopped and offered; that a thread
 * cannot be used for what the kernel or its stack says is found out by remote.c. Here it must be
 * one that stops soon, of its own accord wants nothing, and is not in the code to be avoided.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "target/ptrace.h"
#include "target/remote.h"
#include "target/remote_maps.h"
#include "target/surgeon.h"
#include "target/task.h"
#include "target/unwind.h"

#define MS UINT64_C(1000000)

/* A thread that does not stop in this time is in the kernel for longer. */
#define STOP_PATIENCE (20 * MS)

/* Between two rounds through all threads. */
#define PAUSE_FIRST (MS / 2)
#define PAUSE_LAST (8 * MS)

/* So many threads are looked at for one that sleeps: where most run, most of them do. */
#define ASLEEP_MAX 64

/* A stack that is deeper than this is not looked through. */
#define STACK_MAX ((size_t)8 << 20)

static bool is_avoided(const struct target_call *call, uint64_t address)
{
	for (size_t i = 0; i < TARGET_AVOID_MAX; i++)
		if (address - call->avoid[i].start < call->avoid[i].end - call->avoid[i].start)
			return true;
	return false;
}

/*
 * A word of a stack that could be a return address: there is a call in front of it. Tables of
 * functions, which programs keep on stacks too, hold addresses that nothing returns to.
 */
static bool returns_to_avoided(struct target *target, const struct target_call *call, uint64_t word)
{
	uint8_t code[ARCH_CALL_MAX];

	return is_avoided(call, word) &&
	       (target->ops->read(target, word - sizeof(code), code, sizeof(code)) < 0 ||
		target->arch->is_return(code, sizeof(code)));
}

static bool holds_return(struct target *target, const struct target_call *call,
			 const uint8_t *bytes, size_t size)
{
	for (size_t at = 0; at + sizeof(uint64_t) <= size; at += sizeof(uint64_t))
		if (returns_to_avoided(target, call, get_le64(bytes + at)))
			return true;
	return false;
}

/*
 * Where the stack ends that @sp is on: it may be several mappings (mlock(2) of a part). What else
 * follows a stack without a gap may hold any address: libraries, whose tables name what they call.
 */
static uint64_t find_stack_end(struct target *target, int32_t tid, uint64_t sp, char *text,
			       size_t size)
{
	struct remote_mapping mapping;
	uint64_t end = sp;

	while (end - sp < STACK_MAX &&
	       remote_maps_find(target->pid, tid, end, text, size, &mapping) == 0 &&
	       mapping.writable && !mapping.shared &&
	       (mapping.name_size == 0 || mapping.name[0] == '['))
		end = mapping.end;
	return end;
}

/*
 * Unwound, does it return into the code? A function that has a buffer and did not fill it keeps
 * what others left there before, for as long as it sleeps. What cannot be unwound counts.
 */
static bool unwinds_to_avoided(struct target *target, const struct target_thread *thread,
			       const struct target_call *call)
{
	struct unwinder *unwinder = target->unwinder;
	const struct unwind_copy none = { 0 };
	enum unwind_result result;
	struct unwind_frame frame;

	if (unwinder == NULL)
		return true;
	unwinder_forget(unwinder);
	unwinder_begin(unwinder, target, thread, &none);
	while ((result = unwinder_next(unwinder, &frame)) == UNWIND_FRAME)
		if (is_avoided(call, frame.pc - (frame.is_return ? 1 : 0)))
			return true;
	return result != UNWIND_START;
}

/*
 * Does its stack hold a word that looks like it? Below sp nothing is returned to: a red zone
 * (x86-64 ABI) holds variables, of a function that calls none, and a thread that sleeps there may
 * have had an address of libgcc in it for long.
 */
static bool stack_names_avoided(struct target *target, const struct target_thread *thread,
				const struct target_call *call)
{
	uint64_t at = target_register(thread, target->arch->regs->sp) & ~UINT64_C(7);
	uint8_t words[16384];
	size_t looked = 0, part, left;

	left = find_stack_end(target, thread->tid, at, (char *)words, sizeof(words)) - at;
	do {
		part = left < sizeof(words) ? left : sizeof(words);
		part = target->ops->read_some(target, at + looked, words, part);
		if (holds_return(target, call, words, part))
			return true;
		looked += part;
		left -= part;
	} while (part > 0 && left > 0 && looked < STACK_MAX);
	return looked == 0 || looked >= STACK_MAX;
}

/*
 * Could the thread be in the code to be avoided, or return into it? Words that look like it are
 * looked for first: most threads need not be unwound.
 */
static bool may_be_inside(struct target *target, const struct target_thread *thread,
			  const struct target_call *call)
{
	const struct arch_regs *regs = target->arch->regs;

	if (call->avoid[0].start == call->avoid[0].end)
		return false;
	if (is_avoided(call, target_register(thread, regs->pc)) ||
	    holds_return(target, call, thread->regs, regs->size))
		return true;
	return stack_names_avoided(target, thread, call) &&
	       unwinds_to_avoided(target, thread, call);
}

/* Its entry in the table: that of one that is traced already, or a new one. */
static int find_entry(struct target_ptrace *ptrace, int32_t tid, size_t *ret)
{
	struct task_stat stat;

	*ret = ptrace_table_find(ptrace, tid);
	if (*ret < ptrace->count)
		return ptrace->threads[*ret].called ? -LCP_EBORROW : 0;
	if (task_stat(ptrace->proc, tid, &stat) < 0 || stat.state == 'D' || stat.state == 'Z' ||
	    stat.state == 'X' || ptrace_seize(ptrace, tid, 0, ret) < 0)
		return -LCP_EBORROW;
	return 0;
}

/* Stop entry @i where its registers may be changed. */
static int stop_one(struct target_ptrace *ptrace, size_t i, uint64_t deadline)
{
	struct ptrace_thread *thread = &ptrace->threads[i];
	uint64_t end = ptrace_now(&ptrace->base) + STOP_PATIENCE;
	int32_t tid = ptrace->table[i].tid;
	int r;

	ptrace_look_before(ptrace, i);
	(void)ptrace_do(PTRACE_INTERRUPT, tid, 0, 0);
	thread->called = true;
	if (ptrace->surgeon != NULL)
		surgeon_tick(ptrace->surgeon, STOP_PATIENCE);
	r = ptrace_wait_stop(&ptrace->base, tid, end < deadline ? end : deadline, &thread->stop);
	if (ptrace->surgeon != NULL)
		surgeon_tick(ptrace->surgeon, 0);
	if (r == 0)
		r = ptrace_take_regs(ptrace, i);
	if (r == -ETIMEDOUT || r == -LCP_EGONE) /* it will stop, and be let go by ptrace_serve() */
		return -LCP_EBORROW;
	thread->state = PTRACE_STOPPED;
	if (r == -ESRCH)
		ptrace_bury(ptrace, i);
	if (r == 0 && thread->stop.kind != PTRACE_INTERRUPTED && thread->stop.kind != PTRACE_GROUP)
		r = -EAGAIN;
	if (r < 0 && thread->state == PTRACE_STOPPED)
		ptrace_let_go(ptrace, i);
	return r < 0 ? -LCP_EBORROW : 0;
}

/* Where remote_call() left it. */
static void put_back(struct target_ptrace *ptrace, size_t i, int result)
{
	struct ptrace_thread *thread = &ptrace->threads[i];

	if (result == 0 && ptrace->keeps)
		ptrace->kept = ptrace->table[i].tid;
	else if (result == -LCP_EGONE)
		ptrace_bury(ptrace, i);
	else if (result == -LCP_ESTOP)
		thread->state = PTRACE_RUNNING; /* and called: ptrace_serve() lets it go */
	else
		ptrace_let_go(ptrace, i);
}

/* The entry of the thread that is kept. */
static size_t find_kept(const struct target_ptrace *ptrace)
{
	size_t i = 0;

	while (i < ptrace->count &&
	       (ptrace->table[i].tid != ptrace->kept || ptrace->threads[i].state != PTRACE_STOPPED))
		i++;
	return i;
}

/* -LCP_EBORROW: another one may do. */
static int try_thread(struct target_ptrace *ptrace, int32_t tid, const struct target_call *call,
		      uint64_t deadline, uint64_t *ret)
{
	struct target *target = &ptrace->base;
	bool stands = tid == ptrace->kept;
	size_t i = find_kept(ptrace);
	int r = 0;

	ptrace->kept = 0;
	if (!stands)
		r = find_entry(ptrace, tid, &i);
	if (!stands && r == 0)
		r = stop_one(ptrace, i, deadline);
	if (r < 0)
		return r;
	if (may_be_inside(target, &ptrace->table[i], call)) {
		ptrace_let_go(ptrace, i);
		return target_fail(target, -LCP_EBORROW, "thread %d may be in code to be avoided",
				   tid);
	}
	r = remote_call(target, tid, call, deadline, ret);
	put_back(ptrace, i, r);
	/* The thread has gone; whether the process has is seen when another is looked for. */
	return r == -LCP_EGONE && ptrace_alive(target) == 0 ? -LCP_EBORROW : r;
}

/* Try @tid, and keep the reason why not: another one may do. */
static int try_one(struct target_ptrace *ptrace, int32_t tid, const struct target_call *call,
		   uint64_t deadline, uint64_t *ret, struct target_fault *reason)
{
	struct target_fault *fault = &ptrace->base.fault;
	int r;

	ptrace_table_tidy(ptrace);
	r = try_thread(ptrace, tid, call, deadline, ret);
	if (r == -LCP_EBORROW && fault->code != 0) {
		*reason = *fault;
		*fault = (struct target_fault){ 0 };
	}
	return r;
}

/* Does the thread sleep in the kernel? */
static bool sleeps(const struct target_ptrace *ptrace, int32_t tid)
{
	struct task_stat stat;

	return task_stat(ptrace->proc, tid, &stat) == 0 && stat.state == 'S';
}

enum round {
	/* Those that are asleep: nobody waits for them, and they have their turn at once. */
	ROUND_ASLEEP,
	ROUND_ALL,
	ROUND_LAST_RESORT, /* see struct target_call */
	ROUNDS
};

/* The first that does it ends the round. */
static int try_all(struct target_ptrace *ptrace, enum round round, const struct target_call *call,
		   uint64_t deadline, uint64_t *ret, struct target_fault *reason)
{
	struct target_call last_resort = *call;
	struct task_walk walk;
	int r = -LCP_EBORROW;
	unsigned int looks = 0;
	int32_t tid;

	if (round == ROUND_LAST_RESORT) {
		last_resort.last_resort = true;
		call = &last_resort;
	}
	task_walk_begin(&walk, ptrace->tasks);
	while (r == -LCP_EBORROW && (tid = task_walk_next(&walk)) != 0) {
		if (round == ROUND_ASLEEP && ++looks > ASLEEP_MAX)
			break;
		if (round != ROUND_ASLEEP || sleeps(ptrace, tid))
			r = try_one(ptrace, tid, call, deadline, ret, reason);
	}
	return r;
}

void ptrace_borrow(struct target *target)
{
	ptrace_of(target)->keeps = true;
}

void ptrace_give_back(struct target *target)
{
	struct target_ptrace *ptrace = ptrace_of(target);
	size_t i = find_kept(ptrace);

	if (ptrace->kept != 0 && i < ptrace->count)
		ptrace_let_go(ptrace, i);
	ptrace->kept = 0;
	ptrace->keeps = false;
}

static int call_on_any(struct target *target, const struct target_call *call, uint64_t deadline,
		       uint64_t *ret)
{
	struct target_ptrace *ptrace = ptrace_of(target);
	struct target_fault reason = { 0 };
	uint64_t pause = PAUSE_FIRST;
	int r;

	for (;;) {
		r = -LCP_EBORROW;
		if (ptrace->kept != 0)
			r = try_one(ptrace, ptrace->kept, call, deadline, ret, &reason);
		for (int round = 0; round < ROUNDS && r == -LCP_EBORROW; round++)
			r = try_all(ptrace, (enum round)round, call, deadline, ret, &reason);
		/* Late, but begun: it must not be made again. */
		if (r == -ETIMEDOUT || r == -LCP_ESTOP) {
			target->late = target->late || call->function != 0;
			return target_fail(target, -LCP_EBORROW, "the call did not end in time");
		}
		if (r != -LCP_EBORROW)
			return r;
		if (ptrace_alive(target) < 0)
			return target_fail(target, -LCP_EGONE, "process %d has ended", target->pid);
		if (ptrace_now(target) >= deadline)
			return target_fail(target, r, "no thread of process %d could be used%s%s",
					   target->pid, *reason.text != '\0' ? ": " : "",
					   reason.text);
		ptrace_sleep(target, pause);
		pause = pause < PAUSE_LAST ? 2 * pause : PAUSE_LAST;
	}
}

/* A fault there was before is kept: this may be a call that takes something back. */
int ptrace_call(struct target *target, const struct target_call *call, uint64_t deadline,
		uint64_t *ret)
{
	const struct target_fault before = target->fault;
	int r;

	target->fault = (struct target_fault){ 0 };
	r = call_on_any(target, call, deadline, ret);
	if (before.code != 0)
		target->fault = before;
	return r;
}
