/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A function loses its static variable and another gets one of that name: not the same one.
 *
 * refused: LCP_EREFUSED told apart
 * compilers: gcc
 */
int __attribute__((noinline)) first(void)
{
#ifdef PATCHED
	return 3;
#else
	static int count;
	return ++count;
#endif
}
int __attribute__((noinline)) second(int x)
{
#ifdef PATCHED
	static int count;
	return ++count + x;
#else
	return x;
#endif
}
int test_value(void)
{
	return first() * 100 + second(1);
}
