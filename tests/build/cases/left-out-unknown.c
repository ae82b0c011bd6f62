/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Of an object without static symbols (ld -x) nobody knows what the linker left out.
 *
 * refused: LCP_EMISMATCH step: is not found: the object has no static
 * flags: -O2 -ffunction-sections -fdata-sections
 * link: -Wl,-x
 */
static int counter = 1;
static int __attribute__((noinline)) step(void)
{
#ifdef PATCHED
	return counter + 1;
#else
	return counter;
#endif
}
struct ops {
	int (*step)(void);
	int x;
};
struct ops ops = { step, 3 };
int value(void);
int __attribute__((noinline)) value(void)
{
#ifdef PATCHED
	ops.x = 4;
	return ops.step();
#else
	return ops.step();
#endif
}
int test_value(void)
{
	return value();
}
