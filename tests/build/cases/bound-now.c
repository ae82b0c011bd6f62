/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * New code calls imported functions of an object that is bound at start: no PLT.
 *
 * expect: 5 55 5
 * link: -Wl,-z,now
 * only: pie library dlopen
 * flags: -O2 -fno-plt
 * flags: -O1
 */
#include <stdlib.h>
#include <string.h>

static const char *volatile text = "five!";

int __attribute__((noinline)) measure(void)
{
	char *copy = strdup(text);
	int length = (int)strlen(copy);

	free(copy);
#ifdef PATCHED
	return 11 * length;
#else
	return length;
#endif
}

int test_value(void)
{
	return measure();
}
