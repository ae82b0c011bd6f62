/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Data of another object that is used first by new code: not without a slot in the GOT.
 *
 * refused: LCP_ESYMBOL 'stderr' is of another object
 * only: pie no-pie
 * compilers: gcc
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
