/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A patch brings new data: initialised and zero, static and global, strings, tables, aligned.
 *
 * expect: 0 1 0
 */
#include <stdint.h>
#include <string.h>

#ifdef PATCHED
static int counter = 40;
static int zeroes[100];
int new_global = 2;
int new_common[33];
static const char *const names[] = { "alpha", "beta", "gamma" };
static char aligned_bytes[64] __attribute__((aligned(64))) = "aligned";
static const double numbers[] = { 1.5, 2.5, 4.25 };
static int *pointer = &counter;
#endif

int __attribute__((noinline)) look(int which)
{
#ifdef PATCHED
	zeroes[which]++;
	new_common[32] += new_global;
	(*pointer)++;
	if (strcmp(names[which], "beta") != 0 || strlen("a string of its own") != 19)
		return 2;
	if ((uintptr_t)aligned_bytes % 64 != 0 || strcmp(aligned_bytes, "aligned") != 0)
		return 3;
	if (numbers[which] != 2.5)
		return 4;
	return zeroes[which] == 1 && new_common[32] == 2 && counter == 41 && pointer == &counter;
#else
	return which - 1;
#endif
}

int test_value(void)
{
	return look(1);
}
