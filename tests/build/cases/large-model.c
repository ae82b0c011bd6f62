/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Code for the large model: addresses of 64 bits.
 *
 * expect: 2 3 2
 * flags: -O2 -mcmodel=large
 */
int outside(int value);
int __attribute__((noinline)) value(int by)
{
#ifdef PATCHED
	return by + 2;
#else
	return by + 1;
#endif
}

int test_value(void)
{
	return value(1);
}
