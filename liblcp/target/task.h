/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What /proc says of a process and its threads, one word at a time and without memory from the
 * heap: the surgeon asks too. Whole files are taken apart in format/procfs.h, by the core.
 *
 * Paths begin at a descriptor of the folder /proc/PID: it stays that of this process, and leads
 * nowhere once the process has ended, even if another one has its number by then.
 */
#ifndef LCP_TARGET_TASK_H
#define LCP_TARGET_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct task_stat {
	char state; /* 'R', 'S', 'D', 'T', 'Z', 'X', ... */
	bool kernel; /* a thread of the kernel */
	uint64_t start_time; /* in clock ticks since boot */
};

/*
 * Read the beginning of the file @name of thread @tid, or of the process if that is 0, and put a
 * NUL behind it: its size, or a negative errno.
 */
int task_read(int proc, int32_t tid, const char *name, char *ret, size_t room);

/* 0 or a negative errno; of a thread's or process's file stat. */
int task_stat(int proc, int32_t tid, struct task_stat *ret);

/* The number behind @key in status, or -1. */
int32_t task_status(int proc, int32_t tid, const char *key);

/* Is a signal pending for it or its process that has a handler and is not blocked? */
bool task_signals_wait(int proc, int32_t tid);

/* Has it ended, with nobody having waited for it yet? Then it does no more. */
bool task_is_dead(int proc, int32_t tid);

/* How many threads there are, a leader that has ended included: of the folder /proc/PID/task. */
uint32_t task_count(int folder);

/* The threads, one after the other. */
struct task_walk {
	int folder;
	size_t size;
	size_t at;
	_Alignas(8) char entries[4096];
};

void task_walk_begin(struct task_walk *walk, int folder);

/* The next one's id; 0 at the end. */
int32_t task_walk_next(struct task_walk *walk);

/* The first thread that is alive, or 0. */
int32_t task_first(int proc, int folder);

#endif
