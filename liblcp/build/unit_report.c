/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the report says of a unit: each function with its first difference, where it is in the
 * source, and what a person has to think about.
 */
#include <string.h>

#include "build/unit.h"

/*
 * Places
 */

/* The name in ".file NUMBER "folder" "name"", without folder; an empty slice if there is none. */
static struct slice file_of_number(const struct asm_text *text, struct slice number)
{
	vec_foreach (&text->statements, statement) {
		struct slice operands, name;

		if (statement->kind != ASM_NOTE ||
		    !slice_equals(asm_statement_word(text, statement), SLICE(".file")))
			continue;
		operands = asm_statement_operands(text, statement);
		if (!slice_equals(slice_cut(&operands, ' '), number))
			continue;
		(void)slice_cut(&operands, '"');
		name = slice_cut(&operands, '"');
		(void)slice_cut(&operands, '"');
		return operands.size > 0 ? slice_cut(&operands, '"') : name;
	}
	return (struct slice){ "", 0 };
}

/* The .loc in force at @statement of @block, or NULL. */
static const struct asm_statement *find_loc(const struct asm_unit *unit,
					    const struct asm_block *block,
					    const struct asm_statement *statement)
{
	const struct asm_statement *loc = NULL;

	for (uint32_t i = 0; i < block->count; i++) {
		const struct asm_statement *at = asm_block_statement(unit, block, i);

		if (at == statement)
			break;
		if (at->kind == ASM_LOC)
			loc = at;
	}
	return loc;
}

/* "file.c:120", or place in the text; NULL if there is no statement, or no memory. */
static char *location(const struct asm_unit *unit, const struct asm_block *block,
		      const struct asm_statement *statement)
{
	const struct asm_statement *loc;
	autostr struct str text = { 0 };
	struct slice operands, file, line;
	char *made = NULL;

	if (statement == NULL)
		return NULL;
	loc = block != NULL ? find_loc(unit, block, statement) : NULL;
	if (loc != NULL) {
		operands = asm_statement_operands(&unit->text, loc);
		file = file_of_number(&unit->text, slice_cut(&operands, ' '));
		line = slice_cut(&operands, ' ');
		if (file.size > 0)
			str_printf(&text, "%.*s:%.*s", SLICE_ARG(file), SLICE_ARG(line));
	}
	if (text.size == 0)
		str_printf(&text, "%s:%zu", unit->text.path,
			   asm_statement_line(&unit->text, statement));
	(void)str_take(&text, &made);
	return made;
}

/* The statement as one line, with single blanks. */
static char *statement_text(const struct asm_unit *unit, const struct asm_statement *statement)
{
	autostr struct str text = { 0 };
	struct slice slice;
	char *made = NULL;

	if (statement == NULL)
		return NULL;
	slice = slice_trim(asm_statement_text(&unit->text, statement));
	for (size_t i = 0; i < slice.size; i++)
		str_putc(&text,
			 slice.text[i] == '\t' || slice.text[i] == '\n' ? ' ' : slice.text[i]);
	(void)str_take(&text, &made);
	return made;
}

/*
 * Changes
 */

static uint32_t kind_of(const struct unit *unit, const struct asm_change *change)
{
	switch (change->kind) {
	case CHANGE_FUNCTION:
	case CHANGE_FUNCTION_USES_DATA:
	case CHANGE_FUNCTION_NEW:
		return LCP_REPORT_FUNCTION;
	case CHANGE_RODATA:
	case CHANGE_DATA_NEW:
		return change->new_block == NO_BLOCK || unit->emit.brought[change->new_block]
			       ? LCP_REPORT_DATA
			       : LCP_REPORT_IGNORED;
	default:
		return LCP_REPORT_IGNORED;
	}
}

static char *reason_of(const struct asm_change *change)
{
	autostr struct str text = { 0 };
	char *made = NULL;

	str_puts(&text, asm_change_text(change->kind));
	if (change->because.size > 0)
		str_printf(&text, ": %.*s", SLICE_ARG(change->because));
	(void)str_take(&text, &made);
	return made;
}

static const struct asm_block *block_at(const struct asm_unit *unit, uint32_t number)
{
	return number != NO_BLOCK ? &unit->blocks.items[number] : NULL;
}

/* An entry of which something is missing, for want of memory, is none. */
static int add_whole(struct unit *unit, uint32_t kind, struct report_entry entry, bool has_old,
		     bool has_new)
{
	if (entry.symbol == NULL || entry.unit == NULL ||
	    (has_old && (entry.old_location == NULL || entry.old_statement == NULL)) ||
	    (has_new && (entry.new_location == NULL || entry.new_statement == NULL))) {
		free(entry.reason);
		entry.reason = NULL;
	}
	return report_add(unit->report, kind, entry);
}

static int report_change(struct unit *unit, const struct asm_change *change)
{
	const struct asm_unit *old = &unit->units[UNIT_OLD], *new = &unit->units[UNIT_NEW];
	const struct report_entry entry = {
		.symbol = strndup(change->name.text, change->name.size),
		.unit = strdup(unit->name),
		.reason = reason_of(change),
		.old_location = location(old, block_at(old, change->old_block), change->old_at),
		.new_location = location(new, block_at(new, change->new_block), change->new_at),
		.old_statement = statement_text(old, change->old_at),
		.new_statement = statement_text(new, change->new_at),
	};

	return add_whole(unit, kind_of(unit, change), entry, change->old_at != NULL,
			 change->new_at != NULL);
}

static int report_refusal(struct unit *unit, const struct asm_refusal *refusal)
{
	const struct asm_unit *new = &unit->units[UNIT_NEW];
	const struct report_entry entry = {
		.symbol = strndup(refusal->name.text, refusal->name.size),
		.unit = strdup(unit->name),
		.reason = strdup(asm_refusal_text(refusal->kind)),
		.new_location = location(new, NULL, refusal->at),
		.new_statement = statement_text(new, refusal->at),
	};

	return add_whole(unit, LCP_REPORT_REFUSAL, entry, false, refusal->at != NULL);
}

/*
 * Warnings
 */

static int warn(struct unit *unit, const struct asm_change *change, const char *what)
{
	const struct asm_unit *new = &unit->units[UNIT_NEW];
	const struct report_entry entry = {
		.symbol = strndup(change->name.text, change->name.size),
		.unit = strdup(unit->name),
		.reason = strdup(what),
		.new_location = location(new, block_at(new, change->new_block), change->new_at),
	};

	return report_add(unit->report, LCP_REPORT_WARNING, entry);
}

/* gcc and clang put constructors and main into a section of their own, unless they may not. */
static bool runs_at_start(const struct unit *unit, const struct asm_block *block)
{
	return slice_equals(block->name, SLICE("main")) ||
	       slice_begins(unit->units[UNIT_NEW].text.sections.items[block->section].name,
			    SLICE(".text.startup"));
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
	if (is_one_of(word, returns, sizeof(returns) / sizeof(*returns)))
		return true;
	return is_one_of(word, jumps, sizeof(jumps) / sizeof(*jumps)) &&
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

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
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

static int warn_of(struct unit *unit, const struct asm_change *change)
{
	const struct asm_unit *old = &unit->units[UNIT_OLD], *new = &unit->units[UNIT_NEW];
	const struct asm_block *block = &new->blocks.items[change->new_block];
	int r = 0;

	if (change->old_block == NO_BLOCK || block->parent != NO_BLOCK)
		return 0;
	if (runs_at_start(unit, block) || is_constructor(new, block->name))
		r = warn(unit, change,
			 "runs at start only: in a process that is running it has run already");
	if (r == 0 && never_returns(new, block))
		r = warn(unit, change, "never returns: who is in it stays in the old version");
	if (r == 0 &&
	    owning_calls(old, &old->blocks.items[change->old_block]) != owning_calls(new, block))
		r = warn(unit, change,
			 "locks or counts references in another way: look at what is held while it "
			 "is replaced");
	return r;
}

int unit_report_diff(struct unit *unit)
{
	int r = 0;

	vec_foreach (&unit->diff.changes, change) {
		if (r == 0)
			r = report_change(unit, change);
		if (r == 0 && change->new_block != NO_BLOCK &&
		    kind_of(unit, change) == LCP_REPORT_FUNCTION)
			r = warn_of(unit, change);
	}
	vec_foreach (&unit->diff.refusals, refusal)
		if (r == 0)
			r = report_refusal(unit, refusal);
	return r;
}
