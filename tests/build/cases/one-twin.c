/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Of two units with static functions and data of the same names, one is patched.
 *
 * expect: 31 91 33
 * counts: 1
 * units: 2
 * unpatched: 1
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
#if defined(PATCHED) && UNIT == 2
	return state + 59;
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
