/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Data of another object that is used first by new code where no register is free: refused.
 *
 * refused: LCP_ESYMBOL 'stderr' is of another object
 * only: pie no-pie
 * flags: -O2
 * compilers: gcc
 */
#include <stdio.h>

int __attribute__((noinline)) value(int by)
{
#ifdef PATCHED
	return by + (stderr != NULL);
#else
	return by;
#endif
}

int test_value(void)
{
	return value(1);
}
