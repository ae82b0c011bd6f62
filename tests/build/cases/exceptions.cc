/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * C++: exceptions thrown and caught in code that is not patched, called by code that is.
 *
 * expect: 6 60 6
 * unwinds: 1
 */
#include <stdexcept>
#include <string>

static int __attribute__((noinline)) risky(int value)
{
	try {
		if (value > 0)
			throw std::runtime_error("caught");
	} catch (const std::exception &error) {
		return (int)std::string(error.what()).size();
	}
	return value;
}

static int __attribute__((noinline)) value(int by)
{
#ifdef PATCHED
	return risky(by) * 10;
#else
	return risky(by);
#endif
}

extern "C" int test_value(void)
{
	return value(1);
}
