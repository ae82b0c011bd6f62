/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/asm_anchor.h"

/* .set NAME, . + OFFSET */
static bool find_offset(const struct asm_text *text, struct slice name, struct slice *ret)
{
	vec_foreach (&text->statements, statement) {
		struct slice rest;

		if (statement->kind != ASM_SYMBOL ||
		    !slice_equals(asm_statement_word(text, statement), SLICE(".set")))
			continue;
		rest = asm_statement_operands(text, statement);
		if (!slice_equals(slice_trim(slice_cut(&rest, ',')), name))
			continue;
		rest = slice_trim(rest);
		*ret = slice_trim(slice_skip(rest, SLICE(". +").size));
		return slice_begins(rest, SLICE(". +"));
	}
	return false;
}

static bool has_contents(const struct asm_block *block)
{
	return block->kind == BLOCK_DATA || block->positions > 0;
}

/* The next block of @section with anything in it, from *@number on; NULL behind the last. */
static struct asm_block *next_block(const struct asm_unit *unit, struct slice section,
				    size_t *number)
{
	while (*number < unit->blocks.count) {
		struct asm_block *block = &unit->blocks.items[(*number)++];

		if (has_contents(block) &&
		    slice_equals(unit->text.sections.items[block->section].name, section))
			return block;
	}
	return NULL;
}

/* Do two blocks take the same room, and hold the same if nobody writes to them? */
static bool are_alike(struct asm_diff *diff, struct asm_block *old, struct asm_block *new)
{
	const struct asm_symbol *old_symbol = asm_unit_symbol(diff->old, old->name);
	const struct asm_symbol *new_symbol = asm_unit_symbol(diff->new, new->name);

	if (old->kind != new->kind ||
	    !slice_equals(asm_block_align(diff->old, old), asm_block_align(diff->new, new)))
		return false;
	if (old->kind != BLOCK_DATA)
		return asm_block_hash(diff->old, old) == asm_block_hash(diff->new, new);
	if (!slice_equals(old->name, new->name) || old_symbol == NULL || new_symbol == NULL ||
	    !slice_equals(old_symbol->size, new_symbol->size))
		return false;
	return asm_block_is_written(diff->new, new) ||
	       asm_block_hash(diff->old, old) == asm_block_hash(diff->new, new);
}

/* Or is what the section has new altogether, and one object only? */
static bool is_section_alike(struct asm_diff *diff, struct slice section)
{
	size_t old_number = 0, new_number = 0;
	struct asm_block *old = next_block(diff->old, section, &old_number);
	struct asm_block *new = next_block(diff->new, section, &new_number);

	if (old == NULL && new != NULL)
		return next_block(diff->new, section, &new_number) == NULL;
	for (;; old = next_block(diff->old, section, &old_number),
		new = next_block(diff->new, section, &new_number)) {
		if (old == NULL || new == NULL)
			return old == new;
		if (!are_alike(diff, old, new))
			return false;
	}
}

bool asm_anchor_find(struct asm_diff *diff, struct slice name, struct asm_anchor *ret)
{
	int64_t label = map_get(&diff->new->label_numbers, name);
	const struct asm_block *block;

	if (label < 0 || !find_offset(&diff->new->text, name, &ret->offset))
		return false;
	block = &diff->new->blocks.items[diff->new->labels.items[label].block];
	ret->name = block->name;
	return block->kind == BLOCK_DATA && diff->new->labels.items[label].position == 0 &&
	       is_section_alike(diff, diff->new->text.sections.items[block->section].name);
}
