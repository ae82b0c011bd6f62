/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the parts of the bench share: victims, times, and samples that are printed as JSON. The
 * bench gives up at the first thing that goes wrong: a number that is not what it says is worse
 * than none.
 */
#ifndef LCP_TESTS_BENCH_BENCH_H
#define LCP_TESTS_BENCH_BENCH_H

#include <stdint.h>
#include <sys/types.h>

#include "board.h"

uint64_t now_ns(void);

/*
 * Time of a processor that we used, and surgeons that have ended: what others take does not count.
 */
uint64_t used_ns(void);

/* Print why and end. */
void give_up(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

struct victim {
	pid_t pid;
	struct board *board;
};

/* Start @program and wait until all its threads are where they should be. */
struct victim victim_start(const char *program, unsigned int blocked, unsigned int spinning);
void victim_end(struct victim *victim);

/* What its first function returns, now. */
int victim_value(const struct victim *victim);

/* Let it measure calls: board->empty_ns and small_ns. */
void victim_calls(const struct victim *victim);

/* Between the two: the longest time in which nothing of it ran, and the longest of one thread. */
void gap_begin(const struct victim *victim);
void gap_end(const struct victim *victim, uint64_t *ret_process, uint64_t *ret_thread);

/* A number in kB of /proc/PID/smaps_rollup or status; and its mappings. */
uint64_t memory_kb(pid_t pid, const char *file, const char *name);
uint64_t memory_mappings(pid_t pid);

#define SAMPLES_MAX 8192

/* Numbers by name; a new one is made when it is first used. */
void sample(const char *name, uint64_t value);
void samples_print(void); /* as a JSON object of arrays */

#endif
