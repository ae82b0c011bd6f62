/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Static variables in functions: the compiler calls them count.1234, and the number is another one
 * in the other version. Those of one base name are paired by what they are (size, kind) and by
 * which function refers to them first; within that by the order in which it does.
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
	uint32_t rank; /* among those of that base name and function, in order of reference */
	uint32_t reference; /* number of the statement that refers to it first; for sorting */
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

static int collect(struct asm_unit *unit, struct statics *statics)
{
	vec_foreach (&unit->symbols, symbol) {
		const struct static_variable variable = {
			.symbol = symbol,
			.base = asm_base_name(symbol->name),
			.reference = UINT32_MAX,
		};

		if (!is_static_variable(symbol) ||
		    (symbol->block != NO_BLOCK &&
		     unit->blocks.items[symbol->block].kind == BLOCK_FUNCTION))
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

static int compare_variables(const void *left, const void *right)
{
	const struct static_variable *a = left, *b = right;
	size_t size = a->base.size < b->base.size ? a->base.size : b->base.size;
	int order = memcmp(a->base.text, b->base.text, size);

	if (order == 0 && a->base.size != b->base.size)
		order = a->base.size < b->base.size ? -1 : 1;
	if (order == 0)
		order = (a->reference > b->reference) - (a->reference < b->reference);
	if (order == 0)
		order = a->symbol->name.text < b->symbol->name.text ? -1 : 1;
	return order;
}

/* Rank those of one base name and one function by the order of reference. */
static void rank_variables(struct statics *statics)
{
	struct static_variable *items = statics->items.items;

	if (statics->items.count > 0)
		qsort(items, statics->items.count, sizeof(*items), compare_variables);
	for (size_t i = 0; i < statics->items.count; i++)
		for (size_t k = i; k > 0 && slice_equals(items[k - 1].base, items[i].base); k--)
			items[i].rank += slice_equals(items[k - 1].function, items[i].function);
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

/* How many of @statics have that base name? */
static size_t count_base(const struct statics *statics, struct slice base)
{
	size_t count = 0;

	vec_foreach (&statics->items, item)
		count += slice_equals(item->base, base);
	return count;
}

static bool is_counterpart(const struct static_variable *old, const struct static_variable *new,
			   bool alone)
{
	if (!slice_equals(old->base, new->base))
		return false;
	if (alone)
		return true;
	return slice_equals(old->function, new->function) &&
	       old->rank == new->rank &&slice_equals(old->symbol->size, new->symbol->size);
}

/* One of its name in both units is the same one, whatever became of it. */
static struct static_variable *find_counterpart(const struct statics *old,
						const struct static_variable *new, bool alone)
{
	vec_foreach (&old->items, item)
		if (item->symbol->identity == 0 && is_counterpart(item, new, alone))
			return item;
	return NULL;
}

static uint64_t identity_of(const struct static_variable *variable, uint64_t number)
{
	return hash_number(hash_bytes(SEED_IDENTITY, variable->base.text, variable->base.size),
			   number);
}

/*
 * A variable without counterpart is new, or gone. If there are both, of one base name, one may have
 * become the other: nobody can tell.
 */
static int refuse_unclear(struct asm_diff *diff, const struct statics *old,
			  const struct statics *new)
{
	vec_foreach (&new->items, item) {
		const struct asm_refusal refusal = {
			.kind = REFUSE_STATIC_AMBIGUOUS,
			.name = item->symbol->name,
		};

		if (item->symbol->identity != 0)
			continue;
		vec_foreach (&old->items, other) {
			if (other->symbol->identity != 0 || !slice_equals(other->base, item->base))
				continue;
			if (vec_push(&diff->refusals, refusal) < 0)
				return -ENOMEM;
			break;
		}
	}
	return 0;
}

int asm_pair_statics(struct asm_diff *diff)
{
	struct statics old cleanup(statics_fini) = { 0 }, new cleanup(statics_fini) = { 0 };
	uint64_t number = 0;

	if (find_statics(diff->old, &old) < 0 || find_statics(diff->new, &new) < 0)
		return -ENOMEM;
	vec_foreach (&new.items, item) {
		bool alone = count_base(&old, item->base) == 1 && count_base(&new, item->base) == 1;
		struct static_variable *counterpart = find_counterpart(&old, item, alone);

		if (counterpart == NULL)
			continue;
		item->symbol->identity = identity_of(item, ++number);
		counterpart->symbol->identity = item->symbol->identity;
	}
	return refuse_unclear(diff, &old, &new);
}
