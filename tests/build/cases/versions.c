/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A library with a version script that gives versions and hides what it does not name.
 *
 * expect: 9 90 9
 * only: library dlopen
 * script: V1 { global: test_value; new_value; local: *; };
 * link: -Wl,--version-script=version-script
 */
int local_by_script(void);
int __attribute__((noinline)) local_by_script(void)
{
	return 4;
}

int old_value(void);
int __attribute__((noinline)) old_value(void)
{
	return 1;
}

int new_value(void);
int __attribute__((noinline)) new_value(void)
{
	return 5;
}

int __attribute__((noinline)) value(void)
{
#ifdef PATCHED
	return 10 * (local_by_script() + new_value());
#else
	return local_by_script() + new_value();
#endif
}

int test_value(void)
{
	return value();
}
