/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading source patches: unified diffs, as diff -u and git write them.
 *
 * It reads and does not apply; see changes.h. What it does not understand is an error and not
 * skipped: a fix of which a part is left out is none.
 */
#ifndef TOOLS_DIFFFILE_H
#define TOOLS_DIFFFILE_H

#include "output.h"

struct diff_line {
	char mark; /* ' ', '-' or '+' */
	bool newline; /* does it end with one? */
	const char *bytes;
	size_t size; /* without the newline */
};

struct hunk {
	uint32_t old_start;
	uint32_t old_count;
	uint32_t new_count;
	struct {
		struct diff_line *items;
		size_t count;
		size_t room;
	} lines;
};

struct diff_file {
	char *old_name; /* NULL: the file is new */
	char *new_name; /* NULL: the file goes away */
	struct {
		struct hunk *items;
		size_t count;
		size_t room;
	} hunks;
};

struct diff {
	const char *path;
	struct text text; /* what the lines point into */
	struct diff_file *items;
	size_t count;
	size_t room;
};

void diff_fini(struct diff *diff);

/* Read @path; @strip leading parts of names are left out, as by patch -p. 0 or -1. */
int diff_read(const char *path, uint32_t strip, struct diff *ret, struct failure *failure);

#endif
