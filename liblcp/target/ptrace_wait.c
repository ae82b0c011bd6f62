/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One thread that is traced: waiting for its stops, what they are, its registers.
 */
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "target/ptrace.h"
#include "target/task.h"

/* How often a thread is asked for without a pause. */
#define SPINS 20

int ptrace_do(int request, int32_t tid, uint64_t address, uint64_t data)
{
	return syscall(SYS_ptrace, request, tid, address, data) < 0 ? -errno : 0;
}

struct ptrace_stop ptrace_classify(int status)
{
	struct ptrace_stop stop = { .status = status, .kind = PTRACE_OTHER };

	if (!WIFSTOPPED(status)) {
		stop.kind = PTRACE_ENDED;
		return stop;
	}
	switch (status >> 16) {
	case 0:
		if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
			stop.kind = PTRACE_SYSCALL_STOP;
		} else {
			stop.kind = PTRACE_SIGNAL;
			stop.signal = WSTOPSIG(status);
		}
		break;
	case PTRACE_EVENT_STOP:
		stop.kind = WSTOPSIG(status) == SIGTRAP ? PTRACE_INTERRUPTED : PTRACE_GROUP;
		break;
	case PTRACE_EVENT_CLONE:
		stop.kind = PTRACE_CLONE;
		break;
	}
	return stop;
}

bool ptrace_may_reap(const struct target_ptrace *ptrace, int32_t tid)
{
	return !ptrace->is_parent || tid != ptrace->base.pid;
}

long ptrace_wait(const struct target_ptrace *ptrace, int32_t tid, int flags, int *ret_status)
{
	siginfo_t info = { 0 };

	if (syscall(SYS_waitid, P_PID, tid, &info, WSTOPPED | WEXITED | WNOWAIT | __WALL | flags,
		    NULL) < 0)
		return -1;
	if (info.si_pid == 0)
		return 0;
	*ret_status = 0;
	if (info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED)
		return !ptrace_may_reap(ptrace, tid)
			       ? tid
			       : syscall(SYS_wait4, tid, ret_status, __WALL | WNOHANG, NULL);
	*ret_status = info.si_status << 8 | 0x7f;
	return tid;
}

/*
 * A first thread that has ended while others live is not reported before they have ended too
 * (kernel/exit.c, delay_group_leader).
 */
static bool will_not_report(const struct target_ptrace *ptrace, int32_t tid)
{
	return tid == ptrace->base.pid && task_is_dead(ptrace->proc, tid);
}

/*
 * In the surgeon waiting is ended by its tick; in another thread nothing may be sent, so it asks
 * again and again.
 */
static int wait_until(struct target_ptrace *ptrace, int32_t tid, uint64_t deadline, int *ret_status)
{
	const struct timespec pause = { .tv_nsec = 20000 };
	bool here = ptrace->surgeon == NULL;

	for (unsigned int tries = 0;; tries++) {
		long found = ptrace_wait(ptrace, tid, here ? WNOHANG : 0, ret_status);

		if (found == tid)
			return 0;
		if (found < 0 && errno != EINTR)
			return -ESRCH;
		if (here && tries < SPINS)
			continue;
		if (will_not_report(ptrace, tid))
			return -ESRCH;
		if (deadline != UINT64_MAX && ptrace_alive(&ptrace->base) < 0)
			return -LCP_EGONE;
		if (ptrace_now(&ptrace->base) >= deadline)
			return -ETIMEDOUT;
		if (here && tries % SPINS == 0)
			ptrace_tick(ptrace);
		if (here)
			(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	}
}

int ptrace_wait_stop(struct target *target, int32_t tid, uint64_t deadline, struct ptrace_stop *ret)
{
	struct target_ptrace *ptrace = ptrace_of(target);
	int status = 0, r;

	ptrace->waits++;
	ptrace->waiting = true;
	r = wait_until(ptrace, tid, deadline, &status);
	ptrace->waiting = false;
	if (r < 0)
		return r;
	*ret = ptrace_classify(status);
	return ret->kind == PTRACE_ENDED ? -ESRCH : 0;
}

int ptrace_get_regs(int32_t tid, int type, void *regs, size_t *size)
{
	struct iovec set = { regs, *size };
	int r = ptrace_do(PTRACE_GETREGSET, tid, (uint64_t)type, (uint64_t)(uintptr_t)&set);

	*size = set.iov_len;
	return r;
}

int ptrace_set_regs(int32_t tid, int type, const void *regs, size_t size)
{
	struct iovec set = { (void *)(uintptr_t)regs, size };

	return ptrace_do(PTRACE_SETREGSET, tid, (uint64_t)type, (uint64_t)(uintptr_t)&set);
}

/*
 * "0 0xd 0x55b8de67f480 ... 0x7ffffa49b738 0x7fda319722ad": number, six arguments, sp, pc; or
 * "running" (proc(5)).
 */
void ptrace_look_before(struct target_ptrace *ptrace, size_t i)
{
	struct arch_blocked before = { .number = ARCH_NO_SYSCALL };
	char text[256], *at = text;

	if (!ptrace->base.arch->cure_needs_before)
		return;
	if (task_read(ptrace->proc, ptrace->table[i].tid, "syscall", text, sizeof(text)) > 0 &&
	    *text >= '0' && *text <= '9') {
		before.number = (int64_t)strtoull(at, &at, 10);
		for (size_t k = 0; k < ARRAY_SIZE(before.args); k++)
			before.args[k] = strtoull(at, &at, 16);
		before.sp = strtoull(at, &at, 16);
		before.pc = strtoull(at, &at, 16);
	}
	ptrace->threads[i].before = before;
}

/*
 * Where the cure repeats the call by going back to it, a signal that waits for its handler would no
 * longer end the call, and must: then nothing is cured. A mask that the call set for its time
 * (epoll_pwait) would stay: it is put back by setting the one that is in force.
 */
static bool may_go_back(const struct target_ptrace *ptrace, int32_t tid)
{
	uint64_t mask;

	if (!ptrace->base.arch->cure_needs_before)
		return true;
	if (task_signals_wait(ptrace->proc, tid))
		return false;
	return ptrace_do(PTRACE_GETSIGMASK, tid, sizeof(mask), (uint64_t)(uintptr_t)&mask) == 0 &&
	       ptrace_do(PTRACE_SETSIGMASK, tid, sizeof(mask), (uint64_t)(uintptr_t)&mask) == 0;
}

/*
 * Also at the delivery of a signal: traced threads get signals that are ignored, too
 * (kernel/signal.c, sig_ignored), and these would not have ended the call. If there is a handler,
 * the kernel turns what the cure has set into -EINTR again.
 */
int ptrace_take_regs(struct target_ptrace *ptrace, size_t i)
{
	const struct arch *arch = ptrace->base.arch;
	struct target_thread *thread = &ptrace->table[i];
	uint8_t cured[TARGET_REGS_MAX];
	size_t size = sizeof(thread->regs);
	int r = ptrace_get_regs(thread->tid, NT_PRSTATUS, thread->regs, &size);

	if (r < 0)
		return r;
	if (size != arch->regs->size)
		return -EINVAL;
	memcpy(cured, thread->regs, size);
	if (!arch->cure(cured, &ptrace->threads[i].before) || !may_go_back(ptrace, thread->tid))
		return 0;
	r = ptrace_set_regs(thread->tid, NT_PRSTATUS, cured, size);
	if (r == 0)
		memcpy(thread->regs, cured, size);
	return r;
}
