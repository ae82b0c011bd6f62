/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A function that catches exceptions changes: refused, since its table would have to come along.
 *
 * refused: LCP_EUNSUPPORTED '_Z5valuei(.cold)?' catches exceptions
 * only: pie
 * flags: -O2
 * flags: -O0
 */
int thrower(int by)
{
	if (by > 100)
		throw by;
	return by;
}

int __attribute__((noinline)) value(int by)
{
	try {
#ifdef PATCHED
		return thrower(by) + 1;
#else
		return thrower(by);
#endif
	} catch (int) {
		return -1;
	}
}

extern "C" int test_value(void)
{
	return value(1);
}
