/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A function moves to another unit: what calls it from elsewhere would go on with the old one.
 *
 * refused: LCP_EREFUSED helper: is a function of another unit
 * units: 2
 */
int helper(int x);
#if (UNIT == 1 && defined(PATCHED)) || (UNIT == 2 && !defined(PATCHED))
int __attribute__((noinline)) helper(int x)
{
#ifdef PATCHED
	return x + 2;
#else
	return x + 1;
#endif
}
#endif
#if UNIT == 1
int test_value(void);
int __attribute__((noinline)) value(int x)
{
#ifdef PATCHED
	return helper(x) * 2;
#else
	return helper(x);
#endif
}
int test_value(void)
{
	return value(1);
}
#endif
