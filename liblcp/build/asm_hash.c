/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hashes of blocks over normalised text; see asm_unit.h for what is normal.
 */
#include "build/asm_unit.h"

/* So that a label cannot pass for a name, nor either for text. */
enum hash_seed {
	SEED_BLOCK = 1,
	SEED_STATEMENT,
	SEED_TEXT,
	SEED_NAME,
	SEED_LABEL_HERE, /* of the same block */
	SEED_LABEL_THERE, /* of another function, such as a cold part */
	SEED_ANONYMOUS,
	SEED_ALIAS,
	SEED_CONSTANT,
};

/* Compilers do not nest them; a ring of them ends here. */
#define ALIAS_DEPTH_MAX 8

/* Strings of tables of tables: compilers stay far below, and our stack holds it. */
#define HASH_DEPTH_MAX 1000

bool asm_statement_counts(const struct asm_text *text, const struct asm_statement *statement)
{
	switch (statement->kind) {
	case ASM_INSTRUCTION:
	case ASM_DATA:
	case ASM_CFI:
	case ASM_OTHER:
	case ASM_LABEL: /* only numbered ones, 1:, are content */
		return true;
	case ASM_ALIGN:
		return text->sections.items[statement->section].executable;
	default:
		return false;
	}
}

static bool begins_name(char c)
{
	return asm_is_name_char(c) && !(c >= '0' && c <= '9') && c != '$';
}

void asm_scan_init(struct asm_scan *scan, const struct asm_text *text,
		   const struct asm_statement *statement)
{
	*scan = (struct asm_scan){
		.rest = asm_statement_operands(text, statement),
		.register_prefix = text->syntax->register_prefix,
		.strings = statement->kind == ASM_DATA,
	};
}

static size_t name_size(struct slice text)
{
	size_t size = 1;

	while (size < text.size && asm_is_name_char(text.text[size]))
		size++;
	return size;
}

static size_t quoted_size(struct slice text)
{
	size_t size = 1;

	while (size < text.size && text.text[size] != '"')
		size += text.text[size] == '\\' ? 2 : 1;
	return size < text.size ? size + 1 : text.size;
}

/* A number, a register, or a character that is neither: what cannot be a name. */
static size_t text_size(const struct asm_scan *scan)
{
	struct slice text = scan->rest;
	bool is_register = scan->register_prefix != '\0' && text.text[0] == scan->register_prefix;

	if (text.text[0] == '@' || is_register || (text.text[0] >= '0' && text.text[0] <= '9'))
		return name_size(text);
	return 1;
}

enum asm_token asm_scan_next(struct asm_scan *scan, struct slice *ret)
{
	enum asm_token token = TOKEN_TEXT;
	size_t size;

	while (scan->rest.size > 0 && (*scan->rest.text == ' ' || *scan->rest.text == '\t'))
		scan->rest = slice_skip(scan->rest, 1);
	if (scan->rest.size == 0)
		return TOKEN_END;

	if (*scan->rest.text == '"') {
		size = quoted_size(scan->rest);
		token = scan->strings ? TOKEN_TEXT : TOKEN_NAME;
	} else if (begins_name(*scan->rest.text)) {
		size = name_size(scan->rest);
		token = TOKEN_NAME;
	} else {
		size = text_size(scan);
	}
	*ret = (struct slice){ scan->rest.text, size };
	scan->rest = slice_skip(scan->rest, size);
	if (token == TOKEN_NAME && *ret->text == '"' && ret->size > 2)
		*ret = (struct slice){ ret->text + 1, ret->size - 2 };
	return token;
}

static uint64_t label_hash(struct asm_unit *unit, const struct asm_block *from,
			   const struct asm_label *label)
{
	struct asm_block *to = &unit->blocks.items[label->block];

	if (to == from)
		return hash_number(SEED_LABEL_HERE, label->position);
	if (to->kind == BLOCK_ANONYMOUS)
		return hash_number(hash_number(SEED_ANONYMOUS, asm_block_hash(unit, to)),
				   label->position);
	return hash_number(hash_bytes(SEED_LABEL_THERE, to->name.text, to->name.size),
			   label->position);
}

static uint64_t operands_hash(struct asm_unit *unit, const struct asm_block *from,
			      struct asm_scan *scan, uint64_t hash);

/* .set .LC339, .LC450+8 makes a label that stands for an expression. */
static uint64_t alias_hash(struct asm_unit *unit, const struct asm_block *from, struct slice name)
{
	const struct asm_symbol *symbol = asm_unit_symbol(unit, name);
	struct asm_scan scan = { .register_prefix = unit->text.syntax->register_prefix };
	uint64_t hash;

	if (symbol == NULL || symbol->alias.size == 0 || unit->alias_depth == ALIAS_DEPTH_MAX)
		return hash_bytes(SEED_NAME, name.text, name.size);
	scan.rest = symbol->alias;
	unit->alias_depth++;
	hash = operands_hash(unit, from, &scan, SEED_ALIAS);
	unit->alias_depth--;
	return hash;
}

uint64_t asm_constant_identity(struct asm_unit *unit, const struct asm_symbol *symbol)
{
	struct asm_block *block;
	struct slice align;

	if (symbol->bind != BIND_LOCAL || symbol->block == NO_BLOCK || symbol->position != 0 ||
	    asm_base_name(symbol->name).size == 0)
		return 0;
	block = &unit->blocks.items[symbol->block];
	if (block->kind != BLOCK_DATA || !slice_equals(block->name, symbol->name) ||
	    !asm_block_is_placed(unit, block) || asm_block_is_written(unit, block))
		return 0;
	/* One that is aligned less cannot stand in for it. */
	align = asm_block_align(unit, block);
	return hash_bytes(hash_number(SEED_CONSTANT, asm_block_hash(unit, block)), align.text,
			  align.size);
}

static uint64_t name_hash(struct asm_unit *unit, const struct asm_block *from, struct slice name)
{
	if (asm_is_local_label(name)) {
		int64_t number = map_get(&unit->label_numbers, name);

		return number >= 0 ? label_hash(unit, from, &unit->labels.items[number])
				   : alias_hash(unit, from, name);
	}
	if (asm_base_name(name).size > 0) {
		const struct asm_symbol *symbol = asm_unit_symbol(unit, name);

		uint64_t identity = symbol != NULL ? symbol->identity : 0;

		if (symbol != NULL && identity == 0)
			identity = asm_constant_identity(unit, symbol);
		if (identity != 0)
			return identity;
	}
	return hash_bytes(SEED_NAME, name.text, name.size);
}

static uint64_t operands_hash(struct asm_unit *unit, const struct asm_block *from,
			      struct asm_scan *scan, uint64_t hash)
{
	struct slice piece;
	enum asm_token token;

	while ((token = asm_scan_next(scan, &piece)) != TOKEN_END)
		hash = token == TOKEN_NAME
			       ? hash_number(hash, name_hash(unit, from, piece))
			       : hash_bytes(hash_number(hash, SEED_TEXT), piece.text, piece.size);
	return hash;
}

uint64_t asm_statement_hash(struct asm_unit *unit, const struct asm_block *block,
			    const struct asm_statement *statement)
{
	struct slice word = asm_statement_word(&unit->text, statement);
	struct asm_scan scan;

	asm_scan_init(&scan, &unit->text, statement);
	return operands_hash(unit, block, &scan, hash_bytes(SEED_STATEMENT, word.text, word.size));
}

uint64_t asm_block_hash(struct asm_unit *unit, struct asm_block *block)
{
	uint64_t hash = hash_number(SEED_BLOCK, block->kind);

	if (block->hashed || block->hashing)
		return block->hash; /* in a ring of anonymous blocks: 0, the same for equal rings */
	if (unit->hash_depth == HASH_DEPTH_MAX) {
		unit->too_deep = true;
		return 0;
	}
	unit->hash_depth++;
	block->hashing = true;
	for (uint32_t i = block->lead; i < block->count; i++) {
		const struct asm_statement *statement = asm_block_statement(unit, block, i);

		if (asm_statement_counts(&unit->text, statement))
			hash = hash_number(hash, asm_statement_hash(unit, block, statement));
	}
	block->hashing = false;
	unit->hash_depth--;
	block->hashed = true;
	block->hash = hash;
	return hash;
}
