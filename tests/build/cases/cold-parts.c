/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cold parts of functions: appearing, disappearing, changing.
 *
 * expect: 6 56 6
 * mixes: 1
 */
#include <stdio.h>
#include <stdlib.h>

void complain(const char *text) __attribute__((cold, noinline));
void complain(const char *text)
{
	(void)fprintf(stderr, "%s\n", text);
}

int __attribute__((noinline)) appearing(int value)
{
#ifdef PATCHED
	if (value < 0) {
		complain("a negative value");
		complain("not expected");
		abort();
	}
	return value + 20;
#else
	return value;
#endif
}

int __attribute__((noinline)) disappearing(int value)
{
#ifdef PATCHED
	return value + 30;
#else
	if (value > 1000) {
		complain("too large a value");
		complain("really");
		abort();
	}
	return value;
#endif
}

int __attribute__((noinline)) changing(int value)
{
	if (value > 1000) {
#ifdef PATCHED
		complain("that is too much");
#else
		complain("too much");
#endif
		complain("of it");
		abort();
	}
	return value;
}

int test_value(void)
{
	return appearing(1) + disappearing(2) + changing(3);
}
