/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * C++: an exception that is thrown below a function that is patched, and caught above it.
 * What the patch imports may be far: then it has stubs, which are in its unwind table too.
 *
 * expect: 101 202 101
 * unwinds: 1
 */
#include <cstdlib>

int __attribute__((noinline)) thrower(int by)
{
	if (by > 0)
		throw by;
	return by;
}

void *volatile null;

int __attribute__((noinline)) value(int by)
{
#ifdef PATCHED
	volatile char room[200] = { 1 };

	std::free(null);
	return thrower(by * 2) + room[0];
#else
	return thrower(by) + 1;
#endif
}

extern "C" int test_value(void)
{
	try {
		return value(101);
	} catch (int what) {
		return what;
	}
}
