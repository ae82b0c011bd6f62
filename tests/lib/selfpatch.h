/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Apply a patch to the process that asks: sections are mapped near the object, symbols found with
 * the dynamic linker's help, relocations applied, entries redirected. So a test proves that what a
 * patch says is right by calling the code, without a second process.
 *
 *	struct selfpatch applied = { 0 };
 *
 *	if (selfpatch_apply(&applied, patch, base))
 *		ok(function() == NEW, "the new version runs");
 *	selfpatch_revert(&applied);
 *
 * Nobody else may run the functions meanwhile: no thread is stopped, and nothing is checked that
 * the loader has proven.
 */
#ifndef LCP_TESTS_SELFPATCH_H
#define LCP_TESTS_SELFPATCH_H

#include "format/kpatch.h"

struct selfpatch_entry {
	uint64_t address;
	uint8_t size;
	uint8_t bytes[ARCH_BRANCH_MAX]; /* what stood there */
};

struct selfpatch {
	uint8_t *image;
	size_t size;
	uint64_t *sections; /* addresses of patch->sections, 0 where not loaded */
	struct selfpatch_entry *entries;
	size_t entry_count;
};

/* Find the object of this process that has the patch's build-id; false if there is none. */
bool selfpatch_find(const struct lcp_kpatch *patch, uint64_t *ret_base);

/*
 * Put @patch into this process for the object mapped at @base (0 for a program that is not
 * position independent). Where it cannot, it says why in a "#" line on stderr and returns false,
 * and nothing has changed.
 */
bool selfpatch_apply(struct selfpatch *ret, const struct lcp_kpatch *patch, uint64_t base);

/* Put the old bytes back and give the memory back. Does nothing if it was not applied. */
void selfpatch_revert(struct selfpatch *applied);

/* Where the new version of function @name is, or 0. */
uint64_t selfpatch_address(const struct selfpatch *applied, const struct lcp_kpatch *patch,
			   const char *name);

#endif
