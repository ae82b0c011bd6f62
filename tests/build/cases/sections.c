/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Functions and data in sections of their own.
 *
 * expect: 5 36 5
 * flags: -O2 -ffunction-sections -fdata-sections
 * flags: -O0
 */
static int in_section __attribute__((section("own_data"))) = 3;
static const int constant __attribute__((section("own_constants"), used)) = 2;

int __attribute__((noinline, section("own_text"))) value(int by)
{
#ifdef PATCHED
	return 10 * in_section + 3 * *(const volatile int *)&constant * by;
#else
	return in_section + *(const volatile int *)&constant * by;
#endif
}

int test_value(void)
{
	return value(1);
}
