/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Functions and data with several names.
 *
 * expect: 2 23 2
 */
int __attribute__((noinline)) original(void)
{
#ifdef PATCHED
	return 20;
#else
	return 1;
#endif
}

int other_name(void) __attribute__((alias("original"), noinline));
int __attribute__((visibility("hidden"))) stored = 1;
extern int stored_again __attribute__((alias("stored"), visibility("hidden")));

int __attribute__((noinline)) value(void)
{
#ifdef PATCHED
	return original() + stored + stored_again + 1;
#else
	return other_name() + stored_again;
#endif
}

int test_value(void)
{
	return value();
}
