/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A thread-local variable of another object: errno.
 *
 * expect: 2 13 2
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int __attribute__((noinline)) value(void)
{
	errno = 0;
#ifdef PATCHED
	(void)open("/", O_WRONLY | O_DIRECTORY);
	return errno == EISDIR ? EACCES : errno;
#else
	(void)open("/nonexistent", O_RDONLY);
	return errno;
#endif
}

int test_value(void)
{
	return value();
}
