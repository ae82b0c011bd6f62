/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Static variables in functions keep their values, also where names are alike and numbers move.
 *
 * expect: 111 214 315
 * counts: 1
 */
static int __attribute__((noinline)) first(void)
{
#ifdef PATCHED
	static int extra = 5;
#endif
	static int count = 0;

#ifdef PATCHED
	extra++;
	return ++count + (extra == 6 ? 1 : 0) - 1;
#else
	return ++count;
#endif
}

static int __attribute__((noinline)) second(void)
{
	static int count = 9;

	return ++count;
}

static int __attribute__((noinline)) third(void)
{
	static int count = 0;

#ifdef PATCHED
	count += 2;
	count--;
	return 100 * count + 1;
#else
	return 100 * ++count;
#endif
}

int test_value(void)
{
	return third() + second() + first();
}
