/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * In place of target/unwind.c, for programs without libunwind, which borrow no threads.
 */
#include "target/unwind.h"

void unwinder_forget(struct unwinder *unwinder)
{
	(void)unwinder;
}

void unwinder_begin(struct unwinder *unwinder, struct target *target,
		    const struct target_thread *thread, const struct unwind_copy *stack)
{
	(void)unwinder;
	(void)target;
	(void)thread;
	(void)stack;
}

enum unwind_result unwinder_next(struct unwinder *unwinder, struct unwind_frame *ret)
{
	(void)unwinder;
	*ret = (struct unwind_frame){ 0 };
	return UNWIND_CUT;
}
