/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The surgeon: a process of its own that shares our memory and descriptors, so that its tracees are
 * nobody else's. The program around us sees neither its end (no SIGCHLD) nor their stops, its
 * waitpid(-1) finds none of them, and if it is killed the surgeon finishes what it began.
 *
 * It may be killed at any instant, and then the program around us goes on: so work() takes no lock,
 * allocates nothing, and leaves shared data such that its end may come between any two
 * instructions.
 */
#ifndef LCP_TARGET_SURGEON_H
#define LCP_TARGET_SURGEON_H

#include <stdint.h>
#include <time.h>

/* The name by which other doctors know it. */
#define SURGEON_NAME "lcp-surgeon"

struct surgeon {
	int (*work)(void *arg);
	void *arg;
	void (*tick)(void *arg); /* see surgeon_tick(); a signal handler */
	void *tick_arg;
	timer_t timer;
	int result; /* what work() returned */
	int signal; /* that killed it; 0 if not known */
};

/*
 * Run work() in a surgeon, with the calling thread waiting: 0, -LCP_EINTERRUPTED if it was killed,
 * or the negative errno with which it could not be started.
 */
int surgeon_run(struct surgeon *surgeon);

/* Run work() in the calling thread, as undisturbed by signals and cancellation as a surgeon is. */
void surgeon_run_here(struct surgeon *surgeon);

/*
 * Inside: from @first_ns on call tick() now and then, until surgeon_tick(surgeon, 0). That also
 * lets system calls that wait return -EINTR, those of them that do so at all.
 */
void surgeon_tick(struct surgeon *surgeon, uint64_t first_ns);

#endif
