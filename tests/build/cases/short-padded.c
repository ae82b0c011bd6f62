/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A function that is too short to be redirected is, where padding follows it.
 *
 * expect: 0 7 0
 * flags: -O2
 * only: pie library no-pie
 */
int __attribute__((noinline)) shorty(void)
{
#ifdef PATCHED
	return 7;
#else
	return 0;
#endif
}

int __attribute__((noinline)) next(int value)
{
	__asm__ volatile("" ::: "memory");
	return value * 3;
}

int test_value(void)
{
	return shorty() + next(0);
}
