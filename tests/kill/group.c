/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is patched: five functions that belong together. Each returns 16 times its argument and its
 * level, in its own way: with integers, floating point, data of its own, a call of a library, a
 * loop. Levels 1 and 2 change all of them.
 */
#include "group.h"

#include <stdio.h>

#ifndef LEVEL
#define LEVEL 0
#endif

#define NOINLINE __attribute__((noinline))

volatile int64_t group_calls;

NOINLINE int64_t group_first(int64_t x)
{
	return 16 * x + LEVEL;
}

NOINLINE int64_t group_second(int64_t x)
{
	return (int64_t)((double)x * 16.0 + (double)LEVEL);
}

NOINLINE int64_t group_third(int64_t x)
{
#if LEVEL > 0
	static volatile int64_t mine = LEVEL;

	group_calls++;
	return 16 * x + mine;
#else
	group_calls++;
	return 16 * x;
#endif
}

NOINLINE int64_t group_fourth(int64_t x)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%d", LEVEL);
	return 16 * x + text[0] - '0';
}

NOINLINE int64_t group_fifth(int64_t x)
{
	volatile int64_t sum = LEVEL;

	for (int i = 0; i < 16; i++)
		sum += x;
	return sum;
}
