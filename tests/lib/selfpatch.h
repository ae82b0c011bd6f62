/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Apply a patch to the process that asks: the library looks at this process as at any other, finds
 * room and makes the image, which is copied there, and entries are redirected. So a test proves by
 * calling the code that what a patch says is right, and the image of it, without a second process.
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
	uint64_t *functions; /* addresses of the new versions, by number */
	struct selfpatch_entry *entries;
	size_t entry_count;
	const void *unwind_table; /* that libgcc was told of, or NULL */
	void *unwind_room[8]; /* where it keeps what it knows of it */
	void *(*forget)(const void *unwind_table); /* how to tell it that it is gone */
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
