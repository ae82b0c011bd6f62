/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two versions of a unit become one text: the original as it is, byte by byte, with insertions
 * between its lines. Behind a function that changed stands its new version; what is new, and what
 * has no name, stands at the end.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "build/classic.h"
#include "build/classic_emit.h"

/* A text that goes between two lines of the original. */
struct insertion {
	size_t offset; /* in the original text, where a line begins */
	size_t number; /* of several at one place the first comes first */
	struct str text;
};

struct gensrc {
	struct lcp_ctx *ctx;
	const struct lcp_classic_gensrc_options *options;
	struct str old_text; /* filtered */
	struct str new_text;
	struct asm_unit old;
	struct asm_unit new;
	struct asm_diff diff;
	struct classic_emitter emitter;
	VEC(struct insertion) insertions;
	bool adapted; /* the patched text says so */
	struct lcp_error **reterr;
};

static void gensrc_fini(struct gensrc *gensrc)
{
	vec_foreach (&gensrc->insertions, insertion)
		str_fini(&insertion->text);
	vec_fini(&gensrc->insertions);
	classic_emitter_fini(&gensrc->emitter);
	asm_diff_fini(&gensrc->diff);
	asm_unit_fini(&gensrc->new);
	asm_unit_fini(&gensrc->old);
	str_fini(&gensrc->new_text);
	str_fini(&gensrc->old_text);
}

static const char *base_name(const char *path)
{
	const char *slash = path != NULL ? strrchr(path, '/') : NULL;

	return slash != NULL ? slash + 1 : path;
}

static bool is_file(struct slice name, const char *path)
{
	const char *base = base_name(path);

	return path != NULL && (slice_equals(name, (struct slice){ path, strlen(path) }) ||
				slice_equals(name, (struct slice){ base, strlen(base) }));
}

/* Is @name in @list, "[FILE:]SYMBOL,...", for one of the two files? */
static bool is_listed(const struct gensrc *gensrc, const char *list, struct slice name)
{
	struct slice rest = { list, list != NULL ? strlen(list) : 0 };

	while (rest.size > 0) {
		struct slice entry = slice_trim(slice_cut(&rest, ','));
		struct slice file = slice_cut(&entry, ':');

		if (entry.text == file.text + file.size) { /* no colon: it is all of the entry */
			if (slice_equals(file, name))
				return true;
		} else if (slice_equals(entry, name) &&
			   (is_file(file, gensrc->options->original_name) ||
			    is_file(file, gensrc->options->patched_name))) {
			return true;
		}
	}
	return false;
}

/* Blank the directive that is for us and not for the assembler: was it there? */
static bool take_flags(struct str *text)
{
	static const char directive[] = ".kpgensrc_flags";
	bool adapted = false;
	char *at = text->text;

	while (at != NULL && (at = strstr(at, directive)) != NULL) {
		size_t size = strcspn(at, "\n");

		adapted = adapted || memmem(at, size, "KPGENSRC_ADAPTED", 16) != NULL;
		memset(at, ' ', size);
		at += size;
	}
	return adapted;
}

static int read_text(struct gensrc *gensrc, struct slice from, const char *name, struct str *text,
		     struct asm_unit *unit, bool *ret_adapted)
{
	if (from.size > 0 && memchr(from.text, '\0', from.size) != NULL)
		return error_set(gensrc->reterr, -LCP_EFORMAT, "%s: not a text", name);
	classic_filter(from, gensrc->options->flags, text);
	if (text->size > 0 && text->text[text->size - 1] != '\n')
		str_putc(text, '\n');
	if (text->failed)
		return error_set_nomem(gensrc->reterr);
	*ret_adapted = take_flags(text);
	return asm_unit_init(unit, &asm_syntax_x86_64, name, text->text != NULL ? text->text : "",
			     text->size, gensrc->reterr);
}

static int read_units(struct gensrc *gensrc, struct slice original, struct slice patched)
{
	const char *old_name = gensrc->options->original_name;
	const char *new_name = gensrc->options->patched_name;
	bool ignored;
	int r;

	r = read_text(gensrc, original, old_name != NULL ? old_name : "original", &gensrc->old_text,
		      &gensrc->old, &ignored);
	if (r == 0)
		r = read_text(gensrc, patched, new_name != NULL ? new_name : "patched",
			      &gensrc->new_text, &gensrc->new, &gensrc->adapted);
	if (r == 0)
		r = asm_diff_init(&gensrc->diff, &gensrc->old, &gensrc->new, gensrc->reterr);
	if (r == 0)
		r = classic_emitter_init(&gensrc->emitter, &gensrc->diff, gensrc->reterr);
	gensrc->emitter.global = gensrc->options->flags & LCP_GENSRC_FORCE_GLOBAL;
	gensrc->emitter.gotpcrel = gensrc->options->flags & LCP_GENSRC_FORCE_GOTPCREL;
	return r;
}

static void put_reason(struct str *reasons, struct slice name, const char *reason)
{
	if (reasons->size > 0)
		str_puts(reasons, "; ");
	str_printf(reasons, "'%.*s': %s", SLICE_ARG(name), reason);
}

static bool is_code_change(const struct asm_change *change)
{
	return change->kind == CHANGE_FUNCTION || change->kind == CHANGE_FUNCTION_USES_DATA;
}

/* Reasons that the options give. */
static void judge_change(const struct gensrc *gensrc, const struct asm_change *change,
			 struct str *reasons)
{
	const struct lcp_classic_gensrc_options *options = gensrc->options;

	if (change->kind == CHANGE_LINE_ONLY ||
	    is_listed(gensrc, options->ignore_changes, change->name))
		return;
	if (!gensrc->adapted && is_listed(gensrc, options->must_adapt, change->name))
		put_reason(reasons, change->name, "it changed and must be adapted by hand");
	if (options->allowed != NULL && is_code_change(change) &&
	    !is_listed(gensrc, options->allowed, change->name))
		put_reason(reasons, change->name, "it is not among the functions that may change");
}

/* All reasons why there can be no patch, at once. */
static int judge(struct gensrc *gensrc)
{
	const struct lcp_classic_gensrc_options *options = gensrc->options;
	autostr struct str reasons = { 0 };

	vec_foreach (&gensrc->diff.refusals, refusal)
		if (!is_listed(gensrc, options->ignore_changes, refusal->name) &&
		    !is_listed(gensrc, options->unlink_symbols, refusal->name))
			put_reason(&reasons, refusal->name, asm_refusal_text(refusal->kind));
	vec_foreach (&gensrc->diff.changes, change)
		judge_change(gensrc, change, &reasons);
	if (reasons.failed)
		return error_set_nomem(gensrc->reterr);
	if (reasons.size == 0)
		return 0;
	return error_set(gensrc->reterr, -LCP_EUNSUPPORTED, "%s: %s", gensrc->new.text.path,
			 reasons.text);
}

static enum classic_fate fate_of(const struct gensrc *gensrc, const struct asm_change *change)
{
	if (is_listed(gensrc, gensrc->options->ignore_changes, change->name))
		return FATE_NONE;
	switch (change->kind) {
	case CHANGE_FUNCTION:
	case CHANGE_FUNCTION_USES_DATA:
		if (is_listed(gensrc, gensrc->options->unlink_symbols, change->name))
			return FATE_NEW;
		return FATE_REPLACES;
	case CHANGE_FUNCTION_NEW:
	case CHANGE_DATA_NEW:
	case CHANGE_RODATA:
		return FATE_NEW;
	default:
		return FATE_NONE;
	}
}

/* Decide what happens to each block of the new unit. */
static void choose_fates(struct gensrc *gensrc)
{
	struct classic_emitter *emitter = &gensrc->emitter;

	vec_foreach (&gensrc->diff.changes, change) {
		log_debug(gensrc->ctx, "%s: %.*s: %s", gensrc->new.text.path,
			  SLICE_ARG(change->name), asm_change_text(change->kind));
		if (change->new_block != NO_BLOCK)
			emitter->fates[change->new_block] = (uint8_t)fate_of(gensrc, change);
	}
	for (size_t i = 0; i < gensrc->new.blocks.count; i++) {
		const struct asm_block *block = &gensrc->new.blocks.items[i];

		if (block->kind == BLOCK_DATA &&
		    is_listed(gensrc, gensrc->options->unlink_symbols, block->name))
			emitter->fates[i] = FATE_NEW;
		if (block->parent != NO_BLOCK)
			emitter->fates[i] = emitter->fates[block->parent] != FATE_NONE ? FATE_COLD
										       : FATE_NONE;
	}
}

/* A place for a text at @offset of the original, moved to where the line begins. */
static struct str *insert_at(struct gensrc *gensrc, size_t offset)
{
	struct insertion insertion = { .offset = offset, .number = gensrc->insertions.count };

	while (insertion.offset > 0 && gensrc->old_text.text[insertion.offset - 1] != '\n')
		insertion.offset--;
	if (vec_push(&gensrc->insertions, insertion) < 0)
		return NULL;
	return &gensrc->insertions.items[gensrc->insertions.count - 1].text;
}

/* The same behind the line on which @statement ends. */
static struct str *insert_behind(struct gensrc *gensrc, const struct asm_statement *statement)
{
	size_t end = (size_t)statement->offset + statement->size;

	while (end < gensrc->old_text.size && gensrc->old_text.text[end] != '\n')
		end++;
	return insert_at(gensrc, end + 1);
}

static bool is_word(const struct gensrc *gensrc, const struct asm_statement *statement,
		    const char *word)
{
	return slice_equals(asm_statement_word(&gensrc->old.text, statement),
			    (struct slice){ word, strlen(word) });
}

/* Where function @block of the original ends: its .size, or its last statement. */
static size_t find_end(const struct gensrc *gensrc, const struct asm_block *block)
{
	const struct asm_text *text = &gensrc->old.text;
	size_t last = block->count > 0 ? gensrc->old.order[block->first + block->count - 1] : 0;

	for (size_t i = last; i < text->statements.count; i++) {
		const struct asm_statement *statement = &text->statements.items[i];
		struct slice operands = asm_statement_operands(text, statement);

		if (statement->kind == ASM_SYMBOL && statement->section == block->section &&
		    is_word(gensrc, statement, ".size") &&
		    slice_equals(slice_trim(slice_cut(&operands, ',')), block->name))
			return i;
	}
	return last;
}

/* Is the frame description of @block open at its end? clang closes it behind .size. */
static bool is_frame_open(const struct gensrc *gensrc, const struct asm_block *block)
{
	bool is_open = false;

	for (uint32_t i = 0; i < block->count; i++) {
		const struct asm_statement *statement = asm_block_statement(&gensrc->old, block, i);

		if (is_word(gensrc, statement, ".cfi_startproc"))
			is_open = true;
		if (is_word(gensrc, statement, ".cfi_endproc"))
			is_open = false;
	}
	return is_open;
}

static size_t find_frame_end(const struct gensrc *gensrc, size_t statement)
{
	const struct asm_text *text = &gensrc->old.text;

	for (size_t i = statement; i < text->statements.count; i++)
		if (is_word(gensrc, &text->statements.items[i], ".cfi_endproc"))
			return i;
	return statement;
}

/* Behind a function of the original that changed: a label at its end, and its new version. */
static int insert_function(struct gensrc *gensrc, const struct asm_change *change)
{
	const struct asm_block *old = &gensrc->old.blocks.items[change->old_block];
	const struct asm_statement *statements = gensrc->old.text.statements.items;
	size_t end = find_end(gensrc, old);
	struct str *to = insert_behind(gensrc, &statements[end]);

	if (to == NULL)
		return error_set_nomem(gensrc->reterr);
	str_printf(to, "%.*s.Lfe:\n", SLICE_ARG(old->name));
	if (is_frame_open(gensrc, old))
		end = find_frame_end(gensrc, end);
	to = insert_behind(gensrc, &statements[end]);
	if (to == NULL)
		return error_set_nomem(gensrc->reterr);
	return classic_emit_function(&gensrc->emitter, change->new_block, "kpatch begin", to);
}

static int insert_functions(struct gensrc *gensrc)
{
	int r = 0;

	vec_foreach (&gensrc->diff.changes, change)
		if (r == 0 && is_code_change(change) &&
		    gensrc->emitter.fates[change->new_block] == FATE_REPLACES)
			r = insert_function(gensrc, change);
	return r;
}

static const char *comment_for(const struct gensrc *gensrc, uint32_t block)
{
	struct slice name = gensrc->new.blocks.items[block].name;

	if (gensrc->emitter.fates[block] == FATE_COLD)
		return "kpatch begin";
	return is_listed(gensrc, gensrc->options->unlink_symbols, name) ? "unlinked func"
									: "new func";
}

/* What has no counterpart in the original: at its end. */
static int insert_new(struct gensrc *gensrc)
{
	struct classic_emitter *emitter = &gensrc->emitter;
	struct str *to = insert_at(gensrc, gensrc->old_text.size);
	int r = 0;

	if (to == NULL)
		return error_set_nomem(gensrc->reterr);
	for (uint32_t i = 0; i < gensrc->new.blocks.count &&r == 0; i++) {
		if (emitter->fates[i] < FATE_NEW)
			continue;
		r = gensrc->new.blocks.items[i].kind == BLOCK_FUNCTION
			    ? classic_emit_function(emitter, i, comment_for(gensrc, i), to)
			    : classic_emit_data(emitter, i, to);
	}
	vec_foreach (&gensrc->diff.changes, change)
		if (change->kind == CHANGE_DATA_NEW && change->new_block == NO_BLOCK)
			classic_emit_common(emitter, asm_unit_symbol(&gensrc->new, change->name),
					    to);
	if (r == 0)
		r = classic_emit_anonymous(emitter, to);
	if (emitter->names > 0)
		classic_emit_others(emitter, to);
	return r;
}

/* Comments that say what begins where. */
static int insert_comments(struct gensrc *gensrc)
{
	const struct asm_text *text = &gensrc->old.text;

	vec_foreach (&text->statements, statement) {
		const struct asm_block *block = asm_unit_block(&gensrc->old,
							       asm_statement_text(text, statement));
		struct str *to;

		if (statement->kind != ASM_LABEL || block == NULL ||
		    (block->kind != BLOCK_FUNCTION && block->kind != BLOCK_DATA))
			continue;
		to = insert_at(gensrc, statement->offset);
		if (to == NULL)
			return error_set_nomem(gensrc->reterr);
		str_printf(to, "#---------- %s ---------\n",
			   block->kind == BLOCK_FUNCTION ? "func" : "var");
	}
	return 0;
}

static int compare_insertions(const void *left, const void *right)
{
	const struct insertion *a = left, *b = right;

	if (a->offset != b->offset)
		return a->offset < b->offset ? -1 : 1;
	return (a->number > b->number) - (a->number < b->number);
}

static int put_all(struct gensrc *gensrc, struct str *to)
{
	size_t done = 0;

	qsort(gensrc->insertions.items, gensrc->insertions.count, sizeof(*gensrc->insertions.items),
	      compare_insertions);
	vec_foreach (&gensrc->insertions, insertion) {
		if (insertion->offset > done)
			str_put(to, gensrc->old_text.text + done, insertion->offset - done);
		done = insertion->offset;
		str_put(to, insertion->text.text, insertion->text.size);
		to->failed = to->failed || insertion->text.failed;
	}
	if (gensrc->old_text.size > done)
		str_put(to, gensrc->old_text.text + done, gensrc->old_text.size - done);
	return to->failed ? error_set_nomem(gensrc->reterr) : 0;
}

int classic_gensrc(struct lcp_ctx *ctx, struct slice original, struct slice patched,
		   const struct lcp_classic_gensrc_options *options, struct str *ret,
		   struct lcp_error **reterr)
{
	struct gensrc gensrc cleanup(gensrc_fini) = {
		.ctx = ctx,
		.options = options,
		.reterr = reterr,
	};
	int r;

	if (patched.text == NULL) {
		classic_filter(original, options->flags, ret);
		return ret->failed ? error_set_nomem(reterr) : 0;
	}
	r = read_units(&gensrc, original, patched);
	if (r == 0)
		r = judge(&gensrc);
	if (r < 0)
		return r;
	choose_fates(&gensrc);
	r = insert_functions(&gensrc);
	if (r == 0)
		r = insert_comments(&gensrc);
	if (r == 0)
		r = insert_new(&gensrc);
	return r < 0 ? r : put_all(&gensrc, ret);
}
