/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * New code calls functions of libraries that the object calls already.
 *
 * expect: 5 55 5
 * flags: -O2
 * flags: -O0
 * flags: -O2 -fno-plt
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *volatile text = "five!";

int __attribute__((noinline)) measure(void)
{
	int length = (int)strlen(text);
#ifdef PATCHED
	char *copy = strdup(text);
	int again = (int)strlen(copy);

	free(copy);
	return 10 * again + length + (getpid() == getppid());
#else
	char *copy = strdup(text);

	free(copy);
	return length + (getpid() == getppid());
#endif
}

int test_value(void)
{
	return measure();
}
