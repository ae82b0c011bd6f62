/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Read-only data is aligned more: new code gets data that is.
 *
 * expect: 10 74 10
 */
#ifdef PATCHED
#define A __attribute__((aligned(64)))
#else
#define A __attribute__((aligned(4)))
#endif
static const int pad = 77;
static const int A table[5] = { 1, 2, 3, 4, 5 };
int __attribute__((noinline)) value(int i)
{
	const int *volatile p = &pad;
	const int *volatile t = table;
#ifdef PATCHED
	return t[0] + t[1] + t[2] + t[3] + (((unsigned long)t & 63) == 0 ? 64 : 0);
#else
	return t[0] + t[1] + t[2] + t[3];
#endif
}
int test_value(void)
{
	return value(1);
}
