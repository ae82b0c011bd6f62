/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every level of optimisation, with loops, strings, a table and a struct by value.
 *
 * expect: 34 141 34
 * flags: -O0
 * flags: -O1
 * flags: -O2
 * flags: -O3
 * flags: -Os
 * flags: -Og -g
 * flags: -O2 -fno-omit-frame-pointer -fno-optimize-sibling-calls
 * flags: -Os -ffunction-sections -fdata-sections
 */
#include <string.h>

struct shape {
	long sides[5];
};

static const char *const names[] = { "one", "three", "eleven", "a hundred" };
int weights[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

static long __attribute__((noinline)) around(struct shape shape)
{
	long sum = 0;

	for (int i = 0; i < 5; i++)
		sum += shape.sides[i];
	return sum;
}

int __attribute__((noinline)) value(int last)
{
	struct shape shape = { { 1, 1, 1, 1, last } };
	int sum = 0;

	for (int i = 0; i <= last; i++)
		sum += weights[i] * (int)strlen(names[i]);
#ifdef PATCHED
	for (int i = 7; i > last; i--)
		sum += weights[i] * (int)(strchr(names[3], 'h') - names[3]);
	sum += (int)strlen("and the rest") + 35;
#endif
	return sum + (int)around(shape) - 3 + (last == 2 ? 0 : 1);
}

int test_value(void)
{
	return value(2);
}
