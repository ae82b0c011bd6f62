/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The safety check where contexts are switched: coroutines that are suspended in the function, or
 * past it. That this program can do so is seen by what it imports.
 */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "look.h"
#include "tap.h"
#include "target/unwind.h"

#define PLAIN __attribute__((noinline))
#define PATCHED __attribute__((section("patched_code"), noinline))

/* All of an array is on the stack, though only a part of it is used. */
#define KEEP(array) __asm__ volatile("" : : "r"(array) : "memory")

extern const char __start_patched_code[], __stop_patched_code[];

static struct safety_range own_range = { .name = "patched" };
static struct look look;

static void say_and_wait(void)
{
	char line[64];

	victim_say("ready");
	(void)victim_hear(line, sizeof(line));
}

/* What the function does, for each kind of victim. */
static void (*inside)(void);

PATCHED static int patched(int number)
{
	if (inside != NULL)
		inside();
	__asm__ volatile("" : "+r"(number)); /* the call is not the last thing it does */
	return number + 1;
}

static ucontext_t main_context, coroutine_context;

static void leave_coroutine(void)
{
	(void)swapcontext(&coroutine_context, &main_context);
}

static void run_coroutine(void)
{
	(void)patched(1);
}

static void start_coroutine(void)
{
	(void)getcontext(&coroutine_context);
	coroutine_context.uc_stack.ss_sp = malloc(1 << 16);
	coroutine_context.uc_stack.ss_size = 1 << 16;
	coroutine_context.uc_link = &main_context;
	makecontext(&coroutine_context, run_coroutine, 0);
	(void)swapcontext(&main_context, &coroutine_context);
}

static void suspend_inside(void)
{
	inside = leave_coroutine;
	start_coroutine();
	say_and_wait();
}

/* As QEMU does: a new stack by makecontext(), turns by siglongjmp(), of which the pc is mangled. */
static sigjmp_buf main_jump, coroutine_jump;

static void jump_out(void)
{
	if (sigsetjmp(coroutine_jump, 0) == 0)
		siglongjmp(main_jump, 1);
}

static void jump_from_inside(void)
{
	inside = jump_out;
	if (sigsetjmp(main_jump, 0) == 0)
		start_coroutine();
	say_and_wait();
}

/* The thread runs on the stack of a coroutine. */
static void sleep_in_coroutine(void)
{
	inside = say_and_wait;
	start_coroutine();
}

static void return_at_once(void)
{
}

PLAIN static int pass_through(void)
{
	volatile char room[4096];

	KEEP(room);
	room[0] = 0;
	return patched(room[0]);
}

static void sleep_outside(void)
{
	inside = return_at_once;
	(void)pass_through();
	say_and_wait();
}

static bool is_in_function(uint64_t address)
{
	return address > own_range.start && address <= own_range.end;
}

/* Victims, all of them begun before one is looked at: they inherit what the test has in memory. */
enum {
	OUTSIDE,
	SWAPPED,
	JUMPED,
	RUNNING,
	KINDS
};

static void (*const bodies[KINDS])(void) = {
	[OUTSIDE] = sleep_outside,
	[SWAPPED] = suspend_inside,
	[JUMPED] = jump_from_inside,
	[RUNNING] = sleep_in_coroutine,
};

static struct victim victims[KINDS];

static void look_into(int kind)
{
	look_at(&victims[kind], &own_range, 0, 1, &look);
	(void)victim_kill(&victims[kind]);
	is_int(look.asked, 0, "the check asked for no memory");
}

static void test_coroutines(void)
{
	for (int i = 0; i < KINDS; i++)
		victim_start(&victims[i], bodies[i]);
	own_range.start = (uintptr_t)__start_patched_code;
	own_range.end = (uintptr_t)__stop_patched_code;
	look_into(OUTSIDE);
	is_int(look.r, 0, "a thread that left traces below its sp is clear");
	tap_say("%.1f us for %llu bytes of memory", (double)look.ns / 1000,
		(unsigned long long)look.counts.memory_bytes);
	look_into(SWAPPED);
	ok(look.r == -LCP_EINUSE && look.blocker.tid == 0 && is_in_function(look.blocker.found),
	   "a coroutine that is suspended in the function is found in memory");
	look_into(JUMPED);
	ok(look.r == -LCP_EINUSE && look.blocker.tid == 0 && is_in_function(look.blocker.found),
	   "so is one that left by siglongjmp()");
	look_into(RUNNING);
	ok(look.r == -LCP_EINUSE && look.blocker.certain && look.blocker.tid != 0,
	   "one that runs is found by its stack");
}

int main(void)
{
	autounwinder struct unwinder *unwinder = NULL;

	/* libunwind opens a pipe when it is first used, and keeps it. */
	if (unwinder_new(&arch_x86_64, NULL, 0, NULL, 0, &unwinder, NULL) < 0)
		return 99;
	tap_begin();
	test_coroutines();
	return tap_end();
}
