/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A patch brings new functions: static ones and global ones.
 *
 * expect: 1 63 1
 */
int twice(int value);
int answer(int value);

#ifdef PATCHED
static int __attribute__((noinline)) thrice(int value)
{
	return 3 * value;
}

int __attribute__((noinline)) twice(int value)
{
	return 2 * thrice(value);
}

int __attribute__((noinline)) answer(int value)
{
	return 10 * twice(value) + thrice(value);
}
#else
int __attribute__((noinline)) answer(int value)
{
	return value;
}
#endif

int test_value(void)
{
	return answer(1);
}
