/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Landing pads (-fcf-protection) and stack protectors.
 *
 * expect: 10 20 10
 * flags: -O2 -fcf-protection -fstack-protector-strong
 * flags: -O0 -fcf-protection -fstack-protector-all
 * flags: -O2 -fcf-protection=branch
 */
#include <string.h>

int __attribute__((noinline)) fill(char *buffer, size_t size)
{
	char own[32];

	memset(own, (int)size, sizeof(own));
	memcpy(buffer, own, size);
#ifdef PATCHED
	return buffer[0] * 2;
#else
	return buffer[0];
#endif
}

static int (*volatile through)(char *buffer, size_t size) = fill;

int test_value(void)
{
	char buffer[16];

	return through(buffer, 10);
}
