/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "target/remote_private.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "target/ptrace.h"
#include "target/remote_code.h"

/*
 * A stop mostly comes within microseconds; so at first it is asked for again and again (each time
 * takes 0.2 us, and sleeping and being woken 10 or more), then with pauses, so that a thread which
 * shares the CPU with us gets there.
 */
#define SPINS 200
#define PAUSE_FIRST_NS 20000
#define PAUSE_LAST_NS 1000000

/* For a thread that did not return in time to stop at least. */
#define GRACE_NS UINT64_C(1000000000)

/* Of a system call that a signal has interrupted, inside the kernel: ERESTARTSYS and so on. */
#define RESTART_FIRST (-516)
#define RESTART_LAST (-512)

#define SIGNAL_BIT(signal) (UINT64_C(1) << ((signal)-1))

/* What instructions raise. */
static const uint64_t faults = SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGFPE) |
			       SIGNAL_BIT(SIGILL) | SIGNAL_BIT(SIGTRAP) | SIGNAL_BIT(SIGSYS);

int remote_prepare(struct target *target, uint32_t options)
{
	int r;

	if (target->remote == NULL)
		target->remote = calloc(1, sizeof(*target->remote));
	if (target->remote == NULL)
		return target_fail(target, -ENOMEM, "no memory for calls");
	target->remote->options = options;
	if (target->remote->gadgets[GADGET_SYSCALL_RET].address != 0 &&
	    remote_code_holds(target, target->remote->gadgets))
		return 0;
	r = remote_code_find(target, target->remote->gadgets);
	return r < 0 ? target_fail(target, r, "looking for code to make calls with") : 0;
}

void remote_free(struct remote *remote)
{
	free(remote);
}

static void classify(struct loan *loan, int status)
{
	int event = status >> 16;
	siginfo_t info = { 0 };

	loan->signal = WSTOPSIG(status);
	if (event == PTRACE_EVENT_STOP) {
		loan->stop = STOP_EVENT;
	} else if (event != 0) {
		loan->stop = STOP_OTHER;
	} else if (loan->signal == (SIGTRAP | 0x80)) {
		loan->stop = STOP_SYSCALL;
	} else {
		loan->stop = STOP_SIGNAL;
		if (loan->signal < 64 && (faults & SIGNAL_BIT(loan->signal)) != 0 &&
		    ptrace_do(PTRACE_GETSIGINFO, loan->tid, 0, (uint64_t)(uintptr_t)&info) == 0 &&
		    info.si_code > 0)
			loan->stop = STOP_FAULT;
	}
}

/* Wait until the thread stops: 0; -ETIMEDOUT; -LCP_EGONE. */
static int await(struct loan *loan)
{
	const struct target_ops *ops = loan->target->ops;
	uint64_t pause = PAUSE_FIRST_NS;

	for (int tries = 0;; tries++) {
		siginfo_t info = { 0 };
		int r = waitid(P_PID, (id_t)loan->tid, &info,
			       WSTOPPED | WEXITED | WNOWAIT | WNOHANG | __WALL);

		/* Stops are looked at and not taken: see ptrace_wait(). */
		if (info.si_code == CLD_TRAPPED || info.si_code == CLD_STOPPED) {
			classify(loan, info.si_status << 8 | 0x7f);
			return 0;
		}
		/* An end is waited for by ptrace_bury(), if it is ours. */
		if ((r < 0 && errno != EINTR) || info.si_pid != 0)
			return target_fail(loan->target, -LCP_EGONE, "thread %d has ended",
					   loan->tid);
		if (tries < SPINS)
			continue;
		if (ops->now(loan->target) >= loan->deadline)
			return -ETIMEDOUT;
		ops->sleep(loan->target, pause);
		pause = pause * 2 < PAUSE_LAST_NS ? pause * 2 : PAUSE_LAST_NS;
	}
}

/*
 * A signal that somebody sent, at the stop before its delivery: block it, and the kernel puts it
 * back into its queue (ptrace_signal()). SIGSTOP cannot be blocked: it stops the process now, as
 * it should, and only this thread goes on for the time of the call.
 */
static int hold_back(struct loan *loan)
{
	return loan->signal == SIGSTOP ? 0 : loan_set_mask(loan, UINT64_MAX);
}

/*
 * Let the thread run until it stands at a @wanted stop. 0; -EFAULT at a fault; -ETIMEDOUT, and it
 * may be running; -LCP_EGONE.
 */
static int advance(struct loan *loan, int request, enum remote_stop wanted)
{
	int r;

	do {
		bool deliver = loan->stop == STOP_SIGNAL;

		r = deliver ? hold_back(loan) : 0;
		if (r == 0)
			r = loan_ptrace(loan, request, 0, deliver ? (uint64_t)loan->signal : 0,
					"resuming");
		if (r < 0)
			return r;
		loan->stop = STOP_NONE;
		r = await(loan);
		if (r < 0 || loan->stop == wanted)
			return r;
		if (loan->stop == STOP_FAULT)
			return -EFAULT;
	} while (loan->target->ops->now(loan->target) < loan->deadline);
	return -ETIMEDOUT;
}

/* On to the next place where registers may be put back. A system call is finished on the way. */
static int settle(struct loan *loan)
{
	int r = loan_ptrace(loan, PTRACE_INTERRUPT, 0, 0, "interrupting");

	return r < 0 ? r : advance(loan, PTRACE_CONT, STOP_EVENT);
}

/* Registers to go to @start with, and of no system call. */
static void aim(struct loan *loan, const struct arch_start *start)
{
	const struct arch_regs *at = loan->target->arch->regs;
	uint8_t *regs = loan->remote->now;

	memcpy(regs, loan->remote->regs, at->size);
	loan_put_reg(regs, at->pc, start->pc);
	loan_put_reg(regs, at->sp, start->sp);
	loan_put_reg(regs, at->link, start->link);
	loan_put_reg(regs, at->flags,
		     loan_reg(regs, at->flags) & ~loan->target->arch->flags_cleared);
	loan_put_reg(regs, at->orig_result, UINT64_MAX);
}

/* The system call that is made when the thread goes on from the stop at the entry of one. */
static int set_syscall(struct loan *loan, int32_t number)
{
	const struct arch *arch = loan->target->arch;

	loan_put_reg(loan->remote->now, arch->regs->orig_result, (uint64_t)(int64_t)number);
	if (arch->sets->syscall == 0)
		return 0;
	loan->remote->work.size = sizeof(number);
	memcpy(loan->remote->work.bytes, &number, sizeof(number));
	return loan_set_set(loan, arch->sets->syscall, &loan->remote->work);
}

/* Is it at the entry of the rt_sigreturn that would bring it back? */
static int is_at_sigreturn(struct loan *loan, bool *ret)
{
	const struct arch *arch = loan->target->arch;
	const uint8_t *regs = loan->remote->now;
	uint16_t number = arch->regs->orig_result == ARCH_NO_REG ? arch->regs->syscall
								 : arch->regs->orig_result;
	int r = loan_get_regs(loan, loan->remote->now);

	*ret = r == 0 && loan_reg(regs, number) == (uint64_t)arch->syscalls[SYSCALL_RT_SIGRETURN] &&
	       loan_reg(regs, arch->regs->sp) == loan->remote->frame.sigreturn_sp;
	return r;
}

/* What the call returned, at the stop behind it. */
static int read_result(struct loan *loan, uint64_t *ret)
{
	int r = loan_get_regs(loan, loan->remote->now);
	int64_t result = (int64_t)loan_reg(loan->remote->now, loan->target->arch->regs->result);

	*ret = (uint64_t)(result >= RESTART_FIRST && result <= RESTART_LAST ? -EINTR : result);
	return r;
}

static int fail_stop(struct loan *loan)
{
	return target_fail(loan->target, -LCP_ESTOP, "thread %d did not come back in time",
			   loan->tid);
}

static void extend_deadline(struct loan *loan)
{
	uint64_t end = loan->target->ops->now(loan->target) + GRACE_NS;

	if (loan->deadline < end)
		loan->deadline = end;
}

/*
 * Once the call has begun it will be made: so to be late is no reason to let another thread make it
 * again, as it would be with -LCP_EBORROW.
 */
static int finish_syscall(struct loan *loan)
{
	int r;

	extend_deadline(loan);
	r = settle(loan);
	return r == -ETIMEDOUT ? fail_stop(loan) : r;
}

/*
 * In two steps: the thread sets out for rt_sigreturn, and at the stop at its entry another call
 * takes that one's place. So if we die before that, there was no call; and a seccomp filter that
 * is no longer suspended then has seen only what it must allow anyway.
 *
 * The registers are set before signals are blocked, and if we die in between the frame has the
 * mask.
 */
static int run_syscall(struct loan *loan, const struct target_call *call, uint64_t *ret)
{
	const struct arch *arch = loan->target->arch;
	uint8_t *regs = loan->remote->now;
	int number = arch->syscalls[call->number];
	bool ready = false;
	int r;

	aim(loan, &loan->remote->frame.back);
	r = loan_set_regs(loan, regs);
	if (r == 0)
		r = loan_set_mask(loan, ~faults);
	if (r == 0)
		r = advance(loan, PTRACE_SYSCALL, STOP_SYSCALL);
	if (r == 0)
		r = is_at_sigreturn(loan, &ready);
	if (r < 0)
		return r;
	if (!ready)
		return -EFAULT;

	aim(loan, &loan->remote->frame.syscall);
	loan_put_reg(regs, arch->regs->syscall, (uint64_t)number);
	for (int i = 0; i < 6; i++)
		loan_put_reg(regs, arch->regs->args[i], call->args[i]);
	r = set_syscall(loan, number);
	if (r == 0)
		r = loan_set_regs(loan, regs);
	if (r == 0)
		r = finish_syscall(loan);
	return r < 0 ? r : read_result(loan, ret);
}

static int enter_function(struct loan *loan, const struct target_call *call)
{
	struct remote *remote = loan->remote;
	const struct arch *arch = loan->target->arch;
	int r;

	remote->frame.function.pc = call->function;
	aim(loan, &remote->frame.function);
	loan_put_reg(remote->now, arch->regs->result, 0);
	for (int i = 0; i < 6; i++)
		loan_put_reg(remote->now, arch->regs->function_args[i], call->args[i]);
	loan_put_reg(remote->now, remote->frame.result_reg, remote->frame.result_base);
	remote->work = remote->fp;
	arch->clean_fp(remote->work.bytes, remote->work.size);

	r = loan_set_regs(loan, remote->now);
	if (r == 0)
		r = loan_set_set(loan, arch->sets->fp, &remote->work);
	return r < 0 ? r : loan_set_mask(loan, ~faults);
}

/*
 * The function has returned when rt_sigreturn of the frame is entered; its own system calls pass.
 * It is not to be made, since it would forget how a timed call goes on: see refuse_restart().
 */
static int run_function(struct loan *loan, const struct target_call *call, uint64_t *ret)
{
	struct target *target = loan->target;
	const struct arch_frame *frame = &loan->remote->frame;
	bool done = false;
	int r = enter_function(loan, call);

	while (r == 0 && !done) {
		r = advance(loan, PTRACE_SYSCALL, STOP_SYSCALL);
		if (r == 0)
			r = is_at_sigreturn(loan, &done);
	}
	if (r < 0)
		return r;
	*ret = frame->loses_result ? 0 : loan_reg(loan->remote->now, target->arch->regs->result);
	if (frame->result == 0)
		return 0;
	return target->ops->read(target, frame->result, ret, sizeof(*ret));
}

/* Make the thread stop in the signal path, wherever it is. */
static int halt(struct loan *loan, bool give_up_call)
{
	int r = 0;

	extend_deadline(loan);
	if (loan->stop == STOP_NONE) {
		r = loan_ptrace(loan, PTRACE_INTERRUPT, 0, 0, "interrupting");
		if (r == 0)
			r = await(loan);
	}
	if (r == 0 && loan->stop == STOP_SYSCALL && give_up_call) {
		aim(loan, &loan->remote->frame.back);
		r = set_syscall(loan, -1);
		if (r == 0)
			r = loan_set_regs(loan, loan->remote->now);
	}
	if (loan->stop == STOP_FAULT)
		loan->stop = STOP_OTHER; /* its signal is not delivered */
	if (r == 0 && loan->stop != STOP_EVENT)
		r = settle(loan);
	return r == -ETIMEDOUT ? fail_stop(loan) : r;
}

/* Say why a call that began did not end, as a code that is documented. */
static int explain(struct loan *loan, const struct target_call *call, int code)
{
	struct target *target = loan->target;

	if (code == -EFAULT && call->function != 0)
		return target_fail(target, -LCP_EDAMAGED,
				   "the function at 0x%llx ended with signal %d in thread %d",
				   (unsigned long long)call->function, loan->signal, loan->tid);
	if (code == -EFAULT)
		return target_fail(target, -LCP_EBORROW,
				   "thread %d got signal %d in place of a system call", loan->tid,
				   loan->signal);
	if (code == -ETIMEDOUT && call->function != 0)
		(void)target_fail(target, -LCP_EBORROW,
				  "the function at 0x%llx did not return in time: thread %d is "
				  "left to finish it",
				  (unsigned long long)call->function, loan->tid);
	else if (code == -ETIMEDOUT)
		return target_fail(target, -LCP_EBORROW, "thread %d was not run in time",
				   loan->tid);
	return code;
}

int remote_call(struct target *target, int32_t tid, const struct target_call *call,
		uint64_t deadline, uint64_t *ret)
{
	struct loan loan = {
		.target = target,
		.remote = target->remote,
		.tid = tid,
		.deadline = deadline,
		.stop = STOP_EVENT,
	};
	bool in_function, left;
	uint64_t value = 0;
	int r, back;

	r = loan_save(&loan, call);
	if (r == 0)
		r = loan_begin(&loan, call);
	if (r < 0)
		return r;

	in_function = call->function != 0;
	r = in_function ? run_function(&loan, call, &value) : run_syscall(&loan, call, &value);
	if (r == -LCP_EGONE || r == -LCP_ESTOP)
		return r;
	left = in_function && r == -ETIMEDOUT;
	r = explain(&loan, call, r);
	back = halt(&loan, !left);
	if (back == 0)
		back = left ? loan_leave(&loan) : loan_end(&loan);
	if (back < 0)
		return back;
	if (r == 0)
		*ret = value;
	return r;
}
