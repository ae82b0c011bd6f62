/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Scopes: which objects of a process see which others. The dynamic linker's own lists of them are
 * private to it, so they are made again from what it started from: see lookup.h.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/map.h"
#include "core/lookup_parts.h"

/* Names of needed objects that are read of one process: a limit that only a hostile one reaches. */
#define NAMES_MAX 65536

/* Objects that need one another in a row, from a plug-in down. */
#define DEPTH_MAX 64

/* What the objects of one namespace are called. */
struct names {
	struct map map; /* to numbers of objects */
	VEC(char *) texts;
};

static void names_fini(struct names *names)
{
	for (size_t i = 0; i < names->texts.count; i++)
		free(names->texts.items[i]);
	vec_fini(&names->texts);
	map_fini(&names->map);
}

/* The last part of a path, without what the kernel says of a file that is gone. */
static struct slice file_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct slice name = { slash != NULL ? slash + 1 : path, 0 };

	name.size = strlen(name.text);
	if (slice_ends(name, SLICE(" (deleted)")))
		name.size -= SLICE(" (deleted)").size;
	return name;
}

/* The first object of a name has it. */
static int add_name(struct names *names, struct slice name, size_t number)
{
	if (name.size == 0 || map_get(&names->map, name) >= 0)
		return 0;
	return map_set(&names->map, name, (uint32_t)number);
}

static int add_names(struct lcp_process *process, size_t number, struct names *names,
		     struct lcp_error **reterr)
{
	const struct object *object = &process->objects[number];
	struct object_symbols *symbols;
	char *text;
	int r;

	r = lookup_tables(process, object, false, &symbols, reterr);
	if (r < 0)
		return r;
	if (symbols->soname != 0) {
		r = symbols_text(process, symbols, symbols->soname, &text, reterr);
		if (r < 0)
			return r;
		if (text != NULL && vec_push(&names->texts, text) < 0) {
			free(text);
			return error_set_nomem(reterr);
		}
		if (text != NULL && add_name(names, file_name(text), number) < 0)
			return error_set_nomem(reterr);
	}
	return add_name(names, file_name(object->path), number) < 0 ? error_set_nomem(reterr) : 0;
}

static int add_needed(struct lcp_process *process, size_t number, const struct names *names,
		      size_t *left, struct lcp_error **reterr)
{
	struct lookup_node *node = &process->lookups->nodes[number];
	struct object_symbols *symbols;
	int r;

	r = lookup_tables(process, &process->objects[number], false, &symbols, reterr);
	for (size_t i = 0; r == 0 && i<symbols->needed.count && * left> 0; i++, --*left) {
		autofree char *text = NULL;
		int64_t found;

		r = symbols_text(process, symbols, symbols->needed.items[i], &text, reterr);
		if (r < 0 || text == NULL)
			continue;
		found = map_get(&names->map, file_name(text));
		if (found >= 0 && vec_push(&node->needed, (uint32_t)found) < 0)
			r = error_set_nomem(reterr);
	}
	return r;
}

static bool is_in(const struct object *object, uint32_t scope)
{
	return object->scope == scope || object->is_linker;
}

/* Append what the items of @scope from @first on need, and what that needs: each once. */
static int add_closure(const struct process_lookups *lookups, size_t first, bool *have,
		       struct lookup_scope *scope)
{
	for (size_t i = first; i < scope->count; i++) {
		const struct lookup_node *node = &lookups->nodes[scope->items[i]];

		for (size_t j = 0; j < node->needed.count; j++) {
			uint32_t needed = node->needed.items[j];

			if (have[needed])
				continue;
			have[needed] = true;
			if (vec_push(scope, needed) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

static bool is_vdso(const struct object *object)
{
	return strcmp(object->path, "[vdso]") == 0;
}

/*
 * What the global scope begins with: the first object of a namespace. What is preloaded into a
 * program comes right behind it, and what it needs then, until the linker has its place.
 */
static bool begins_global(const struct lcp_process *process, size_t number, bool *linker_seen)
{
	const struct object *object = &process->objects[number];

	*linker_seen |= object->is_linker;
	if (object->order == 0)
		return true;
	return object->scope == 0 && !*linker_seen && !is_vdso(object);
}

static int find_global(struct lcp_process *process, uint32_t scope)
{
	struct process_lookups *lookups = process->lookups;
	autofree bool *have = calloc(process->object_count, sizeof(*have));
	struct lookup_scope global = { 0 };
	bool linker_seen = false;
	int r = have != NULL ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < process->object_count; i++) {
		if (process->objects[i].scope != scope || !begins_global(process, i, &linker_seen))
			continue;
		have[i] = true;
		r = vec_push(&global, (uint32_t)i);
	}
	if (r == 0)
		r = add_closure(lookups, 0, have, &global);
	for (size_t i = 0; i < global.count; i++)
		if (process->objects[global.items[i]].scope == scope)
			lookups->nodes[global.items[i]].global = true;
	vec_fini(&global);
	return r;
}

static int find_nodes(struct lcp_process *process, uint32_t scope, size_t *left,
		      struct lcp_error **reterr)
{
	struct names names = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < process->object_count; i++)
		if (is_in(&process->objects[i], scope))
			r = add_names(process, i, &names, reterr);
	for (size_t i = 0; r == 0 && i < process->object_count; i++)
		if (process->objects[i].scope == scope)
			r = add_needed(process, i, &names, left, reterr);
	names_fini(&names);
	if (r == 0 && find_global(process, scope) < 0)
		r = error_set_nomem(reterr);
	return r;
}

int lookup_nodes(struct lcp_process *process, struct lcp_error **reterr)
{
	struct process_lookups *lookups = process->lookups;
	size_t left = NAMES_MAX;
	uint32_t last = 0;
	int r = 0;

	if (lookups->nodes != NULL)
		return 0;
	lookups->nodes = calloc(process->object_count, sizeof(*lookups->nodes));
	if (lookups->nodes == NULL)
		return error_set_nomem(reterr);
	lookups->node_count = process->object_count;
	for (size_t i = 0; i < process->object_count; i++)
		if (process->objects[i].scope > last)
			last = process->objects[i].scope;
	for (uint32_t scope = 0; r == 0 && scope <= last; scope++)
		r = find_nodes(process, scope, &left, reterr);
	if (r < 0)
		lookup_nodes_free(lookups);
	return r;
}

void lookup_nodes_free(struct process_lookups *lookups)
{
	for (size_t i = 0; i < lookups->node_count; i++)
		vec_fini(&lookups->nodes[i].needed);
	free(lookups->nodes);
	lookups->nodes = NULL;
	lookups->node_count = 0;
}

/* The first object outside of the global scope that needs object @number, or that itself. */
static uint32_t find_user(const struct process_lookups *lookups, uint32_t number)
{
	for (size_t i = 0; i < lookups->node_count; i++) {
		const struct lookup_node *node = &lookups->nodes[i];

		for (size_t j = 0; !node->global && i != number && j < node->needed.count; j++)
			if (node->needed.items[j] == number)
				return (uint32_t)i;
	}
	return number;
}

/* What was opened, so that @number came with it. */
static uint32_t find_opened(const struct process_lookups *lookups, uint32_t number)
{
	for (unsigned int i = 0; i < DEPTH_MAX; i++) {
		uint32_t user = find_user(lookups, number);

		if (user == number)
			break;
		number = user;
	}
	return number;
}

int lookup_local_scope(struct lcp_process *process, const struct object *object,
		       struct lookup_scope *ret, struct lcp_error **reterr)
{
	const struct process_lookups *lookups = process->lookups;
	uint32_t number = (uint32_t)(object - process->objects);
	autofree bool *have = NULL;

	*ret = (struct lookup_scope){ 0 };
	if (lookups->nodes[number].global)
		return 0;
	have = calloc(process->object_count, sizeof(*have));
	number = find_opened(lookups, number);
	if (have == NULL || vec_push(ret, number) < 0)
		return error_set_nomem(reterr);
	have[number] = true;
	if (add_closure(lookups, 0, have, ret) == 0)
		return 0;
	vec_fini(ret);
	return error_set_nomem(reterr);
}
