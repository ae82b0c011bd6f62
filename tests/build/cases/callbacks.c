/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A new function is a callback: of qsort(), in a table, compared.
 *
 * expect: 1 9 1
 */
#include <stdlib.h>

static int __attribute__((noinline)) up(const void *left, const void *right)
{
	return *(const int *)left - *(const int *)right;
}

#ifdef PATCHED
static int __attribute__((noinline)) down(const void *left, const void *right)
{
	return *(const int *)right - *(const int *)left;
}

static int (*const orders[])(const void *left, const void *right) = { up, down };
#endif

int __attribute__((noinline)) first(int which)
{
	int numbers[] = { 5, 1, 9, 3 };
#ifdef PATCHED
	int (*order)(const void *left, const void *right) = orders[which];

	qsort(numbers, 4, sizeof(numbers[0]), order);
	return order == down ? numbers[0] : -1;
#else
	qsort(numbers, (size_t)which + 3, sizeof(numbers[0]), up);
	return numbers[0];
#endif
}

int test_value(void)
{
	return first(1);
}
