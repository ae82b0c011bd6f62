/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What victims do while they are patched.
 *
 *	hot		a thread calls peers_value() all the time; then: passed, once it has called
 *			it
 *			twice more
 *	stubborn	what peers_stubborn() and peers_obstinate() return, added up
 *	wait		a thread is in peers_wait(): its number; then: wake, what it returned
 *	wait-below	the same in what peers_early() calls
 *	share		a process runs in the same memory: its number; then: share-no-more
 *	timer		a signal 1000 times a second; then: ticks, how many came, and no more come
 *	queue		real-time signals are counted; then: queued, how many came in order
 *	churn		four threads make threads that end; then: made, how many
 *	remap		a thread maps and unmaps memory beside the program; then: settle
 *	grow		how many MiB more brk(2) gives, of 500, which it gives back
 *	twice		the program and the C library are mapped once more
 *	open-text	one page of the program's code, not that of the functions, becomes writable
 *	orphan		the first thread ends, another one listens
 *	edit		library_value() begins with a breakpoint, as debuggers write it; then:
 *			unedit
 *	keep		peers_keep(); then: kept, what is remembered since; forget
 *	hold		a thread has the text in its hands, and nobody else remembers it; then:
 *			let-go
 *	heap-keep	the text is remembered in the heap
 *	litter		its stack holds old return addresses into libgcc
 *	coroutine	one is suspended in peers_yield(); then: resume, what that returned
 */
#define _GNU_SOURCE
#include "functions.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

/* libgcc's, which has no header for it. */
void __register_frame_info(const void *table, void *object); // NOLINT: its name

#define PAGE 4096UL
#define MIB 1048576L

static void start(void *(*body)(void *), void *arg)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, body, arg) != 0 || pthread_detach(thread) != 0)
		abort();
}

static atomic_uint hot_calls;

static void *be_hot(void *unused)
{
	for (;;) {
		(void)peers_value();
		hot_calls++;
		for (volatile int i = 0; i < 300; i++)
			;
	}
	return unused;
}

static void hot(void)
{
	start(be_hot, NULL);
	peers_say("ok");
}

static void passed(void)
{
	unsigned int calls = hot_calls;

	while (hot_calls - calls < 2)
		(void)usleep(100);
	peers_say("ok");
}

static void stubborn(void)
{
	peers_say_number(peers_stubborn() + peers_obstinate());
}

static int wait_fds[2];
static atomic_int wait_tid, wait_result;

static void *be_waiting(void *unused)
{
	wait_tid = (int)syscall(SYS_gettid);
	wait_result = peers_wait(wait_fds[0]);
	wait_tid = 0;
	(void)pause(); /* so that its stack stays mapped */
	return unused;
}

static void wait_in_function(void)
{
	if (pipe2(wait_fds, O_CLOEXEC) < 0)
		abort();
	start(be_waiting, NULL);
	while (wait_tid == 0)
		(void)usleep(100);
	peers_say_number(wait_tid);
}

static void wait_for_byte(void)
{
	(void)peers_wait(wait_fds[0]);
}

static void *be_waiting_below(void *unused)
{
	wait_tid = (int)syscall(SYS_gettid);
	wait_result = peers_early(wait_for_byte);
	wait_tid = 0;
	(void)pause(); /* so that its stack stays mapped */
	return unused;
}

static void wait_below_function(void)
{
	if (pipe2(wait_fds, O_CLOEXEC) < 0)
		abort();
	start(be_waiting_below, NULL);
	while (wait_tid == 0)
		(void)usleep(100);
	peers_say_number(wait_tid);
}

static void wake(void)
{
	if (write(wait_fds[1], "d", 1) != 1)
		abort();
	while (wait_tid != 0)
		(void)usleep(100);
	peers_say_number(wait_result);
}

static char share_stack[16 * PAGE];
static pid_t sharer;

static int be_sharer(void *unused)
{
	(void)unused;
	for (;;)
		(void)syscall(SYS_pause);
	return 0;
}

static void share(void)
{
	sharer = clone(be_sharer, share_stack + sizeof(share_stack), CLONE_VM | SIGCHLD, NULL);
	peers_say_number(sharer);
}

static void share_no_more(void)
{
	if (kill(sharer, SIGKILL) < 0 || waitpid(sharer, NULL, 0) != sharer)
		abort();
	peers_say("ok");
}

static atomic_uint tick_count;
static timer_t timer_id;

static void tick(int signal)
{
	(void)signal;
	tick_count++;
}

static void timer(void)
{
	const struct sigaction action = { .sa_handler = tick, .sa_flags = SA_RESTART };
	const struct itimerspec every = { { 0, 1000000 }, { 0, 1000000 } };

	if (sigaction(SIGALRM, &action, NULL) < 0 ||
	    timer_create(CLOCK_MONOTONIC, NULL, &timer_id) < 0 ||
	    timer_settime(timer_id, 0, &every, NULL) < 0)
		abort();
	peers_say("ok");
}

static void ticks(void)
{
	(void)timer_delete(timer_id);
	peers_say_number(tick_count);
}

static volatile int queue_last; /* this is the only thread, and the handler its only writer */

static void note(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	if (info->si_value.sival_int == queue_last + 1)
		queue_last++;
}

static void queue(void)
{
	const struct sigaction action = { .sa_sigaction = note,
					  .sa_flags = SA_SIGINFO | SA_RESTART };

	if (sigaction(SIGRTMIN, &action, NULL) < 0)
		abort();
	peers_say("ok");
}

static void queued(void)
{
	peers_say_number(queue_last);
}

static atomic_bool churns;
static atomic_uint made_count, churner_count;

static void *end_soon(void *unused)
{
	(void)peers_value();
	return unused;
}

static void *make_threads(void *unused)
{
	while (churns) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, end_soon, NULL) == 0 &&
		    pthread_join(thread, NULL) == 0)
			made_count++;
	}
	churner_count--;
	return unused;
}

static void churn(void)
{
	churns = true;
	for (churner_count = 0; churner_count < 4; churner_count++)
		start(make_threads, NULL);
	peers_say("ok");
}

static void made(void)
{
	churns = false;
	while (churner_count > 0)
		(void)usleep(100);
	peers_say_number(made_count);
}

static atomic_bool remaps, remapping;
static atomic_uint remap_faults;

/*
 * Memory beside the program, where doctors look for room, too: it comes and goes, and nobody else
 * may touch it.
 */
static void *map_and_unmap(void *unused)
{
	uintptr_t program = (uintptr_t)peers_value & -MIB;

	for (unsigned int turn = 0; remaps; turn++) {
		size_t size = (1 + turn % 64) * 16 * PAGE;
		uintptr_t hint = turn % 2 != 0 ? program + (1 + turn % 40) * MIB
					       : program - (1 + turn % 40) * MIB;
		char *memory = mmap((void *)hint, size, PROT_READ | PROT_WRITE, // NOLINT: a hint
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (memory == MAP_FAILED)
			continue;
		memset(memory, (int)turn, size);
		for (size_t i = 0; i < size; i += 64)
			remap_faults += memory[i] != (char)turn;
		(void)munmap(memory, size);
	}
	remapping = false;
	return unused;
}

static void remap(void)
{
	remaps = remapping = true;
	start(map_and_unmap, NULL);
	peers_say("ok");
}

static void settle(void)
{
	remaps = false;
	while (remapping)
		(void)usleep(100);
	peers_say_number(remap_faults);
}

static void grow(void)
{
	long count = 0;

	while (count < 500 && sbrk(MIB) != (void *)-1) // NOLINT: as sbrk(2) has it
		count++;
	(void)sbrk(-count * MIB);
	peers_say_number(count);
}

/* The path of the mapping with @name in it. */
static bool find_mapping(const char *name, char *ret)
{
	FILE *file = fopen("/proc/self/maps", "re");
	char line[512];
	bool found = false;

	while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL)
		found = strstr(line, name) != NULL &&
			sscanf(line, "%*s %*s %*s %*s %*s %511s", ret) == 1;
	if (file != NULL)
		(void)fclose(file);
	return found;
}

static bool map_again(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool done = mmap(NULL, 64 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0) != MAP_FAILED &&
		    mmap(NULL, 64 * PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) != MAP_FAILED;

	(void)close(fd);
	return done;
}

static void twice(void)
{
	char path[512];

	peers_say(map_again("/proc/self/exe") && find_mapping("/libc", path) && map_again(path)
			  ? "ok"
			  : "no");
}

/* It fills pages of its own, whose protection nobody else cares for. */
__asm__(".pushsection .text\n"
	".balign 4096\n"
	"peers_padding:\n"
	".skip 8192, 0xcc\n"
	".popsection\n");
extern char peers_padding[];

static void open_text(void)
{
	peers_say(mprotect(peers_padding, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC) == 0 ? "ok"
											 : "no");
}

#ifndef STANDALONE
/* /proc/self/mem writes where nobody may. */
static void put_byte(unsigned char byte)
{
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	ssize_t size = pwrite(fd, &byte, 1, (off_t)(uintptr_t)library_value);

	(void)close(fd);
	peers_say(size == 1 ? "ok" : "no");
}

static unsigned char edited;

static void edit(void)
{
	edited = *(const unsigned char *)(uintptr_t)library_value;
	put_byte(0xcc);
}

static void unedit(void)
{
	put_byte(edited);
}
#endif

static void *listen_instead(void *unused)
{
	peers_say("ok");
	peers_listen();
	peers_exit();
	return unused;
}

static void orphan(void)
{
	start(listen_instead, NULL);
	pthread_exit(NULL);
}

static void keep(void)
{
	peers_keep();
	peers_say("ok");
}

static const char **heap_text;

static void heap_keep(void)
{
	heap_text = malloc(sizeof(*heap_text));
	if (heap_text == NULL)
		abort();
	*heap_text = peers_text;
	peers_text = NULL;
	peers_say("ok");
}

static void kept(void)
{
	if (heap_text != NULL)
		peers_say(*heap_text);
	else if (peers_text != NULL)
		peers_say(peers_text);
	else if (peers_callback != NULL)
		peers_say_number(peers_callback());
	else if (peers_data != NULL)
		peers_say_number(*peers_data);
	else
		peers_say("nothing");
}

static void forget(void)
{
	if (heap_text != NULL)
		*heap_text = NULL;
	free(heap_text);
	heap_text = NULL;
	peers_text = NULL;
	peers_callback = NULL;
	peers_data = NULL;
	peers_say("ok");
}

static int hold_fds[2];
static atomic_bool holds;

/* Its address is asked for, so it is on the stack. */
static void *be_holding(void *unused)
{
	const char *volatile text = peers_text;
	char byte;

	peers_text = NULL;
	holds = true;
	if (read(hold_fds[0], &byte, 1) == 1)
		peers_say(text);
	text = NULL;
	holds = false;
	(void)pause(); /* so that its stack stays mapped */
	return unused;
}

static void hold(void)
{
	if (pipe2(hold_fds, O_CLOEXEC) < 0)
		abort();
	start(be_holding, NULL);
	while (!holds)
		(void)usleep(100);
	peers_say("ok");
}

static void let_go(void)
{
	if (write(hold_fds[1], "d", 1) != 1)
		abort();
	while (holds)
		(void)usleep(100);
}

static ucontext_t outside, inside;
static int yield_result;

static void yield(void)
{
	(void)swapcontext(&inside, &outside);
}

static void be_coroutine(void)
{
	yield_result = peers_yield(yield);
}

static void coroutine(void)
{
	const size_t size = 16 * PAGE;

	if (getcontext(&inside) < 0)
		abort();
	inside.uc_stack.ss_sp = malloc(size);
	inside.uc_stack.ss_size = size;
	inside.uc_link = &outside;
	makecontext(&inside, be_coroutine, 0);
	(void)swapcontext(&outside, &inside);
	peers_say("ok");
}

static void resume(void)
{
	(void)swapcontext(&outside, &inside);
	peers_say_number(yield_result);
}

/* Nothing returns to these: a function left them where the next one has a buffer. */
static void litter(void)
{
	const char *code = (const char *)__register_frame_info;
	const char *volatile words[PAGE];

	for (size_t i = 0; i < PAGE; i++)
		words[i] = code + i;
	peers_say("ok");
	peers_listen();
	peers_say(words[0]);
}

const struct peers_word peers_customs[] = {
	{ "hot", hot },
	{ "passed", passed },
	{ "wait", wait_in_function },
	{ "wake", wake },
	{ "timer", timer },
	{ "ticks", ticks },
	{ "queue", queue },
	{ "queued", queued },
	{ "stubborn", stubborn },
	{ "churn", churn },
	{ "made", made },
	{ "remap", remap },
	{ "settle", settle },
	{ "grow", grow },
	{ "twice", twice },
	{ "open-text", open_text },
#ifndef STANDALONE
	{ "edit", edit },
	{ "unedit", unedit },
#endif
	{ "wait-below", wait_below_function },
	{ "share", share },
	{ "share-no-more", share_no_more },
	{ "keep", keep },
	{ "kept", kept },
	{ "forget", forget },
	{ "hold", hold },
	{ "let-go", let_go },
	{ "heap-keep", heap_keep },
	{ "orphan", orphan },
	{ "coroutine", coroutine },
	{ "resume", resume },
	{ "litter", litter },
	{ NULL, NULL },
};
