/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A variable moves to another unit: there stays one of it, with what it holds.
 *
 * expect: 5 15 5
 * units: 2
 * unpatched: 2
 */
#if (UNIT == 1 && defined(PATCHED)) || (UNIT == 2 && !defined(PATCHED))
int counter = 5;
#else
extern int counter;
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
	counter++;
	int r = other() + 9 + (counter == other() ? 0 : 100);
	counter--;
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
