/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * New code calls functions of libraries that the object did not call.
 *
 * expect: 1 42 1
 * only: pie no-pie library dlopen
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

int __attribute__((noinline)) value(const char *text)
{
#ifdef PATCHED
	struct tm tm = { .tm_year = 70, .tm_mday = 1 };
	char *end;

	if (timegm(&tm) != 0)
		return -1;
	return (int)strtol(text, &end, 10) + (int)strspn(end, "xyz");
#else
	return text[0] != '\0';
#endif
}

int test_value(void)
{
	return value("39xyz");
}
