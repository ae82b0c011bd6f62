/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * New code is the first to call what is bound at the first call.
 *
 * expect: 1 3 1
 * link: -Wl,-z,lazy
 */
#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

static volatile int never;

int __attribute__((noinline)) value(void)
{
	if (never)
		return ffs(abs(never)) + tolower(never);
#ifdef PATCHED
	return strcasecmp("ab", "AB") + abs(never - 3);
#else
	return strcasecmp("ab", "AB") + 1;
#endif
}

int test_value(void)
{
	return value();
}
