/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Room in front of functions, as -fpatchable-function-entry leaves it; and functions are added.
 *
 * expect: 1 12 1
 * flags: -O2 -fpatchable-function-entry=2
 * flags: -O0 -fpatchable-function-entry=4,2
 * flags: -O2 -fpatchable-function-entry=4,2 -ffunction-sections
 */
#ifdef PATCHED
static int __attribute__((noinline)) added(int value)
{
	return 11 * value;
}
#endif

int __attribute__((noinline)) value(int by)
{
#ifdef PATCHED
	return added(by) + by;
#else
	return by;
#endif
}

int test_value(void)
{
	return value(1);
}
