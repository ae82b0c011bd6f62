/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A system call or function of ours on a thread of the process: the one thing that changes what a
 * thread does. Which thread is asked is target/ptrace_call.c's choice.
 */
#ifndef LCP_TARGET_REMOTE_H
#define LCP_TARGET_REMOTE_H

#include <stdint.h>

#include "target/target.h"

/*
 * Run @call on thread @tid, which is seized and stopped at an interrupt stop with @regs: returns
 * with the thread in the same state. 0, and *@ret is what it returned; -LCP_EBORROW if another
 * thread might do; -LCP_EUNSUPPORTED; -LCP_EGONE.
 */
int remote_call(struct target *target, int32_t tid, const struct target_call *call,
		uint64_t deadline, uint64_t *ret);

#endif
