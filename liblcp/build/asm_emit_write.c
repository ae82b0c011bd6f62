/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The text of what is brought: each block in a section of the patch, with every name as it is
 * called there.
 */
#include "build/asm_emit_private.h"
#include "build/asm_got.h"

#include <stdlib.h>

#include "base/error.h"

/* A label of the new unit that the text has to define. */
struct emit_label {
	uint32_t block;
	uint32_t position;
	uint32_t statement; /* so that labels of one place keep their order */
	struct slice name;
};

struct writer {
	const struct asm_emit *emit;
	asm_emit_far_fn is_far;
	const void *context; /* of is_far */
	struct str *to;
	VEC(struct emit_label) labels; /* of what is brought, by block and position */
};

static void writer_fini(struct writer *writer)
{
	vec_fini(&writer->labels);
}

/*
 * Names
 */

static bool is_brought(const struct asm_emit *emit, const struct asm_symbol *symbol)
{
	return symbol->block != NO_BLOCK && emit->brought[symbol->block];
}

/* Is there something of that name in the object, whose identity is to be kept? */
static bool is_in_old(const struct asm_emit *emit, const struct asm_symbol *symbol)
{
	struct slice key = { (const char *)&symbol->identity, sizeof(symbol->identity) };
	const struct asm_symbol *old = asm_unit_symbol(emit->diff->old, symbol->name);

	if (emit_is_present(emit, symbol))
		return true;
	if (symbol->block != NO_BLOCK && emit_is_absent(emit, symbol->block))
		return false;
	if (symbol->identity != 0)
		return map_get(&emit->olds, key) >= 0;
	return old != NULL && (old->block != NO_BLOCK || old->common || old->alias.size > 0);
}

static struct slice old_name(const struct asm_emit *emit, const struct asm_symbol *symbol)
{
	struct slice key = { (const char *)&symbol->identity, sizeof(symbol->identity) };
	int64_t old = symbol->identity != 0 ? map_get(&emit->olds, key) : -1;

	return old >= 0 ? emit->diff->old->symbols.items[old].name : symbol->name;
}

static bool is_part(const struct asm_emit *emit, const struct asm_symbol *symbol)
{
	return symbol->block != NO_BLOCK &&
	       emit->diff->new->blocks.items[symbol->block].parent != NO_BLOCK;
}

/* A name that is not made of letters alone stands in quotes. */
static void put_name(struct str *to, struct slice name, const char *suffix)
{
	bool plain = true;

	for (size_t i = 0; i < name.size; i++)
		plain = plain && asm_is_name_char(name.text[i]);
	str_printf(to, plain ? "%.*s%s" : "\"%.*s%s\"", SLICE_ARG(name), suffix);
}

/* What the definition of a symbol that is brought is called. */
static void put_definition(const struct writer *writer, const struct asm_symbol *symbol)
{
	bool again = is_in_old(writer->emit, symbol) || is_part(writer->emit, symbol);

	put_name(writer->to, symbol->name, again ? EMIT_NEW_VERSION : "");
}

static bool is_defined(const struct asm_symbol *symbol)
{
	return symbol->block != NO_BLOCK || symbol->common || symbol->alias.size > 0;
}

/*
 * What a reference to a symbol is called. New versions of data and of parts are meant themselves,
 * those of functions by their original entries.
 */
static void put_reference(const struct writer *writer, struct slice name)
{
	const struct asm_emit *emit = writer->emit;
	const struct asm_unit *unit = emit->diff->new;
	const struct asm_symbol *symbol = asm_unit_symbol(unit, name);
	struct asm_anchor anchor;

	if (asm_is_anchor(name) && asm_anchor_find(emit->diff, name, &anchor)) {
		put_reference(writer, anchor.name);
		str_printf(writer->to, "+%.*s", SLICE_ARG(anchor.offset));
		return;
	}
	if (symbol == NULL || !is_defined(symbol)) {
		put_name(writer->to, name, "");
		return;
	}
	if (is_brought(emit, symbol) && (unit->blocks.items[symbol->block].kind != BLOCK_FUNCTION ||
					 is_part(emit, symbol) || !is_in_old(emit, symbol))) {
		put_definition(writer, symbol);
		return;
	}
	if (symbol->common && emit_is_new_common(emit, symbol)) {
		put_name(writer->to, name, "");
		return;
	}
	put_name(writer->to, old_name(emit, symbol), symbol->bind == BIND_LOCAL ? EMIT_STATIC : "");
}

/* AVX-512 writes {z} behind a register: no symbol of that name. */
static bool is_decoration(const struct asm_unit *unit, struct slice piece)
{
	return piece.text > unit->text.text && piece.text[-1] == '{';
}

/* Copy @scan's text with each name as it is called in the patch. */
static void put_text(const struct writer *writer, struct asm_scan *scan)
{
	const struct asm_unit *unit = writer->emit->diff->new;
	const char *done = scan->rest.text;
	struct slice piece;
	enum asm_token token;

	while ((token = asm_scan_next(scan, &piece)) != TOKEN_END) {
		bool quoted = token == TOKEN_NAME && piece.text[-1] == '"';

		if (token != TOKEN_NAME || is_decoration(unit, piece) ||
		    (asm_is_local_label(piece) && !asm_is_anchor(piece)))
			continue;
		str_put(writer->to, done, (size_t)(piece.text - done) - quoted);
		put_reference(writer, piece);
		done = piece.text + piece.size + quoted;
	}
	str_put(writer->to, done, (size_t)(scan->rest.text - done));
	str_putc(writer->to, '\n');
}

/*
 * Text
 */

static int compare_labels(const void *left, const void *right)
{
	const struct emit_label *a = left, *b = right;

	if (a->block != b->block)
		return a->block < b->block ? -1 : 1;
	if (a->position != b->position)
		return a->position < b->position ? -1 : 1;
	return a->statement < b->statement ? -1 : a->statement > b->statement;
}

static struct slice unquote(struct slice name)
{
	if (name.size > 2 && name.text[0] == '"')
		return (struct slice){ name.text + 1, name.size - 2 };
	return name;
}

/* The labels of all that is brought. Numbered ones, 1:, are content of their blocks. */
static int collect_labels(struct writer *writer)
{
	const struct asm_unit *unit = writer->emit->diff->new;

	for (size_t i = 0; i < unit->text.statements.count; i++) {
		const struct asm_statement *statement = &unit->text.statements.items[i];
		struct emit_label label = { .statement = (uint32_t)i };
		int64_t number;

		if (statement->kind != ASM_LABEL)
			continue;
		label.name = unquote(asm_statement_text(&unit->text, statement));
		number = map_get(&unit->label_numbers, label.name);
		if (number < 0 || !writer->emit->brought[unit->labels.items[number].block])
			continue;
		label.block = unit->labels.items[number].block;
		label.position = unit->labels.items[number].position;
		if (vec_push(&writer->labels, label) < 0)
			return -ENOMEM;
	}
	if (writer->labels.count > 1)
		qsort(writer->labels.items, writer->labels.count, sizeof(struct emit_label),
		      compare_labels);
	return 0;
}

static void put_label(const struct writer *writer, struct slice name)
{
	const struct asm_symbol *symbol = asm_unit_symbol(writer->emit->diff->new, name);

	if (asm_is_local_label(name) || symbol == NULL)
		put_name(writer->to, name, "");
	else
		put_definition(writer, symbol);
	str_puts(writer->to, ":\n");
}

/* The next labels, from *@next on, that stand at @position of block @number. */
static void put_labels(const struct writer *writer, uint32_t number, uint32_t position,
		       size_t *next)
{
	const struct emit_label *labels = writer->labels.items;

	while (*next < writer->labels.count && labels[*next].block == number &&
	       labels[*next].position == position)
		put_label(writer, labels[(*next)++].name);
}

/* The symbol that an instruction refers to as if it were near, and that is not; or empty. */
static struct slice find_far(const struct writer *writer, const struct asm_statement *statement)
{
	const struct asm_unit *unit = writer->emit->diff->new;
	struct asm_scan scan;
	struct slice piece;
	enum asm_token token;

	if (statement->kind != ASM_INSTRUCTION || unit->text.syntax->register_prefix != '%')
		return (struct slice){ "", 0 };
	asm_scan_init(&scan, &unit->text, statement);
	while ((token = asm_scan_next(&scan, &piece)) != TOKEN_END) {
		const struct asm_symbol *symbol;

		if (token != TOKEN_NAME || asm_is_local_label(piece) ||
		    slice_begins(scan.rest, SLICE("@")))
			continue;
		symbol = asm_unit_symbol(unit, piece);
		if ((symbol == NULL || !is_defined(symbol)) && !is_decoration(unit, piece) &&
		    writer->is_far(writer->context, piece))
			return piece;
	}
	return (struct slice){ "", 0 };
}

static void put_statement(const struct writer *writer, const struct asm_statement *statement)
{
	const struct asm_unit *unit = writer->emit->diff->new;
	struct slice text = asm_statement_text(&unit->text, statement);
	struct asm_scan scan;
	struct slice far;

	if (statement->kind == ASM_LOC)
		return;
	if (statement->kind == ASM_LABEL) {
		str_printf(writer->to, "%.*s:\n", SLICE_ARG(text));
		return;
	}
	far = find_far(writer, statement);
	if (far.size > 0 && asm_put_through_got(asm_statement_word(&unit->text, statement),
						asm_statement_operands(&unit->text, statement), far,
						false, writer->to))
		return;
	asm_scan_init(&scan, &unit->text, statement);
	str_put(writer->to, "\t", 1);
	str_put(writer->to, text.text, (size_t)(scan.rest.text - text.text));
	put_text(writer, &scan);
}

static bool has_no_bytes(const struct asm_section *section)
{
	return slice_begins(section->name, SLICE(".bss")) ||
	       slice_begins(section->name, SLICE(".lbss"));
}

static void put_section(const struct writer *writer, const struct asm_block *block)
{
	const struct asm_section *section = emit_section_of(writer->emit->diff->new, block);

	if (block->kind == BLOCK_FUNCTION)
		str_puts(writer->to, "\t.section " EMIT_TEXT ",\"ax\",%progbits\n");
	else if (!emit_is_state(section))
		str_puts(writer->to, "\t.section " EMIT_RODATA ",\"a\",%progbits\n");
	else if (has_no_bytes(section))
		str_puts(writer->to, "\t.section " EMIT_BSS ",\"aw\",%nobits\n");
	else
		str_puts(writer->to, "\t.section " EMIT_DATA ",\"aw\",%progbits\n");
}

/*
 * A new symbol that other units may refer to is seen by the other units of the patch only. Of one
 * that several units may define, the first is the one.
 */
static void put_attributes(const struct writer *writer, const struct asm_symbol *symbol,
			   const char *type)
{
	if (symbol->bind != BIND_LOCAL && !is_in_old(writer->emit, symbol)) {
		str_puts(writer->to,
			 symbol->bind == BIND_WEAK || symbol->common ? "\t.weak " : "\t.globl ");
		put_definition(writer, symbol);
		str_puts(writer->to, "\n\t.hidden ");
		put_definition(writer, symbol);
		str_puts(writer->to, "\n");
	}
	str_puts(writer->to, "\t.type ");
	put_definition(writer, symbol);
	str_printf(writer->to, ", %%%s\n", type);
}

static void put_size(const struct writer *writer, const struct asm_symbol *symbol)
{
	str_puts(writer->to, "\t.size ");
	put_definition(writer, symbol);
	str_puts(writer->to, ", .-");
	put_definition(writer, symbol);
	str_puts(writer->to, "\n");
}

/*
 * Does @statement stay? clang writes the end of a frame behind the function's .size, so that it
 * stands in front of what follows: it is left out there, and written where the block ends.
 */
static bool follow_frame(const struct writer *writer, const struct asm_statement *statement,
			 bool *open)
{
	struct slice word;

	if (statement->kind != ASM_CFI)
		return true;
	word = asm_statement_word(&writer->emit->diff->new->text, statement);
	if (slice_equals(word, SLICE(".cfi_startproc")))
		return *open = true;
	if (!*open)
		return false;
	*open = !slice_equals(word, SLICE(".cfi_endproc"));
	return true;
}

/* @next is the first of the block's labels. */
static void put_block(const struct writer *writer, uint32_t number, size_t next)
{
	const struct asm_unit *unit = writer->emit->diff->new;
	const struct asm_block *block = &unit->blocks.items[number];
	const struct asm_symbol *symbol = block->kind == BLOCK_ANONYMOUS
						  ? NULL
						  : asm_unit_symbol(unit, block->name);
	uint32_t position = 0;
	bool frame = false;

	put_section(writer, block);
	if (symbol != NULL)
		put_attributes(writer, symbol,
			       block->kind == BLOCK_FUNCTION ? "function" : "object");
	for (uint32_t i = 0; i < block->count; i++) {
		const struct asm_statement *statement = asm_block_statement(unit, block, i);

		if (i >= block->lead)
			put_labels(writer, number, position, &next);
		if (follow_frame(writer, statement, &frame))
			put_statement(writer, statement);
		if (i >= block->lead)
			position += asm_statement_counts(&unit->text, statement);
	}
	put_labels(writer, number, position, &next);
	if (frame)
		str_puts(writer->to, "\t.cfi_endproc\n");
	if (symbol != NULL)
		put_size(writer, symbol);
}

static void put_blocks(const struct writer *writer)
{
	const struct asm_unit *unit = writer->emit->diff->new;
	size_t next = 0;

	for (uint32_t i = 0; i < unit->blocks.count; i++) {
		if (!writer->emit->brought[i])
			continue;
		while (next < writer->labels.count && writer->labels.items[next].block < i)
			next++;
		put_block(writer, i, next);
	}
}

/* A zero-initialised variable that .comm makes; without an alignment it is that of its size. */
static void put_common(const struct writer *writer, const struct asm_symbol *symbol)
{
	struct slice align = symbol->align.size > 0 ? symbol->align : SLICE("16");

	str_puts(writer->to, "\t.section " EMIT_BSS ",\"aw\",%nobits\n");
	put_attributes(writer, symbol, "object");
	str_printf(writer->to, "\t.balign %.*s\n", SLICE_ARG(align));
	put_definition(writer, symbol);
	str_printf(writer->to, ":\n\t.zero %.*s\n", SLICE_ARG(symbol->size));
	put_size(writer, symbol);
}

static void put_alias(const struct writer *writer, const struct asm_symbol *symbol)
{
	struct asm_scan scan = {
		.rest = symbol->alias,
		.register_prefix = writer->emit->diff->new->text.syntax->register_prefix,
	};

	str_puts(writer->to, "\t.set ");
	put_name(writer->to, symbol->name, "");
	str_puts(writer->to, ", ");
	put_text(writer, &scan);
}

/*
 * What is said of symbols that the unit uses and does not define: that a reference is weak, or to
 * which version.
 */
static void put_undefined(const struct writer *writer)
{
	vec_foreach (&writer->emit->diff->new->symbols, symbol) {
		if (symbol->block != NO_BLOCK || symbol->common)
			continue;
		if (symbol->bind == BIND_WEAK && symbol->alias.size == 0) {
			str_puts(writer->to, "\t.weak ");
			put_name(writer->to, symbol->name, "\n");
		}
		if (symbol->version.size > 0) {
			str_puts(writer->to, "\t.symver ");
			put_name(writer->to, symbol->name, "");
			str_printf(writer->to, ", %.*s\n", SLICE_ARG(symbol->version));
		}
	}
}

int asm_emit_write(const struct asm_emit *emit, asm_emit_far_fn is_far, const void *context,
		   struct str *to, struct lcp_error **reterr)
{
	const struct asm_unit *unit = emit->diff->new;
	struct writer writer cleanup(writer_fini) = {
		.emit = emit,
		.is_far = is_far,
		.context = context,
		.to = to,
	};

	if (collect_labels(&writer) < 0)
		return error_set_nomem(reterr);
	put_undefined(&writer);
	put_blocks(&writer);
	vec_foreach (&emit->commons, number)
		put_common(&writer, &unit->symbols.items[*number]);
	vec_foreach (&emit->aliases, number)
		put_alias(&writer, &unit->symbols.items[*number]);
	return to->failed ? error_set_nomem(reterr) : 0;
}
