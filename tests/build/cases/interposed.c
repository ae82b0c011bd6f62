/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What another library interposes stays interposed: new code calls the interposer.
 *
 * expect: 80 86 80
 * flags: -O2 -fsemantic-interposition
 * flags: -O0
 * only: library dlopen
 * flags: -O2 -fsemantic-interposition
 * flags: -O0
 * preload: 1
 */
int first(void);
int second(void);
int not_called_before(void);

#ifdef PRELOADED
int first(void)
{
	return 70;
}

int second(void)
{
	return 10;
}

int not_called_before(void)
{
	return 6;
}
#else
int __attribute__((noinline)) first(void)
{
	return 1;
}

int __attribute__((noinline)) second(void)
{
	return 2;
}

int __attribute__((noinline)) not_called_before(void)
{
	return 3;
}

int __attribute__((noinline, visibility("hidden"))) value(void)
{
#ifdef PATCHED
	return first() + second() + not_called_before();
#else
	return first() + second();
#endif
}

int test_value(void)
{
	return value();
}
#endif
