/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Several functions change, static and global ones, and one calls another.
 *
 * expect: 111 222 111
 * mixes: 1
 */
#ifdef PATCHED
#define DIGIT 2
#else
#define DIGIT 1
#endif
static int __attribute__((noinline)) ones(int factor)
{
	return DIGIT * factor;
}

int __attribute__((noinline)) tens(int factor)
{
	return 10 * DIGIT * factor + ones(factor);
}

int test_value(void)
{
	return 100 * DIGIT + tens(1);
}
