/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Static functions of one name, in two units, that the linker made one (--icf) are not replaced.
 *
 * refused: LCP_EREFUSED step: the linker made one function of it and .step
 * units: 2
 * flags: -O2 -ffunction-sections
 * link: -fuse-ld=gold -Wl,--icf=all
 * only: pie no-pie static library dlopen
 */
#define NAME_OF(unit) value_of_##unit
#define NAME(unit) NAME_OF(unit)
static int __attribute__((noinline)) step(int by)
{
#if defined(PATCHED) && UNIT == 1
	return by + 30;
#else
	return by + 3;
#endif
}
int value_of_2(void);
static volatile int at;
int __attribute__((noinline)) NAME(UNIT)(void)
{
	return step(at);
}
#if UNIT == 1
int test_value(void)
{
	return value_of_1() + value_of_2();
}
#endif
