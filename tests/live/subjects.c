/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "subjects.h"

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define WAIT_US 700

static void want(struct subject_state *state, long is, long wanted, const char *what)
{
	if (is != wanted)
		subject_fail(state, what, is < 0 ? -errno : is);
}

static void turn_nanosleep(struct subject_state *state)
{
	const struct timespec time = { .tv_nsec = WAIT_US * 1000L };

	want(state, nanosleep(&time, NULL), 0, "nanosleep");
}

static void turn_poll(struct subject_state *state)
{
	struct pollfd fd = { .fd = state->fds[0], .events = POLLIN };

	want(state, poll(&fd, 1, 1), 0, "poll");
}

static void turn_epoll(struct subject_state *state)
{
	struct epoll_event event;
	int r = epoll_wait(state->fds[0], &event, 1, 2);

	if (r < 0 && errno == EINTR) {
		errno = 77;
		atomic_fetch_add(&state->leaks, 1);
		return;
	}
	want(state, r, 0, "epoll_wait");
}

/* Its partner is the ticker below: bytes come in order. */
static void turn_pipe(struct subject_state *state)
{
	uint8_t byte = 0;

	want(state, read(state->fds[0], &byte, 1), 1, "read");
	want(state, byte, (uint8_t)(atomic_load(&state->turns) + 1), "the byte read is");
}

static void *tick(void *argument)
{
	struct subject_state *state = argument;

	for (uint8_t byte = 1;; byte++) {
		(void)usleep(WAIT_US);
		if (write(state->fds[1], &byte, 1) != 1)
			return NULL;
	}
}

static void turn_futex(struct subject_state *state)
{
	const struct timespec time = { .tv_nsec = WAIT_US * 1000L };
	long r = syscall(SYS_futex, &state->word, FUTEX_WAIT, 0, &time, NULL, 0);

	if (r != -1 || errno != ETIMEDOUT)
		subject_fail(state, "futex", r < 0 ? -errno : r);
	errno = 77;
}

static void turn_ppoll(struct subject_state *state)
{
	const struct timespec time = { .tv_nsec = WAIT_US * 1000L };
	sigset_t mask;

	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGALRM);
	(void)sigaddset(&mask, SIGUSR1);
	want(state, ppoll(NULL, 0, &time, &mask), 0, "ppoll");
}

/* One system call for as long as the test wants. */
static void turn_sleep(struct subject_state *state)
{
	uint8_t byte;

	want(state, read(state->fds[0], &byte, 1), 1, "read");
}

void subject_wake(struct subject_state *state)
{
	(void)!write(state->fds[1], "", 1);
}

/* A sum of which every bit has to come out as it did the first time. */
static double compute(void)
{
	volatile double step = 0.1;
	double sum = 1.0;

	for (int i = 1; i < 20000; i++)
		sum = sum * (1.0 - step / i) + step * i;
	return sum;
}

static double computed;
static uint8_t alarm_stack[65536];

static void turn_alarm(struct subject_state *state)
{
	if (computed == 0)
		computed = compute();
	if (compute() != computed)
		subject_fail(state, "a sum differs", 0);
}

static void on_alarm(int signal)
{
	struct subject_state *state = &subject_states[SUBJECT_ALARM];
	const uint8_t *here = (const uint8_t *)__builtin_frame_address(0);
	volatile double factor = 1.5;

	if (here < alarm_stack || here >= alarm_stack + sizeof(alarm_stack))
		subject_fail(state, "signal on the wrong stack", signal);
	for (int i = 0; i < 50; i++)
		factor = factor * 1.25;
	atomic_fetch_add(&state->alarms, 1);
}

/* The alternate stack is a thread's own: so it is set on its first turn. */
static void turn_alarm_first(struct subject_state *state)
{
	const struct itimerval timer = { { 0, 2000 }, { 0, 2000 } };
	const stack_t stack = { .ss_sp = alarm_stack, .ss_size = sizeof(alarm_stack) };
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_ONSTACK | SA_RESTART };

	if (atomic_load(&state->turns) == 0) {
		(void)sigaltstack(&stack, NULL);
		(void)sigaction(SIGALRM, &action, NULL);
		(void)setitimer(ITIMER_REAL, &timer, NULL);
	}
	turn_alarm(state);
}

#ifdef __x86_64__

#define GPRS 16 /* in the order of the asm below; rcx is the counter */
#define RED_WORDS 16
#define XSAVE_MAX 16384
#define XSAVE_MASK 0xe7 /* x87, SSE, AVX, AVX-512 */
#define FLAGS 0xed7 /* all that may be set, direction included */

/* The asm refers to them by name. */
uint64_t subject_gprs[GPRS];
uint64_t subject_red[RED_WORDS];
uint64_t subject_flags;
uint64_t subject_spins;
uint64_t subject_rsp[2];
_Alignas(64) uint8_t subject_xsave_in[XSAVE_MAX], subject_xsave_out[XSAVE_MAX];

void subject_spin(void);

/*
 * Load everything, spin without touching a flag (lea, jrcxz), store everything. The red zone is
 * read before anything is pushed.
 */
__asm__(".text\n"
	".globl subject_spin\n"
	".type subject_spin, @function\n"
	"subject_spin:\n"
	"	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	"	mov %rsp, subject_rsp(%rip)\n"
	"	mov $0xe7, %eax; xor %edx, %edx\n"
	"	xrstor64 subject_xsave_in(%rip)\n"
	"	pushq $0xed7; popfq\n"
	".set i, 1\n"
	".rept 16\n"
	"	movabs $(0x5500000000000000 + i), %rax; mov %rax, -8*i(%rsp)\n"
	"	.set i, i + 1\n"
	".endr\n"
	"	movabs $0x1100000000000001, %rax; movabs $0x1100000000000002, %rbx\n"
	"	mov subject_spins(%rip), %rcx;    movabs $0x1100000000000004, %rdx\n"
	"	movabs $0x1100000000000005, %rsi; movabs $0x1100000000000006, %rdi\n"
	"	movabs $0x1100000000000007, %rbp; movabs $0x1100000000000008, %r8\n"
	"	movabs $0x1100000000000009, %r9;  movabs $0x110000000000000a, %r10\n"
	"	movabs $0x110000000000000b, %r11; movabs $0x110000000000000c, %r12\n"
	"	movabs $0x110000000000000d, %r13; movabs $0x110000000000000e, %r14\n"
	"	movabs $0x110000000000000f, %r15\n"
	"1:	lea -1(%rcx), %rcx\n"
	"	jrcxz 2f\n"
	"	jmp 1b\n"
	"2:	mov %rax, subject_gprs+0(%rip);   mov %rbx, subject_gprs+8(%rip)\n"
	"	mov %rcx, subject_gprs+16(%rip);  mov %rdx, subject_gprs+24(%rip)\n"
	"	mov %rsi, subject_gprs+32(%rip);  mov %rdi, subject_gprs+40(%rip)\n"
	"	mov %rbp, subject_gprs+48(%rip);  mov %r8, subject_gprs+56(%rip)\n"
	"	mov %r9, subject_gprs+64(%rip);   mov %r10, subject_gprs+72(%rip)\n"
	"	mov %r11, subject_gprs+80(%rip);  mov %r12, subject_gprs+88(%rip)\n"
	"	mov %r13, subject_gprs+96(%rip);  mov %r14, subject_gprs+104(%rip)\n"
	"	mov %r15, subject_gprs+112(%rip); mov %rsp, subject_rsp+8(%rip)\n"
	".set i, 1\n"
	".rept 16\n"
	"	mov -8*i(%rsp), %rax; mov %rax, subject_red+8*(i-1)(%rip)\n"
	"	.set i, i + 1\n"
	".endr\n"
	"	pushfq; popq subject_flags(%rip); cld\n"
	"	mov $0xe7, %eax; xor %edx, %edx\n"
	"	xsave64 subject_xsave_out(%rip)\n"
	"	fninit\n"
	"	pushq $0x1f80; ldmxcsr (%rsp); pop %rax\n"
	"	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"	ret\n"
	".size subject_spin, . - subject_spin\n");

/* Legacy area: control and tag words, MXCSR, 8 x87 registers, 16 of SSE; then the others. */
static void prepare_spin(void)
{
	uint8_t *area = subject_xsave_in;
	uint32_t size, b, c, d;
	uint64_t mask;

	__asm__ volatile("cpuid" : "=a"(c), "=b"(size), "=c"(d), "=d"(b) : "a"(0xd), "c"(0));
	__asm__ volatile("xgetbv" : "=a"(b), "=d"(c) : "c"(0));
	mask = b & XSAVE_MASK;
	for (size_t i = 576; i < size && i < XSAVE_MAX; i++)
		area[i] = (uint8_t)(i * 7 + i / 64 + 1);
	area[0] = 0x7f; /* double precision, rounding up: FCW 0xa7f */
	area[1] = 0x0a;
	area[4] = 0xff; /* all eight registers are in use */
	area[24] = 0x80; /* MXCSR: rounding down, flush to zero */
	area[25] = 0xbf;
	for (size_t i = 0; i < 8; i++) {
		area[32 + 16 * i + 7] = 0x80 | (uint8_t)i; /* mantissa */
		area[32 + 16 * i + 9] = 0x3f; /* exponent */
		area[32 + 16 * i] = (uint8_t)(0x31 + i);
	}
	for (size_t i = 160; i < 416; i++)
		area[i] = (uint8_t)(i * 5 + 3);
	memcpy(area + 512, &mask, sizeof(mask));
	subject_spins = 100000;
}

static void compare_areas(struct subject_state *state, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (subject_xsave_in[i] != subject_xsave_out[i])
			subject_fail(state, "xstate differs at", (long)i);
}

static void turn_loop(struct subject_state *state)
{
	memset(subject_xsave_out, 0, sizeof(subject_xsave_out));
	subject_spin();
	for (size_t i = 0; i < 15; i++)
		if (subject_gprs[i] != (i == 2 ? 0 : UINT64_C(0x1100000000000001) + i))
			subject_fail(state, "general register differs", (long)i);
	for (size_t i = 0; i < RED_WORDS; i++)
		if (subject_red[i] != UINT64_C(0x5500000000000001) + i)
			subject_fail(state, "red zone differs at word", (long)i);
	if (subject_flags != FLAGS)
		subject_fail(state, "the flags are", (long)subject_flags);
	if (subject_rsp[0] != subject_rsp[1])
		subject_fail(state, "the stack pointer is off by",
			     (long)(subject_rsp[1] - subject_rsp[0]));
	compare_areas(state, 0, 5);
	compare_areas(state, 24, 28);
	compare_areas(state, 32, 416);
	compare_areas(state, 512, 520);
	compare_areas(state, 576, XSAVE_MAX);
}

#else

static void prepare_spin(void)
{
}

static void turn_loop(struct subject_state *state)
{
	turn_alarm(state);
}

#endif

void (*const subject_turns[SUBJECT_COUNT])(struct subject_state *state) = {
	[SUBJECT_LOOP] = turn_loop,   [SUBJECT_NANOSLEEP] = turn_nanosleep,
	[SUBJECT_POLL] = turn_poll,   [SUBJECT_EPOLL] = turn_epoll,
	[SUBJECT_PIPE] = turn_pipe,   [SUBJECT_FUTEX] = turn_futex,
	[SUBJECT_PPOLL] = turn_ppoll, [SUBJECT_ALARM] = turn_alarm_first,
	[SUBJECT_SLEEP] = turn_sleep,
};

void subject_prepare(enum subject subject)
{
	struct subject_state *state = &subject_states[subject];
	pthread_t thread;

	switch (subject) {
	case SUBJECT_LOOP:
		prepare_spin();
		break;
	case SUBJECT_EPOLL:
		state->fds[0] = epoll_create1(EPOLL_CLOEXEC);
		break;
	case SUBJECT_PIPE:
		(void)!pipe(state->fds);
		(void)pthread_create(&thread, NULL, tick, state);
		break;
	case SUBJECT_POLL:
	case SUBJECT_SLEEP:
		(void)!pipe(state->fds);
		if (subject == SUBJECT_SLEEP)
			subject_wake(state);
		break;
	default:
		break;
	}
}
