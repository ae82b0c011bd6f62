/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Indirect functions: the object's own, and those of the C library.
 *
 * expect: 5 57 5
 * glibc: that of musl has no indirect functions
 * compilers: gcc clang
 */
#include <string.h>

static int chosen_one(void)
{
	return 5;
}

static int (*choose(void))(void)
{
	return chosen_one;
}

int own_choice(void) __attribute__((ifunc("choose")));

int __attribute__((noinline)) value(const char *from)
{
	char to[16];
	size_t size = strlen(from);

	memcpy(to, from, size + 1);
#ifdef PATCHED
	return own_choice() * 10 + (int)strlen(to) + 2 * (strchr(to, 'd') == to + 3) -
	       (strcmp(to, from) != 0) + 0;
#else
	return own_choice() + (strcmp(to, from) != 0);
#endif
}

int test_value(void)
{
	return value("words");
}
