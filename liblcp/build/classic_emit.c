/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Statements are copied as they are, but for the names in them. A name means the copy (.kpatch is
 * put behind it) if it is a label within what is copied, or of something new; otherwise what the
 * original unit, which stands in the same text, has by that name.
 */
#include "build/classic_emit.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "build/asm_got.h"

#define SUFFIX ".kpatch"
#define PUSH_DATA "\t.pushsection .kpatch.data,\"aw\",@progbits\n"
#define POP "\t.popsection\n"

/* The block that @statement stands in or, if it is a label, that it is a label of. */
static uint32_t owner_of_label(const struct asm_unit *unit, const struct asm_statement *statement)
{
	struct slice name = asm_statement_text(&unit->text, statement);
	int64_t number = statement->kind == ASM_LABEL ? map_get(&unit->label_numbers, name) : -1;

	return number >= 0 ? unit->labels.items[number].block : NO_BLOCK;
}

/* The block of each statement; NULL without memory. */
static uint32_t *find_owners(const struct asm_unit *unit)
{
	size_t count = unit->text.statements.count;
	uint32_t *owners = calloc(count + 1, sizeof(*owners));

	if (owners == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++)
		owners[i] = owner_of_label(unit, &unit->text.statements.items[i]);
	for (size_t b = 0; b < unit->blocks.count; b++)
		for (uint32_t i = 0; i < unit->blocks.items[b].count; i++)
			owners[unit->order[unit->blocks.items[b].first + i]] = (uint32_t)b;
	return owners;
}

/* As asm_unit has it, with the labels in their places: a counting sort. */
static int order_statements(struct classic_emitter *emitter)
{
	const struct asm_unit *unit = emitter->diff->new;
	size_t blocks = unit->blocks.count, count = unit->text.statements.count;
	autofree uint32_t *owners = find_owners(unit);
	autofree uint32_t *next = calloc(blocks + 1, sizeof(*next));

	emitter->order = calloc(count + 1, sizeof(*emitter->order));
	emitter->first = calloc(blocks + 1, sizeof(*emitter->first));
	if (owners == NULL || next == NULL || emitter->order == NULL || emitter->first == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		if (owners[i] != NO_BLOCK)
			emitter->first[owners[i] + 1]++;
	for (size_t b = 0; b < blocks; b++) {
		emitter->first[b + 1] += emitter->first[b];
		next[b] = emitter->first[b];
	}
	for (size_t i = 0; i < count; i++)
		if (owners[i] != NO_BLOCK)
			emitter->order[next[owners[i]]++] = (uint32_t)i;
	return 0;
}

int classic_emitter_init(struct classic_emitter *ret, struct asm_diff *diff,
			 struct lcp_error **reterr)
{
	size_t count = diff->new->blocks.count + 1;

	*ret = (struct classic_emitter){
		.diff = diff,
		.fates = calloc(count, sizeof(*ret->fates)),
		.queued = calloc(count, sizeof(*ret->queued)),
		.reterr = reterr,
	};
	if (ret->fates != NULL && ret->queued != NULL && order_statements(ret) == 0)
		return 0;
	classic_emitter_fini(ret);
	return error_set_nomem(reterr);
}

void classic_emitter_fini(struct classic_emitter *emitter)
{
	free(emitter->fates);
	free(emitter->order);
	free(emitter->first);
	free(emitter->queued);
	vec_fini(&emitter->queue);
	*emitter = (struct classic_emitter){ 0 };
}

static int refuse(const struct classic_emitter *emitter, const struct asm_statement *statement,
		  struct slice name, const char *what)
{
	const struct asm_text *text = &emitter->diff->new->text;

	return error_set(emitter->reterr, -LCP_EUNSUPPORTED, "%s:%zu: '%.*s' %s", text->path,
			 asm_statement_line(text, statement), SLICE_ARG(name), what);
}

static bool is_defined(const struct asm_symbol *symbol)
{
	return symbol != NULL &&
	       (symbol->block != NO_BLOCK || symbol->common || symbol->alias.size > 0);
}

/* Is @name a symbol that neither version of the unit defines, and no thread-local one? */
static bool is_outside(const struct classic_emitter *emitter, struct slice name)
{
	const struct asm_symbol *symbol = asm_unit_symbol(emitter->diff->new, name);

	return !asm_is_local_label(name) && !is_defined(symbol) &&
	       !is_defined(asm_unit_symbol(emitter->diff->old, name)) &&
	       (symbol == NULL || symbol->type != SYMBOL_TLS) &&
	       !slice_equals(name, SLICE("_GLOBAL_OFFSET_TABLE_"));
}

/* A variable that only the new unit has, made by .comm. */
static bool is_new_common(const struct classic_emitter *emitter, const struct asm_symbol *symbol)
{
	const struct asm_change *change = asm_diff_find(emitter->diff, symbol->name);

	return symbol->common && change != NULL && change->kind == CHANGE_DATA_NEW;
}

/* What the old unit calls a static variable that the compiler numbered. */
static struct slice old_name(const struct classic_emitter *emitter, const struct asm_symbol *symbol)
{
	if (symbol->identity != 0)
		vec_foreach (&emitter->diff->old->symbols, old)
			if (old->identity == symbol->identity && is_defined(old))
				return old->name;
	return symbol->name;
}

static void put_copy(struct slice name, struct str *to)
{
	str_printf(to, "%.*s" SUFFIX, SLICE_ARG(name));
}

static void put_symbol(const struct classic_emitter *emitter, const struct asm_symbol *symbol,
		       struct str *to)
{
	uint8_t fate = symbol->block != NO_BLOCK ? emitter->fates[symbol->block] : FATE_NONE;
	bool is_inside = symbol->position > 0; /* a label in a function */
	struct slice name;

	if (fate >= FATE_NEW || (fate == FATE_REPLACES && is_inside) ||
	    is_new_common(emitter, symbol)) {
		put_copy(symbol->name, to);
		return;
	}
	name = old_name(emitter, symbol);
	str_put(to, name.text, name.size);
}

/*
 * clang refers to a function of the unit by a label at its entry, .Lfoo$local. Its address, taken,
 * is that of the original.
 */
static bool is_old_entry(const struct classic_emitter *emitter, const struct asm_label *label,
			 struct slice name)
{
	const struct asm_unit *old = emitter->diff->old;
	const struct asm_block *block = &emitter->diff->new->blocks.items[label->block];
	int64_t number = map_get(&old->label_numbers, name);

	return block->kind == BLOCK_FUNCTION && slice_ends(name, SLICE("$local")) &&
	       emitter->fates[label->block] < FATE_NEW && label->position == 0 && number >= 0 &&
	       old->labels.items[number].position == 0 &&
	       slice_equals(old->blocks.items[old->labels.items[number].block].name, block->name);
}

static int put_local_label(struct classic_emitter *emitter, const struct asm_statement *statement,
			   struct slice name, struct str *to)
{
	const struct asm_unit *unit = emitter->diff->new;
	int64_t number = map_get(&unit->label_numbers, name);
	uint32_t block;
	int r = 0;

	if (number < 0)
		return refuse(emitter, statement, name, "is a label that is nowhere");
	if (is_old_entry(emitter, &unit->labels.items[number], name)) {
		str_put(to, name.text, name.size);
		return 0;
	}
	block = unit->labels.items[number].block;
	if (unit->blocks.items[block].kind == BLOCK_ANONYMOUS && !emitter->queued[block]) {
		emitter->queued[block] = true;
		r = vec_push(&emitter->queue, block);
	}
	if (!emitter->queued[block] && emitter->fates[block] == FATE_NONE)
		return refuse(emitter, statement, name,
			      "is a label in what the patch does not replace");
	put_copy(name, to);
	return r < 0 ? error_set_nomem(emitter->reterr) : 0;
}

static int put_name(struct classic_emitter *emitter, const struct asm_statement *statement,
		    struct slice name, struct str *to)
{
	const struct asm_symbol *symbol;

	if (asm_is_local_label(name))
		return put_local_label(emitter, statement, name, to);
	symbol = asm_unit_symbol(emitter->diff->new, name);
	if (symbol != NULL)
		put_symbol(emitter, symbol, to);
	else
		str_put(to, name.text, name.size);
	return 0;
}

/* Operands, what stands between names unchanged. */
static int put_operands(struct classic_emitter *emitter, const struct asm_statement *statement,
			struct str *to)
{
	const struct asm_text *text = &emitter->diff->new->text;
	struct slice operands = asm_statement_operands(text, statement);
	const char *done = operands.text;
	enum asm_token token;
	struct asm_scan scan;
	struct slice piece;
	int r = 0;

	asm_scan_init(&scan, text, statement);
	while (r == 0 && (token = asm_scan_next(&scan, &piece)) != TOKEN_END) {
		if (token != TOKEN_NAME)
			continue;
		str_put(to, done, (size_t)(piece.text - done));
		r = put_name(emitter, statement, piece, to);
		done = piece.text + piece.size;
	}
	str_put(to, done, (size_t)(operands.text + operands.size - done));
	return r;
}

/* With --force-gotpcrel: is there a name to be taken from the GOT, and can it be? */
static bool put_through_got(struct classic_emitter *emitter, const struct asm_statement *statement,
			    struct str *to)
{
	const struct asm_text *text = &emitter->diff->new->text;
	struct slice word = asm_statement_word(text, statement);
	struct slice operands = asm_statement_operands(text, statement);
	enum asm_token token;
	struct asm_scan scan;
	struct slice name;

	if (!emitter->gotpcrel || statement->kind != ASM_INSTRUCTION ||
	    text->syntax->machine != EM_X86_64)
		return false;
	asm_scan_init(&scan, text, statement);
	while ((token = asm_scan_next(&scan, &name)) != TOKEN_END) {
		bool has_modifier = scan.rest.size > 0 && *scan.rest.text == '@';

		if (token == TOKEN_NAME && !has_modifier && is_outside(emitter, name))
			return asm_put_through_got(word, operands, name, true, to);
	}
	return false;
}

static void put_label(struct slice name, struct str *to)
{
	if (name.size > 0 && *name.text >= '0' && *name.text <= '9')
		str_printf(to, "%.*s:\n", SLICE_ARG(name));
	else
		str_printf(to, "%.*s" SUFFIX ":\n", SLICE_ARG(name));
}

static int put_statement(struct classic_emitter *emitter, const struct asm_statement *statement,
			 struct str *to)
{
	const struct asm_text *text = &emitter->diff->new->text;
	struct slice word = asm_statement_word(text, statement);
	int r;

	if (statement->kind == ASM_LABEL) {
		put_label(asm_statement_text(text, statement), to);
		return 0;
	}
	if (put_through_got(emitter, statement, to))
		return 0;
	str_printf(to, "\t%.*s", SLICE_ARG(word));
	if (asm_statement_operands(text, statement).size > 0)
		str_putc(to, '\t');
	r = put_operands(emitter, statement, to);
	str_putc(to, '\n');
	return r;
}

/*
 * Is it something that the copy of a function does without: what is for debuggers, and for the
 * unwinder's calls into the language's runtime, to which no patch is known.
 */
static bool is_left_out(const struct asm_text *text, const struct asm_statement *statement)
{
	struct slice word = asm_statement_word(text, statement);

	return statement->kind == ASM_LOC || slice_equals(word, SLICE(".cfi_lsda")) ||
	       slice_equals(word, SLICE(".cfi_personality"));
}

/* In front of the label: the alignment; of a cold part .cfi_startproc too, with gcc. */
static bool is_kept_lead(const struct asm_text *text, const struct asm_statement *statement)
{
	return statement->kind == ASM_ALIGN ||
	       slice_equals(asm_statement_word(text, statement), SLICE(".cfi_startproc"));
}

/*
 * Does a copy of @block leave @statement out? @passed counts the statements in front of it that are
 * no labels, of which the first stand in front of the block's own label.
 */
static bool is_skipped(const struct asm_text *text, const struct asm_block *block,
		       const struct asm_statement *statement, uint32_t passed)
{
	if (statement->kind != ASM_LABEL && passed < block->lead)
		return !is_kept_lead(text, statement);
	return is_left_out(text, statement);
}

static int put_block(struct classic_emitter *emitter, uint32_t number, struct str *to)
{
	const struct asm_text *text = &emitter->diff->new->text;
	const struct asm_block *block = &emitter->diff->new->blocks.items[number];
	bool is_open = false; /* clang writes .cfi_endproc behind the end of the function */
	uint32_t passed = 0;
	int r = 0;

	for (uint32_t i = emitter->first[number]; i < emitter->first[number + 1] && r == 0; i++) {
		const struct asm_statement *statement = &text->statements.items[emitter->order[i]];
		struct slice word = asm_statement_word(text, statement);

		if (!is_skipped(text, block, statement, passed)) {
			is_open = (is_open && !slice_equals(word, SLICE(".cfi_endproc"))) ||
				  slice_equals(word, SLICE(".cfi_startproc"));
			r = put_statement(emitter, statement, to);
		}
		passed += statement->kind != ASM_LABEL;
	}
	if (is_open)
		str_puts(to, "\t.cfi_endproc\n");
	return r;
}

/* Who else may know the copy. A static one is made global only if asked, and stays hidden. */
static void put_binding(const struct classic_emitter *emitter, const struct asm_symbol *symbol,
			struct str *to)
{
	bool is_static = symbol->bind == BIND_LOCAL;

	if (is_static && !emitter->global)
		return;
	str_printf(to, "\t%s\t%.*s" SUFFIX "\n", symbol->bind == BIND_WEAK ? ".weak" : ".globl",
		   SLICE_ARG(symbol->name));
	if (is_static || symbol->visibility != 'd')
		str_printf(to, "\t.hidden\t%.*s" SUFFIX "\n", SLICE_ARG(symbol->name));
}

/* Other units refer to what is new and global by its own name. */
static void put_alias(const struct asm_symbol *symbol, struct str *to)
{
	struct slice name = symbol->name;

	if (symbol->bind == BIND_LOCAL)
		return;
	str_printf(to, "\t%s\t%.*s\n", symbol->bind == BIND_WEAK ? ".weak" : ".globl",
		   SLICE_ARG(name));
	if (symbol->visibility != 'd')
		str_printf(to, "\t.hidden\t%.*s\n", SLICE_ARG(name));
	str_printf(to, "\t.set\t%.*s, %.*s" SUFFIX "\n", SLICE_ARG(name), SLICE_ARG(name));
}

/* See kpatch(5), .kpatch.info. */
static void put_record(struct classic_emitter *emitter, struct slice name, bool replaces,
		       struct str *to)
{
	unsigned int number = ++emitter->names;

	str_printf(to,
		   "\t.pushsection .kpatch.strtab,\"a\",@progbits\n"
		   "kpatch_strtab%u:\n\t.string \"%.*s" SUFFIX "\"\n" POP
		   "\t.pushsection .kpatch.info,\"a\",@progbits\n%.*s.Lpi:\n",
		   number, SLICE_ARG(name), SLICE_ARG(name));
	if (replaces)
		str_printf(to, "\t.quad %.*s\n", SLICE_ARG(name));
	else
		str_puts(to, "\t.quad 0\n");
	str_printf(to, "\t.quad %.*s" SUFFIX "\n", SLICE_ARG(name));
	if (replaces)
		str_printf(to, "\t.long %.*s.Lfe - %.*s\n", SLICE_ARG(name), SLICE_ARG(name));
	else
		str_puts(to, "\t.long 0\n");
	str_printf(to,
		   "\t.long %.*s.kpatch_end - %.*s" SUFFIX "\n"
		   "\t.quad kpatch_strtab%u\n\t.quad 0\n\t.long 0\n\t.byte 0, 0, 0, 0\n" POP,
		   SLICE_ARG(name), SLICE_ARG(name), number);
}

int classic_emit_function(struct classic_emitter *emitter, uint32_t block, const char *comment,
			  struct str *to)
{
	const struct asm_block *from = &emitter->diff->new->blocks.items[block];
	const struct asm_symbol *symbol = asm_unit_symbol(emitter->diff->new, from->name);
	struct slice name = from->name;
	int r;

	str_printf(to, "#---------- %s ---------\n", comment);
	str_puts(to, "\t.pushsection .kpatch.text,\"ax\",@progbits\n");
	put_binding(emitter, symbol, to);
	str_printf(to, "\t.type\t%.*s" SUFFIX ", @function\n", SLICE_ARG(name));
	r = put_block(emitter, block, to);
	str_printf(to, "\t.size\t%.*s" SUFFIX ", .-%.*s" SUFFIX "\n%.*s.kpatch_end:\n",
		   SLICE_ARG(name), SLICE_ARG(name), SLICE_ARG(name));
	if (emitter->fates[block] == FATE_NEW)
		put_alias(symbol, to);
	str_puts(to, POP);
	if (emitter->fates[block] != FATE_COLD)
		put_record(emitter, name, emitter->fates[block] == FATE_REPLACES, to);
	str_puts(to, "#---------- kpatch end -----------\n");
	return r;
}

/*
 * Begin a piece of .kpatch.data. The first begins a page: what is in front of it may be made
 * read-only, as LibcarePlus does.
 */
static void push_data(struct classic_emitter *emitter, struct str *to)
{
	str_puts(to, PUSH_DATA);
	if (!emitter->has_data)
		str_puts(to, "\t.p2align 12\n");
	emitter->has_data = true;
}

static void put_object_type(const struct asm_symbol *symbol, struct str *to)
{
	str_printf(to, "\t.type\t%.*s" SUFFIX ", @object\n", SLICE_ARG(symbol->name));
}

static void put_object_end(const struct asm_symbol *symbol, struct str *to)
{
	str_printf(to, "\t.size\t%.*s" SUFFIX ", .-%.*s" SUFFIX "\n", SLICE_ARG(symbol->name),
		   SLICE_ARG(symbol->name));
}

int classic_emit_data(struct classic_emitter *emitter, uint32_t block, struct str *to)
{
	const struct asm_block *from = &emitter->diff->new->blocks.items[block];
	const struct asm_symbol *symbol = asm_unit_symbol(emitter->diff->new, from->name);
	bool is_new = asm_unit_block(emitter->diff->old, from->name) == NULL;
	int r;

	push_data(emitter, to);
	put_binding(emitter, symbol, to);
	put_object_type(symbol, to);
	r = put_block(emitter, block, to);
	put_object_end(symbol, to);
	if (is_new)
		put_alias(symbol, to);
	str_puts(to, POP);
	return r;
}

void classic_emit_common(struct classic_emitter *emitter, const struct asm_symbol *symbol,
			 struct str *to)
{
	push_data(emitter, to);
	put_binding(emitter, symbol, to);
	put_object_type(symbol, to);
	if (symbol->align.size > 0)
		str_printf(to, "\t.balign\t%.*s\n", SLICE_ARG(symbol->align));
	put_label(symbol->name, to);
	str_printf(to, "\t.zero\t%.*s\n", SLICE_ARG(symbol->size));
	put_object_end(symbol, to);
	put_alias(symbol, to);
	str_puts(to, POP);
}

/*
 * The alignment that constants of a section have from its name, .rodata.cst16: clang says it for
 * the first of them only.
 */
static void put_constant_align(struct slice section, struct str *to)
{
	static const struct slice prefix = { ".rodata.cst", 11 };

	if (slice_begins(section, prefix)) {
		section = slice_skip(section, prefix.size);
		str_printf(to, "\t.balign\t%.*s\n", SLICE_ARG(section));
	}
}

int classic_emit_anonymous(struct classic_emitter *emitter, struct str *to)
{
	const struct asm_unit *unit = emitter->diff->new;
	int r = 0;

	for (size_t i = 0; i < emitter->queue.count && r == 0; i++) {
		uint32_t block = emitter->queue.items[i];
		uint16_t section = unit->blocks.items[block].section;

		push_data(emitter, to);
		put_constant_align(unit->text.sections.items[section].name, to);
		r = put_block(emitter, block, to);
		str_puts(to, POP);
	}
	return r;
}

/* gcc makes aliases as it needs them, foo.localalias. */
static void put_new_alias(const struct classic_emitter *emitter, const struct asm_symbol *symbol,
			  struct str *to)
{
	const struct asm_symbol *target = asm_unit_symbol(emitter->diff->new, symbol->alias);

	if (target == NULL)
		return;
	if (symbol->bind != BIND_LOCAL)
		str_printf(to, "\t%s\t%.*s\n", symbol->bind == BIND_WEAK ? ".weak" : ".globl",
			   SLICE_ARG(symbol->name));
	str_printf(to, "\t.set\t%.*s, ", SLICE_ARG(symbol->name));
	put_symbol(emitter, target, to);
	str_putc(to, '\n');
}

void classic_emit_others(const struct classic_emitter *emitter, struct str *to)
{
	vec_foreach (&emitter->diff->new->symbols, symbol) {
		if (asm_unit_symbol(emitter->diff->old, symbol->name) != NULL)
			continue;
		if (symbol->alias.size > 0)
			put_new_alias(emitter, symbol, to);
		if (is_defined(symbol))
			continue;
		if (symbol->bind == BIND_WEAK)
			str_printf(to, "\t.weak\t%.*s\n", SLICE_ARG(symbol->name));
		if (symbol->visibility != 'd')
			str_printf(to, "\t.hidden\t%.*s\n", SLICE_ARG(symbol->name));
	}
}
