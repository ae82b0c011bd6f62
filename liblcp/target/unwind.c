/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "target/unwind.h"

#include <stdlib.h>
#include "base/error.h"

struct unwinder {
	const struct arch *arch;
};

int unwinder_new(const struct arch *arch, const struct unwind_table *tables, size_t table_count,
		 const struct unwind_copy *copies, size_t copy_count, struct unwinder **ret,
		 struct lcp_error **reterr)
{
	(void)tables;
	(void)table_count;
	(void)copies;
	(void)copy_count;
	*ret = calloc(1, sizeof(**ret));
	if (*ret == NULL)
		return error_set_nomem(reterr);
	(*ret)->arch = arch;
	return 0;
}

void unwinder_free(struct unwinder *unwinder)
{
	free(unwinder);
}

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
	(void)ret;
	return UNWIND_CUT;
}
