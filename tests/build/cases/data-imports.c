/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Data of libraries, copied into the object or not: stdout and environ.
 *
 * expect: 1 2 1
 * only: pie no-pie library dlopen
 */
#include <stdio.h>
#include <unistd.h>

extern char **environ;

int __attribute__((noinline)) value(void)
{
	if (fileno(stdout) != 1 || environ == NULL)
		return 0;
#ifdef PATCHED
	if (environ[0] == NULL)
		return -1;
	(void)fflush(stdout);
	return 2 * fileno(stdout);
#else
	return fileno(stdout);
#endif
}

int test_value(void)
{
	return value();
}
