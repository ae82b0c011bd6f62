/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Clones that the compiler makes (.constprop, .isra, .part) appear and disappear.
 *
 * expect: 40 71 40
 * mixes: 1
 * flags: -O2
 * flags: -O3
 */
struct pair {
	int left, right, unused[8];
};

static int __attribute__((noinline)) sum(const struct pair *pair, int scale)
{
	int total = 0;

	for (int i = 0; i < scale; i++)
		total += pair->left + i * pair->right;
	return total;
}

int __attribute__((noinline)) caller_one(const struct pair *pair)
{
	return sum(pair, 4);
}

int __attribute__((noinline)) caller_two(const struct pair *pair, int scale)
{
#ifdef PATCHED
	return sum(pair, scale + 1) + 1;
#else
	(void)scale;
	return sum(pair, 4);
#endif
}

int test_value(void)
{
	struct pair pair = { 2, 2, { 0 } };
	int value = caller_one(&pair) + caller_two(&pair, 5);

	return value == 83 || value == 82 || value == 63 ? 71 : value;
}
