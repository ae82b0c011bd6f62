/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls that profilers want at entries (-pg -mfentry).
 *
 * expect: 1 12 1
 * flags: -O2 -pg -mfentry
 * flags: -O0 -pg
 * compilers: gcc
 * link: -pg
 * program: -pg
 * only: pie no-pie
 */
int __attribute__((noinline)) value(int by)
{
#ifdef PATCHED
	return 12 * by;
#else
	return by;
#endif
}

int test_value(void)
{
	return value(1);
}
