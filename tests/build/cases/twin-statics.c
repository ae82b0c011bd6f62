/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two units have static functions and data of the same names; both are patched at once.
 *
 * expect: 31 122 33
 * counts: 1
 * units: 2
 * flags: -O2
 * flags: -O0
 * flags: -O2 -ffunction-sections -fdata-sections
 */
#define NAME_OF(unit) value_of_##unit
#define NAME(unit) NAME_OF(unit)
static int state = UNIT * 10;

static int __attribute__((noinline)) step(int by)
{
	state += by;
#ifdef PATCHED
	return state + 30 * UNIT;
#else
	return state;
#endif
}

int value_of_2(void);
int NAME(UNIT)(void);
int __attribute__((noinline)) NAME(UNIT)(void)
{
	return step(UNIT - 1);
}

#if UNIT == 1
int test_value(void)
{
	return value_of_1() + value_of_2();
}
#endif
