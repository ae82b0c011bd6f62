/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a victim of the bench and its doctor tell each other: memory that both see, so that nothing
 * but the doctor's work disturbs the victim while it is measured.
 */
#ifndef LCP_TESTS_BENCH_BOARD_H
#define LCP_TESTS_BENCH_BOARD_H

#include <stdatomic.h>
#include <stdint.h>

#define BOARD_FUNCTIONS 4096
#define BOARD_THREADS 4096

enum board_order {
	BOARD_MEASURE, /* look at the clock, again and again */
	BOARD_VALUE, /* what does the first function return? */
	BOARD_CALLS, /* how long does a call take? */
};

struct board {
	atomic_uint ready; /* threads that have begun */
	atomic_uint order; /* for the first thread that spins; it goes back to BOARD_MEASURE */
	atomic_int value;
	atomic_uint spinning; /* threads that look at the clock */
	atomic_ullong last; /* when one of them did, last */
	atomic_ullong gap; /* longest time without any: the process stood still */
	double empty_ns; /* of a call */
	double small_ns;
	int64_t offsets[BOARD_FUNCTIONS]; /* of the functions, from the first one on */
	struct board_thread {
		_Alignas(64) atomic_ullong looks;
		atomic_ullong gap; /* longest time between two looks of this thread */
	} threads[BOARD_THREADS];
};

#endif
