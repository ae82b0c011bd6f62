/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What apply, revert and check share: options of how to go about it, the patches of the command
 * line, and what a report says.
 */
#ifndef TOOLS_OPERATION_H
#define TOOLS_OPERATION_H

#include "processes.h"

enum {
	OPERATION_TIMEOUT = 200,
	OPERATION_RETRIES,
	OPERATION_STOP_LIMIT,
	OPERATION_ENTRY_ONLY,
	OPERATION_SCAN_ALL,
	OPERATION_DRY_RUN,
	OPERATION_IN_PROCESS
};

extern const struct option operation_options[];
extern const struct option operation_look_options[]; /* of what does not change a process */

struct patches {
	struct lcp_kpatch **items;
	size_t count;
	size_t room;
};

/* One call of the library for each process. */
struct operation {
	struct processes processes;
	struct lcp_apply_options options;
	struct patches patches;
	const char *id; /* of revert */
};

typedef bool (*operation_look_fn)(void *operation, struct lcp_process *process,
				  struct process_result *ret);

/*
 * Read the command line, whose words are files or an id, load the files, and visit the processes:
 * the exit code.
 */
int operation_run_files(struct arguments *arguments, const struct output *output,
			operation_look_fn look);
int operation_run_id(struct arguments *arguments, const struct output *output,
		     operation_look_fn look);

/*
 * The patches that the process is to get: all of them if it was named, otherwise those that it has
 * an object for. The caller frees the array.
 */
struct lcp_kpatch **operation_patches(const struct operation *operation,
				      const struct lcp_process *process, uint32_t *ret_count);

/* Put what a report says into the result. */
void operation_result(struct process_result *result, const struct lcp_report *report);

#endif
