/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A jump table of a switch: cases are added, and texts come with them.
 *
 * expect: 12 27 12
 */
#include <string.h>

static const char *__attribute__((noinline)) name(int number)
{
	switch (number) {
	case 0:
		return "zero";
	case 1:
		return "one";
	case 2:
		return "two";
	case 3:
		return "three";
	case 4:
		return "four";
	case 5:
		return "five";
#ifdef PATCHED
	case 6:
		return "number six";
	case 7:
		return "seven";
#endif
	default:
		return "";
	}
}

static int __attribute__((noinline)) call(int number)
{
	switch (number) {
	case 0:
		return (int)strlen(name(1)) + 1;
	case 1:
		return (int)strlen(name(2)) * 2;
	case 2:
		return (int)strlen(name(3)) ^ 3;
	case 3:
		return (int)strlen(name(4)) - 7;
	case 4:
		return (int)strlen(name(5)) / 2;
	case 5:
		return (int)strlen(name(6)) + (int)strlen(name(7)) + (int)strlen(name(3)) * 2 + 2;
	default:
		return 0;
	}
}

int test_value(void)
{
	return call(5);
}
