/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Zero-initialised variables that .comm and .local make.
 *
 * expect: 1 12 1
 * counts: 1
 * flags: -O2 -fcommon
 * flags: -O0 -fcommon
 */
#ifdef PATCHED
int shared_by_units;
static int own;
static char large[4097];
#endif

int __attribute__((noinline)) count(int by)
{
#ifdef PATCHED
	shared_by_units += by;
	own += 10 * by;
	large[4096] = (char)by;
	return shared_by_units + own + large[0] + large[4096] - by;
#else
	return by - 1;
#endif
}

int test_value(void)
{
	return count(1) + (count(0) != 0);
}
