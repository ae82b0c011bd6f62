/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Static data and static functions of a unit stay those of the process.
 *
 * expect: 12 135 26
 * counts: 1
 */
static int count = 10;
static int zero;

static int __attribute__((noinline)) bump(void)
{
	count++;
	zero++;
	return count + zero;
}

int __attribute__((noinline)) value(void)
{
#ifdef PATCHED
	zero += 10;
	return 100 + bump() + zero - 1 + count - zero + 9 - 12 + 3;
#else
	return bump();
#endif
}

int test_value(void)
{
	return value();
}
