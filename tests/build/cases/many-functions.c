/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A patch of two, of ten and of a hundred functions, which all change at once.
 *
 * expect: 0 100 0
 * flags: -O2 -DCOUNT=2
 * flags: -O2 -DCOUNT=10
 * flags: -O2 -DCOUNT=100
 */
#ifdef PATCHED
#define BY (100 / COUNT)
#else
#define BY 0
#endif

/* Do something for each number. */
#define TEN(one, n)                                                                               \
	one(n##0) one(n##1) one(n##2) one(n##3) one(n##4) one(n##5) one(n##6) one(n##7) one(n##8) \
		one(n##9)
#if COUNT == 2
#define ALL(one) one(0) one(1)
#elif COUNT == 10
#define ALL(one) TEN(one, )
#else
#define ALL(one)                                                                            \
	TEN(one, 1)                                                                         \
	TEN(one, 2) TEN(one, 3) TEN(one, 4) TEN(one, 5) TEN(one, 6) TEN(one, 7) TEN(one, 8) \
		TEN(one, 9) TEN(one, 10)
#endif

#define DEFINE(n)                                        \
	int __attribute__((noinline)) add_##n(int value) \
	{                                                \
		__asm__ volatile("" ::: "memory");       \
		return value + BY;                       \
	}
#define CALL(n) value = add_##n(value);

ALL(DEFINE)

/* It changes too, so nobody is in the middle of the calls when they do. */
int __attribute__((noinline)) add_all(int value)
{
#ifdef PATCHED
	__asm__ volatile("nop");
#endif
	ALL(CALL)
	return value;
}

int test_value(void)
{
	return add_all(0);
}
