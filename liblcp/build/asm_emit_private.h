/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What finding the blocks to bring (asm_emit.c) and writing them (asm_emit_write.c) both ask.
 */
#ifndef LCP_BUILD_ASM_EMIT_PRIVATE_H
#define LCP_BUILD_ASM_EMIT_PRIVATE_H

#include "build/asm_anchor.h"
#include "build/asm_emit.h"

static inline const struct asm_section *emit_section_of(const struct asm_unit *unit,
							const struct asm_block *block)
{
	return &unit->text.sections.items[block->section];
}

/* Relocated once and never written again: constants that hold addresses. */
static inline bool emit_is_relro(const struct asm_section *section)
{
	return slice_begins(section->name, SLICE(".data.rel.ro"));
}

static inline bool emit_is_state(const struct asm_section *section)
{
	return section->writable && !emit_is_relro(section);
}

static inline bool emit_is_absent(const struct asm_emit *emit, uint32_t block)
{
	return emit->absent != NULL && emit->absent[block];
}

static inline bool emit_is_present(const struct asm_emit *emit, const struct asm_symbol *symbol)
{
	return emit->present != NULL && emit->present[symbol - emit->diff->new->symbols.items];
}

static inline bool emit_is_new_common(const struct asm_emit *emit, const struct asm_symbol *symbol)
{
	const struct asm_change *change;

	if (!symbol->common || emit_is_present(emit, symbol))
		return false;
	change = asm_diff_find(emit->diff, symbol->name);
	return change != NULL && change->kind == CHANGE_DATA_NEW;
}

#endif
