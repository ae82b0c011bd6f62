/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Source files as patches make them, in memory. No file on disk is changed.
 *
 * Hunks apply strictly: every line of context must be there. A hunk may have moved as a whole,
 * which is reported.
 */
#ifndef TOOLS_CHANGES_H
#define TOOLS_CHANGES_H

#include <time.h>

#include "difffile.h"

struct changed_file {
	char *path; /* real path */
	char *name; /* as the patch has it */
	bool existed;
	bool exists;
	struct timespec modified; /* when the original was */
	mode_t mode;
	struct text original;
	struct text content;
	uint32_t *origin; /* of each line of @content: its line in @original, 0 if it is new */
	size_t line_count;
};

struct changes {
	struct changed_file *items;
	size_t count;
	size_t room;
};

void changes_fini(struct changes *changes);

/* Would all files of the diff be there if names were seen from @root? */
bool changes_fit(const struct changes *changes, const struct diff *diff, const char *root);

/* Apply a diff whose names are seen from @root on top of what was applied before. 0 or -1. */
int changes_apply(struct changes *changes, const struct diff *diff, const char *root,
		  const struct output *output, struct failure *failure);

/* The file at the real path @path, or NULL. */
const struct changed_file *changes_find(const struct changes *changes, const char *path);

#endif
