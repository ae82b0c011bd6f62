/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which processes of this machine run in the memory of another one (CLONE_VM without CLONE_THREAD):
 * nothing in /proc says so, and kcmp(2) compares two of them. Who asks for many processes, one
 * after the other, would compare each with each. Instead all are put into the order that kcmp gives
 * them, once, and what was seen is believed for a second.
 */
#ifndef LCP_BASE_NEIGHBOURS_H
#define LCP_BASE_NEIGHBOURS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"

struct neighbour {
	int32_t pid;
	bool shares;
};

struct neighbours {
	pthread_mutex_t lock;
	uint64_t begin_ns; /* of the second, since boot */
	uint32_t questions; /* in it */
	VEC(struct neighbour) seen; /* empty if nobody looked */
};

void neighbours_init(struct neighbours *neighbours);
void neighbours_fini(struct neighbours *neighbours);

/* Do the two run in the same memory? Not if that cannot be told: ended, not permitted, no kcmp. */
bool neighbours_share(int32_t one, int32_t other);

/*
 * Was process @pid, which began @start_time clock ticks after boot, seen to have its memory for
 * itself? False if nobody looked at it: for the first of many, and if the order could not be made.
 */
bool neighbours_saw_alone(struct neighbours *neighbours, int32_t pid, uint64_t start_time);

#endif
