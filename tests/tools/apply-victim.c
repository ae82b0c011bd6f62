/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What tests/tools/test-apply.sh patches: it answers with its LEVEL, and stays inside a function as
 * long as it is told to.
 *
 *	ask	the number of the level, and one more for each call before
 *	hold	"holding", from within a function that levels change; then one more line, and its
 *		level
 *	spin	"spun", after some time in a function that levels change
 */
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#ifndef LEVEL
#define LEVEL 0
#endif

#define NOINLINE __attribute__((noinline))

#define SPIN_SECONDS 1

static char line[100];

/* A number that compilers cannot see through: clang would change callers with what they call. */
static inline int level(void)
{
	int number = LEVEL;

	__asm__("" : "+r"(number));
	return number;
}

NOINLINE int answer(int x)
{
	return x + 10 * level();
}

NOINLINE int hold_on(void)
{
	(void)puts("holding");
	return fgets(line, sizeof(line), stdin) != NULL ? level() : -1;
}

NOINLINE unsigned int spin_here(unsigned int rounds)
{
	volatile unsigned int sum = (unsigned int)level();

	for (unsigned int i = 0; i < rounds; i++)
		sum += i;
	return sum;
}

static void spin(void)
{
	clock_t end = clock() + SPIN_SECONDS * CLOCKS_PER_SEC;

	while (clock() < end)
		(void)spin_here(100000);
	(void)puts("spun");
}

int main(void)
{
	int calls = 0;

	/* Where only a parent may trace (Yama), anybody may. */
	(void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	(void)puts("ready");
	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (strcmp(line, "hold\n") == 0)
			(void)printf("%d\n", hold_on());
		else if (strcmp(line, "spin\n") == 0)
			spin();
		else
			(void)printf("%d\n", answer(calls++));
	}
	return 0;
}
