/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where in a process new memory can go: near an object, and in nobody's way.
 */
#ifndef LCP_CORE_SPACE_H
#define LCP_CORE_SPACE_H

#include "core/process.h"

struct space_wish {
	uint64_t size; /* a multiple of the page size */
	uint64_t reach; /* every byte of it is at most so far from every byte of [start, end) */
	uint64_t start;
	uint64_t end;
	uint64_t below; /* all of it lies below this address; 0: anywhere */
	uint64_t heap_start; /* start_brk of /proc/PID/stat; 0: where "[heap]" is, if it is */
};

/*
 * The hole nearest to the object: no mapping is there, a gap is left beside stacks (which grow
 * down), above the heap (which grows up: the gap behind it is large) and to address 0. What lies in
 * @taken (@taken_count of them) is used as well. 0 or -LCP_ENOROOM.
 *
 * The answer may be out of date when it is used: map with MAP_FIXED_NOREPLACE.
 */
struct space_range {
	uint64_t start;
	uint64_t end;
};

int space_find(const struct proc_maps *maps, const struct space_wish *wish,
	       const struct space_range *taken, size_t taken_count, uint64_t *ret,
	       struct lcp_error **reterr);

#endif
