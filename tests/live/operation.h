/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An operation as tests need it most: hold a process, stop and resume it some times, let go.
 */
#ifndef LCP_TESTS_OPERATION_H
#define LCP_TESTS_OPERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "target/target.h"

#define OPERATION_STOPS_MAX 2000

struct operation {
	struct target *target;
	unsigned int stops; /* how many to make */
	uint64_t pause_ns; /* between two */
	uint64_t patience_ns; /* until it is held, and for each stop */
	void (*while_stopped)(struct target *target, void *arg);
	void *arg;
	size_t least_threads, most_threads; /* that stood still */
	uint64_t median_ns, longest_ns; /* of the stops */
	unsigned int made;
	char text[240]; /* of the fault */
	int32_t fault_tid;
	uint64_t times[OPERATION_STOPS_MAX];
};

/* Open the process: a test that cannot ends here. One stop, 10 s of patience, no pause. */
void operation_begin(struct operation *operation, int32_t pid, uint32_t flags);

/* Do it: what operate() returned. */
int operation_run(struct operation *operation);
void operation_end(struct operation *operation);

#endif
