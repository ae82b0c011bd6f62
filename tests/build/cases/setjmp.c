/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * setjmp() and longjmp(), across the border of the patch.
 *
 * expect: 1 12 1
 */
#include <setjmp.h>

static jmp_buf place;

static void __attribute__((noinline)) jump(int value)
{
	longjmp(place, value);
}

int __attribute__((noinline)) come_back(void)
{
	int value = setjmp(place);

#ifdef PATCHED
	if (value < 12)
		jump(value + 4);
#else
	if (value < 1)
		jump(value + 1);
#endif
	return value;
}

int test_value(void)
{
	return come_back();
}
