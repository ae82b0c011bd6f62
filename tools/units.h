/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which units does a source patch touch? Those whose source it changes, and those that include
 * what it changes, of which the compiler has the last word.
 */
#ifndef TOOLS_UNITS_H
#define TOOLS_UNITS_H

#include "changes.h"
#include "compdb.h"
#include "scratch.h"

struct unit {
	const struct compdb_unit *command;
	char *original; /* assembler files; the original is NULL if the unit is new */
	char *patched;
	char *patched_directory; /* where the patched source is compiled */
};

struct units {
	struct unit *items;
	size_t count;
	size_t room;
};

struct units_request {
	const struct compdb *compdb;
	const char *compdb_path; /* for messages */
	const struct changes *changes;
	const char *object;
	const struct scratch *scratch;
	const struct output *output;
	uint32_t parallel;
};

void units_fini(struct units *units);

/* 0 with at least one unit, or -1. */
int units_find(const struct units_request *request, struct units *ret, struct failure *failure);

#endif
