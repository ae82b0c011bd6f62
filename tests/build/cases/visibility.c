/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hidden, protected and internal symbols, of this unit and of another.
 *
 * expect: 15 157 15
 * units: 2
 * unpatched: 2
 */
#define HIDDEN __attribute__((visibility("hidden")))
#define PROTECTED __attribute__((visibility("protected")))
HIDDEN int hidden_function(void);
PROTECTED int protected_function(void);
extern HIDDEN int hidden_data;
int default_function(void);
extern int default_data;

#if UNIT == 1
int __attribute__((noinline)) value(void)
{
#ifdef PATCHED
	return 10 * (hidden_function() + protected_function() + hidden_data) + default_function() +
	       default_data - 4;
#else
	return hidden_function() + protected_function() + hidden_data;
#endif
}

int test_value(void)
{
	return value() + (default_data == 0);
}
#else
HIDDEN int hidden_data = 4;
int default_data = 5;

HIDDEN int __attribute__((noinline)) hidden_function(void)
{
	return 5;
}

PROTECTED int __attribute__((noinline)) protected_function(void)
{
	return 6;
}

int __attribute__((noinline)) default_function(void)
{
	return 6;
}
#endif
