/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A unit and, with PATCHED, its new version: something of everything that a classic patch can hold.
 * Alone it is a program, with LIBRARY a library whose run() a program calls.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef __clang__
#define KEEP __attribute__((noinline))
#else
#define KEEP __attribute__((noinline, noclone))
#endif

static int calls;
static int table[10];
static const char *names[] = { "a", "b", "c" };
__thread int counter = 3;
static __thread int total;
int level = 5;

#ifdef PATCHED
static int added = 1000;
static int added_zero;
int added_common[20];
extern char **environ;
static const int values[] = { 1, 2, 30, 4 };
#else
static const int values[] = { 1, 2, 3, 4 };
#endif

static KEEP int helper(int x)
{
	static int seen;

	table[2]++;
	return x + ++seen + calls;
}

#ifdef PATCHED
/* New, static, with a jump table of its own. */
static KEEP int choose(int x)
{
	added_common[3] = x;
	switch (x) {
	case 1:
		return 3;
	case 2:
		return 44;
	case 3:
		return 9;
	case 4:
		return helper(1);
	case 5:
		return 11;
	case 6:
		return 19;
	}
	return x;
}

/* New and global. */
KEEP double half(double x)
{
	return x / 2 + added_zero++;
}
#endif

/* A string, a jump table, static data, imports, thread-local variables. */
KEEP int select_one(int x)
{
	switch (x) {
	case 0:
		return 4;
	case 1:
		return 9;
	case 2:
		return 1;
	case 3:
#ifdef PATCHED
		puts("a new string");
		calls += 10;
		added++;
		level = 11;
		counter += 100;
		return choose(helper(88)) + added + added_common[3] + (environ != NULL);
#else
		return 77;
#endif
	case 4:
		return helper(x);
	case 5:
		puts("x");
		return 3;
	case 6:
		return errno;
	default:
		return counter;
	}
}

/* Constants of 8 and 16 bytes. */
KEEP double scale(double x)
{
#ifdef PATCHED
	return half(-x * 2.5) + (unsigned long)x;
#else
	return x * 1.5 + (unsigned long)x;
#endif
}

/* Data of a library, and of the unit that points into it. */
KEEP const char *name_of(int i)
{
#ifdef PATCHED
	fprintf(stderr, "new %s\n", names[i]);
	return names[(i + 1) % 3];
#else
	fprintf(stderr, "%s\n", names[i]);
	return names[i];
#endif
}

/* Read-only data that changes; static thread-local data; an immediate behind an address. */
static KEEP int sum(int i)
{
	total += i;
#ifdef PATCHED
	table[2] -= 3;
	if (table[2] == 4)
		table[0] = 1;
#endif
	return values[i & 3] + total;
}

static int compare(const void *a, const void *b)
{
#ifdef PATCHED
	return *(const int *)a > *(const int *)b ? -1 : 1;
#else
	return *(const int *)a - *(const int *)b;
#endif
}

/* The address of a static function, given away. */
KEEP int first_of(int *v, size_t n)
{
	qsort(v, n, sizeof(*v), compare);
	return v[0];
}

/* The address of a function that changes stays what it was. */
int (*volatile pointer)(int) = select_one;

KEEP int is_same(void)
{
#ifdef PATCHED
	return 2 + (pointer == select_one);
#else
	return pointer == select_one;
#endif
}

int run(void);
int run(void)
{
	int v[] = { 3, 1, 2 };

	calls++;
	table[2] = 5;
	printf("select %d\n", select_one(3));
	printf("select %d\n", select_one(4));
	printf("select %d\n", pointer(7));
	printf("scale %d\n", (int)(10 * scale(2.5)));
	printf("name %s\n", name_of(1));
	printf("sum %d\n", sum(2));
	printf("first %d\n", first_of(v, 3));
	printf("same %d\n", is_same());
	printf("data %d %d %d %d\n", table[2], table[0], level, calls);
	return 0;
}

#ifndef LIBRARY
int main(void)
{
	return run();
}
#endif
