/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Running compilers, several at a time. What they print goes to files; they read nothing.
 */
#ifndef TOOLS_JOBS_H
#define TOOLS_JOBS_H

#include "scratch.h"
#include "tree.h"

struct job {
	struct words argv;
	const char *directory;
	char *log; /* file for what it prints */
	const struct tree
		*tree; /* run it where the patched files are seen; NULL: the tree as it is */
	int status; /* as wait() has it */
};

struct jobs {
	struct job *items;
	size_t count;
	size_t room;
};

void jobs_fini(struct jobs *jobs);

/* Run all of them, @parallel at a time. 0, whatever their status; or -1. */
int jobs_run(struct jobs *jobs, const struct scratch *scratch, uint32_t parallel,
	     const struct output *output, const char *what, struct failure *failure);

bool job_succeeded(const struct job *job);

/* The last lines it printed, for a message; the caller frees them. */
char *job_words(const struct job *job);

#endif
