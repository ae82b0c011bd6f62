/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * System calls that wait: how to get a thread into each, how to end it, and what it then returns to
 * somebody who was not disturbed.
 */
#ifndef LCP_TESTS_CALLS_H
#define LCP_TESTS_CALLS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define CALL_TIMEOUT_NS 400000000
#define CALL_ANY INT64_MAX /* no error, whatever the number */

struct call {
	const struct call_kind *kind;
	int fds[2];
	int id; /* System V */
	int word; /* futex */
	pthread_t thread;
	atomic_int tid; /* of the thread, once it is about to make the call */
	long result; /* or -errno */
};

struct call_kind {
	const char *name;
	int (*prepare)(struct call *call); /* 0, or -1 where this kernel cannot; or NULL */
	long (*block)(struct call *call); /* the call itself: raw, as syscall(2) returns */
	void (*wake)(struct call *call); /* NULL: it has a timeout */
	int64_t result; /* what it returns undisturbed: a number or -errno */
};

/* All of them, up to @room: how many. */
size_t calls_gather(const struct call_kind **ret, size_t room);

#endif
