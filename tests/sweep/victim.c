/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the sweep patches: four functions, of which LEVEL 1 changes three and LEVEL 2 three others,
 * with data, constants and a call of a library.
 */
#include <stdio.h>
#include <string.h>

#ifndef LEVEL
#define LEVEL 0
#endif

/* What a function does is hidden from its callers, which would change with it otherwise. */
#ifdef __clang__
#define NOINLINE __attribute__((noinline, optnone))
#else
#define NOINLINE __attribute__((noinline, noipa))
#endif

static int calls;

NOINLINE int first(int x)
{
	calls++;
	return 3 * x + LEVEL;
}

NOINLINE int second(int x)
{
	if (x > 5)
		(void)printf("second %d, level %d\n", x, LEVEL);
	return x + LEVEL;
}

NOINLINE int third(const char *text)
{
#if LEVEL == 1
	static int how_often = 7;

	return (int)strlen(text) + how_often++;
#else
	return (int)strlen(text);
#endif
}

NOINLINE int fourth(int x)
{
	return x * (LEVEL == 2 ? 5 : 4);
}

int main(void)
{
	char line[100];

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	(void)puts("ready");
	while (fgets(line, sizeof(line), stdin) != NULL)
		(void)printf("%d %d %d %d %d\n", first(1), second(2), third(line), fourth(3),
			     calls);
	return 0;
}
