/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Data of another object that is used first by new code, through a slot of the GOT.
 *
 * expect: 1 3 1
 * only: library dlopen
 */
#include <stdio.h>

int __attribute__((noinline)) value(int by)
{
#ifdef PATCHED
	return by + fileno(stderr);
#else
	return by;
#endif
}

int test_value(void)
{
	return value(1);
}
