/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which thread is borrowed for a call: stopped, looked at, used, let go.
 */
#include "target/ptrace.h"

#include "target/remote.h"

int ptrace_call(struct target *target, const struct target_call *call, uint64_t deadline,
		uint64_t *ret)
{
	return remote_call(target, 0, call, deadline, ret);
}
