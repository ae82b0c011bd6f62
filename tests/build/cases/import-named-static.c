/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A library function that is new to the object has the name of another unit's static function.
 *
 * expect: 1 -1 1
 * units: 2
 * unpatched: 2
 * only: pie no-pie library dlopen
 */
int other(const char *x);
#if UNIT == 2
static int __attribute__((noinline)) rmdir(const char *x)
{
	return *x;
}
int __attribute__((noinline)) other(const char *x)
{
	return rmdir(x);
}
#else
int rmdir(const char *x);
int test_value(void);
int __attribute__((noinline)) value(const char *x)
{
#ifdef PATCHED
	return rmdir("/nowhere/x");
#else
	return other(x) == 'a';
#endif
}
int test_value(void)
{
	return value("a");
}
#endif
