/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/asm_emit_private.h"

#include <stdlib.h>

#include "base/error.h"

static int refuse(const struct asm_emit *emit, struct slice name, const char *what,
		  struct lcp_error **reterr)
{
	return error_set(reterr, -LCP_EUNSUPPORTED, "%s: '%.*s' %s", emit->diff->new->text.path,
			 SLICE_ARG(name), what);
}

/*
 * What is brought
 */

struct search {
	struct asm_emit *emit;
	VEC(uint32_t) ahead; /* blocks whose references are still to be followed */
	struct lcp_error **reterr;
};

static int bring(struct search *search, uint32_t block)
{
	if (search->emit->brought[block])
		return 0;
	search->emit->brought[block] = true;
	return vec_push(&search->ahead, block) < 0 ? error_set_nomem(search->reterr) : 0;
}

static int bring_common(struct search *search, const struct asm_symbol *symbol)
{
	uint32_t number = (uint32_t)(symbol - search->emit->diff->new->symbols.items);

	vec_foreach (&search->emit->commons, known)
		if (*known == number)
			return 0;
	return vec_push(&search->emit->commons, number) < 0 ? error_set_nomem(search->reterr) : 0;
}

/* Other units of the patch may refer to new data, unless each unit that does has its own. */
static int bring_data(struct search *search, const struct asm_change *change)
{
	const struct asm_symbol *symbol = asm_unit_symbol(search->emit->diff->new, change->name);

	if (symbol == NULL || symbol->bind != BIND_GLOBAL || emit_is_present(search->emit, symbol))
		return 0;
	return symbol->block != NO_BLOCK ? bring(search, symbol->block)
					 : bring_common(search, symbol);
}

/*
 * Changed and new functions are brought, and new data that others may know; all else only if
 * something brought refers to it.
 */
static int bring_changes(struct search *search)
{
	int r = 0;

	vec_foreach (&search->emit->diff->changes, change) {
		if (r < 0)
			break;
		if (change->kind == CHANGE_DATA_NEW)
			r = bring_data(search, change);
		else if ((change->kind == CHANGE_FUNCTION ||
			  change->kind == CHANGE_FUNCTION_USES_DATA ||
			  change->kind == CHANGE_FUNCTION_NEW) &&
			 !emit_is_absent(search->emit, change->new_block))
			r = bring(search, change->new_block);
	}
	return r;
}

static int follow_text(struct search *search, struct asm_scan *scan);
static int follow_symbol(struct search *search, struct slice name);

static int follow_anchor(struct search *search, struct slice name)
{
	struct asm_anchor anchor;

	if (asm_anchor_find(search->emit->diff, name, &anchor))
		return follow_symbol(search, anchor.name);
	return refuse(search->emit, name,
		      "is a section anchor, and what it leads to is not the same in both versions "
		      "(-fno-section-anchors)",
		      search->reterr);
}

/* .set .LC339, .LC450+8 makes a label that stands for an expression. */
static int follow_alias(struct search *search, struct slice name)
{
	struct asm_unit *unit = search->emit->diff->new;
	struct asm_symbol *symbol = asm_unit_symbol(unit, name);
	struct asm_scan scan = { .register_prefix = unit->text.syntax->register_prefix };
	uint32_t number;

	if (symbol == NULL || symbol->alias.size == 0)
		return 0;
	number = (uint32_t)(symbol - unit->symbols.items);
	vec_foreach (&search->emit->aliases, known)
		if (*known == number)
			return 0;
	if (vec_push(&search->emit->aliases, number) < 0)
		return error_set_nomem(search->reterr);
	scan.rest = symbol->alias;
	return follow_text(search, &scan);
}

static int follow_label(struct search *search, struct slice name)
{
	struct asm_unit *unit = search->emit->diff->new;
	int64_t number = map_get(&unit->label_numbers, name);
	const struct asm_block *block;
	uint32_t to;

	if (asm_is_anchor(name))
		return follow_anchor(search, name);
	if (number < 0)
		return follow_alias(search, name);
	to = unit->labels.items[number].block;
	block = &unit->blocks.items[to];
	if (search->emit->brought[to])
		return 0;
	if (block->kind == BLOCK_FUNCTION || block->kind == BLOCK_SECTION)
		return refuse(search->emit, name, "is in code that the patch does not bring",
			      search->reterr);
	if (emit_is_state(emit_section_of(unit, block)))
		return refuse(search->emit, name, "is writable data without a name",
			      search->reterr);
	return bring(search, to);
}

static bool is_new_data(const struct asm_emit *emit, uint32_t block)
{
	vec_foreach (&emit->diff->changes, change)
		if (change->new_block == block &&
		    (change->kind == CHANGE_DATA_NEW || change->kind == CHANGE_RODATA))
			return true;
	return false;
}

/* A table of labels (&&label) that lead into a function that is brought. */
static bool leads_into_brought(const struct asm_emit *emit, uint32_t number)
{
	const struct asm_unit *unit = emit->diff->new;
	const struct asm_block *block = &unit->blocks.items[number];

	for (uint32_t i = 0; block->kind == BLOCK_DATA && i < block->count; i++) {
		const struct asm_statement *statement = asm_block_statement(unit, block, i);
		struct asm_scan scan;
		struct slice piece;
		enum asm_token token;

		asm_scan_init(&scan, &unit->text, statement);
		while ((token = asm_scan_next(&scan, &piece)) != TOKEN_END) {
			int64_t label = token == TOKEN_NAME && asm_is_local_label(piece)
						? map_get(&unit->label_numbers, piece)
						: -1;
			uint32_t to = label >= 0 ? unit->labels.items[label].block : number;

			if (emit->brought[to] && unit->blocks.items[to].kind == BLOCK_FUNCTION)
				return true;
		}
	}
	return false;
}

static int follow_symbol(struct search *search, struct slice name)
{
	struct asm_emit *emit = search->emit;
	struct asm_unit *unit = emit->diff->new;
	const struct asm_symbol *symbol = asm_unit_symbol(unit, name);

	if (symbol == NULL || emit_is_present(emit, symbol))
		return 0;
	if (symbol->block != NO_BLOCK && !emit->brought[symbol->block]) {
		if (is_new_data(emit, symbol->block) || emit_is_absent(emit, symbol->block))
			return bring(search, symbol->block);
		if (!leads_into_brought(emit, symbol->block))
			return 0;
		if (emit_is_state(emit_section_of(unit, &unit->blocks.items[symbol->block])))
			return refuse(emit, name,
				      "is writable and leads into a function that "
				      "changed",
				      search->reterr);
		return bring(search, symbol->block);
	}
	return emit_is_new_common(emit, symbol) ? bring_common(search, symbol) : 0;
}

static int follow_text(struct search *search, struct asm_scan *scan)
{
	struct slice piece;
	enum asm_token token;
	int r = 0;

	while (r == 0 && (token = asm_scan_next(scan, &piece)) != TOKEN_END)
		if (token == TOKEN_NAME)
			r = asm_is_local_label(piece) ? follow_label(search, piece)
						      : follow_symbol(search, piece);
	return r;
}

static int follow_block(struct search *search, uint32_t number)
{
	const struct asm_unit *unit = search->emit->diff->new;
	const struct asm_block *block = &unit->blocks.items[number];
	int r = 0;

	for (uint32_t i = 0; i < block->count && r == 0; i++) {
		const struct asm_statement *statement = asm_block_statement(unit, block, i);
		struct asm_scan scan;

		if (statement->kind == ASM_LOC)
			continue;
		if (slice_equals(asm_statement_word(&unit->text, statement), SLICE(".cfi_lsda")))
			return refuse(search->emit, block->name,
				      "catches exceptions or cleans up after them: a patch cannot "
				      "carry its table yet",
				      search->reterr);
		asm_scan_init(&scan, &unit->text, statement);
		r = follow_text(search, &scan);
	}
	return r;
}

/* The keys of the map are the identities themselves. */
static int index_statics(struct asm_emit *emit)
{
	vec_foreach (&emit->diff->old->symbols, symbol) {
		struct slice key = { (const char *)&symbol->identity, sizeof(symbol->identity) };

		if (symbol->identity != 0 &&
		    map_set(&emit->olds, key, (uint32_t)(symbol - emit->diff->old->symbols.items)) <
			    0)
			return -ENOMEM;
	}
	return 0;
}

int asm_emit_init(struct asm_emit *ret, struct asm_diff *diff, const bool *absent,
		  const bool *present, struct lcp_error **reterr)
{
	struct search search = { .emit = ret, .reterr = reterr };
	int r;

	*ret = (struct asm_emit){ .diff = diff, .absent = absent, .present = present };
	ret->brought = calloc(diff->new->blocks.count + 1, sizeof(*ret->brought));
	if (ret->brought == NULL || index_statics(ret) < 0) {
		asm_emit_fini(ret);
		return error_set_nomem(reterr);
	}
	r = bring_changes(&search);
	for (size_t i = 0; i < search.ahead.count && r == 0; i++)
		r = follow_block(&search, search.ahead.items[i]);
	vec_fini(&search.ahead);
	if (r < 0)
		asm_emit_fini(ret);
	return r;
}

void asm_emit_fini(struct asm_emit *emit)
{
	free(emit->brought);
	emit->brought = NULL;
	vec_fini(&emit->commons);
	vec_fini(&emit->aliases);
	map_fini(&emit->olds);
}
