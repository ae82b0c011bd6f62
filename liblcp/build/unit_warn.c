/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What no tool can judge of a function that is replaced, but a person has to think about: whether
 * the new version is ever run, and whether what the old one holds fits the new one.
 */
#include <string.h>

#include "base/num.h"
#include "build/unit.h"

/* gcc and clang put constructors and main into a section of their own, unless they may not. */
static bool runs_at_start(const struct asm_unit *unit, const struct asm_block *block)
{
	return slice_equals(block->name, SLICE("main")) ||
	       slice_begins(unit->text.sections.items[block->section].name, SLICE(".text.startup"));
}

static bool refers_to(const struct asm_unit *unit, const struct asm_statement *statement,
		      struct slice name)
{
	struct asm_scan scan;
	struct slice piece;
	enum asm_token token;

	asm_scan_init(&scan, &unit->text, statement);
	while ((token = asm_scan_next(&scan, &piece)) != TOKEN_END)
		if (token == TOKEN_NAME && slice_equals(piece, name))
			return true;
	return false;
}

/* Is @name in a list of what runs at start? */
static bool is_constructor(const struct asm_unit *unit, struct slice name)
{
	vec_foreach (&unit->blocks, block) {
		struct slice section = unit->text.sections.items[block->section].name;

		if (block->kind != BLOCK_SECTION || (!slice_begins(section, SLICE(".init_array")) &&
						     !slice_begins(section, SLICE(".ctors"))))
			continue;
		for (uint32_t i = 0; i < block->count; i++)
			if (refers_to(unit, asm_block_statement(unit, block, i), name))
				return true;
	}
	return false;
}

static bool is_one_of(struct slice word, const struct slice *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (slice_equals(word, words[i]))
			return true;
	return false;
}

/* Does it end here for its caller: a return, or a jump out of the function? */
static bool leaves(const struct asm_unit *unit, const struct asm_statement *statement)
{
	static const struct slice returns[] = {
		{ "ret", 3 }, { "retq", 4 }, { "rep", 3 }, { "retaa", 5 }, { "retab", 5 }
	};
	static const struct slice jumps[] = {
		{ "jmp", 3 }, { "jmpq", 4 }, { "b", 1 }, { "br", 2 }, { "notrack", 7 }
	};
	struct slice word = asm_statement_word(&unit->text, statement);

	if (statement->kind != ASM_INSTRUCTION)
		return false;
	if (is_one_of(word, returns, ARRAY_SIZE(returns)))
		return true;
	return is_one_of(word, jumps, ARRAY_SIZE(jumps)) &&
	       !asm_is_local_label(slice_trim(asm_statement_operands(&unit->text, statement)));
}

static bool never_returns(const struct asm_unit *unit, const struct asm_block *block)
{
	for (uint32_t i = 0; i < block->count; i++)
		if (leaves(unit, asm_block_statement(unit, block, i)))
			return false;
	return true;
}

/* Names that have to do with who owns what. */
static bool counts_or_locks(struct slice name)
{
	static const struct slice words[] = { { "lock", 4 },   { "mutex", 5 },	 { "sem_", 4 },
					      { "ref", 3 },    { "acquire", 7 }, { "release", 7 },
					      { "retain", 6 }, { "Lock", 4 },	 { "Ref", 3 } };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (memmem(name.text, name.size, words[i].text, words[i].size) != NULL)
			return true;
	return false;
}

static bool is_call(struct slice word)
{
	return slice_begins(word, SLICE("call")) || slice_equals(word, SLICE("bl"));
}

/* A hash of the calls that lock or count, in their order, and of atomic instructions. */
static uint64_t owning_calls(const struct asm_unit *unit, const struct asm_block *block)
{
	uint64_t hash = 0;

	for (uint32_t i = 0; i < block->count; i++) {
		const struct asm_statement *statement = asm_block_statement(unit, block, i);
		struct slice word = asm_statement_word(&unit->text, statement);
		struct slice operands = asm_statement_operands(&unit->text, statement);

		if (statement->kind != ASM_INSTRUCTION)
			continue;
		if (is_call(word) && counts_or_locks(operands))
			hash = hash_bytes(hash, operands.text, operands.size);
		else if (slice_equals(word, SLICE("lock")))
			hash = hash_bytes(hash, word.text, word.size);
	}
	return hash;
}

uint32_t unit_warnings(const struct unit *unit, const struct asm_change *change)
{
	const struct asm_unit *old = &unit->units[UNIT_OLD], *new = &unit->units[UNIT_NEW];
	const struct asm_block *block = &new->blocks.items[change->new_block];
	uint32_t warnings = 0;

	if (change->old_block == NO_BLOCK || block->parent != NO_BLOCK)
		return 0;
	if (runs_at_start(new, block) || is_constructor(new, block->name))
		warnings |= (uint32_t)1 << UNIT_RUNS_AT_START;
	if (never_returns(new, block))
		warnings |= (uint32_t)1 << UNIT_NEVER_RETURNS;
	if (owning_calls(old, &old->blocks.items[change->old_block]) != owning_calls(new, block))
		warnings |= (uint32_t)1 << UNIT_OWNS_OTHERWISE;
	return warnings;
}

const char *unit_warning_text(enum unit_warning warning)
{
	static const char *const texts[UNIT_WARNINGS] = {
		[UNIT_RUNS_AT_START] =
			"runs at start only, and has run already where it is applied",
		[UNIT_NEVER_RETURNS] = "never returns: who is in it stays in the old version",
		[UNIT_OWNS_OTHERWISE] =
			"locks or counts references in another way: think of what is held",
	};

	return texts[warning];
}
