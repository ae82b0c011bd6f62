/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Static variables in functions: the compiler calls them count.1234, and the number is another one
 * in the other version. Those of one base name are paired by which function refers to them first
 * and by their size. Where that leaves several, it must leave as many in both versions, and the
 * compiler must have numbered them in the order in which the function refers to them, or in the
 * same other order: then they are paired one by one.
 *
 * A wrong pair would make a function work on another's data, so what is not clear is refused.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "build/asm_diff.h"

#define SEED_IDENTITY 77

/* A static variable and what tells it from others of its base name. */
struct static_variable {
	struct asm_symbol *symbol;
	struct slice base;
	struct slice function; /* that refers to it first; empty if none does */
	uint32_t reference; /* number of the statement that refers to it first */
	uint32_t rank; /* among those of that base name, function and size, by number */
};

struct statics {
	VEC(struct static_variable) items;
	struct map numbers; /* by name */
};

static void statics_fini(struct statics *statics)
{
	vec_fini(&statics->items);
	map_fini(&statics->numbers);
}

static bool is_static_variable(const struct asm_symbol *symbol)
{
	return symbol->bind == BIND_LOCAL && symbol->type != SYMBOL_FUNCTION &&
	       symbol->type != SYMBOL_IFUNC && (symbol->block != NO_BLOCK || symbol->common) &&
	       asm_base_name(symbol->name).size > 0;
}

/* Neither code nor read-only; what .comm makes has no block. */
static bool is_variable_block(const struct asm_unit *unit, uint32_t block)
{
	return block == NO_BLOCK || (unit->blocks.items[block].kind != BLOCK_FUNCTION &&
				     asm_block_is_written(unit, &unit->blocks.items[block]));
}

static int collect(struct asm_unit *unit, struct statics *statics)
{
	vec_foreach (&unit->symbols, symbol) {
		const struct static_variable variable = {
			.symbol = symbol,
			.base = asm_base_name(symbol->name),
			.reference = UINT32_MAX,
		};

		if (!is_static_variable(symbol) || !is_variable_block(unit, symbol->block))
			continue;
		if (map_set(&statics->numbers, symbol->name, (uint32_t)statics->items.count) < 0 ||
		    vec_push(&statics->items, variable) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Note which function refers first to each static variable that a statement names. */
static void note_references(const struct asm_unit *unit, const struct asm_block *block,
			    const struct asm_statement *statement, struct statics *statics)
{
	uint32_t number = (uint32_t)(statement - unit->text.statements.items);
	struct asm_scan scan;
	struct slice piece;
	enum asm_token token;

	asm_scan_init(&scan, &unit->text, statement);
	while ((token = asm_scan_next(&scan, &piece)) != TOKEN_END) {
		int64_t found = token == TOKEN_NAME && asm_base_name(piece).size > 0
					? map_get(&statics->numbers, piece)
					: -1;

		if (found < 0 || statics->items.items[found].reference <= number)
			continue;
		statics->items.items[found].reference = number;
		statics->items.items[found].function =
			block->parent != NO_BLOCK ? unit->blocks.items[block->parent].name
						  : block->name;
	}
}

static int compare_slices(struct slice a, struct slice b)
{
	size_t size = a.size < b.size ? a.size : b.size;
	int order = size > 0 ? memcmp(a.text, b.text, size) : 0;

	return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/* By what tells them apart. */
static int compare_kinds(const struct static_variable *a, const struct static_variable *b)
{
	int order = compare_slices(a->base, b->base);

	if (order == 0)
		order = compare_slices(a->function, b->function);
	return order != 0 ? order : compare_slices(a->symbol->size, b->symbol->size);
}

/* A longer number is a larger one: compilers write none with zeros in front. */
static int compare_numbers(struct slice a, struct slice b)
{
	return a.size != b.size ? (a.size > b.size) - (a.size < b.size) : compare_slices(a, b);
}

static int by_number(const void *left, const void *right)
{
	const struct static_variable *a = left, *b = right;
	int order = compare_kinds(a, b);

	return order != 0 ? order : compare_numbers(a->symbol->name, b->symbol->name);
}

static int by_reference(const void *left, const void *right)
{
	const struct static_variable *a = left, *b = right;
	int order = compare_kinds(a, b);

	if (order == 0)
		order = (a->reference > b->reference) - (a->reference < b->reference);
	return order != 0 ? order : compare_numbers(a->symbol->name, b->symbol->name);
}

/* Bring them in the order of reference, and note the rank that each has by its number. */
static void rank_variables(struct statics *statics)
{
	struct static_variable *items = statics->items.items;

	if (statics->items.count == 0)
		return;
	qsort(items, statics->items.count, sizeof(*items), by_number);
	for (size_t i = 1; i < statics->items.count; i++)
		if (compare_kinds(&items[i - 1], &items[i]) == 0)
			items[i].rank = items[i - 1].rank + 1;
	qsort(items, statics->items.count, sizeof(*items), by_reference);
}

static int find_statics(struct asm_unit *unit, struct statics *statics)
{
	if (collect(unit, statics) < 0)
		return -ENOMEM;
	if (statics->items.count == 0)
		return 0;
	vec_foreach (&unit->blocks, block)
		for (uint32_t i = 0; i < block->count; i++)
			note_references(unit, block, asm_block_statement(unit, block, i), statics);
	rank_variables(statics);
	return 0;
}

/* Some of the sorted variables, one behind the other. */
struct run {
	struct static_variable *first;
	size_t count;
};

static struct run all_of(const struct statics *statics)
{
	return (struct run){ statics->items.items, statics->items.count };
}

/* Cut off the variables at the beginning of @rest that are like @like; they may be none. */
static struct run cut_run(struct run *rest, const struct static_variable *like,
			  int (*compare)(const struct static_variable *,
					 const struct static_variable *))
{
	struct run run = { rest->first, 0 };

	while (run.count < rest->count && compare(&run.first[run.count], like) == 0)
		run.count++;
	if (run.count > 0) /* else they may be none at all, of no array */
		rest->first += run.count;
	rest->count -= run.count;
	return run;
}

/* The one of the two that comes first, of what is left of both. */
static const struct static_variable *first_of(struct run old, struct run new,
					      int (*compare)(const struct static_variable *,
							     const struct static_variable *))
{
	if (old.count == 0 || new.count == 0)
		return old.count > 0 ? old.first : new.first;
	return compare(old.first, new.first) < 0 ? old.first : new.first;
}

static int compare_bases(const struct static_variable *a, const struct static_variable *b)
{
	return compare_slices(a->base, b->base);
}

static void pair(struct static_variable *old, struct static_variable *new, uint64_t *number)
{
	uint64_t base = hash_bytes(SEED_IDENTITY, new->base.text, new->base.size);

	new->symbol->identity = hash_number(base, ++*number);
	old->symbol->identity = new->symbol->identity;
}

/* Pair those of one base name, function and size, if both units have them in one order. */
static void pair_kind(struct run old, struct run new, uint64_t *number)
{
	if (old.count != new.count)
		return;
	for (size_t i = 0; i < new.count; i++)
		if (old.first[i].rank != new.first[i].rank)
			return;
	for (size_t i = 0; i < new.count; i++)
		pair(&old.first[i], &new.first[i], number);
}

static bool has_unpaired(struct run run)
{
	for (size_t i = 0; i < run.count; i++)
		if (run.first[i].symbol->identity == 0)
			return true;
	return false;
}

/*
 * A variable without counterpart is new, or gone. If there are both, of one base name, one may have
 * become the other: nobody can tell.
 */
static int refuse_unclear(struct asm_diff *diff, struct run old, struct run new)
{
	if (!has_unpaired(old))
		return 0;
	for (size_t i = 0; i < new.count; i++) {
		const struct asm_symbol *symbol = new.first[i].symbol;
		int r = 0;

		if (symbol->identity == 0)
			r = asm_refuse(diff, REFUSE_STATIC_AMBIGUOUS, symbol->name, NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool names(const struct asm_unit *unit, const struct asm_statement *statement,
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

/* Does the function @name refer to @symbol, itself or in its cold part? */
static bool function_refers(const struct asm_unit *unit, struct slice name,
			    const struct asm_symbol *symbol)
{
	vec_foreach (&unit->blocks, block) {
		bool is_part = block->parent != NO_BLOCK &&
			       slice_equals(unit->blocks.items[block->parent].name, name);

		if (block->kind != BLOCK_FUNCTION || (!is_part && !slice_equals(block->name, name)))
			continue;
		for (uint32_t i = 0; i < block->count; i++)
			if (names(unit, asm_block_statement(unit, block, i), symbol->name))
				return true;
	}
	return false;
}

static bool has_function(const struct asm_unit *unit, struct slice name)
{
	const struct asm_block *block = asm_unit_block(unit, name);

	return block != NULL && block->kind == BLOCK_FUNCTION;
}

/*
 * Can one not be the other? So if the old variable's function is there still, without it, and the
 * new one's was there before, without it: one lost a variable, and another got one of that name. A
 * variable of an inline function goes where that goes, but then one of the two functions has it in
 * both versions, or one of them is gone or new.
 */
static bool are_others(const struct asm_diff *diff, const struct static_variable *old,
		       const struct static_variable *new)
{
	if (compare_slices(old->function, new->function) == 0)
		return false;
	return has_function(diff->new, old->function) && has_function(diff->old, new->function) &&
	       !function_refers(diff->new, old->function, new->symbol) &&
	       !function_refers(diff->old, new->function, old->symbol);
}

/* Pair those of one base name. One of its name in both units is the same, unless it cannot be. */
static int pair_base(struct asm_diff *diff, struct run old, struct run new, uint64_t *number)
{
	struct run old_rest = old, new_rest = new;

	if (old.count == 1 && new.count == 1 && !are_others(diff, old.first, new.first)) {
		pair(old.first, new.first, number);
		return 0;
	}
	while (old_rest.count > 0 && new_rest.count > 0) {
		const struct static_variable *like = first_of(old_rest, new_rest, compare_kinds);
		struct run old_kind = cut_run(&old_rest, like, compare_kinds);
		struct run new_kind = cut_run(&new_rest, like, compare_kinds);

		pair_kind(old_kind, new_kind, number);
	}
	return refuse_unclear(diff, old, new);
}

static void identify_constants(struct asm_unit *unit)
{
	vec_foreach (&unit->symbols, symbol)
		if (symbol->identity == 0)
			symbol->identity = asm_constant_identity(unit, symbol);
}

int asm_pair_statics(struct asm_diff *diff)
{
	struct statics old cleanup(statics_fini) = { 0 }, new cleanup(statics_fini) = { 0 };
	struct run old_rest, new_rest;
	uint64_t number = 0;
	int r = 0;

	if (find_statics(diff->old, &old) < 0 || find_statics(diff->new, &new) < 0)
		return -ENOMEM;
	old_rest = all_of(&old);
	new_rest = all_of(&new);
	while (r == 0 && old_rest.count + new_rest.count > 0) {
		const struct static_variable *like = first_of(old_rest, new_rest, compare_bases);
		struct run old_base = cut_run(&old_rest, like, compare_bases);
		struct run new_base = cut_run(&new_rest, like, compare_bases);

		r = pair_base(diff, old_base, new_base, &number);
	}
	identify_constants(diff->old);
	identify_constants(diff->new);
	return r;
}
