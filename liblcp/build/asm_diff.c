/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/asm_diff.h"

#include <errno.h>

#include "base/error.h"
#include "base/num.h"

static int add_change(struct asm_diff *diff, struct asm_change change)
{
	uint32_t number = (uint32_t)diff->changes.count;

	if (change.new_block != NO_BLOCK)
		diff->change_of[change.new_block] = number + 1;
	if (map_get(&diff->change_numbers, change.name) < 0 &&
	    map_set(&diff->change_numbers, change.name, number) < 0)
		return -ENOMEM;
	return vec_push(&diff->changes, change);
}

int asm_refuse(struct asm_diff *diff, enum asm_refusal_kind kind, struct slice name,
	       const struct asm_statement *at)
{
	const struct asm_refusal refusal = { .kind = (uint8_t)kind, .name = name, .at = at };

	return vec_push(&diff->refusals, refusal);
}

static uint32_t number_of(const struct asm_unit *unit, const struct asm_block *block)
{
	return block != NULL ? (uint32_t)(block - unit->blocks.items) : NO_BLOCK;
}

/* The statement of @block that counts at or behind *@next, or NULL. */
static const struct asm_statement *next_counting(const struct asm_unit *unit,
						 const struct asm_block *block, uint32_t *next)
{
	while (*next < block->count) {
		const struct asm_statement *statement = asm_block_statement(unit, block, (*next)++);

		if (asm_statement_counts(&unit->text, statement))
			return statement;
	}
	return NULL;
}

static void find_first_difference(struct asm_diff *diff, const struct asm_block *old,
				  const struct asm_block *new, struct asm_change *change)
{
	uint32_t old_next = old->lead, new_next = new->lead;

	do {
		change->old_at = next_counting(diff->old, old, &old_next);
		change->new_at = next_counting(diff->new, new, &new_next);
	} while (change->old_at != NULL && change->new_at != NULL &&
		 asm_statement_hash(diff->old, old, change->old_at) ==
			 asm_statement_hash(diff->new, new, change->new_at));
}

static struct slice bytes_of(const uint64_t *identity)
{
	return (struct slice){ (const char *)identity, sizeof(*identity) };
}

static bool is_common(const struct asm_symbol *symbol)
{
	return symbol != NULL && symbol->common;
}

static int index_unit(const struct asm_unit *unit, struct asm_index *ret)
{
	vec_foreach (&unit->symbols, symbol)
		if (symbol->identity != 0 && (symbol->block != NO_BLOCK || symbol->common) &&
		    map_set(&ret->identities, bytes_of(&symbol->identity),
			    (uint32_t)(symbol - unit->symbols.items)) < 0)
			return -ENOMEM;
	vec_foreach (&unit->blocks, block)
		if (block->kind == BLOCK_SECTION &&
		    map_set(&ret->sections, block->name, number_of(unit, block)) < 0)
			return -ENOMEM;
	return 0;
}

static void index_fini(struct asm_index *index)
{
	map_fini(&index->identities);
	map_fini(&index->sections);
}

/* The symbol of @other that is the same as @symbol. */
static struct asm_symbol *other_symbol(const struct asm_unit *other, const struct asm_index *index,
				       const struct asm_symbol *symbol)
{
	int64_t number;

	if (symbol->identity == 0)
		return asm_unit_symbol(other, symbol->name);
	number = map_get(&index->identities, bytes_of(&symbol->identity));
	return number >= 0 ? &other->symbols.items[number] : NULL;
}

/* The block of the other unit that @block is compared with. */
static struct asm_block *counterpart(const struct asm_unit *other, const struct asm_index *index,
				     const struct asm_unit *unit, const struct asm_block *block)
{
	const struct asm_symbol *symbol = asm_unit_symbol(unit, block->name);
	const struct asm_symbol *same;

	if (symbol == NULL || symbol->identity == 0)
		return asm_unit_block(other, block->name);
	same = other_symbol(other, index, symbol);
	return same != NULL && same->block != NO_BLOCK ? &other->blocks.items[same->block] : NULL;
}

static int diff_function(struct asm_diff *diff, struct asm_block *new)
{
	struct asm_block *old = asm_unit_block(diff->old, new->name);
	struct asm_change change = {
		.kind = CHANGE_FUNCTION,
		.name = new->name,
		.old_block = number_of(diff->old, old),
		.new_block = number_of(diff->new, new),
	};

	if (old == NULL || old->kind != BLOCK_FUNCTION) {
		change.kind = CHANGE_FUNCTION_NEW;
		change.old_block = NO_BLOCK;
		return add_change(diff, change);
	}
	if (asm_block_hash(diff->old, old) == asm_block_hash(diff->new, new))
		return 0;
	if (asm_differs_in_lines_only(diff, old, new))
		change.kind = CHANGE_LINE_ONLY;
	find_first_difference(diff, old, new, &change);
	return add_change(diff, change);
}

static bool is_tls(const struct asm_unit *unit, const struct asm_block *block)
{
	struct slice flags = unit->text.sections.items[block->section].flags;

	return flags.size > 0 && memchr(flags.text, 'T', flags.size) != NULL;
}

static struct slice size_of(const struct asm_unit *unit, struct slice name)
{
	const struct asm_symbol *symbol = asm_unit_symbol(unit, name);

	return symbol != NULL ? symbol->size : (struct slice){ "", 0 };
}

static int diff_object(struct asm_diff *diff, struct asm_block *old, struct asm_block *new)
{
	struct asm_change change = {
		.kind = CHANGE_RODATA,
		.name = new->name,
		.old_block = number_of(diff->old, old),
		.new_block = number_of(diff->new, new),
	};
	bool same = asm_block_hash(diff->old, old) == asm_block_hash(diff->new, new);
	bool aligned = slice_equals(asm_block_align(diff->old, old),
				    asm_block_align(diff->new, new));

	if (asm_block_is_written(diff->old, old) != asm_block_is_written(diff->new, new))
		return asm_refuse(diff, REFUSE_SECTION, new->name, NULL);
	if (!same)
		find_first_difference(diff, old, new, &change);
	if (!asm_block_is_written(diff->new, new))
		return same && aligned ? 0 : add_change(diff, change);
	if (!slice_equals(size_of(diff->old, old->name), size_of(diff->new, new->name)))
		return asm_refuse(diff, REFUSE_SIZE, new->name, change.new_at);
	if (!aligned)
		return asm_refuse(diff, REFUSE_ALIGNMENT, new->name, NULL);
	return same ? 0 : asm_refuse(diff, REFUSE_INITIAL_VALUE, new->name, change.new_at);
}

static int diff_data(struct asm_diff *diff, struct asm_block *new)
{
	struct asm_block *old = counterpart(diff->old, &diff->old_index, diff->new, new);
	const struct asm_change change = {
		.kind = CHANGE_DATA_NEW,
		.name = new->name,
		.old_block = NO_BLOCK,
		.new_block = number_of(diff->new, new),
	};

	if (old != NULL)
		return diff_object(diff, old, new);
	if (is_common(asm_unit_symbol(diff->old, new->name)))
		return 0; /* diff_common() will see it */
	if (is_tls(diff->new, new))
		return asm_refuse(diff, REFUSE_NEW_TLS, new->name, NULL);
	return add_change(diff, change);
}

/* Room that -fpatchable-function-entry leaves in front of functions, and the list of it. */
static bool is_room(const struct asm_unit *unit, const struct asm_block *block)
{
	bool any = false;

	vec_foreach (&unit->text.sections, section)
		any = any || slice_equals(section->name, SLICE("__patchable_function_entries"));
	if (!any || slice_equals(block->name, SLICE("__patchable_function_entries")))
		return any;
	for (uint32_t i = 0; i < block->count; i++) {
		const struct asm_statement *statement = asm_block_statement(unit, block, i);

		if (asm_statement_counts(&unit->text, statement) &&
		    !slice_equals(asm_statement_text(&unit->text, statement), SLICE("nop")))
			return false;
	}
	return true;
}

/* Of a section that holds nothing but labels and room it is that of none at all. */
static uint64_t section_hash(struct asm_unit *unit, struct asm_block *block)
{
	if (block == NULL || block->positions == 0 || is_room(unit, block))
		return 0;
	return asm_block_hash(unit, block);
}

/* What stands in a section outside of any function or object. */
static int diff_section(struct asm_diff *diff, struct asm_block *old, struct asm_block *new)
{
	struct slice name = new != NULL ? new->name : old->name;
	bool constructors = slice_begins(name, SLICE(".init_array")) ||
			    slice_begins(name, SLICE(".fini_array")) ||
			    slice_begins(name, SLICE(".preinit_array")) ||
			    slice_begins(name, SLICE(".ctors")) ||
			    slice_begins(name, SLICE(".dtors"));

	if (section_hash(diff->old, old) == section_hash(diff->new, new))
		return 0;
	return asm_refuse(diff, constructors ? REFUSE_CONSTRUCTORS : REFUSE_FILE_LEVEL, name, NULL);
}

static struct asm_block *section_block(const struct asm_unit *unit, const struct asm_index *index,
				       struct slice name)
{
	int64_t number = map_get(&index->sections, name);

	return number >= 0 ? &unit->blocks.items[number] : NULL;
}

static int diff_new_block(struct asm_diff *diff, struct asm_block *new)
{
	if (!asm_block_is_placed(diff->new, new))
		return 0;
	switch (new->kind) {
	case BLOCK_FUNCTION:
		return diff_function(diff, new);
	case BLOCK_DATA:
		return diff_data(diff, new);
	case BLOCK_SECTION:
		return diff_section(diff, section_block(diff->old, &diff->old_index, new->name),
				    new);
	default:
		return 0; /* anonymous data is compared where it is used */
	}
}

/* What is in the old unit only. */
static int diff_old_block(struct asm_diff *diff, struct asm_block *old)
{
	const struct asm_change change = {
		.kind = old->kind == BLOCK_FUNCTION ? CHANGE_FUNCTION_REMOVED : CHANGE_DATA_REMOVED,
		.name = old->name,
		.old_block = number_of(diff->old, old),
		.new_block = NO_BLOCK,
	};

	if (!asm_block_is_placed(diff->old, old) || old->kind == BLOCK_ANONYMOUS)
		return 0;
	if (old->kind == BLOCK_SECTION)
		return section_block(diff->new, &diff->new_index, old->name) != NULL
			       ? 0
			       : diff_section(diff, old, NULL);
	if (counterpart(diff->new, &diff->new_index, diff->old, old) != NULL)
		return 0;
	return add_change(diff, change);
}

/* Zero-initialised variables that .comm makes have no block. */
static int diff_common(struct asm_diff *diff, const struct asm_symbol *old,
		       const struct asm_symbol *new)
{
	const struct asm_change change = {
		.kind = is_common(new) ? CHANGE_DATA_NEW : CHANGE_DATA_REMOVED,
		.name = is_common(new) ? new->name : old->name,
		.old_block = NO_BLOCK,
		.new_block = NO_BLOCK,
	};

	if (is_common(old) != is_common(new)) {
		const struct asm_symbol *other = is_common(new) ? old : new;

		/* From .comm to a section or back: it got, or lost, an initial value. */
		if (other != NULL && other->block != NO_BLOCK)
			return asm_refuse(diff, REFUSE_INITIAL_VALUE, change.name, NULL);
		return add_change(diff, change);
	}
	if (!is_common(new))
		return 0;
	if (!slice_equals(old->size, new->size))
		return asm_refuse(diff, REFUSE_SIZE, new->name, NULL);
	return slice_equals(old->align, new->align)
		       ? 0
		       : asm_refuse(diff, REFUSE_ALIGNMENT, new->name, NULL);
}

/* What directives say of a symbol that both units define. */
static int diff_attributes(struct asm_diff *diff, const struct asm_symbol *old,
			   const struct asm_symbol *new)
{
	if ((old->type == SYMBOL_IFUNC) != (new->type == SYMBOL_IFUNC))
		return asm_refuse(diff, REFUSE_IFUNC, new->name, NULL);
	if (!slice_equals(old->alias, new->alias))
		return asm_refuse(diff, REFUSE_ALIAS, new->name, NULL);
	if (!slice_equals(old->version, new->version))
		return asm_refuse(diff, REFUSE_VERSION, new->name, NULL);
	if (old->bind != new->bind)
		return asm_refuse(diff, REFUSE_BINDING, new->name, NULL);
	if (old->visibility != new->visibility)
		return asm_refuse(diff, REFUSE_VISIBILITY, new->name, NULL);
	return 0;
}

static bool is_defined(const struct asm_symbol *symbol)
{
	return symbol->block != NO_BLOCK || symbol->common ||
	       (symbol->alias.size > 0 && !asm_is_local_label(symbol->name));
}

static int diff_symbols(struct asm_diff *diff)
{
	int r = 0;

	vec_foreach (&diff->new->symbols, new) {
		const struct asm_symbol *old = other_symbol(diff->old, &diff->old_index, new);

		if (r == 0 && (is_common(new) || is_common(old)))
			r = diff_common(diff, old, new);
		if (r == 0 && old != NULL && is_defined(old) && is_defined(new))
			r = diff_attributes(diff, old, new);
	}
	vec_foreach (&diff->old->symbols, old) {
		const struct asm_symbol *new = other_symbol(diff->new, &diff->new_index, old);

		if (r == 0 && is_common(old) && new == NULL)
			r = diff_common(diff, old, NULL);
	}
	return r;
}

struct asm_change *asm_diff_change_of(const struct asm_diff *diff, uint32_t new_block)
{
	uint32_t number = diff->change_of[new_block];

	return number > 0 ? &diff->changes.items[number - 1] : NULL;
}

int asm_bring_along(struct asm_diff *diff, uint32_t new_block, enum asm_change_kind kind,
		    struct slice because)
{
	const struct asm_block *new = &diff->new->blocks.items[new_block];
	struct asm_change *change = asm_diff_change_of(diff, new_block);
	const struct asm_change made = {
		.kind = (uint8_t)kind,
		.name = new->name,
		.old_block = number_of(diff->old,
				       counterpart(diff->old, &diff->old_index, diff->new, new)),
		.new_block = new_block,
		.because = because,
	};

	if (change == NULL)
		return add_change(diff, made);
	if (change->kind == CHANGE_LINE_ONLY) {
		change->kind = (uint8_t)kind;
		change->because = because;
	}
	return 0;
}

static int diff_units(struct asm_diff *diff)
{
	int r = asm_pair_statics(diff);

	diff->change_of = calloc(diff->new->blocks.count + 1, sizeof(*diff->change_of));
	if (diff->change_of == NULL)
		r = -ENOMEM;
	if (r == 0)
		r = index_unit(diff->old, &diff->old_index);
	if (r == 0)
		r = index_unit(diff->new, &diff->new_index);
	vec_foreach (&diff->new->blocks, block)
		if (r == 0)
			r = diff_new_block(diff, block);
	vec_foreach (&diff->old->blocks, block)
		if (r == 0)
			r = diff_old_block(diff, block);
	if (r == 0)
		r = diff_symbols(diff);
	return r < 0 ? r : asm_bring_users(diff);
}

int asm_diff_init(struct asm_diff *ret, struct asm_unit *old, struct asm_unit *new,
		  struct lcp_error **reterr)
{
	int r;

	*ret = (struct asm_diff){ .old = old, .new = new };
	r = diff_units(ret);
	if (r == 0 && !old->too_deep && !new->too_deep)
		return 0;
	asm_diff_fini(ret);
	if (r < 0)
		return error_set_nomem(reterr);
	return error_set(reterr, -LCP_EFORMAT, "%s: data refers to data too many levels deep",
			 old->too_deep ? old->text.path : new->text.path);
}

void asm_diff_fini(struct asm_diff *diff)
{
	vec_fini(&diff->changes);
	vec_fini(&diff->refusals);
	index_fini(&diff->old_index);
	index_fini(&diff->new_index);
	map_fini(&diff->change_numbers);
	free(diff->change_of);
	diff->change_of = NULL;
}

const struct asm_change *asm_diff_find(const struct asm_diff *diff, struct slice name)
{
	int64_t number = map_get(&diff->change_numbers, name);

	return number >= 0 ? &diff->changes.items[number] : NULL;
}

const char *asm_change_text(enum asm_change_kind kind)
{
	static const char *const texts[] = {
		[CHANGE_FUNCTION] = "changed",
		[CHANGE_FUNCTION_USES_DATA] = "uses changed data",
		[CHANGE_FUNCTION_NEW] = "new",
		[CHANGE_FUNCTION_REMOVED] = "removed",
		[CHANGE_LINE_ONLY] = "line numbers only",
		[CHANGE_RODATA] = "read-only data changed",
		[CHANGE_DATA_NEW] = "data new",
		[CHANGE_DATA_REMOVED] = "data removed",
	};

	return texts[kind];
}

const char *asm_refusal_text(enum asm_refusal_kind kind)
{
	static const char *const texts[] = {
		[REFUSE_INITIAL_VALUE] = "the initial value of a writable variable changed",
		[REFUSE_SIZE] = "the size of a variable changed",
		[REFUSE_ALIGNMENT] = "the alignment of a variable changed",
		[REFUSE_SECTION] = "a variable became read-only, or writable",
		[REFUSE_NEW_TLS] = "a new thread-local variable",
		[REFUSE_CONSTRUCTORS] = "what runs at start or exit changed",
		[REFUSE_FILE_LEVEL] = "assembler outside of any function changed",
		[REFUSE_ALIAS] = "an alias changed",
		[REFUSE_VERSION] = "a symbol version changed",
		[REFUSE_IFUNC] = "an indirect function changed into a plain one, or back",
		[REFUSE_BINDING] = "a symbol became local, global or weak",
		[REFUSE_VISIBILITY] = "the visibility of a symbol changed",
		[REFUSE_STATIC_AMBIGUOUS] =
			"static variables of this name cannot be told apart between the versions",
		[REFUSE_POINTED_TO] = "a variable points to read-only data that changed",
		[REFUSE_SHARED] = "read-only data changed that other units may use",
		[REFUSE_UNNAMED_DATA] = "it uses a variable that has no symbol",
	};

	return texts[kind];
}
