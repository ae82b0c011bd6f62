/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One turn of each kind of subject: see borrow.h.
 */
#ifndef LCP_TESTS_SUBJECTS_H
#define LCP_TESTS_SUBJECTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "borrow.h"

struct subject_state {
	atomic_int tid;
	atomic_uint turns;
	atomic_bool failed;
	char wrong[128];
	int fds[2];
	int word; /* of the futex */
	atomic_uint alarms;
	atomic_uint leaks; /* system calls that returned EINTR, and only a stop can be why */
};

extern struct subject_state subject_states[SUBJECT_COUNT];
extern void (*const subject_turns[SUBJECT_COUNT])(struct subject_state *state);

/* What a subject needs before its thread begins. */
void subject_prepare(enum subject subject);

/* End the one long sleep of SUBJECT_SLEEP. */
void subject_wake(struct subject_state *state);

/* Keep what is wrong, the first time. */
void subject_fail(struct subject_state *state, const char *what, long value);

#endif
