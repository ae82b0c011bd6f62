/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A function that is too short to be redirected, and has no padding behind it, is refused.
 *
 * refused: LCP_EREFUSED shorty: the function is too short .*: [0-9]+ bytes and 0 of padding
 * flags: -Os -fno-toplevel-reorder
 * compilers: gcc
 * only: pie library
 */
static int number = 1;

void __attribute__((noinline, section(".text.short"))) shorty(void)
{
#ifdef PATCHED
	number = 2;
#endif
}

int __attribute__((noinline, section(".text.short"))) behind(void)
{
	return number;
}

int test_value(void)
{
	shorty();
	return behind();
}
