/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "target/surgeon.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lcp/error.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

/* Enough for libunwind, which keeps its cursors (4 KiB each) and caches on the stack. */
#define STACK_SIZE ((size_t)256 << 10)
#define GUARD_SIZE ((size_t)64 << 10) /* a page, whatever its size */

#define TICK_NS 5000000

/* What the two processes say to each other. */
struct operation {
	struct surgeon *surgeon;
	atomic_bool done; /* result is valid */
};

/*
 * sigprocmask(3) would leave out the two signals that glibc keeps for itself, and one of them
 * cancels threads.
 */
static void set_mask(uint64_t mask, uint64_t *ret_old)
{
	(void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, ret_old, sizeof(mask));
}

static void take_alarm(int signal, siginfo_t *info, void *context)
{
	struct surgeon *surgeon = info->si_value.sival_ptr;

	(void)signal;
	(void)context;
	if (info->si_code == SI_TIMER) /* and not from somebody else */
		surgeon->tick(surgeon->tick_arg);
}

/* Handlers and timers are the surgeon's own (no CLONE_SIGHAND). */
static bool take_alarms(struct surgeon *surgeon)
{
	const struct sigaction action = { .sa_sigaction = take_alarm, .sa_flags = SA_SIGINFO };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL,
				  .sigev_signo = SIGALRM,
				  .sigev_value.sival_ptr = surgeon };

	if (sigaction(SIGALRM, &action, NULL) < 0 ||
	    timer_create(CLOCK_MONOTONIC, &event, &surgeon->timer) < 0)
		return false;
	set_mask(~(UINT64_C(1) << (SIGALRM - 1)), NULL);
	return true;
}

void surgeon_tick(struct surgeon *surgeon, uint64_t first_ns)
{
	struct itimerspec time = { 0 };

	if (first_ns != 0) {
		/* Again and again, since the first may come just before the call that waits. */
		time.it_interval.tv_nsec = TICK_NS;
		time.it_value.tv_sec = (time_t)(first_ns / 1000000000);
		time.it_value.tv_nsec = (long)(first_ns % 1000000000);
	}
	(void)timer_settime(surgeon->timer, 0, &time, NULL);
}

static int run_inside(void *argument)
{
	struct operation *operation = argument;
	struct surgeon *surgeon = operation->surgeon;

	(void)prctl(PR_SET_NAME, SURGEON_NAME);
	surgeon->result = take_alarms(surgeon) ? surgeon->work(surgeon->arg) : -errno;
	atomic_store(&operation->done, true);
	return 0;
}

/*
 * Wait until it is gone, and with it the last trace of it. Without a signal at its end only __WALL
 * and __WCLONE find it (clone(2)). If a thread of the program around us was so greedy, it has
 * waited for us.
 */
static void reap(int pid, struct surgeon *surgeon)
{
	int status = 0;

	while (syscall(SYS_wait4, pid, &status, __WALL, NULL) < 0)
		if (errno != EINTR)
			return;
	if (WIFSIGNALED(status))
		surgeon->signal = WTERMSIG(status);
}

/*
 * CLONE_VFORK holds us until its end. It shares errno and the state of cancellation with the thread
 * that waits for it. CLONE_FILES: a copy would keep open for a while what the program around us
 * closes meanwhile, and closing the copies costs time, and more on network file systems, before
 * the kernel lets tracees go (do_exit: exit_files is in front of exit_notify).
 */
static int run_on(uint8_t *stack, struct surgeon *surgeon)
{
	struct operation operation = { .surgeon = surgeon };
	int pid = clone(run_inside, stack + GUARD_SIZE + STACK_SIZE,
			CLONE_VM | CLONE_VFORK | CLONE_FILES, &operation);

	if (pid < 0)
		return -errno;
	reap(pid, surgeon);
	return atomic_load(&operation.done) ? 0 : -LCP_EINTERRUPTED;
}

/*
 * A surgeon that was killed has never left its functions, and what AddressSanitizer noted of their
 * variables would be held against the next one that is given the same memory.
 */
static void forget_frames(const void *stack, size_t size)
{
#ifdef __SANITIZE_ADDRESS__
	__asan_unpoison_memory_region(stack, size);
#else
	(void)stack;
	(void)size;
#endif
}

static int run_apart(struct surgeon *surgeon)
{
	uint8_t *stack = mmap(NULL, GUARD_SIZE + STACK_SIZE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
	int r;

	if (stack == MAP_FAILED)
		return -errno;
	forget_frames(stack, GUARD_SIZE + STACK_SIZE);
	r = mprotect(stack, GUARD_SIZE, PROT_NONE) < 0 ? -errno : run_on(stack, surgeon);
	(void)munmap(stack, GUARD_SIZE + STACK_SIZE);
	return r;
}

int surgeon_run(struct surgeon *surgeon)
{
	int cancel, r;
	uint64_t mask;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	set_mask(~UINT64_C(0), &mask);
	r = run_apart(surgeon);
	set_mask(mask, NULL);
	(void)pthread_setcancelstate(cancel, NULL);
	return r;
}

void surgeon_run_here(struct surgeon *surgeon)
{
	uint64_t mask;
	int cancel;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	set_mask(~UINT64_C(0), &mask);
	surgeon->result = surgeon->work(surgeon->arg);
	set_mask(mask, NULL);
	(void)pthread_setcancelstate(cancel, NULL);
}
