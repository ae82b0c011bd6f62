/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The safety check on living threads: inside the function, called by it, interrupted in it by a
 * signal, suspended in it, or past it with traces left. All of it stands still while it is looked
 * at.
 *
 * The function is alone in its section, so that a test knows where it ends.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "look.h"
#include "tap.h"
#include "target/unwind.h"
#include "victim.h"

#define PATCHED __attribute__((section("patched_code"), noinline))
#define PLAIN __attribute__((noinline))

/* All of an array is on the stack, though only a part of it is used. */
#define KEEP(array) __asm__ volatile("" : : "r"(array) : "memory")

extern const char __start_patched_code[], __stop_patched_code[];

static void wait_here(void)
{
	char line[64];

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

static void say_and_wait(void)
{
	victim_say("ready");
	wait_here();
}

static void sleep_inside(void)
{
	inside = say_and_wait;
	(void)patched(1);
}

/* Use stack, so that the traces of what is called are deep, and then hidden in a gap. */
PLAIN static int leave_traces(void)
{
	volatile char room[1024];

	KEEP(room);
	room[0] = (char)patched(2);
	return room[0];
}

PLAIN static int wait_above(void)
{
	volatile char room[8192];

	KEEP(room);
	room[0] = 1;
	say_and_wait();
	return room[0];
}

static void touch_stack(void)
{
	volatile char room[64];

	KEEP(room);
	room[0] = 1;
	room[1] = room[0];
}

static void pass_through(void)
{
	inside = touch_stack;
	(void)(leave_traces() + wait_above());
}

static void on_signal(int number)
{
	(void)number;
	say_and_wait();
}

static void handle_signals(int flags)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };
	stack_t stack = { .ss_sp = malloc(1 << 16), .ss_size = 1 << 16 };

	(void)sigaltstack(&stack, NULL);
	(void)sigaction(SIGUSR1, &action, NULL);
}

static void interrupt_self(void)
{
	(void)raise(SIGUSR1);
}

static void interrupt_inside(void)
{
	handle_signals(0);
	inside = interrupt_self;
	(void)patched(1);
}

static void interrupt_inside_on_other_stack(void)
{
	handle_signals(SA_ONSTACK);
	inside = interrupt_self;
	(void)patched(1);
}

static void interrupt_outside_on_other_stack(void)
{
	handle_signals(SA_ONSTACK);
	inside = touch_stack;
	(void)leave_traces();
	interrupt_self();
}

/* Calls its argument, and has no unwind table. */
void call_without_table(void (*function)(void));
__asm__(".text\n"
	".type call_without_table, @function\n"
	"call_without_table:\n"
	"	sub $8, %rsp\n"
	"	call *%rdi\n"
	"	add $8, %rsp\n"
	"	ret\n"
	".size call_without_table, . - call_without_table\n");

static void wait_without_table(void)
{
	call_without_table(say_and_wait);
}

static void sleep_below_no_table(void)
{
	inside = wait_without_table;
	(void)patched(1);
}

static void sleep_below_made_code(void)
{
	static const uint8_t code[] = { 0x48, 0x83, 0xec, 0x08, 0xff, 0xd7,
					0x48, 0x83, 0xc4, 0x08, 0xc3 };
	void *room = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memcpy(room, code, sizeof(code));
	inside = say_and_wait;
	((void (*)(int (*)(int)))room)(patched);
}

static void call_made_code(void)
{
	static const uint8_t code[] = { 0x48, 0x83, 0xec, 0x08, 0xff, 0xd7,
					0x48, 0x83, 0xc4, 0x08, 0xc3 };
	void *room = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memcpy(room, code, sizeof(code));
	((void (*)(void (*)(void)))room)(say_and_wait);
}

static void sleep_above_made_code(void)
{
	inside = call_made_code;
	(void)patched(1);
}

/* Traces are below code without a table, whose frame ends the walk too late to matter. */
static void pass_below_no_table(void)
{
	inside = touch_stack;
	call_without_table(pass_through);
}

static int depth;

PLAIN static int recurse(int number)
{
	volatile char room[256];

	KEEP(room);
	room[0] = 1;
	if (number == 0)
		say_and_wait();
	else
		room[1] = (char)recurse(number - 1);
	return room[0];
}

static void recurse_inside(void)
{
	(void)recurse(depth);
}

static void sleep_deep(void)
{
	inside = recurse_inside;
	(void)patched(1);
}

static void ask_for_time(void)
{
	struct timespec now;

	victim_say("ready");
	for (;;)
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
}

static void spin_in_vdso(void)
{
	inside = ask_for_time;
	(void)patched(1);
}

/* Not on a stack, nor is what was found: victims inherit the stack of the test. */
static struct safety_range own_range = { .name = "patched" };
static struct look look;

static void look_into(void (*body)(void), uint32_t flags, unsigned int stops, struct look *ret)
{
	struct victim victim;

	victim_start(&victim, body);
	look_at(&victim, &own_range, flags, stops, ret);
	ok(victim_is_free(&victim), "the victim is not traced any more");
	(void)victim_kill(&victim);
	is_int(ret->asked, 0, "the check asked for no memory");
}

static bool is_in_function(uint64_t address)
{
	return address > own_range.start && address <= own_range.end;
}

static void expect_certain(void (*body)(void), const char *claim)
{

	look_into(body, 0, 1, &look);
	ok(look.r == -LCP_EINUSE && look.count == 1 && look.blocker.certain &&
		   is_in_function(look.blocker.found),
	   "%s: in use for certain", claim);
	ok(look.blocker.frame_count > 3, "%zu frames are shown", look.blocker.frame_count);
}

static void expect_uncertain(void (*body)(void), const char *claim)
{

	look_into(body, 0, 1, &look);
	ok(look.r == -LCP_EINUSE && look.count == 1 && !look.blocker.certain &&
		   is_in_function(look.blocker.found),
	   "%s: in use, because nothing shows that it is not", claim);
}

static void expect_clear(void (*body)(void), const char *claim)
{

	look_into(body, 0, 1, &look);
	is_int(look.r, 0, claim);
	is_int(look.counts.unwound, 1, "its stack was unwound for that");
}

static void test_frames(void)
{
	size_t i;

	look_into(sleep_inside, 0, 1, &look);
	for (i = 0; i < look.blocker.frame_count; i++)
		if (look.blocker.frames[i] == look.blocker.found)
			break;
	ok(i > 1 && i + 1 < look.blocker.frame_count,
	   "the frame is shown between those of what it called and of its callers");
	is_text(look.blocker.name, "patched", "with the function's name");
	ok(look.blocker.pc != 0 && look.blocker.tid != 0, "and where the thread is");
}

static void test_threads_stopped_anywhere(void)
{

	look_into(spin_in_vdso, 0, 200, &look);
	ok(look.r == -LCP_EINUSE && look.blocker.certain,
	   "a thread in the vDSO that will return into the function");
	tap_say("unwinding takes %.1f us, with %zu frames", (double)look.ns / 1000,
		look.blocker.frame_count);
}

static void test_depth(void)
{
	depth = 1000;
	expect_certain(sleep_deep, "a function 1000 frames further out");
	tap_say("%.2f us for each of 1000 frames", (double)look.ns / 1000 / 1000);
	depth = 5000;
	expect_uncertain(sleep_deep, "one further out than is looked");
}

static int thread_total;

static bool leaving_traces;
static atomic_int asleep;

PLAIN static int sleep_above(void)
{
	volatile char room[4096];

	KEEP(room);
	room[0] = 1;
	asleep++;
	while (pause() < 0)
		continue;
	return room[0];
}

static void *sleep_in_thread(void *arg)
{
	(void)arg;
	if (leaving_traces)
		(void)(leave_traces() + sleep_above());
	asleep++;
	while (pause() < 0)
		continue;
	return NULL;
}

static void run_threads(void)
{
	pthread_attr_t attributes;
	pthread_t thread;

	(void)pthread_attr_init(&attributes);
	(void)pthread_attr_setstacksize(&attributes, 1 << 18);
	for (int i = 0; i < thread_total; i++)
		if (pthread_create(&thread, &attributes, sleep_in_thread, NULL) != 0)
			return;
	while (asleep < thread_total)
		(void)sched_yield();
	say_and_wait();
}

static void try_threads(int total, bool traces)
{
	struct victim victim;

	inside = touch_stack;
	thread_total = total;
	leaving_traces = traces;
	victim_start(&victim, run_threads);
	look_at(&victim, &own_range, 0, 10, &look);
	is_int(look.r, 0, "many threads are clear");
	is_int(look.counts.threads, total + 1, "all of them were looked at");
	is_int(look.counts.unwound, traces ? total : 0,
	       traces ? "those with traces on their stacks were unwound"
		      : "none had to be unwound");
	tap_say("%d threads: %.2f us each, %llu bytes of stack each", total,
		(double)look.ns / 1000 / total,
		(unsigned long long)look.counts.stack_bytes / (unsigned)total);
	(void)victim_kill(&victim);
}

static void test_many_threads(void)
{
	static const int totals[] = { 16, 64, 256 };

	for (size_t i = 0; i < ARRAY_SIZE(totals); i++) {
		try_threads(totals[i], false);
		try_threads(totals[i], true);
	}
}

/* Programs of their own. */

static const char *program, *program_kind;

static void run_program(void)
{
	victim_exec((const char *const[]){ program, program_kind, NULL });
}

static void check_program(const char *word, const char *kind, struct look *ret)
{
	struct safety_range range = { .name = "patched" };
	uint64_t end_ns = now_ns() + UINT64_C(20000000000);
	unsigned long start = 0, end = 0;
	struct victim victim;

	program_kind = kind;
	victim_start(&victim, run_program);
	ok(sscanf(victim_listen(&victim), "%lx %lx", &start, &end) == 2,
	   "it says where its function is");
	range.start = start;
	range.end = end;
	is_text(victim_ask(&victim, word), word, "it goes where it is told");
	/* It has said so, and may still be on its way back from saying it. */
	do
		look_at(&victim, &range, 0, 1, ret);
	while (ret->r != 0 && strcmp(word, "spin") == 0 && now_ns() < end_ns);
	(void)victim_kill(&victim);
}

/*
 * musl has no unwind tables of its own code, so a thread that waits in it is not known to be past
 * the function; one that is in the program's code is.
 */
static void try_kind(const char *name, const char *kind, bool libc_has_tables)
{
	check_program("in", kind, &look);
	ok(look.r == -LCP_EINUSE && look.blocker.certain == libc_has_tables,
	   "%s, %s thread: in use if it waits in the function", name, kind);
	check_program("spin", kind, &look);
	ok(look.r == 0, "%s, %s thread: clear if it is past it", name, kind);
	check_program("out", kind, &look);
	ok(look.r == (libc_has_tables ? 0 : -LCP_EINUSE),
	   "%s, %s thread: %s if it waits in the C library", name, kind,
	   libc_has_tables ? "clear" : "not known to be clear");
}

static void try_program(const char *compiler, const char *flags)
{
	const char *sources = getenv("top_srcdir");
	char path[] = "/tmp/lcp-test-XXXXXX", command[512], name[128];
	int fd = mkstemp(path);

	if (fd < 0)
		return;
	(void)close(fd);
	(void)snprintf(name, sizeof(name), "%s %s", compiler, flags);
	(void)snprintf(command, sizeof(command),
		       "%s -o %s %s/tests/live/standalone.c -lpthread 2>/dev/null", name, path,
		       sources != NULL ? sources : "../..");
	program = path;
	if (system(command) != 0) {
		tap_skip("it cannot be compiled", name);
	} else {
		try_kind(name, "first", strcmp(compiler, "musl-gcc") != 0);
		try_kind(name, "second", strcmp(compiler, "musl-gcc") != 0);
	}
	(void)unlink(path);
}

static void test_programs(void)
{
	static const char *const flags[] = {
		"-O2 -fomit-frame-pointer",
		"-O0",
		"-O2 -static",
		"-O2 -static-pie",
	};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		try_program("gcc", flags[i]);
		try_program("musl-gcc", flags[i]);
	}
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
	expect_certain(sleep_inside, "a thread that sleeps in what the function called");
	test_frames();
	expect_clear(pass_through, "a thread that is past it, with traces on its stack, is clear");
	expect_certain(interrupt_inside, "a function that a signal interrupted");
	expect_certain(interrupt_inside_on_other_stack,
		       "one interrupted by a handler that has another stack");
	expect_clear(interrupt_outside_on_other_stack,
		     "a thread in such a handler that was past it is clear");
	expect_uncertain(sleep_below_no_table, "a thread below code that has no table");
	expect_uncertain(sleep_above_made_code, "one below code made at run time");
	expect_certain(sleep_below_made_code, "a function called by code made at run time");
	expect_clear(pass_below_no_table, "traces below code without a table are told from frames");
	test_depth();
	test_threads_stopped_anywhere();
	test_many_threads();
	test_programs();
	return tap_end();
}
