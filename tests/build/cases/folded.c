/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Functions with the same code, that the linker made one (--icf), are not replaced.
 *
 * refused: LCP_EREFUSED first: the linker made one function of it and .second
 * flags: -O2 -ffunction-sections
 * link: -fuse-ld=gold -Wl,--icf=all
 * only: pie no-pie static library dlopen
 */
int __attribute__((noinline)) first(int x)
{
#ifdef PATCHED
	return x * 5 + 2;
#else
	return x * 5 + 1;
#endif
}
int __attribute__((noinline)) second(int x)
{
	return x * 5 + 1;
}
int test_value(void)
{
	return first(1) * 100 + second(1);
}
