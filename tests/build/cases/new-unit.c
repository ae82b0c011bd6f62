/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A unit that is new, and others that use what it brings.
 *
 * expect: 1 52 1
 * counts: 1
 * units: 2
 * new: 2
 */
int brought(int value);
extern int brought_data;

#if UNIT == 1
int __attribute__((noinline)) value(int by)
{
#ifdef PATCHED
	brought_data++;
	return brought(by) + brought_data;
#else
	return by;
#endif
}

int test_value(void)
{
	return value(1);
}
#elif defined(PATCHED)
int brought_data = 10;
static int own = 40;

int brought(int value)
{
	return own++ + value;
}
#endif
