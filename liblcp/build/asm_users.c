/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What comes along with a change: who uses read-only data that changed is to use the new data, and
 * so has to be new itself, through other read-only data and down to the functions; and a function
 * and its cold part come together.
 *
 * Two copies of the data then exist. That nobody is left with the old one is proven here, or the
 * change is refused: a variable that points to it lives, and what has a name for other units is
 * used by who knows whom.
 */
#include "base/cleanup.h"
#include "build/asm_diff.h"

/* Aliases of aliases: as deep as they are hashed. */
#define ALIAS_DEPTH_MAX 8

/* Who uses which block of the new unit: a list for each. */
struct use {
	uint32_t user;
	uint32_t next;
};

struct users {
	VEC(struct use) uses;
	uint32_t *first; /* by block */
	VEC(uint32_t) pending; /* blocks that are replaced, and whose users are still to be told */
	bool *replaced; /* by block */
};

static void users_fini(struct users *users)
{
	vec_fini(&users->uses);
	vec_fini(&users->pending);
	free(users->first);
	free(users->replaced);
}

static struct slice first_name(struct slice expression)
{
	struct asm_scan scan = { .rest = expression };
	struct slice piece;
	enum asm_token token;

	while ((token = asm_scan_next(&scan, &piece)) != TOKEN_END)
		if (token == TOKEN_NAME)
			return piece;
	return (struct slice){ "", 0 };
}

/* The block that a name leads to, or NO_BLOCK. */
static uint32_t block_of(const struct asm_unit *unit, struct slice name)
{
	for (int depth = 0; depth < ALIAS_DEPTH_MAX && name.size > 0; depth++) {
		int64_t label = map_get(&unit->label_numbers, name);
		const struct asm_symbol *symbol;

		if (label >= 0)
			return unit->labels.items[label].block;
		symbol = asm_unit_symbol(unit, name);
		if (symbol == NULL)
			break;
		name = first_name(symbol->alias);
	}
	return NO_BLOCK;
}

/* Call @seen with each block of data that @block names. */
static int for_data_of(const struct asm_unit *unit, uint32_t block,
		       int (*seen)(void *data, uint32_t used, uint32_t user), void *data)
{
	for (uint32_t i = 0; i < unit->blocks.items[block].count; i++) {
		const struct asm_statement *statement =
			asm_block_statement(unit, &unit->blocks.items[block], i);
		struct asm_scan scan;
		struct slice piece;
		enum asm_token token;

		if (!asm_statement_counts(&unit->text, statement))
			continue;
		asm_scan_init(&scan, &unit->text, statement);
		while ((token = asm_scan_next(&scan, &piece)) != TOKEN_END) {
			uint32_t used = token == TOKEN_NAME ? block_of(unit, piece) : NO_BLOCK;
			int r;

			if (used == NO_BLOCK || used == block ||
			    unit->blocks.items[used].kind == BLOCK_FUNCTION)
				continue;
			r = seen(data, used, block);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int note_use(void *data, uint32_t used, uint32_t user)
{
	struct users *users = data;
	struct use use = { .user = user, .next = users->first[used] };

	users->first[used] = (uint32_t)users->uses.count;
	return vec_push(&users->uses, use);
}

static int find_users(const struct asm_unit *unit, struct users *users)
{
	size_t count = unit->blocks.count;

	users->first = malloc((count + 1) * sizeof(*users->first));
	users->replaced = calloc(count + 1, sizeof(*users->replaced));
	if (users->first == NULL || users->replaced == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		users->first[i] = NO_BLOCK;
	for (uint32_t i = 0; i < count; i++) {
		int r = for_data_of(unit, i, note_use, users);

		if (r < 0)
			return r;
	}
	return 0;
}

/* There is a new one of @block: its users are to use it. */
static int replace(struct users *users, uint32_t block)
{
	if (users->replaced[block])
		return 0;
	users->replaced[block] = true;
	return vec_push(&users->pending, block);
}

static int refuse_pointed_to(struct asm_diff *diff, const struct asm_block *user)
{
	return asm_refuse(diff, REFUSE_POINTED_TO, user->name, NULL);
}

/* @user uses data that is replaced, of which @because is the reason. */
static int bring_user(struct asm_diff *diff, struct users *users, uint32_t user,
		      struct slice because)
{
	const struct asm_block *block = &diff->new->blocks.items[user];
	int r;

	if (!asm_block_is_placed(diff->new, block) || users->replaced[user])
		return 0;
	if (block->kind == BLOCK_FUNCTION)
		return asm_bring_along(diff, user, CHANGE_FUNCTION_USES_DATA, because);
	if (block->kind == BLOCK_SECTION)
		return refuse_pointed_to(diff, block);
	if (asm_block_is_written(diff->new, block)) {
		const struct asm_change *change = asm_diff_change_of(diff, user);

		/* Of a variable that is new itself there is no old one. */
		users->replaced[user] = true;
		return change != NULL ? 0 : refuse_pointed_to(diff, block);
	}
	r = block->kind == BLOCK_DATA ? asm_bring_along(diff, user, CHANGE_RODATA, because) : 0;
	return r < 0 ? r : replace(users, user);
}

static int bring_users_of(struct asm_diff *diff, struct users *users, uint32_t used)
{
	const struct asm_change *change = asm_diff_change_of(diff, used);
	struct slice because = diff->new->blocks.items[used].name;

	if (change != NULL && change->because.size > 0)
		because = change->because;
	for (uint32_t i = users->first[used]; i != NO_BLOCK; i = users->uses.items[i].next) {
		int r = bring_user(diff, users, users->uses.items[i].user, because);

		if (r < 0)
			return r;
	}
	return 0;
}

static int bring_users_of_rodata(struct asm_diff *diff)
{
	struct users users cleanup(users_fini) = { 0 };
	bool any = false;
	int r;

	vec_foreach (&diff->changes, change)
		any = any || change->kind == CHANGE_RODATA;
	if (!any)
		return 0;
	r = find_users(diff->new, &users);
	for (size_t i = 0; r == 0 && i < diff->changes.count; i++)
		if (diff->changes.items[i].kind == CHANGE_RODATA)
			r = replace(&users, diff->changes.items[i].new_block);
	for (size_t i = 0; r == 0 && i < users.pending.count; i++)
		r = bring_users_of(diff, &users, users.pending.items[i]);
	return r;
}

/* Other units may use what has a global name, and they would go on with the old one. */
static int refuse_shared(struct asm_diff *diff)
{
	vec_foreach (&diff->new->symbols, symbol) {
		const struct asm_change *change;
		int r;

		if (symbol->block == NO_BLOCK || symbol->bind == BIND_LOCAL)
			continue;
		change = asm_diff_change_of(diff, symbol->block);
		if (change == NULL || change->kind != CHANGE_RODATA)
			continue;
		r = asm_refuse(diff, REFUSE_SHARED, symbol->name, change->new_at);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool is_brought(const struct asm_diff *diff, uint32_t block)
{
	const struct asm_change *change = asm_diff_change_of(diff, block);

	return change != NULL && change->kind != CHANGE_LINE_ONLY;
}

/* A function and its cold part jump into each other: one cannot be new without the other. */
static int bring_cold_parts(struct asm_diff *diff)
{
	for (uint32_t i = 0; i < diff->new->blocks.count; i++) {
		const struct asm_block *cold = &diff->new->blocks.items[i];
		int r = 0;

		if (cold->parent == NO_BLOCK)
			continue;
		if (is_brought(diff, i) && !is_brought(diff, cold->parent))
			r = asm_bring_along(diff, cold->parent, CHANGE_FUNCTION, cold->name);
		else if (is_brought(diff, cold->parent) && !is_brought(diff, i))
			r = asm_bring_along(diff, i, CHANGE_FUNCTION,
					    diff->new->blocks.items[cold->parent].name);
		if (r < 0)
			return r;
	}
	return 0;
}

/* While functions are searched for variables without names. */
struct search {
	const struct asm_unit *unit;
	uint32_t *stamp; /* by block: the last function whose search came by */
	uint32_t function;
	VEC(uint32_t) pending;
	bool found;
};

static void search_fini(struct search *search)
{
	free(search->stamp);
	vec_fini(&search->pending);
}

static int visit(void *data, uint32_t used, uint32_t user)
{
	struct search *search = data;
	const struct asm_block *block = &search->unit->blocks.items[used];

	(void)user;
	if (block->kind != BLOCK_ANONYMOUS || search->stamp[used] == search->function + 1)
		return 0;
	search->stamp[used] = search->function + 1;
	search->found = search->found || asm_block_is_written(search->unit, block);
	return vec_push(&search->pending, used);
}

static int search_function(struct search *search, uint32_t function)
{
	int r;

	search->function = function;
	search->found = false;
	search->pending.count = 0;
	r = vec_push(&search->pending, function);
	for (size_t i = 0; r == 0 && i < search->pending.count; i++)
		r = for_data_of(search->unit, search->pending.items[i], visit, search);
	return r;
}

static bool has_unnamed_variables(const struct asm_unit *unit)
{
	vec_foreach (&unit->blocks, block)
		if (block->kind == BLOCK_ANONYMOUS && asm_block_is_placed(unit, block) &&
		    asm_block_is_written(unit, block))
			return true;
	return false;
}

/*
 * clang gives a compound literal of a file no symbol: in the object nobody can find it, and a copy
 * would not have the values of the original. If the old unit had none, all are new.
 */
static int refuse_unnamed_variables(struct asm_diff *diff)
{
	struct search search cleanup(search_fini) = { .unit = diff->new };

	if (!has_unnamed_variables(diff->old) || !has_unnamed_variables(diff->new))
		return 0;
	search.stamp = calloc(diff->new->blocks.count + 1, sizeof(*search.stamp));
	if (search.stamp == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < diff->new->blocks.count; i++) {
		const struct asm_block *block = &diff->new->blocks.items[i];
		int r;

		if (block->kind != BLOCK_FUNCTION || !is_brought(diff, i))
			continue;
		r = search_function(&search, i);
		if (r == 0 && search.found)
			r = asm_refuse(diff, REFUSE_UNNAMED_DATA, block->name, NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

int asm_bring_users(struct asm_diff *diff)
{
	int r = bring_users_of_rodata(diff);

	if (r == 0)
		r = refuse_shared(diff);
	if (r == 0)
		r = bring_cold_parts(diff);
	return r < 0 ? r : refuse_unnamed_variables(diff);
}
