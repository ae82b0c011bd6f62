/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Data of another object that new code uses first, as if it were near: loads go through the GOT.
 * Not stdin: musl locks it for fileno(3), and while a thread waits for input it is locked.
 *
 * expect: 1 4 1
 * only: pie no-pie
 * flags: -O2
 * flags: -O0
 * compilers: gcc
 */
#include <stdio.h>

int __attribute__((noinline)) value(int by)
{
#ifdef PATCHED
	return by + fileno(stderr) + fileno(stdout);
#else
	return by;
#endif
}

int test_value(void)
{
	return value(1);
}
