/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Function pointers keep their identity: those taken before the patch equal those taken by it.
 *
 * expect: 11 22 11
 * mixes: 1
 */
typedef int (*value_fn)(void);

static int __attribute__((noinline)) own(void)
{
#ifdef PATCHED
	return 20;
#else
	return 10;
#endif
}

int __attribute__((noinline)) global(void)
{
#ifdef PATCHED
	return 2;
#else
	return 1;
#endif
}

static const value_fn table[] = { own, global };
static value_fn volatile remembered_own, remembered_global;

static int __attribute__((noinline)) are_same(void)
{
	value_fn volatile now_own = own, now_global = global;
#ifdef PATCHED
	static const value_fn volatile again[] = { global, own };

	if (again[0] != now_global || again[1] != now_own)
		return 0;
#endif
	if (remembered_own == 0) {
		remembered_own = now_own;
		remembered_global = now_global;
	}
	return now_own == remembered_own && now_global == remembered_global &&
	       table[0] == now_own && table[1] == now_global;
}

int test_value(void)
{
	return are_same() ? table[0]() + remembered_global() : -1;
}
