/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What changes nothing is refused.
 *
 * refused: LCP_ENOEFFECT no effect
 * flags: -O2
 * only: pie library
 */
int __attribute__((noinline)) value(void)
{
#ifdef PATCHED
	int number = 3;

	return number - 2;
#else
	return 1;
#endif
}

int test_value(void)
{
	return value();
}
