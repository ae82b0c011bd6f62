/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A new function has a cold part, each in a section of its own.
 *
 * expect: 2 7 2
 * flags: -O2 -ffunction-sections
 * flags: -O2
 * compilers: gcc
 */
int __attribute__((noinline, cold)) rarely(int by)
{
	return by - 1;
}

#ifdef PATCHED
int __attribute__((noinline)) added(int by)
{
	if (__builtin_expect(by == 77, 0))
		by += rarely(by) + rarely(2 * by);
	return by * 3;
}
#endif

int __attribute__((noinline)) value(int by)
{
#ifdef PATCHED
	return added(by) + rarely(2);
#else
	return by;
#endif
}

int test_value(void)
{
	return value(2);
}
