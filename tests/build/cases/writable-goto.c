/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A writable table of labels in a function that changes is refused: both would use it.
 *
 * refused: LCP_EUNSUPPORTED leads into a function that changed
 * compilers: gcc
 */
static int __attribute__((noinline)) run(const char *program)
{
	static void *steps[] = { &&stop, &&add };
	int value = 1;

	for (;;) {
		goto *steps[(int)*program++];
	add:
#ifdef PATCHED
		value += 8;
#else
		value += 2;
#endif
		steps[0] = &&stop;
		continue;
	stop:
		return value;
	}
}

int test_value(void)
{
	return run("\1");
}
