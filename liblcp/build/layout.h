/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Do two versions of a translation unit agree about the layout of types? A patch changes code only:
 * if a type in living memory got another size or other members, new code would corrupt old data.
 *
 * Types are compared by name, as debug information describes them; one that only one version has is
 * no matter. Variables are not looked at: see asm_diff.h.
 */
#ifndef LCP_BUILD_LAYOUT_H
#define LCP_BUILD_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

#include <lcp/error.h>

#include "base/vec.h"

struct layout_change {
	char *type; /* "struct foo" */
	char *what; /* "size 424 -> 432, member 'x' added at 8" */
};

struct layout_diff {
	bool checked;
	const char *why_not; /* if it was not: no libdw, no debug information, ... */
	VEC(struct layout_change) changes;
};

/* Compare two objects as the assembler makes them. An error only without memory. */
int layout_compare(const void *old_object, size_t old_size, const void *new_object, size_t new_size,
		   struct layout_diff *ret, struct lcp_error **reterr);
void layout_diff_fini(struct layout_diff *diff);

#endif
