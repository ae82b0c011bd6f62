/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls made by a borrowed thread that heal themselves: whoever dies, and whenever, the thread
 * comes back to where it was with every register, its signal mask and what was on its stack.
 *
 * Before the thread is sent anywhere a signal frame is put on its stack (struct arch_frame), and
 * every way it is sent leads to rt_sigreturn(2) of that frame. While the tracer lives the thread
 * does not get there: it is stopped behind the call, and put back as it was.
 *
 * Which thread is borrowed, stopping it and letting it go is not decided here.
 */
#ifndef LCP_TARGET_REMOTE_H
#define LCP_TARGET_REMOTE_H

#include "target/target.h"

/*
 * Once before operate() in which calls are made: allocates, and looks for the pieces of code that
 * are needed in what the process has mapped. That there are none is found out by the call.
 * @options are those PTRACE_O_* that threads are seized with. 0, -ENOMEM, -LCP_EGONE, -EPERM, with
 * a fault set.
 */
int remote_prepare(struct target *target, uint32_t options);
void remote_free(struct remote *remote);

/*
 * Run @call on thread @tid, which is seized and stopped at an interrupt stop or group stop; the
 * others may run. 0, and *@ret is what was returned. The thread stands at such a stop again when
 * this returns, but for -LCP_EGONE and -LCP_ESTOP, and it is as it was, but for -ETIMEDOUT:
 *
 *	-LCP_EBORROW		not this thread: it is in something that would notice, or its stack
 *				is not one that is known to have room
 *	-LCP_EUNSUPPORTED	a seccomp filter in the way, a shadow stack, 32-bit code, no code to
 *				come back by
 *	-LCP_EDAMAGED		the function ended with a signal; what it had begun is half done
 *	-ETIMEDOUT		the function did not return before @deadline: the thread is still in
 *				it, with signals blocked, and comes back by itself when let go. The
 *				fault says -LCP_EBORROW
 *	-LCP_ESTOP		the thread did not come back in time, and runs; it will stop, or
 *				come back by itself when its tracer lets it go or dies
 *	-LCP_EGONE		it has ended
 *
 * A function must not wait with a time limit: if it is interrupted there, the kernel forgets how a
 * timed call that the thread was in goes on, and that returns EINTR.
 */
int remote_call(struct target *target, int32_t tid, const struct target_call *call,
		uint64_t deadline, uint64_t *ret);

#endif
