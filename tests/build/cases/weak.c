/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Weak symbols: undefined ones stay NULL, defined ones are the object's.
 *
 * expect: 3 35 3
 */
int __attribute__((weak)) nowhere(void);
extern int no_data __attribute__((weak));

int __attribute__((weak, noinline)) defined(void)
{
	return 3;
}

int __attribute__((noinline)) value(void)
{
	if (nowhere != 0)
		return nowhere();
#ifdef PATCHED
	if (&no_data != 0)
		return no_data;
	return 10 * defined() + 5;
#else
	return defined();
#endif
}

int test_value(void)
{
	return value();
}
