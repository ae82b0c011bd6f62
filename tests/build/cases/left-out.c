/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The linker left out functions that nobody uses (--gc-sections); those need nothing.
 *
 * expect: 1 2 1
 * flags: -O2 -ffunction-sections -fdata-sections
 * link: -Wl,--gc-sections
 * only: pie no-pie static
 */
int unused_data = 1;
int __attribute__((noinline)) unused(int by)
{
#ifdef PATCHED
	return by + unused_data + 1;
#else
	return by + unused_data;
#endif
}

int __attribute__((noinline)) value(int by)
{
#ifdef PATCHED
	return by + 1;
#else
	return by;
#endif
}

int test_value(void)
{
	return value(1);
}
