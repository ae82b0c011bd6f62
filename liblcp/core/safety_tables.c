/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Unwind tables, found and read before threads stop.
 */
#include "core/safety_private.h"

int safety_tables_init(struct safety *safety, const struct lcp_process *process,
		       const struct safety_table *tables, size_t count, struct lcp_error **reterr)
{
	(void)process;
	(void)tables;
	(void)count;
	return unwinder_new(safety->arch, NULL, 0, NULL, 0, &safety->unwinder, reterr);
}

void safety_tables_fini(struct safety *safety)
{
	(void)safety;
}
