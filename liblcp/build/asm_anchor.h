/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Section anchors: gcc addresses data of a unit relative to one label, ".set .LANCHOR0, . + 0", so
 * that the text does not say which of several objects is meant (aarch64, POWER; not x86).
 *
 * That is no harm where the object holds what the anchor leads to just as the patched unit has it:
 * then the anchor is the first object there. Where the two units differ there is no telling what an
 * offset means, and that is what this says.
 */
#ifndef LCP_BUILD_ASM_ANCHOR_H
#define LCP_BUILD_ASM_ANCHOR_H

#include "build/asm_diff.h"

struct asm_anchor {
	struct slice name; /* of the object that stands where .set is */
	struct slice offset; /* from it, as it is written */
};

static inline bool asm_is_anchor(struct slice name)
{
	return slice_begins(name, SLICE(".LANCHOR"));
}

/* Find @name of the new unit; false if what it leads to is not the same in both units. */
bool asm_anchor_find(struct asm_diff *diff, struct slice name, struct asm_anchor *ret);

#endif
