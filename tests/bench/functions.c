/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * 4,096 functions that are the same but for their names, f000 to ffff, and two to be called often.
 * Of those the first CHANGED have another version. Only their names differ: so a patch of one of
 * them becomes a patch of another by another address.
 */
#include <stdint.h>

#include "functions.h"

#ifndef CHANGED
#define CHANGED 0
#endif
#ifndef CALLS_CHANGED
#define CALLS_CHANGED 0
#endif

#define DEFINE(n)                                         \
	__attribute__((noinline)) int f##n(int x)         \
	{                                                 \
		return 3 * x + x / 7 + (0x##n < CHANGED); \
	}

ALL_FUNCTIONS(DEFINE)

__attribute__((noinline)) void empty(void)
{
	if (CALLS_CHANGED)
		__asm__ volatile("nop");
}

__attribute__((noinline)) uint64_t small(uint64_t x, uint64_t y)
{
	return (x ^ (x >> 7)) + (y ^ (y << 9)) + CALLS_CHANGED;
}
