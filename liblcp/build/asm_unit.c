/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/asm_unit.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/num.h"

/* While a unit is read. */
struct reader {
	struct asm_unit *unit;
	uint32_t *owner; /* block of each statement, NO_BLOCK for those that belong to none */
	uint32_t *open; /* by section: the block that is being filled, or NO_BLOCK */
	VEC(uint32_t) pending; /* statements in front of the next label */
	uint32_t *unnamed; /* by section: its BLOCK_SECTION, or NO_BLOCK */
	uint32_t statement; /* the one being read */
	struct lcp_error **reterr;
};

static struct asm_symbol *find_symbol(struct asm_unit *unit, struct slice name)
{
	int64_t number = map_get(&unit->symbol_numbers, name);
	struct asm_symbol symbol = { .name = name, .visibility = 'd', .block = NO_BLOCK };

	if (number >= 0)
		return &unit->symbols.items[number];
	if (map_set(&unit->symbol_numbers, name, (uint32_t)unit->symbols.count) < 0 ||
	    vec_push(&unit->symbols, symbol) < 0)
		return NULL;
	return &unit->symbols.items[unit->symbols.count - 1];
}

struct asm_symbol *asm_unit_symbol(const struct asm_unit *unit, struct slice name)
{
	int64_t number = map_get(&unit->symbol_numbers, name);

	return number >= 0 ? &unit->symbols.items[number] : NULL;
}

struct asm_block *asm_unit_block(const struct asm_unit *unit, struct slice name)
{
	const struct asm_symbol *symbol = asm_unit_symbol(unit, name);

	if (symbol == NULL || symbol->block == NO_BLOCK || symbol->position != 0)
		return NULL;
	return &unit->blocks.items[symbol->block];
}

static struct asm_section *section_of(const struct reader *reader, uint16_t number)
{
	return &reader->unit->text.sections.items[number];
}

static struct asm_block *block_at(const struct reader *reader, uint32_t number)
{
	return &reader->unit->blocks.items[number];
}

static int new_block(struct reader *reader, struct slice name, enum asm_block_kind kind,
		     uint16_t section, uint32_t *ret)
{
	const struct asm_block block = {
		.name = name,
		.kind = (uint8_t)kind,
		.section = section,
		.parent = NO_BLOCK,
	};

	*ret = (uint32_t)reader->unit->blocks.count;
	return vec_push(&reader->unit->blocks, block);
}

/* Give the statements that stood in front of a label of @section to the block it begins. */
static void adopt_pending(struct reader *reader, uint32_t block, uint16_t section)
{
	const struct asm_statement *statements = reader->unit->text.statements.items;
	size_t kept = 0;

	for (size_t i = 0; i < reader->pending.count; i++) {
		uint32_t statement = reader->pending.items[i];

		if (statements[statement].section != section) {
			reader->pending.items[kept++] = statement;
			continue;
		}
		reader->owner[statement] = block;
		reader->unit->blocks.items[block].lead++;
	}
	reader->pending.count = kept;
}

static int begin_block(struct reader *reader, struct slice name, enum asm_block_kind kind,
		       uint16_t section)
{
	int r = new_block(reader, name, kind, section, &reader->open[section]);

	if (r == 0)
		adopt_pending(reader, reader->open[section], section);
	return r;
}

/* Is a block open, and has nothing that counts come since the label that began it? */
static bool is_fresh(const struct reader *reader, uint16_t section)
{
	uint32_t open = reader->open[section];

	return open != NO_BLOCK && block_at(reader, open)->positions == 0;
}

/* The block for what stands in @section without a label. */
static int unnamed_block(struct reader *reader, uint16_t section, uint32_t *ret)
{
	uint32_t *number = &reader->unnamed[section];
	int r = 0;

	if (*number == NO_BLOCK)
		r = new_block(reader, section_of(reader, section)->name, BLOCK_SECTION, section,
			      number);
	*ret = *number;
	return r;
}

/* What gas would refuse too. */
static int refuse(const struct reader *reader, struct slice name, const char *what)
{
	const struct asm_text *text = &reader->unit->text;

	return error_set(reader->reterr, -LCP_EFORMAT, "%s:%zu: '%.*s' %s", text->path,
			 asm_statement_line(text, &text->statements.items[reader->statement]),
			 SLICE_ARG(name), what);
}

static int put_label(struct reader *reader, struct slice name, uint32_t block)
{
	const struct asm_label label = {
		.block = block,
		.position = block_at(reader, block)->positions,
	};

	if (map_get(&reader->unit->label_numbers, name) >= 0)
		return refuse(reader, name, "is defined a second time");
	if (map_set(&reader->unit->label_numbers, name, (uint32_t)reader->unit->labels.count) < 0)
		return -ENOMEM;
	return vec_push(&reader->unit->labels, label);
}

/* A label like .L5: in code a place in the function, in data the name of an anonymous block. */
static int read_local_label(struct reader *reader, struct slice name, uint16_t section)
{
	uint32_t block = reader->open[section];
	int r = 0;

	if (section_of(reader, section)->executable) {
		if (block == NO_BLOCK)
			r = unnamed_block(reader, section, &block);
	} else if (!is_fresh(reader, section)) {
		r = begin_block(reader, name, BLOCK_ANONYMOUS, section);
		block = reader->open[section];
	}
	return r < 0 ? r : put_label(reader, name, block);
}

/* Where does the symbol @name begin a block of its own? Not in the middle of a function. */
static bool begins_block(const struct reader *reader, const struct asm_symbol *symbol,
			 uint16_t section)
{
	if (reader->open[section] == NO_BLOCK)
		return true;
	if (is_fresh(reader, section))
		return false;
	return !section_of(reader, section)->executable || symbol->type == SYMBOL_FUNCTION ||
	       symbol->type == SYMBOL_IFUNC;
}

static int read_named_label(struct reader *reader, struct slice name, uint16_t section)
{
	enum asm_block_kind kind = section_of(reader, section)->executable ? BLOCK_FUNCTION
									   : BLOCK_DATA;
	struct asm_symbol *symbol = find_symbol(reader->unit, name);
	struct asm_block *block;
	int r;

	if (symbol == NULL)
		return -ENOMEM;
	if (begins_block(reader, symbol, section)) {
		r = begin_block(reader, name, kind, section);
		if (r < 0)
			return r;
	}
	symbol->block = reader->open[section];
	block = block_at(reader, symbol->block);
	symbol->position = block->positions;
	if (block->kind == BLOCK_ANONYMOUS) {
		block->kind = (uint8_t)kind;
		block->name = name;
	}
	return put_label(reader, name, symbol->block);
}

static bool is_number(struct slice name)
{
	return name.text[0] >= '0' && name.text[0] <= '9';
}

/* Assign a statement to the block that is open where it stands. */
static int read_content(struct reader *reader, const struct asm_statement *statement)
{
	uint32_t *open = &reader->open[statement->section];
	bool leads = statement->kind == ASM_ALIGN || statement->kind == ASM_CFI ||
		     statement->kind == ASM_LOC;
	uint32_t block;
	int r = 0;

	/* Behind a data object, an alignment is that of the next. */
	if (statement->kind == ASM_ALIGN && !section_of(reader, statement->section)->executable)
		*open = NO_BLOCK;
	block = *open;
	if (block == NO_BLOCK && leads)
		return vec_push(&reader->pending, reader->statement);
	if (block == NO_BLOCK)
		r = unnamed_block(reader, statement->section, &block);
	if (r < 0)
		return r;
	reader->owner[reader->statement] = block;
	block_at(reader, block)->positions += asm_statement_counts(&reader->unit->text, statement);
	return 0;
}

static struct slice unquote(struct slice name)
{
	if (name.size > 2 && name.text[0] == '"')
		return (struct slice){ name.text + 1, name.size - 2 };
	return name;
}

static int read_label(struct reader *reader, const struct asm_statement *statement)
{
	struct slice name = unquote(asm_statement_text(&reader->unit->text, statement));

	if (is_number(name))
		return read_content(reader, statement);
	if (asm_is_local_label(name))
		return read_local_label(reader, name, statement->section);
	return read_named_label(reader, name, statement->section);
}

static enum asm_symbol_type type_by_word(struct slice word)
{
	static const struct {
		struct slice word;
		enum asm_symbol_type type;
	} words[] = {
		{ { "function", 8 }, SYMBOL_FUNCTION },
		{ { "STT_FUNC", 8 }, SYMBOL_FUNCTION },
		{ { "object", 6 }, SYMBOL_OBJECT },
		{ { "gnu_unique_object", 17 }, SYMBOL_OBJECT },
		{ { "STT_OBJECT", 10 }, SYMBOL_OBJECT },
		{ { "tls_object", 10 }, SYMBOL_TLS },
		{ { "gnu_indirect_function", 21 }, SYMBOL_IFUNC },
	};

	if (word.size > 0 && (*word.text == '@' || *word.text == '%' || *word.text == '"'))
		word = slice_skip(word, 1);
	if (slice_ends(word, SLICE("\"")))
		word.size--;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (slice_equals(word, words[i].word))
			return words[i].type;
	return SYMBOL_NOTYPE;
}

/* .size foo, .-foo ends foo. */
static void close_function(struct reader *reader, const struct asm_symbol *symbol)
{
	const struct asm_block *block;

	if (symbol->block == NO_BLOCK)
		return;
	block = &reader->unit->blocks.items[symbol->block];
	if (block->kind == BLOCK_FUNCTION && reader->open[block->section] == symbol->block)
		reader->open[block->section] = NO_BLOCK;
}

/* .set .LANCHOR0, . + 0 is a label by other means. */
static int read_set(struct reader *reader, struct asm_symbol *symbol, struct slice value,
		    uint16_t section)
{
	bool is_here = value.size > 0 && value.text[0] == '.' &&
		       (value.size == 1 || value.text[1] == ' ' || value.text[1] == '+');

	if (is_here && asm_is_local_label(symbol->name))
		return read_local_label(reader, symbol->name, section);
	symbol->alias = value;
	return 0;
}

/* Directives whose operands are names. */
static bool set_attribute(struct asm_symbol *symbol, struct slice word)
{
	symbol->local = symbol->local || slice_equals(word, SLICE(".local"));
	if (slice_equals(word, SLICE(".globl")) || slice_equals(word, SLICE(".global")))
		symbol->bind = BIND_GLOBAL;
	else if (slice_equals(word, SLICE(".weak")))
		symbol->bind = BIND_WEAK;
	else if (slice_equals(word, SLICE(".local")))
		symbol->bind = BIND_LOCAL;
	else if (slice_equals(word, SLICE(".hidden")) || slice_equals(word, SLICE(".protected")) ||
		 slice_equals(word, SLICE(".internal")))
		symbol->visibility = word.text[1];
	else
		return false;
	return true;
}

/* Directives with a name and something about it. */
static int set_property(struct reader *reader, struct asm_symbol *symbol, struct slice word,
			struct slice rest, uint16_t section)
{
	struct slice value = slice_trim(slice_cut(&rest, ','));

	if (slice_equals(word, SLICE(".type"))) {
		symbol->type = (uint8_t)type_by_word(value);
	} else if (slice_equals(word, SLICE(".size"))) {
		symbol->size = value;
		close_function(reader, symbol);
	} else if (slice_equals(word, SLICE(".comm")) || slice_equals(word, SLICE(".lcomm"))) {
		if (word.size == SLICE(".comm").size && !symbol->local &&
		    symbol->bind == BIND_LOCAL)
			symbol->bind = BIND_GLOBAL;
		symbol->common = true;
		symbol->size = value;
		symbol->align = slice_trim(rest);
	} else if (slice_equals(word, SLICE(".symver"))) {
		symbol->version = value;
	} else if (slice_equals(word, SLICE(".weakref"))) {
		symbol->alias = value;
	} else {
		return read_set(reader, symbol, value, section);
	}
	return 0;
}

static int read_symbol(struct reader *reader, const struct asm_statement *statement)
{
	struct slice word = asm_statement_word(&reader->unit->text, statement);
	struct slice operands = asm_statement_operands(&reader->unit->text, statement);
	struct asm_symbol *symbol;

	do {
		struct slice name = unquote(slice_trim(slice_cut(&operands, ',')));

		if (name.size == 0)
			return refuse(reader, word, "names no symbol");
		symbol = find_symbol(reader->unit, name);
		if (symbol == NULL)
			return -ENOMEM;
		if (!set_attribute(symbol, word))
			return set_property(reader, symbol, word, operands, statement->section);
	} while (operands.size > 0);
	return 0;
}

static int read_statement(struct reader *reader, const struct asm_statement *statement)
{
	switch (statement->kind) {
	case ASM_LABEL:
		return read_label(reader, statement);
	case ASM_SYMBOL:
		return read_symbol(reader, statement);
	case ASM_SECTION:
	case ASM_NOTE:
		return 0;
	default:
		return read_content(reader, statement);
	}
}

/* Put the statements of each block together, in the order of the text: a counting sort. */
static int sort_statements(struct reader *reader)
{
	struct asm_unit *unit = reader->unit;
	uint32_t next = 0;

	unit->order = malloc((unit->text.statements.count + 1) * sizeof(*unit->order));
	if (unit->order == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < unit->text.statements.count; i++)
		if (reader->owner[i] != NO_BLOCK)
			unit->blocks.items[reader->owner[i]].count++;
	vec_foreach (&unit->blocks, block) {
		block->first = next;
		next += block->count;
		block->count = 0;
	}
	for (size_t i = 0; i < unit->text.statements.count; i++) {
		struct asm_block *block;

		if (reader->owner[i] == NO_BLOCK)
			continue;
		block = &unit->blocks.items[reader->owner[i]];
		unit->order[block->first + block->count++] = (uint32_t)i;
	}
	return 0;
}

/* "foo.cold" and "foo.cold.3" belong to foo, "foo.part.0.cold" to foo.part.0. */
static void find_parents(struct asm_unit *unit)
{
	vec_foreach (&unit->blocks, block) {
		struct slice name = block->name, base = asm_base_name(name);
		const struct asm_symbol *parent;

		if (block->kind != BLOCK_FUNCTION)
			continue;
		if (base.size > 0 && slice_ends(base, SLICE(".cold")))
			name = base;
		if (!slice_ends(name, SLICE(".cold")))
			continue;
		name.size -= SLICE(".cold").size;
		parent = asm_unit_symbol(unit, name);
		if (parent != NULL)
			block->parent = parent->block;
	}
}

/* An array of @count numbers, each NO_BLOCK; NULL without memory. */
static uint32_t *none_of(size_t count)
{
	uint32_t *numbers = malloc((count + 1) * sizeof(*numbers));

	if (numbers == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++)
		numbers[i] = NO_BLOCK;
	return numbers;
}

static int read_unit(struct reader *reader)
{
	struct asm_unit *unit = reader->unit;
	size_t count = unit->text.statements.count;
	int r;

	reader->owner = none_of(count);
	reader->open = none_of(unit->text.sections.count);
	reader->unnamed = none_of(unit->text.sections.count);
	if (reader->owner == NULL || reader->open == NULL || reader->unnamed == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		reader->statement = (uint32_t)i;
		r = read_statement(reader, &unit->text.statements.items[i]);
		if (r < 0)
			return r;
	}
	find_parents(unit);
	return sort_statements(reader);
}

int asm_unit_init(struct asm_unit *ret, const struct asm_syntax *syntax, const char *path,
		  const char *text, size_t size, struct lcp_error **reterr)
{
	struct reader reader = { .unit = ret, .reterr = reterr };
	int r;

	*ret = (struct asm_unit){ 0 };
	r = asm_lex(syntax, path, text, size, &ret->text, reterr);
	if (r < 0)
		return r;
	r = read_unit(&reader);
	free(reader.owner);
	free(reader.open);
	vec_fini(&reader.pending);
	free(reader.unnamed);
	if (r == 0)
		return 0;
	asm_unit_fini(ret);
	return r == -ENOMEM ? error_set_nomem(reterr) : r;
}

void asm_unit_fini(struct asm_unit *unit)
{
	asm_text_fini(&unit->text);
	vec_fini(&unit->blocks);
	vec_fini(&unit->symbols);
	vec_fini(&unit->labels);
	map_fini(&unit->symbol_numbers);
	map_fini(&unit->label_numbers);
	free(unit->order);
	unit->order = NULL;
}

const struct asm_statement *asm_block_statement(const struct asm_unit *unit,
						const struct asm_block *block, uint32_t i)
{
	return &unit->text.statements.items[unit->order[block->first + i]];
}

struct slice asm_base_name(struct slice name)
{
	size_t size = name.size;

	while (size > 0 && name.text[size - 1] >= '0' && name.text[size - 1] <= '9')
		size--;
	if (size == name.size || size < 2 || name.text[size - 1] != '.')
		return (struct slice){ name.text, 0 };
	return (struct slice){ name.text, size - 1 };
}

bool asm_block_is_written(const struct asm_unit *unit, const struct asm_block *block)
{
	const struct asm_section *section = &unit->text.sections.items[block->section];

	return section->writable && !slice_begins(section->name, SLICE(".data.rel.ro"));
}

bool asm_block_is_placed(const struct asm_unit *unit, const struct asm_block *block)
{
	const struct asm_section *section = &unit->text.sections.items[block->section];

	return section->allocated && !slice_begins(section->name, SLICE(".note"));
}

struct slice asm_block_align(const struct asm_unit *unit, const struct asm_block *block)
{
	for (uint32_t i = block->lead; i > 0; i--) {
		const struct asm_statement *statement = asm_block_statement(unit, block, i - 1);

		if (statement->kind == ASM_ALIGN)
			return asm_statement_operands(&unit->text, statement);
	}
	return (struct slice){ "", 0 };
}
