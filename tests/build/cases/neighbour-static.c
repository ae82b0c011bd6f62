/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A static variable that could be one of two is told by its neighbour, which is in the same mention
 * of the file's name.
 *
 * expect: 8 4 8
 * flags: -O2 -fdata-sections
 * units: 2
 * unpatched: 2
 * only: pie library
 */
static int __attribute__((used)) state = UNIT;
#if UNIT == 1
static int __attribute__((used)) neighbour = 2;
#endif
#define NAME_OF(unit) value_of_##unit
#define NAME(unit) NAME_OF(unit)
int NAME(UNIT)(int by);
#if UNIT == 1
int value_of_2(int by);
int __attribute__((noinline)) value_of_1(int by)
{
#ifdef PATCHED
	return by + state;
#else
	return by + 5;
#endif
}

int test_value(void)
{
	return value_of_1(1) + value_of_2(0);
}
#else
int __attribute__((noinline)) value_of_2(int by)
{
	state += by;
	return state;
}
#endif
