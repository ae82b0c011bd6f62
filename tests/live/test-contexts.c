/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The safety check where contexts are switched: coroutines that are suspended in the function, or
 * past it. That this program can do so is seen by what it imports.
 */
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "look.h"
#include "tap.h"
#include "target/unwind.h"

#define PATCHED __attribute__((section("patched_code"), noinline, noipa))

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

/* The thread runs on the stack of a coroutine. */
static void sleep_in_coroutine(void)
{
	inside = say_and_wait;
	start_coroutine();
}

static bool is_in_function(uint64_t address)
{
	return address > own_range.start && address <= own_range.end;
}

static void look_into(void (*body)(void))
{
	struct victim victim;

	victim_start(&victim, body);
	look_at(&victim, &own_range, 0, 1, &look);
	(void)victim_kill(&victim);
	is_int(look.asked, 0, "the check asked for no memory");
}

static void test_coroutines(void)
{
	look_into(suspend_inside);
	ok(look.r == -LCP_EINUSE && look.blocker.tid == 0 && is_in_function(look.blocker.found),
	   "a coroutine that is suspended in the function is found in memory");
	tap_say("%.1f us for %llu bytes of memory", (double)look.ns / 1000,
		(unsigned long long)look.counts.memory_bytes);
	look_into(sleep_in_coroutine);
	ok(look.r == -LCP_EINUSE && look.blocker.certain && look.blocker.tid != 0,
	   "one that runs is found by its stack");
}

int main(void)
{
	autounwinder struct unwinder *unwinder = NULL;

	/* libunwind opens a pipe when it is first used, and keeps it. */
	if (unwinder_new(&arch_x86_64, NULL, 0, NULL, 0, &unwinder, NULL) < 0)
		return 99;
	own_range.start = (uintptr_t)__start_patched_code;
	own_range.end = (uintptr_t)__stop_patched_code;
	tap_begin();
	test_coroutines();
	return tap_end();
}
