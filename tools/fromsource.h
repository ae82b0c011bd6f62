/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a source patch to pairs of assembler files: finds the units that the patch touches, and
 * compiles them as they are and as they will be, with the options they were compiled with.
 */
#ifndef TOOLS_FROMSOURCE_H
#define TOOLS_FROMSOURCE_H

#include "scratch.h"

struct asm_pair {
	char *unit; /* its source */
	char *original; /* NULL for a unit that is new */
	char *patched;
};

struct asm_pairs {
	struct asm_pair *items;
	size_t count;
	size_t room;
};

struct source_request {
	const char *compdb;
	const char *source; /* where the names in patches begin; NULL: find out */
	const char *object;
	const struct words *patches;
	const char *keep; /* directory for the assembler files; NULL */
	uint32_t strip;
	uint32_t jobs; /* 0: as many as there are CPUs */
	bool copy_tree;
};

void asm_pairs_fini(struct asm_pairs *pairs);

/* Pairs that differ. The files are in the scratch directory, or in @keep. 0 or -1. */
int fromsource_pairs(const struct source_request *request, const struct scratch *scratch,
		     const struct output *output, struct asm_pairs *ret, struct failure *failure);

#endif
