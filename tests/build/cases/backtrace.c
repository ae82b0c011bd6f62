/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * backtrace(3) in what a patched function calls sees who called that.
 *
 * expect: 1 12 1
 * unwinds: 1
 * glibc: it has backtrace(3)
 * flags: -O2
 * flags: -O0
 */
#include <execinfo.h>
#include <stdbool.h>

static void *caller;

bool __attribute__((noinline)) is_seen(void)
{
	void *frames[32];
	int count = backtrace(frames, 32);

	for (int i = 0; i < count; i++)
		if (frames[i] == caller)
			return true;
	return false;
}

int __attribute__((noinline)) value(int more)
{
#ifdef PATCHED
	volatile char room[300] = { 1 };

	return (is_seen() ? 10 : 20) + room[0] + more;
#else
	return is_seen() + more - 1;
#endif
}

int test_value(void)
{
	caller = __builtin_return_address(0);
	return value(1);
}
