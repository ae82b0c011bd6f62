/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each model of thread-local variables, where the compiler is told which.
 *
 * expect: 10 100 10
 * flags: -O2
 * flags: -O0
 * only: pie library dlopen
 */
#define MODEL(name) __attribute__((tls_model(name)))
static __thread int general MODEL("global-dynamic") = 1;
__thread int hidden MODEL("local-dynamic") __attribute__((visibility("hidden"))) = 2;
static __thread int dynamic MODEL("local-dynamic") = 3;
static __thread int initial MODEL("initial-exec") = 4;

int __attribute__((noinline)) value(void)
{
	__asm__ volatile("" ::: "memory");
#ifdef PATCHED
	return 10 * (general + hidden + dynamic + initial);
#else
	return general + hidden + dynamic + initial;
#endif
}

int test_value(void)
{
	return value();
}
