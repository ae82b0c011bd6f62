/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Units of one patch use each other's new functions and data.
 *
 * expect: 2 33 2
 * mixes: 1
 * units: 3
 */
int value_one(void);
int value_two(void);
#if UNIT == 3
int test_value(void)
{
	return value_one() + value_two();
}
#elif UNIT == 1
#ifdef PATCHED
extern int new_in_two;
int new_function_in_two(void);
int new_in_one = 10;
#endif

int __attribute__((noinline)) value_one(void)
{
#ifdef PATCHED
	return new_function_in_two() + new_in_two;
#else
	return 1;
#endif
}
#else
#ifdef PATCHED
extern int new_in_one;
int new_in_two = 5;
int new_function_in_two(void);
int __attribute__((noinline)) new_function_in_two(void)
{
	return new_in_one + 4;
}
#endif

int __attribute__((noinline)) value_two(void)
{
#ifdef PATCHED
	return new_in_one + new_in_two - 1;
#else
	return 1;
#endif
}
#endif
