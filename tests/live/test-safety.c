/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The safety check on living threads: inside the function, called by it, interrupted in it by a
 * signal, suspended in it, or past it with traces left. All of it stands still while it is looked at.
 *
 * The function is alone in its section, so that a test knows where it ends.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/ctx.h"
#include "base/error.h"
#include "base/num.h"
#include "core/safety.h"
#include "operation.h"
#include "tap.h"
#include "target/unwind.h"
#include "victim.h"

#define PATCHED __attribute__((section("patched_code"), noinline, noipa))
#define PLAIN __attribute__((noinline, noipa))

extern const char __start_patched_code[], __stop_patched_code[];

/* Memory asked for while counting is on. In a build with a sanitizer that is its own business. */
static atomic_bool counting;
static atomic_uint asked;

#ifndef __SANITIZE_ADDRESS__
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset);

void *malloc(size_t size)
{
	asked += counting;
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	asked += counting;
	return __libc_calloc(count, size);
}

void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
	asked += counting;
	return (void *)syscall(SYS_mmap, address, size, protection, flags, fd, offset);
}
#endif

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

	room[0] = (char)patched(2);
	return room[0];
}

PLAIN static int wait_above(void)
{
	volatile char room[8192];

	room[0] = 1;
	say_and_wait();
	return room[0];
}

static void touch_stack(void)
{
	volatile char room[64];

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

/* What a check found. */
struct found {
	int r;
	size_t count;
	struct safety_blocker blocker;
	struct safety_counts counts;
	unsigned int asked;
	uint64_t ns; /* that it took, the shortest time */
};

struct run {
	struct safety *safety;
	struct found *found;
};

static void check_stopped(struct target *target, void *arg)
{
	const struct run *run = arg;
	struct found *found = run->found;
	const struct safety_blocker *blockers;
	uint64_t begin = now_ns(), ns;

	counting = true;
	found->r = safety_check(run->safety, target);
	counting = false;
	ns = now_ns() - begin;
	if (found->ns == 0 || ns < found->ns)
		found->ns = ns;
	blockers = safety_blockers(run->safety, &found->count);
	if (found->count > 0)
		found->blocker = blockers[0];
	found->counts = *safety_counts(run->safety);
}

/* Check @range of @victim in so many stops. */
static void check(const struct victim *victim, const struct safety_range *range, uint32_t flags,
		  unsigned int stops, struct found *ret)
{
	autosafety struct safety *safety = NULL;
	autoprocess struct lcp_process *process = NULL;
	struct lcp_ctx *ctx = ctx_new(0);
	struct operation operation;
	struct run run = { .found = ret };

	memset(ret, 0, sizeof(*ret));
	operation_begin(&operation, victim->pid, 0);
	ret->r = process_new(ctx, operation.target, &process, NULL);
	ctx_unref(ctx);
	if (ret->r == 0)
		ret->r = safety_new(process, range, 1, NULL, 0, flags, &safety, NULL);
	if (ret->r < 0)
		return;
	run.safety = safety;
	asked = 0;
	operation.while_stopped = check_stopped;
	operation.arg = &run;
	operation.stops = stops;
	if (operation_run(&operation) < 0)
		ret->r = -1;
	ret->asked = asked;
}

static struct safety_range own_range(void)
{
	return (struct safety_range){ (uintptr_t)__start_patched_code,
				      (uintptr_t)__stop_patched_code, false, "patched" };
}

static void look_at(void (*body)(void), uint32_t flags, unsigned int stops, struct found *ret)
{
	struct safety_range range = own_range();
	struct victim victim;

	victim_start(&victim, body);
	check(&victim, &range, flags, stops, ret);
	ok(victim_is_free(&victim), "the victim is not traced any more");
	(void)victim_kill(&victim);
	is_int(ret->asked, 0, "the check asked for no memory");
}

static bool is_in_function(uint64_t address)
{
	struct safety_range range = own_range();

	return address > range.start && address <= range.end;
}

static void expect_certain(void (*body)(void), const char *claim)
{
	struct found found;

	look_at(body, 0, 1, &found);
	ok(found.r == -LCP_EINUSE && found.count == 1 && found.blocker.certain &&
		   is_in_function(found.blocker.found),
	   "%s: in use for certain", claim);
	ok(found.blocker.frame_count > 3, "%zu frames are shown", found.blocker.frame_count);
}

static void expect_uncertain(void (*body)(void), const char *claim)
{
	struct found found;

	look_at(body, 0, 1, &found);
	ok(found.r == -LCP_EINUSE && found.count == 1 && !found.blocker.certain &&
		   is_in_function(found.blocker.found),
	   "%s: in use, because nothing shows that it is not", claim);
}

static void expect_clear(void (*body)(void), const char *claim)
{
	struct found found;

	look_at(body, 0, 1, &found);
	is_int(found.r, 0, claim);
	is_int(found.counts.unwound, 1, "its stack was unwound for that");
}

static void test_frames(void)
{
	struct found found;
	size_t i;

	look_at(sleep_inside, 0, 1, &found);
	for (i = 0; i < found.blocker.frame_count; i++)
		if (found.blocker.frames[i] == found.blocker.found)
			break;
	ok(i > 1 && i + 1 < found.blocker.frame_count,
	   "the frame is shown between those of what it called and of its callers");
	is_text(found.blocker.name, "patched", "with the function's name");
	ok(found.blocker.pc != 0 && found.blocker.tid != 0, "and where the thread is");
	look_at(sleep_inside, SAFETY_NO_STACKS, 1, &found);
	is_int(found.r, 0, "without stacks a thread that called something is clear");
}

static void test_threads_stopped_anywhere(void)
{
	struct found found;

	look_at(spin_in_vdso, 0, 200, &found);
	ok(found.r == -LCP_EINUSE && found.blocker.certain,
	   "a thread in the vDSO that will return into the function");
	tap_say("unwinding takes %.1f us, with %zu frames", (double)found.ns / 1000,
		found.blocker.frame_count);
}

static void test_coroutines(void)
{
	struct found found;

	look_at(suspend_inside, 0, 1, &found);
	ok(found.r == -LCP_EINUSE && found.blocker.tid == 0 && is_in_function(found.blocker.found),
	   "a coroutine that is suspended in the function is found in memory");
	tap_say("%.1f us for %llu bytes of memory", (double)found.ns / 1000,
		(unsigned long long)found.counts.memory_bytes);
	look_at(sleep_in_coroutine, 0, 1, &found);
	ok(found.r == -LCP_EINUSE && found.blocker.certain && found.blocker.tid != 0,
	   "one that runs is found by its stack");
}

static void test_depth(void)
{
	depth = 1000;
	expect_certain(sleep_deep, "a function 1000 frames further out");
	depth = 5000;
	expect_uncertain(sleep_deep, "one further out than is looked");
}

#define THREADS_MAX 256

static int thread_total;

static void *sleep_in_thread(void *arg)
{
	(void)arg;
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
	say_and_wait();
}

static void test_many_threads(void)
{
	static const int totals[] = { 16, 64, THREADS_MAX };
	struct safety_range range = own_range();
	struct found found;

	for (size_t i = 0; i < ARRAY_SIZE(totals); i++) {
		struct victim victim;

		thread_total = totals[i];
		victim_start(&victim, run_threads);
		check(&victim, &range, 0, 10, &found);
		is_int(found.r, 0, "many threads are clear");
		is_int(found.counts.threads, totals[i] + 1, "all of them were looked at");
		is_int(found.counts.unwound, 0, "none had to be unwound");
		tap_say("%d threads: %.2f us each, %llu bytes of stack each", totals[i],
			(double)found.ns / 1000 / totals[i],
			(unsigned long long)found.counts.stack_bytes / (unsigned)totals[i]);
		(void)victim_kill(&victim);
	}
}

/* Programs of their own. */

static const char *program, *program_kind;

static void run_program(void)
{
	victim_exec((const char *const[]){ program, program_kind, NULL });
}

static void check_program(const char *word, const char *kind, struct found *ret)
{
	struct safety_range range = { .name = "patched" };
	unsigned long start = 0, end = 0;
	struct victim victim;

	program_kind = kind;
	victim_start(&victim, run_program);
	ok(sscanf(victim_listen(&victim), "%lx %lx", &start, &end) == 2,
	   "it says where its function is");
	range.start = start;
	range.end = end;
	is_text(victim_ask(&victim, word), word, "it goes where it is told");
	check(&victim, &range, 0, 1, ret);
	(void)victim_kill(&victim);
}

static void try_program(const char *compiler, const char *flags, const char *kind)
{
	char path[] = "/tmp/lcp-test-XXXXXX", command[512];
	int fd = mkstemp(path);
	struct found found;

	(void)close(fd);
	(void)snprintf(command, sizeof(command),
		       "%s %s -o %s %s/tests/live/standalone.c -lpthread 2>/dev/null", compiler,
		       flags, path, getenv("top_srcdir") != NULL ? getenv("top_srcdir") : "../..");
	if (fd < 0 || system(command) != 0) {
		tap_skip("it cannot be compiled", flags);
		(void)unlink(path);
		return;
	}
	program = path;
	check_program("in", kind, &found);
	ok(found.r == -LCP_EINUSE && found.blocker.certain, "%s %s, %s: inside for certain",
	   compiler, flags, kind);
	check_program("out", kind, &found);
	ok(found.r == 0, "%s %s, %s: past it is clear", compiler, flags, kind);
	tap_say("unwound: %llu", (unsigned long long)found.counts.unwound);
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
	static const char *const kinds[] = { "first", "thread" };

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		for (size_t kind = 0; kind < 2; kind++) {
			try_program("gcc", flags[i], kinds[kind]);
			try_program("musl-gcc", flags[i], kinds[kind]);
		}
}

int main(void)
{
	autounwinder struct unwinder *unwinder = NULL;

	/* libunwind opens a pipe when it is first used, and keeps it. */
	if (unwinder_new(&arch_x86_64, NULL, 0, NULL, 0, &unwinder, NULL) < 0)
		return 99;
	tap_begin();
	expect_certain(sleep_inside, "a thread that sleeps in what the function called");
	test_frames();
	expect_clear(pass_through, "a thread that is past it, with traces on its stack, is clear");
	expect_certain(interrupt_inside, "a function that a signal interrupted");
	expect_certain(interrupt_inside_on_other_stack,
		       "one interrupted by a handler that has another stack");
	expect_clear(interrupt_outside_on_other_stack,
		     "a thread in such a handler that was past it is clear");
	test_coroutines();
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
