/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two units have the same static inline function of a header, which changes in both.
 *
 * expect: 8 12 8
 * mixes: 1
 * units: 2
 * flags: -O2
 * flags: -O0
 * flags: -O2 -ffunction-sections
 */
static inline int __attribute__((noinline)) from_header(int value)
{
#ifdef PATCHED
	return 3 * value + value / 100;
#else
	return 2 * value + value / 100;
#endif
}

int second_unit(int value);
#if UNIT == 1
int test_value(void)
{
	return from_header(2) + second_unit(2);
}
#else
int __attribute__((noinline)) second_unit(int value)
{
	return from_header(value);
}
#endif
