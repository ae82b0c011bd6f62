/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Debug information is in the text and changes nothing; types are compared.
 *
 * expect: 3 30 3
 * flags: -O2 -g
 * flags: -O0 -g3 -gdwarf-5
 * flags: -O2 -g -gdwarf-4 -ffunction-sections
 */
struct shape {
	int width, height;
};

static struct shape shape = { 1, 2 };

int __attribute__((noinline)) value(const struct shape *of)
{
#ifdef PATCHED
	int factor = 10;

	return factor * (of->width + of->height);
#else
	return of->width + of->height;
#endif
}

int test_value(void)
{
	return value(&shape);
}
