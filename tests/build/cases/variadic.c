/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Functions with a variable number of arguments, integers and floating point.
 *
 * expect: 7 22 7
 * mixes: 1
 */
#include <stdarg.h>

int __attribute__((noinline)) add(const char *kinds, ...)
{
	va_list args;
	int sum = 0;

	va_start(args, kinds);
	for (; *kinds != '\0'; kinds++)
#ifdef PATCHED
		sum += *kinds == 'd'   ? (int)(3 * va_arg(args, double))
		       : *kinds == 'l' ? (int)(4 * va_arg(args, long))
				       : va_arg(args, int);
#else
		sum += *kinds == 'd'   ? (int)va_arg(args, double)
		       : *kinds == 'l' ? (int)va_arg(args, long)
				       : va_arg(args, int);
#endif
	va_end(args);
	return sum;
}

int test_value(void)
{
	return add("idl", 1, 3.0, 3L) - (add("i", 3) == 4);
}
