/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the report says of a unit: each function with its first difference and where it is in the
 * source.
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

/* The first anonymous block that a statement refers to, or NULL. */
static struct asm_block *anonymous_block(struct asm_unit *unit,
					 const struct asm_statement *statement)
{
	struct asm_scan scan;
	struct slice piece;
	enum asm_token token;

	asm_scan_init(&scan, &unit->text, statement);
	while ((token = asm_scan_next(&scan, &piece)) != TOKEN_END) {
		int64_t number = token == TOKEN_NAME ? map_get(&unit->label_numbers, piece) : -1;
		struct asm_block *block =
			number >= 0 ? &unit->blocks.items[unit->labels.items[number].block] : NULL;

		if (block != NULL && block->kind == BLOCK_ANONYMOUS)
			return block;
	}
	return NULL;
}

/*
 * Two statements that read alike differ in the strings or constants they name: go on to the first
 * difference in those.
 */
static void look_into_data(struct unit *unit, const struct asm_statement **old,
			   const struct asm_statement **new)
{
	struct asm_unit *old_unit = &unit->units[UNIT_OLD], *new_unit = &unit->units[UNIT_NEW];
	struct asm_block *from, *to;

	if (*old == NULL || *new == NULL)
		return;
	from = anonymous_block(old_unit, *old);
	to = anonymous_block(new_unit, *new);
	if (from == NULL || to == NULL ||
	    asm_block_hash(old_unit, from) == asm_block_hash(new_unit, to))
		return;
	for (uint32_t i = 0; i < from->count && i < to->count; i++) {
		const struct asm_statement *a = asm_block_statement(old_unit, from, i);
		const struct asm_statement *b = asm_block_statement(new_unit, to, i);

		if (asm_statement_hash(old_unit, from, a) == asm_statement_hash(new_unit, to, b))
			continue;
		*old = a;
		*new = b;
		return;
	}
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
	const struct asm_statement *old_shown = change->old_at, *new_shown = change->new_at;
	struct report_entry entry = {
		.symbol = strndup(change->name.text, change->name.size),
		.unit = strdup(unit->name),
		.reason = reason_of(change),
		.old_location = location(old, block_at(old, change->old_block), change->old_at),
		.new_location = location(new, block_at(new, change->new_block), change->new_at),
	};

	look_into_data(unit, &old_shown, &new_shown);
	entry.old_statement = statement_text(old, old_shown);
	entry.new_statement = statement_text(new, new_shown);

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

/* What a person has to judge of a function that is replaced. */
static int report_warning(struct unit *unit, const struct asm_change *change, const char *what)
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

static int report_warnings(struct unit *unit, const struct asm_change *change)
{
	uint32_t warnings = unit_warnings(unit, change);
	int r = 0;

	for (uint32_t i = 0; i < UNIT_WARNINGS && r == 0; i++)
		if ((warnings >> i & 1) != 0)
			r = report_warning(unit, change, unit_warning_text(i));
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
			r = report_warnings(unit, change);
	}
	vec_foreach (&unit->diff.refusals, refusal)
		if (r == 0)
			r = report_refusal(unit, refusal);
	return r;
}
