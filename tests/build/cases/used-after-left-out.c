/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * New code calls what the linker had left out: the patch brings it.
 *
 * expect: 1 14 1
 * flags: -O2 -ffunction-sections -fdata-sections
 * link: -Wl,--gc-sections
 * only: pie no-pie static
 */
int unused_data = 3;
int __attribute__((noinline)) unused(int by)
{
	return 10 * by + unused_data;
}

int __attribute__((noinline)) value(int by)
{
#ifdef PATCHED
	return by + unused(by);
#else
	return by;
#endif
}

int test_value(void)
{
	return value(1);
}
