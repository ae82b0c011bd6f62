/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * In a static program what a library brings is a part of the object.
 *
 * expect: 1 2 1
 * only: static static-pie
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

int __attribute__((noinline)) value(void)
{
	if (fileno(stdout) != 1 || environ == NULL || strlen(environ[0]) == 0)
		return 0;
#ifdef PATCHED
	char name[8];

	memcpy(name, "name", 5);
	return strchr(name, 'm') == name + 2 ? fileno(stderr) : -1;
#else
	return fileno(stdout);
#endif
}

int test_value(void)
{
	return value();
}
