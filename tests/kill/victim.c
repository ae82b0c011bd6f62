/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The victim: threads that wait and spin in different ways, check their registers, and call the
 * group again and again. It hears words on its input and says what it found.
 *
 *	victim BOARD THREADS [LIBRARY]
 *
 *	check		VERSION TORN WRONG EINTR: every thread has made ROUND checks since it was
 *			asked;
 *			version -1: threads see different ones
 *	signals		OUTSIDE SENT RECEIVED DISORDER: signals from outside; those it sends to
 *			itself
 *	stir, rest	threads, children and libraries come and go; THREADS CHILDREN LIBRARIES
 *			FAILURES
 *	fork		a child listens instead, until it hears end; then "ended"
 *	exec		the same program from its beginning
 */
#define _GNU_SOURCE
#include "group.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUND 100
#define THREADS_MAX 128
#define SPIN_MAX 2
#define SPIN_LENGTH 200000
#define TICK_NS 1000000
#define PATIENCE_TICKS 60000
#define SIGNAL_TICKS 5000
#define STACK_USED (64 << 10)

enum kind {
	KIND_EPOLL,
	KIND_NANOSLEEP,
	KIND_FUTEX,
	KIND_PIPE,
	KIND_SPIN,
};

struct checker {
	pthread_t thread;
	enum kind kind;
	int fds[2];
	atomic_uint_fast64_t made, wanted;
	atomic_int version;
	atomic_uint torn, wrong, interrupted;
};

struct order {
	int32_t last; /* sequence numbers come one after the other */
	atomic_uint received, disorder;
};

static const struct board *board;
static struct checker self, checkers[THREADS_MAX];
static size_t checker_count;
static struct order outside, inside;
static atomic_uint sent;
static atomic_bool hushed, is_hushed, stirring;
static atomic_uint thread_count, child_count, library_count, failure_count;
static const char *library;

static void pause_ns(long ns)
{
	const struct timespec time = { 0, ns };

	(void)nanosleep(&time, NULL);
}

/* Registers as they are before a system call, and behind it. */
struct registers {
	uint8_t vectors[16][16];
	uint64_t words[5];
};

#define LOAD(n) "movdqu 16*" #n "(%%r9), %%xmm" #n "\n\t"
#define SAVE(n) "movdqu %%xmm" #n ", 296+16*" #n "(%%r9)\n\t"
#define EACH(x) \
	x(0) x(1) x(2) x(3) x(4) x(5) x(6) x(7) x(8) x(9) x(10) x(11) x(12) x(13) x(14) x(15)

/*
 * A system call, or so many rounds of a loop if @number is below 0, with a look at all registers.
 */
static int64_t careful(struct checker *checker, int64_t number, int64_t a, int64_t b, int64_t c,
		       int64_t d)
{
	struct registers sets[2];
	register int64_t r10 __asm__("r10") = d;
	register int64_t r8 __asm__("r8") = 0x0808080808080808;
	register struct registers *r9 __asm__("r9") = sets;
	int64_t rdi = a, rsi = b, rdx = c, rax = number;
	bool kept;

	_Static_assert(sizeof(struct registers) == 296, "as the code below has it");
	for (size_t i = 0; i < sizeof(sets[0]); i++)
		((uint8_t *)&sets[0])[i] = (uint8_t)(i * 7 + (size_t)number);
	__asm__ volatile(EACH(LOAD) "mov 256(%%r9), %%rbx\n\t"
				    "mov 264(%%r9), %%r12\n\t"
				    "mov 272(%%r9), %%r13\n\t"
				    "mov 280(%%r9), %%r14\n\t"
				    "mov 288(%%r9), %%r15\n\t"
				    "test %%rax, %%rax\n\t"
				    "jns 2f\n"
				    "1:\tinc %%rax\n\t"
				    "js 1b\n\t"
				    "jmp 3f\n"
				    "2:\tsyscall\n"
				    "3:\t" EACH(SAVE) "mov %%rbx, 296+256(%%r9)\n\t"
						      "mov %%r12, 296+264(%%r9)\n\t"
						      "mov %%r13, 296+272(%%r9)\n\t"
						      "mov %%r14, 296+280(%%r9)\n\t"
						      "mov %%r15, 296+288(%%r9)\n\t"
			 : "+a"(rax), "+D"(rdi), "+S"(rsi), "+d"(rdx), "+r"(r10), "+r"(r8), "+r"(r9)
			 :
			 : "rbx", "rcx", "r11", "r12", "r13", "r14", "r15", "memory", "cc", "xmm0",
			   "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
			   "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
	/* At once: these variables are registers, which calls of functions change. */
	kept = r10 == d && r8 == 0x0808080808080808 && r9 == sets;
	if (!kept || rdi != a || rsi != b || rdx != c ||
	    memcmp(&sets[0], &sets[1], sizeof(sets[0])) != 0)
		checker->wrong++;
	if (rax == -EINTR)
		checker->interrupted++;
	return rax;
}

/*
 * Leave no pointers to texts of the group behind, where waiting leaves old ones: those in the red
 * zone cannot be told from what a function keeps there.
 */
static void __attribute__((noinline)) clean_stack(void)
{
	volatile char room[8192];

	for (unsigned int i = 0; i < sizeof(room); i++)
		room[i] = 0;
}

/*
 * Call the group there and back: whatever is half old and half new shows as two changes or more, a
 * switch meanwhile as one.
 */
static void check(struct checker *checker)
{
	static int64_t (*const group[])(int64_t x) = { group_first,  group_second, group_third,
						       group_fourth, group_fifth,  group_fourth,
						       group_third,  group_second, group_first };
	uint_fast64_t before = board->switches;
	int64_t x = (int64_t)checker->made + 3, last = -1;
	unsigned int changes = 0;

	for (size_t i = 0; i < sizeof(group) / sizeof(group[0]); i++) {
		int64_t version = group[i](x) - 16 * x;

		if (version < 0 || version > 2)
			checker->wrong++;
		changes += last >= 0 && version != last;
		last = version;
	}
	if (changes > board->switches - before + 1)
		checker->torn++;
	clean_stack();
	checker->version = (int)last;
	checker->made++;
}

static void wait_somehow(struct checker *checker)
{
	const struct timespec time = { 0, TICK_NS * (1 + (long)checker_count / 16) };
	struct epoll_event event;
	uint32_t word = 0;
	char byte;

	switch (checker->kind) {
	case KIND_EPOLL:
		(void)careful(checker, SYS_epoll_wait, checker->fds[0], (int64_t)&event, 1,
			      time.tv_nsec / 1000000);
		break;
	case KIND_NANOSLEEP:
		(void)careful(checker, SYS_nanosleep, (int64_t)&time, 0, 0, 0);
		break;
	case KIND_FUTEX: /* FUTEX_WAIT is 0 */
		(void)careful(checker, SYS_futex, (int64_t)&word, 0, 0, (int64_t)&time);
		break;
	case KIND_PIPE:
		(void)careful(checker, SYS_read, checker->fds[0], (int64_t)&byte, 1, 0);
		break;
	case KIND_SPIN:
		(void)careful(checker, -SPIN_LENGTH, 0, 0, 0, 0);
		break;
	}
}

/*
 * A borrowed thread runs a little further down its stack than it ever came itself, and those pages
 * stay. So all of them are there from the beginning, and what is more later is something else.
 */
static void __attribute__((noinline)) use_stack(void)
{
	volatile char bytes[STACK_USED];

	for (size_t i = 0; i < sizeof(bytes); i += 1024)
		bytes[i] = 1;
}

static void *live(void *arg)
{
	struct checker *checker = arg;

	use_stack();
	for (;;) {
		wait_somehow(checker);
		do
			check(checker);
		while (checker->made < checker->wanted);
	}
	return NULL;
}

static void note(int signal, siginfo_t *info, void *context)
{
	struct order *order = signal == SIGRTMIN ? &outside : &inside;

	(void)context;
	order->disorder += info->si_value.sival_int != order->last + 1;
	order->last = info->si_value.sival_int;
	order->received++;
}

/* A thousand times a second: a signal for one thread, a byte for another. */
static void *tick(void *unused)
{
	size_t turn = 0;

	use_stack();
	for (int32_t sequence = 1;;) {
		const union sigval value = { .sival_int = sequence };

		pause_ns(TICK_NS);
		is_hushed = hushed;
		if (!is_hushed && pthread_sigqueue(checkers[0].thread, SIGRTMIN + 1, value) == 0) {
			sequence++;
			sent++;
		}
		for (size_t i = 0; i < 4; i++) {
			turn = (turn + 1) % checker_count;
			if (checkers[turn].kind == KIND_PIPE)
				(void)!write(checkers[turn].fds[1], "t", 1);
		}
	}
	return unused;
}

static void *check_once(void *arg)
{
	use_stack();
	for (int i = 0; i < 3; i++)
		check(arg);
	return NULL;
}

/* Threads that come and go. */
static void *stir_threads(void *unused)
{
	use_stack();
	while (stirring) {
		struct checker checker = { 0 };
		pthread_t thread;

		if (pthread_create(&thread, NULL, check_once, &checker) != 0) {
			failure_count++;
			continue;
		}
		(void)pthread_join(thread, NULL);
		failure_count += checker.torn + checker.wrong;
		thread_count++;
		pause_ns(TICK_NS);
	}
	return unused;
}

static void *stir_children(void *unused)
{
	use_stack();
	while (stirring) {
		struct checker checker = { 0 };
		int status = -1;
		pid_t pid = fork();

		if (pid == 0) {
			check(&checker);
			_exit(checker.torn + checker.wrong != 0);
		}
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		failure_count += status != 0;
		child_count++;
		pause_ns(5 * TICK_NS);
	}
	return unused;
}

static void *stir_libraries(void *unused)
{
	use_stack();
	while (stirring) {
		void *handle = dlopen(library, RTLD_NOW);
		int64_t (*function)(int64_t) = NULL;

		if (handle != NULL)
			*(void **)&function = dlsym(handle, "group_first");
		failure_count += function == NULL || function(1) != 16;
		if (handle != NULL)
			(void)dlclose(handle);
		library_count++;
		pause_ns(2 * TICK_NS);
	}
	return unused;
}

static pthread_t stirrers[3];

static void stir(void)
{
	stirring = true;
	if (pthread_create(&stirrers[0], NULL, stir_threads, NULL) != 0 ||
	    pthread_create(&stirrers[1], NULL, stir_children, NULL) != 0 ||
	    pthread_create(&stirrers[2], NULL, stir_libraries, NULL) != 0)
		exit(95);
	(void)puts("stirring");
}

static void rest(void)
{
	stirring = false;
	for (size_t i = 0; i < 3; i++)
		(void)pthread_join(stirrers[i], NULL);
	(void)printf("%u %u %u %u\n", thread_count, child_count, library_count, failure_count);
}

static void wait_until_made(const struct checker *checker)
{
	for (int i = 0; checker->made < checker->wanted; i++) {
		if (i == PATIENCE_TICKS)
			exit(96);
		pause_ns(TICK_NS / 10);
	}
}

static void answer_check(void)
{
	unsigned int torn = 0, wrong = 0, interrupted = 0;
	int version;

	for (size_t i = 0; i < checker_count; i++)
		checkers[i].wanted = checkers[i].made + ROUND;
	for (size_t i = 0; i < ROUND; i++)
		check(&self);
	version = self.version;
	for (size_t i = 0; i < checker_count; i++) {
		wait_until_made(&checkers[i]);
		if (checkers[i].version != version)
			version = -1;
	}
	for (size_t i = 0; i <= checker_count; i++) {
		const struct checker *checker = i < checker_count ? &checkers[i] : &self;

		torn += checker->torn;
		wrong += checker->wrong;
		interrupted += checker->interrupted;
	}
	(void)printf("%d %u %u %u\n", version, torn, wrong, interrupted);
}

static void answer_signals(void)
{
	hushed = true;
	for (int i = 0; i < SIGNAL_TICKS; i++) {
		if (checker_count == 0 || (is_hushed && inside.received == sent))
			break;
		pause_ns(TICK_NS);
	}
	(void)printf("%u %u %u %u\n", outside.received, sent, inside.received,
		     outside.disorder + inside.disorder);
	is_hushed = hushed = false;
}

/* The child goes on as a process of one thread. */
static bool become_child(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		checker_count = 0;
		(void)printf("%d\n", getpid());
		return true;
	}
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	(void)puts("ended");
	return false;
}

static void start(size_t count)
{
	pthread_t ticker;

	for (size_t i = 0; i < count; i++) {
		struct checker *checker = &checkers[i];

		checker->kind = i < SPIN_MAX ? KIND_SPIN : (enum kind)(i % 4);
		if (checker->kind == KIND_EPOLL)
			checker->fds[0] = epoll_create1(EPOLL_CLOEXEC);
		if (checker->kind == KIND_PIPE && pipe2(checker->fds, O_CLOEXEC) < 0)
			exit(94);
	}
	checker_count = count;
	for (size_t i = 0; i < count; i++)
		if (pthread_create(&checkers[i].thread, NULL, live, &checkers[i]) != 0)
			exit(93);
	if (count > 0 && pthread_create(&ticker, NULL, tick, NULL) != 0)
		exit(92);
}

/* The main thread, too, waits with a look at its registers. */
static bool hear(char *line, size_t room)
{
	for (size_t i = 0; i < room; i++) {
		if (careful(&self, SYS_read, 0, (int64_t)&line[i], 1, 0) != 1)
			return false;
		if (line[i] == '\n') {
			line[i] = '\0';
			return true;
		}
	}
	return false;
}

/* False: it is time to end. */
static bool obey(const char *word, char **argv)
{
	if (strcmp(word, "check") == 0)
		answer_check();
	else if (strcmp(word, "signals") == 0)
		answer_signals();
	else if (strcmp(word, "stir") == 0)
		stir();
	else if (strcmp(word, "rest") == 0)
		rest();
	else if (strcmp(word, "fork") == 0)
		(void)become_child();
	else if (strcmp(word, "exec") == 0)
		(void)execv(argv[0], argv);
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	const struct sigaction action = { .sa_sigaction = note,
					  .sa_flags = SA_SIGINFO | SA_RESTART };
	size_t count = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
	int fd = argc > 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	char line[64];
	sigset_t set;

	use_stack();
	library = argc > 3 ? argv[3] : NULL;
	board = mmap(NULL, sizeof(*board), PROT_READ, MAP_SHARED, fd, 0);
	if (board == MAP_FAILED || count < 1 || count > THREADS_MAX)
		return 91;
	(void)close(fd);
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGRTMIN);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	(void)sigaction(SIGRTMIN, &action, NULL);
	(void)sigaction(SIGRTMIN + 1, &action, NULL);
	/* The first thread is one, another one ticks. */
	start(count > 2 ? count - 2 : 0);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	(void)puts("ready");
	while (hear(line, sizeof(line)) && obey(line, argv))
		;
	/* Not exit(3): a child of many threads may have inherited a lock of the C library's. */
	(void)fflush(stdout);
	_exit(0);
}
