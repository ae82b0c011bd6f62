/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is patched in the victims: the macros make the versions. As a library it has one function.
 */
#include "functions.h"

#include <errno.h>
#include <unistd.h>

#ifndef VALUE
#define VALUE 10
#endif
#ifndef WAITS
#define WAITS 0
#endif
#ifndef YIELDS
#define YIELDS 0
#endif

#ifndef EARLY
#define EARLY 0
#endif
#ifndef KEEPS
#define KEEPS 0
#endif
#ifndef STUBBORN
#define STUBBORN 1
#endif

#ifdef LIBRARY
int library_value(void)
{
	return VALUE * 10;
}
#else
static unsigned int calls;

int peers_value(void)
{
	calls++;
#ifdef DATA
	static int more = DATA;

	return more++ > 0 ? VALUE : 0;
#else
	return VALUE;
#endif
}

unsigned int peers_calls(void)
{
	return calls;
}

int peers_wait(int fd)
{
	char byte = 0;

	while (read(fd, &byte, 1) < 0 && errno == EINTR)
		;
	return byte + WAITS;
}

int peers_yield(void (*yield)(void))
{
	yield();
	return YIELDS + 1;
}

/* For its size gcc begins it with push and call. clang does so anyway. */
#ifndef __clang__
__attribute__((optimize("Os")))
#endif
int peers_early(void (*yield)(void))
{
	yield();
	return EARLY + 1;
}

/* Who takes an address within the bytes that a branch overwrites may go there: see arch/move.c. */
#define UNMOVABLE(name, value)                                                             \
	__asm__(".text\n\t.globl\t" #name "\n\t.type\t" #name ", @function\n" #name        \
		":\n\tleaq\t" #name "+4(%rip), %rax\n\tmovl\t$" #value ", %eax\n\tret\n\t" \
		".size\t" #name ", .-" #name)
#if STUBBORN == 1
UNMOVABLE(peers_stubborn, 1);
UNMOVABLE(peers_obstinate, 2);
#else
UNMOVABLE(peers_stubborn, 4);
UNMOVABLE(peers_obstinate, 8);
#endif

const char *peers_text;
int (*peers_callback)(void);
int *peers_data;

#if KEEPS == 2
static int answer(void)
{
	return 42;
}
#elif KEEPS == 3
static int numbers[3] = { 1, 2, 43 };
#endif

void peers_keep(void)
{
	calls++;
#if KEEPS == 1
	peers_text = "a text of the patch";
#elif KEEPS == 2
	peers_callback = answer;
#elif KEEPS == 3
	peers_data = &numbers[2];
#elif KEEPS == 4
	calls++;
#endif
}
#endif
