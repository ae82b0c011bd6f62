/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the calls of all kinds share (calls.c), and each kind's own.
 */
#ifndef LCP_TESTS_CALLS_PARTS_H
#define LCP_TESTS_CALLS_PARTS_H

#include "calls.h"

#include <time.h>

struct call_set {
	const struct call_kind *kinds;
	size_t count;
};

extern const struct call_set calls_time, calls_socket, calls_others;

extern const struct timespec soon;
extern const uint64_t no_signals;

#define MASK_SIZE sizeof(no_signals)

/* The time of @clock when the call is to end. */
struct timespec later(clockid_t clock);

void put_byte(struct call *call);

/* Take out what fills it. */
void drain(struct call *call);

void fill(int fd);
int have_pipe(struct call *call);
int have_full_pipe(struct call *call);
long wait_read(struct call *call);
long wait_write(struct call *call);

/* SIGUSR1 has a handler, and a call that it ends returns EINTR. */
void wake_user1(struct call *call);

#endif
