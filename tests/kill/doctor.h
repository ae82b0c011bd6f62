/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A doctor that is killed: a process of its own, which the test traces, so that it knows each
 * system call that the doctor (the host) and the process that works for it (the surgeon) make.
 */
#ifndef LCP_TESTS_DOCTOR_H
#define LCP_TESTS_DOCTOR_H

#include "ward.h"

/* Who is killed, and at whose system calls, counted from the host's first look at the process. */
enum kill_mode {
	KILL_SURGEON, /* the surgeon at its own; the host goes on */
	/* The host at its own; there is no surgeon then, the host waits while there is */
	KILL_HOST,
	KILL_BOTH, /* both at the surgeon's */
	KILL_ORPHAN, /* the host at the surgeon's, which goes on */
	KILL_MODES,
};

extern const char *const kill_mode_names[KILL_MODES];

struct doctor {
	unsigned int host_calls, surgeon_calls;
	bool killed; /* there was a call with the number */
	bool lost; /* the victim has ended */
	int status; /* of the host */
};

/* What the host ends with if it was not killed. */
#define DOCTOR_DONE 0
#define DOCTOR_INTERRUPTED 1
#define DOCTOR_FAILED 2

/* Bring the victim to @level, with the kill in front of the call number @at (from 1). */
void doctor_traced(struct ward *ward, int level, enum kill_mode mode, unsigned int at,
		   struct doctor *ret);

/* The same with a kill after a time, and nothing traced. UINT64_MAX: no kill. */
void doctor_timed(struct ward *ward, int level, enum kill_mode mode, uint64_t after_ns,
		  struct doctor *ret);

#endif
