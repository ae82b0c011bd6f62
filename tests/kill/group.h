/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The functions that are patched together, and what the victim and the test see both.
 */
#ifndef LCP_TESTS_GROUP_H
#define LCP_TESTS_GROUP_H

#include <stdatomic.h>
#include <stdint.h>

int64_t group_first(int64_t x);
int64_t group_second(int64_t x);
int64_t group_third(int64_t x);
int64_t group_fourth(int64_t x);
int64_t group_fifth(int64_t x);

/*
 * A page of memory that both have. Whoever begins something that may switch the group counts it
 * first: so a thread knows how many switches it may have seen.
 */
struct board {
	atomic_uint_fast64_t switches;
};

#endif
