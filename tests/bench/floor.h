/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The floor: what the kernel itself needs to stop all threads of a process and let them go, as a
 * plain program would do it. It does nothing else: new threads, signals and restarts are not its
 * business.
 */
#ifndef LCP_TESTS_BENCH_FLOOR_H
#define LCP_TESTS_BENCH_FLOOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct floor {
	uint64_t stop_ns; /* from the first thread interrupted to the last one let go */
	uint64_t wall_ns; /* with listing and seizing the threads */
};

/*
 * In a process of its own; with @fifo in front of all normal ones. False if it could not be done.
 */
bool floor_measure(pid_t pid, bool fifo, struct floor *ret);

#endif
