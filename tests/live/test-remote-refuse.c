/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Threads that must not be borrowed, and the ways back where there is no restorer.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "borrow.h"
#include "tap.h"
#include "target/remote.h"

#define ATTEMPTS 2000

static void wait_for_end(void)
{
	char line[32];

	victim_say("ready");
	while (victim_hear(line, sizeof(line)))
		victim_say("%s", line);
}

static void start_thread(void *(*run)(void *argument))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run, NULL) != 0)
		_exit(97);
}

/* The thread that is not the first, once it is there. */
static int32_t second_thread(const struct victim *victim)
{
	char path[64];
	int32_t tid;

	for (tid = victim->pid + 1;; tid++) {
		(void)snprintf(path, sizeof(path), "/proc/%d/task/%d", victim->pid, tid);
		if (access(path, F_OK) == 0)
			return tid;
	}
}

/* getpid on thread @tid: its result; the reason is in target->fault. */
static int call_getpid(struct target *target, int32_t tid)
{
	const struct target_call call = { .number = SYSCALL_GETPID };
	uint64_t value = 0;
	int r = borrow_call(target, tid, &call, &value);

	return r == 0 && value != (uint64_t)target->pid ? -EIO : r;
}

/* Stop it until it is refused for that reason: how often it took. */
static int stops_until(struct target *target, int32_t tid, int code, const char *reason)
{
	for (int i = 1; i <= ATTEMPTS; i++) {
		int r = call_getpid(target, tid);

		if (r == code && strstr(target->fault.text, reason) != NULL)
			return i;
		if (r != 0 && r != -LCP_EBORROW)
			return r;
	}
	return 0;
}

static void try_refusal(void (*body)(void), int code, const char *reason, const char *claim)
{
	struct target *target;
	struct victim victim;
	int stops;

	victim_start(&victim, body);
	target = borrow_open(&victim);
	stops = stops_until(target, second_thread(&victim), code, reason);
	ok(stops > 0, "%s is refused", claim);
	tap_say("at stop %d: %s", stops, target->fault.text);
	is_text(victim_ask(&victim, "alive"), "alive", "the victim lives");
	ok(victim_is_free(&victim), "and is not traced");
	target_close(target);
	ok(victim_end(&victim) == 0, "and ends well");
}

static void *sleep_long(void *argument)
{
	const struct timespec time = { .tv_sec = 1000 };

	(void)nanosleep(&time, NULL);
	return argument;
}

static void body_of_sleeper(void)
{
	start_thread(sleep_long);
	wait_for_end();
}

static ucontext_t coroutine;
static char coroutine_stack[65536];

static void loop(void)
{
	for (;;)
		(void)usleep(100);
}

static void *run_coroutine(void *argument)
{
	(void)getcontext(&coroutine);
	coroutine.uc_stack.ss_sp = coroutine_stack;
	coroutine.uc_stack.ss_size = sizeof(coroutine_stack);
	makecontext(&coroutine, loop, 0);
	(void)setcontext(&coroutine);
	return argument;
}

static void body_of_coroutine(void)
{
	start_thread(run_coroutine);
	wait_for_end();
}

#ifdef __x86_64__

/* jmp . in 32-bit code; the descriptor of such code is number 4 of the GDT, for user mode: 0x23. */
static void *run_32_bits(void *argument)
{
	uint8_t *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	code[0] = 0xeb;
	code[1] = 0xfe;
	__asm__ volatile("pushq $0x23; pushq %0; lretq" : : "r"(code) : "memory");
	return argument;
}

static void body_of_32_bits(void)
{
	start_thread(run_32_bits);
	wait_for_end();
}

#if defined(__has_include)
#if __has_include(<sys/rseq.h>)
#include <sys/rseq.h>
#define HAVE_RSEQ 1
#endif
#endif

#ifdef HAVE_RSEQ

void spin_in_sequence(void *rseq_cs);

/* Nearly all of the time is spent inside the sequence. The word is RSEQ_SIG. */
__asm__(".pushsection .data.rel.local, \"aw\"\n"
	"	.balign 32\n"
	"sequence:\n"
	"	.long 0, 0\n"
	"	.quad 1f, 2f - 1f, 4f\n"
	".popsection\n"
	".text\n"
	".globl spin_in_sequence\n"
	".type spin_in_sequence, @function\n"
	"spin_in_sequence:\n"
	"	lea sequence(%rip), %rax\n"
	"	mov %rax, (%rdi)\n"
	"1:	mov $1000000, %ecx\n"
	"3:	dec %ecx\n"
	"	jnz 3b\n"
	"2:	jmp spin_in_sequence\n"
	"	.long 0x53053053\n"
	"4:	jmp spin_in_sequence\n"
	".size spin_in_sequence, . - spin_in_sequence\n");

static void *run_sequence(void *argument)
{
	spin_in_sequence((char *)__builtin_thread_pointer() + __rseq_offset +
			 offsetof(struct rseq, rseq_cs));
	return argument;
}

static void body_of_sequence(void)
{
	start_thread(run_sequence);
	wait_for_end();
}

#endif

static void body_of_waiter(void)
{
	wait_for_end();
}

/* poll(2) without a time limit, again and again: the kernel would go on by restart_syscall(2). */
static void try_endless_poll(void)
{
	struct target *target;
	struct victim victim;
	int calls;

	victim_start(&victim, body_of_waiter);
	target = borrow_open(&victim);
	victim_await_state(&victim, victim.pid, 'S');
	for (calls = 0; calls < 100 && call_getpid(target, victim.pid) == 0;)
		calls++;
	is_int(calls, 100, "a thread in an endless poll is borrowed a hundred times");
	is_text(victim_ask(&victim, "alive"), "alive", "and hears what it is told then");
	target_close(target);
	ok(victim_end(&victim) == 0, "and ends well");
}

static int64_t find_no_restorer(enum arch_gadget gadget, const uint8_t *code, size_t size)
{
	return gadget == GADGET_SIGRETURN ? -1 : arch_x86_64.find_gadget(gadget, code, size);
}

static int64_t find_no_keeper(enum arch_gadget gadget, const uint8_t *code, size_t size)
{
	return gadget == GADGET_KEEP_RESULT ? -1 : arch_x86_64.find_gadget(gadget, code, size);
}

static int64_t find_nothing(enum arch_gadget gadget, const uint8_t *code, size_t size)
{
	(void)gadget;
	(void)code;
	(void)size;
	return -1;
}

static uint64_t square(uint64_t value)
{
	return value * value;
}

/* A call of square(@value), in a process of which less is found. */
static int call_square(struct target *target, uint64_t value, bool no_value, uint64_t *ret)
{
	const struct target_call call = {
		.function = (uint64_t)(uintptr_t)square,
		.no_value = no_value,
		.args = { value },
	};

	return borrow_call(target, target->pid, &call, ret);
}

/* Static programs with musl have no restorer; some programs have no code that keeps a value. */
static void try_ways(int64_t (*find)(enum arch_gadget gadget, const uint8_t *code, size_t size),
		     int getpid_result, int square_result, int no_value_result, const char *claim)
{
	struct arch arch = arch_x86_64;
	struct target *target;
	struct victim victim;
	uint64_t value = 0;

	victim_start(&victim, body_of_waiter);
	target = borrow_open(&victim);
	remote_free(target->remote);
	target->remote = NULL;
	arch.find_gadget = find;
	target->arch = &arch;
	is_int(remote_prepare(target, 0), 0, claim);
	is_int(call_getpid(target, victim.pid), getpid_result, "a system call");
	is_int(call_square(target, 1111, false, &value), square_result, "a function");
	is_int(value, square_result == 0 ? 1234321 : 0, "its value");
	is_int(call_square(target, 1, true, &value), no_value_result, "one without a value");
	is_text(victim_ask(&victim, "alive"), "alive", "the victim lives");
	target_close(target);
	ok(victim_end(&victim) == 0, "and ends well");
}

static void try_x86_64(void)
{
	try_refusal(body_of_32_bits, -LCP_EUNSUPPORTED, "32-bit", "a thread in 32-bit code");
#ifdef HAVE_RSEQ
	if (__rseq_size > 0)
		try_refusal(body_of_sequence, -LCP_EBORROW, "restartable sequence",
			    "a thread in a restartable sequence");
#else
	tap_skip("no <sys/rseq.h>", "a thread in a restartable sequence is refused");
#endif
	try_endless_poll();
	try_ways(find_no_restorer, 0, 0, 0, "without a restorer there is a way back");
	try_ways(find_no_keeper, 0, -LCP_EUNSUPPORTED, 0, "without code to keep a value");
	try_ways(find_nothing, -LCP_EUNSUPPORTED, -LCP_EUNSUPPORTED, -LCP_EUNSUPPORTED,
		 "without any code to come back by");
}

#else

static void try_x86_64(void)
{
}

#endif

int main(void)
{
	tap_begin();
	try_refusal(body_of_sleeper, -LCP_EBORROW, "about to go on with a timed system call",
		    "a thread that goes on with a timed call");
	try_refusal(body_of_coroutine, -LCP_EBORROW, "stack of unknown size", "a coroutine");
	try_x86_64();
	return tap_end();
}
