/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A common variable is new to a unit, and another unit has it: there stays one.
 *
 * expect: 0 7 0
 * units: 2
 * unpatched: 2
 * flags: -O2 -fcommon
 */
#if UNIT == 2 || defined(PATCHED)
int counter;
#endif
int other(void);
#if UNIT == 2
int __attribute__((noinline)) other(void)
{
	return counter;
}
#else
int test_value(void);
int __attribute__((noinline)) value(void)
{
#ifdef PATCHED
	counter = 7;
	int r = other();
	counter = 0;
	return r;
#else
	return other();
#endif
}
int test_value(void)
{
	return value();
}
#endif
