/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Addresses of labels: a table of them, static, in the function.
 *
 * expect: 6 27 6
 */
static int __attribute__((noinline)) run(const char *program)
{
	static const void *const steps[] = { &&stop, &&add, &&twice };
	int value = 1;

	for (;;) {
		goto *steps[(int)*program++];
	add:
#ifdef PATCHED
		value += 8;
#else
		value += 2;
#endif
		continue;
	twice:
#ifdef PATCHED
		value *= 3;
#else
		value *= 2;
#endif
		continue;
	stop:
		return value;
	}
}

int test_value(void)
{
	return run("\1\2");
}
