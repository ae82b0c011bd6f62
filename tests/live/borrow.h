/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Subjects: threads of a victim that notice when anything of theirs is not as they left it. And
 * borrowing one, with the test as its tracer.
 *
 * A subject goes round and round, waiting or computing in a way of its own. On each turn it checks
 * what it can of its registers, its signal mask and what its system calls returned; the first thing
 * found wrong is kept.
 */
#ifndef LCP_TESTS_BORROW_H
#define LCP_TESTS_BORROW_H

#include <stdbool.h>
#include <stdint.h>

#include "target/target.h"
#include "victim.h"

enum subject {
	SUBJECT_LOOP, /* all registers, flags, red zone and vectors hold known values */
	SUBJECT_NANOSLEEP,
	SUBJECT_POLL,
	SUBJECT_EPOLL,
	SUBJECT_PIPE,
	SUBJECT_FUTEX,
	SUBJECT_PPOLL, /* with a signal mask of its own */
	SUBJECT_ALARM, /* computing, with signals on an alternate stack all the time */
	SUBJECT_SLEEP, /* it sleeps until it is told, in one system call */
	SUBJECT_COUNT,
};

extern const char *const subject_names[SUBJECT_COUNT];

/*
 * Bodies of victims, for victim_start(): the subject(s) to be in it are subjects_wanted, a bit
 * each. Told "check" it says "ok" when every subject has made two more turns, or what is wrong;
 * told "tid N" the id of the thread of that subject; told "leaks" how often epoll_wait() returned
 * EINTR; it passes other words to subject_hear.
 */
extern uint32_t subjects_wanted;
extern void (*subject_hear)(const char *word);
void subjects_body(void);

/* The thread of @subject. */
int32_t subject_tid(struct victim *victim, enum subject subject);

/* The victim, ready for calls; a test that cannot open it ends here. */
struct target *borrow_open(const struct victim *victim);

/* Seize @tid and stop it, curing what a stop breaks: 0 or a negative errno. */
int borrow_stop(struct target *target, int32_t tid);
void borrow_release(int32_t tid);

/* The same where a call is possible: as often as it takes. */
int borrow_stop_usable(struct target *target, int32_t tid);

/* All of it for one call, with 10 s of patience. */
int borrow_call(struct target *target, int32_t tid, const struct target_call *call, uint64_t *ret);

#endif
