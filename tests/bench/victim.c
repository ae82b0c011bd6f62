/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who is patched in the bench: some threads wait in the kernel, the others look at the clock and
 * write down the longest time between two looks. It ends with its parent.
 *
 *	victim BOARD-FD BLOCKED SPINNING
 */
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <linux/futex.h>
#include <time.h>
#include <unistd.h>

#include "board.h"
#include "functions.h"

#define STACK_SIZE ((size_t)64 << 10)
#define CALLS 2000000
#define BEST_OF 9

static struct board *board;
static int pipe_fds[2], epoll;

static uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void raise_to(atomic_ullong *value, unsigned long long gap)
{
	unsigned long long old = atomic_load(value);

	while (old < gap && !atomic_compare_exchange_weak(value, &old, gap))
		;
}

static double time_empty(void)
{
	uint64_t best = UINT64_MAX, start, time;

	for (int i = 0; i < BEST_OF; i++) {
		start = now_ns();
		for (int j = 0; j < CALLS; j++)
			empty();
		time = now_ns() - start;
		best = time < best ? time : best;
	}
	return (double)best / CALLS;
}

static double time_small(void)
{
	uint64_t best = UINT64_MAX, start, time, value = 1;

	for (int i = 0; i < BEST_OF; i++) {
		start = now_ns();
		for (uint64_t j = 0; j < CALLS; j++)
			value = small(value, j);
		time = now_ns() - start;
		best = time < best ? time : best;
	}
	board->value = (int)value;
	return (double)best / CALLS;
}

static void obey(unsigned int order)
{
	if (order == BOARD_VALUE) {
		atomic_store(&board->value, f000(0));
	} else if (order == BOARD_CALLS) {
		board->empty_ns = time_empty();
		board->small_ns = time_small();
	}
	atomic_store(&board->order, BOARD_MEASURE);
}

static void spin(struct board_thread *thread, bool first)
{
	uint64_t before = now_ns();

	for (;;) {
		uint64_t now = now_ns(), last = atomic_exchange(&board->last, now);
		unsigned int order = first ? atomic_load(&board->order) : BOARD_MEASURE;

		if (last != 0 && now > last && now - last > atomic_load(&board->gap))
			raise_to(&board->gap, now - last);
		if (now - before > atomic_load(&thread->gap))
			raise_to(&thread->gap, now - before);
		atomic_fetch_add(&thread->looks, 1);
		before = now;
		if (order == BOARD_MEASURE)
			continue;
		obey(order);
		before = now_ns();
		atomic_store(&board->last, before);
	}
}

static void block(unsigned int how)
{
	static uint32_t never;
	struct epoll_event event;
	char byte;

	for (;;) {
		if (how % 3 == 0)
			(void)syscall(SYS_futex, &never, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
		else if (how % 3 == 1)
			(void)epoll_wait(epoll, &event, 1, -1);
		else
			(void)read(pipe_fds[0], &byte, 1);
	}
}

static void *block_thread(void *how)
{
	atomic_fetch_add(&board->ready, 1);
	block((unsigned int)(uintptr_t)how);
	return NULL;
}

static void *spin_thread(void *number)
{
	atomic_fetch_add(&board->ready, 1);
	spin(&board->threads[(uintptr_t)number], (uintptr_t)number == 0);
	return NULL;
}

static void start(void *(*run)(void *), size_t argument)
{
	pthread_attr_t attributes;
	pthread_t thread;

	(void)pthread_attr_init(&attributes);
	(void)pthread_attr_setstacksize(&attributes, STACK_SIZE);
	if (pthread_create(&thread, &attributes, run, (void *)argument) != 0) {
		(void)fputs("victim: no thread\n", stderr);
		exit(EXIT_FAILURE);
	}
}

#define OFFSET(n) (int64_t)((intptr_t)f##n - (intptr_t)f000),

static void tell_offsets(void)
{
	const int64_t offsets[] = { ALL_FUNCTIONS(OFFSET) };

	for (size_t i = 0; i < BOARD_FUNCTIONS; i++)
		board->offsets[i] = offsets[i];
}

int main(int argc, char **argv)
{
	size_t blocked, spinning;

	if (argc != 4 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return EXIT_FAILURE;
	blocked = strtoul(argv[2], NULL, 10);
	spinning = strtoul(argv[3], NULL, 10);
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED, atoi(argv[1]), 0);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (board == MAP_FAILED || epoll < 0 || pipe(pipe_fds) < 0)
		return EXIT_FAILURE;
	tell_offsets();
	atomic_store(&board->spinning, (unsigned int)spinning);
	/* The first thread is one of them. */
	for (size_t i = 0; i + (spinning == 0) < blocked; i++)
		start(block_thread, i);
	for (size_t i = 1; i < spinning; i++)
		start(spin_thread, i);
	if (spinning == 0)
		block_thread(0);
	spin_thread(0);
}
