/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Going through processes: which ones a command line means, what is said of each, and the exit code
 * that follows from all of it.
 *
 * The document that --json prints: "processes", an array of objects with "pid", "outcome" (the
 * word), a member that the command names (an object or null) and "error" (as lcp_error_json(), or
 * null); "unreadable", the number of processes that could not be looked at; and "error", why no
 * process was looked at, or null.
 */
#ifndef TOOLS_PROCESSES_H
#define TOOLS_PROCESSES_H

#include "command.h"
#include "output.h"

struct pids {
	int32_t *items;
	size_t count;
	size_t room;
};

/* All processes but this one; false, with a message, if they cannot be listed. */
bool pids_find_all(struct pids *ret);

/* Which processes are meant. */
struct processes {
	struct pids pids; /* named by the caller */
	bool all;
	const char *build_id; /* only those with such an object; NULL: whatever they have */
	uint32_t attach_flags; /* LCP_ATTACH_* */
};

enum {
	PROCESSES_PID = 100,
	PROCESSES_ALL,
	PROCESSES_BUILD_ID
};

extern const struct option processes_options[];

/* Deal with one of them, as arguments_next() returned it; what is wrong is in arguments->status. */
void processes_take(struct processes *processes, struct arguments *arguments, int next);

/* False, with a message, if none is meant. */
bool processes_given(const struct processes *processes, struct arguments *arguments);

/* Were they named? Then each one matters; of all processes, only those that it is about. */
bool processes_named(const struct processes *processes);

void processes_fini(struct processes *processes);

/* What is said of one process. */
struct process_result {
	enum outcome outcome;
	struct text text; /* for a person, behind the word */
	struct text json; /* the command's member */
	struct failure failure; /* if there is one, it decides on the outcome */
};

struct process_visit {
	const char *member; /* its name */
	/* False: the process is none of those that it is about. */
	bool (*look)(void *userdata, struct lcp_process *process, struct process_result *ret);
	void *userdata;
};

/* One after the other: the exit code. */
int processes_visit(const struct output *output, struct lcp_ctx *ctx,
		    const struct processes *processes, const struct process_visit *visit);

/* The end of a command that failed before it came to processes: the exit code. */
int processes_fail(const struct output *output, const struct failure *failure);

#endif
