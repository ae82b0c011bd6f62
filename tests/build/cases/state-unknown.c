/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Without static symbols (ld -x) a variable that nobody finds is not taken for one left out.
 *
 * refused: LCP_ESYMBOL .counter. is not found in the object
 * flags: -O2 -ffunction-sections -fdata-sections
 * link: -Wl,-x
 */
static int counter = 1;
static int __attribute__((noinline)) step(void)
{
	return ++counter;
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
	int r;
	counter = 11;
	r = ops.step();
	counter = 1;
	return r;
#else
	int r = ops.step();
	ops.x = 9;
	return r;
#endif
}
int test_value(void)
{
	return value();
}
