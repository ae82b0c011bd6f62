/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * New code uses an inline function of another unit, too: there stays one of its static variable.
 *
 * expect: 3 13 3
 * units: 2
 * unpatched: 2
 */
inline int *state()
{
	static int value = 3;
	return &value;
}
inline int shared = 4;
int other();
#if UNIT == 2
int __attribute__((noinline)) other()
{
	shared = shared;
	return *state();
}
#else
int __attribute__((noinline)) value(void)
{
#ifdef PATCHED
	*state() = 13;
	shared = 6;
	int r = other();
	*state() = 3;
	return r;
#else
	return other();
#endif
}
extern "C" int test_value(void)
{
	return value();
}
#endif
