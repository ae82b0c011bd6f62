/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Another linker lays code, data and tables out in its own way.
 *
 * expect: 1113 1224 1115
 * link: -fuse-ld=lld
 * counts: 1
 */
#include <string.h>

#ifdef PATCHED
#define DIGIT 2
#else
#define DIGIT 1
#endif

static int calls = 3;
static const char *names[] = { "zero", "one", "two" };

static int __attribute__((noinline)) ones(void)
{
	return calls++;
}

int __attribute__((noinline)) tens(int factor)
{
	return 10 * DIGIT * factor + ones();
}

int test_value(void)
{
	return strlen(names[DIGIT]) == 3 ? 1000 + 100 * DIGIT + tens(1) : 0;
}
