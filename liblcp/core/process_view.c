/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which objects a process has: its program, by the auxiliary vector, and what the dynamic linker
 * lists for debuggers (<link.h>: struct r_debug, struct link_map), which glibc and musl both do.
 *
 * An entry of a list counts if its l_ld is the dynamic section of an object that is mapped: of what
 * else is in the list nothing is believed.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "core/process_parts.h"
#include "core/symbols.h"

/* glibc has 16 (DL_NNS). */
#define NAMESPACES_MAX 64

/* How far in front of its dynamic section the beginning of an object is looked for. */
#define MAPPINGS_BACK 256

/* A list that is not hostile needs two of them for an object. */
#define TRIES_MAX (4 * PROCESS_OBJECTS_MAX)

#define DYNAMIC_MAX 65536

/* <link.h>, but with addresses in the process. */
struct link_entry {
	uint64_t addr;
	uint64_t name;
	uint64_t dynamic;
	uint64_t next;
	uint64_t prev;
};

#define STATE_CONSISTENT 0 /* RT_CONSISTENT: no list is being changed */

struct debug {
	int32_t version; /* from 2 on something follows */
	uint32_t fill;
	uint64_t map;
	uint64_t brk;
	uint32_t state;
	uint32_t more_fill;
	uint64_t linker;
};

bool process_fails(int code)
{
	return code < 0 && code != -LCP_EFORMAT && code != -EFAULT && code != -EIO;
}

void process_view_fini(struct process_view *view)
{
	for (size_t i = 0; i < view->objects.count; i++)
		process_object_fini(&view->objects.items[i]);
	vec_fini(&view->objects);
	proc_maps_fini(&view->maps);
}

static int read_memory(const struct process_view *view, uint64_t address, void *ret, size_t size)
{
	struct target *target = view->process->target;

	return target->ops->read(target, address, ret, size);
}

static int add_object(struct process_view *view, struct object *object)
{
	if (view->objects.count == PROCESS_OBJECTS_MAX) {
		view->too_many = true;
		process_object_fini(object);
		return 0;
	}
	object->is_linker = view->auxv.linker != 0 && object->start <= view->auxv.linker &&
			    view->auxv.linker < object->end;
	if (vec_push(&view->objects, *object) == 0)
		return 0;
	process_object_fini(object);
	return -ENOMEM;
}

/* The object that has the dynamic section or the program headers @table, or NULL. */
static struct object *have_object(const struct process_view *view, uint64_t table)
{
	for (size_t i = 0; i < view->objects.count; i++) {
		struct object *object = &view->objects.items[i];

		if (object->dynamic.address == table || object->headers.address == table)
			return object;
	}
	return NULL;
}

/*
 * Find the object of that table: it begins with a mapping of the beginning of a file, not far in
 * front of it. Another copy of the file there has its tables elsewhere. 0, -LCP_EFORMAT.
 */
static int find_object(struct process_view *view, uint64_t table, struct object *ret)
{
	const struct proc_mapping *at = proc_maps_find(&view->maps, table);
	int r;

	for (size_t i = 0; at != NULL && i < MAPPINGS_BACK; i++, at--) {
		if (at->offset == 0 && view->tries++ < TRIES_MAX) {
			r = process_object_read(view, at, ret);
			if (process_fails(r))
				return r;
			if (r == 0 &&
			    (ret->dynamic.address == table || ret->headers.address == table))
				return 0;
			if (r == 0)
				process_object_fini(ret);
		}
		if (at == view->maps.items)
			break;
	}
	return -LCP_EFORMAT;
}

/* Add the object that is mapped at @start, if there is one that no list has. */
static int add_mapped(struct process_view *view, uint64_t start)
{
	const struct proc_mapping *mapping = proc_maps_find(&view->maps, start);
	struct object object;
	int r;

	if (start == 0 || mapping == NULL || mapping->start != start)
		return 0;
	for (size_t i = 0; i < view->objects.count; i++)
		if (view->objects.items[i].start == start)
			return 0;
	r = process_object_read(view, mapping, &object);
	if (r < 0)
		return process_fails(r) ? r : 0;
	object.order = (uint32_t)view->objects.count;
	return add_object(view, &object);
}

/* Add the object of a list's entry. The linker is in the lists of all namespaces. */
static int add_entry(struct process_view *view, uint64_t dynamic, uint32_t scope, uint32_t order)
{
	struct object *object = have_object(view, dynamic);
	struct object found;
	int r;

	if (object != NULL) {
		if (object->scope == scope)
			object->order = order;
		return 0;
	}
	r = find_object(view, dynamic, &found);
	if (r == -LCP_EFORMAT)
		view->doubtful = true;
	if (r < 0)
		return process_fails(r) ? r : 0;
	found.scope = scope;
	found.order = order;
	return add_object(view, &found);
}

/* A list as it is, up to the first entry that does not lead back to the one before. */
static int read_list(struct process_view *view, uint64_t first, uint32_t scope)
{
	uint64_t address = first, before = 0;
	struct link_entry entry;
	uint32_t order = 0;
	int r;

	for (; address != 0 && !view->too_many; before = address, address = entry.next) {
		r = read_memory(view, address, &entry, sizeof(entry));
		if (r < 0 || entry.prev != before) {
			view->doubtful = true;
			return process_fails(r) ? r : 0;
		}
		if (order == PROCESS_OBJECTS_MAX)
			view->too_many = true;
		r = add_entry(view, entry.dynamic, scope, order++);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_debug(struct process_view *view, uint64_t address, struct debug *ret,
		      uint64_t *ret_next)
{
	int r;

	*ret_next = 0;
	r = read_memory(view, address, ret, sizeof(*ret));
	if (r == 0 && ret->version >= 2)
		r = read_memory(view, address + sizeof(*ret), ret_next, sizeof(*ret_next));
	return r;
}

/* Each namespace has a struct r_debug of its own; the first leads to the others. */
static int read_lists(struct process_view *view, uint64_t address)
{
	struct debug debug = { 0 }, again;
	uint64_t next;
	int r = 0;

	for (uint32_t scope = 0; address != 0 && scope < NAMESPACES_MAX; scope++, address = next) {
		r = read_debug(view, address, &debug, &next);
		if (r == 0)
			r = read_list(view, debug.map, scope);
		if (r < 0)
			break;
		r = read_memory(view, address, &again, sizeof(again));
		if (r < 0)
			break;
		if (debug.state != STATE_CONSISTENT || memcmp(&again, &debug, sizeof(again)) != 0)
			view->doubtful = true;
	}
	if (r < 0)
		view->doubtful = true;
	return process_fails(r) ? r : 0;
}

/* The address of what the object defines as @name, or 0. */
static int find_symbol(const struct process_view *view, const struct object *object,
		       const char *name, uint64_t *ret)
{
	const struct symbol_name wanted = symbol_name(name, NULL);
	struct object_symbols *symbols = NULL;
	const Elf64_Sym *symbol = NULL;
	int r;

	r = symbols_new(view->process, object, &symbols, NULL);
	if (r == 0)
		r = symbols_load(view->process, object, symbols, NULL);
	if (r == 0)
		symbol = symbols_find(symbols, &wanted);
	*ret = symbol != NULL ? symbol_address(object, symbol) : 0;
	symbols_free(symbols);
	return r;
}

/*
 * Where the dynamic linker has its own struct r_debug; musl has its address. A program that was
 * started by running the linker is not what was executed, and the linker has no DT_DEBUG for it.
 */
static int find_own_debug(const struct process_view *view, const struct object *linker,
			  uint64_t *ret)
{
	uint64_t pointer;
	int r;

	r = find_symbol(view, linker, "_r_debug", ret);
	if (r < 0 || *ret != 0)
		return r;
	r = find_symbol(view, linker, "_dl_debug_addr", &pointer);
	if (r == 0 && pointer != 0)
		r = read_memory(view, pointer, ret, sizeof(*ret));
	if (r < 0)
		*ret = 0;
	return process_fails(r) ? r : 0;
}

/* What DT_DEBUG of the program says: 0 while the dynamic linker has not filled it in. */
static int find_debug(const struct process_view *view, const struct object *program, uint64_t *ret,
		      bool *ret_have)
{
	uint64_t size = program->dynamic.size;
	autofree Elf64_Dyn *entries = NULL;
	int r;

	*ret = 0;
	*ret_have = false;
	if (size == 0 || size > DYNAMIC_MAX)
		return 0;
	entries = malloc(size);
	if (entries == NULL)
		return -ENOMEM;
	r = read_memory(view, program->dynamic.address, entries, size);
	if (r < 0)
		return process_fails(r) ? r : 0;
	for (size_t i = 0; i < size / sizeof(*entries) && entries[i].d_tag != DT_NULL; i++)
		if (entries[i].d_tag == DT_DEBUG) {
			*ret = entries[i].d_un.d_ptr;
			*ret_have = true;
		}
	return 0;
}

/* What was executed is the dynamic linker: the first of its list is the program. */
static void put_linker_in_place(struct process_view *view)
{
	struct object linker = view->objects.items[0], *items = view->objects.items;
	size_t place = 0;

	if (view->objects.count < 2 || items[1].scope != 0 || items[1].order != 0)
		return;
	linker.is_linker = true;
	linker.is_program = false;
	items[1].is_program = true;
	while (place + 1 < view->objects.count && items[place + 1].scope == 0 &&
	       items[place + 1].order < linker.order) {
		items[place] = items[place + 1];
		place++;
	}
	items[place] = linker;
}

int process_view_objects(struct process_view *view)
{
	struct object program;
	uint64_t debug;
	bool have;
	int r;

	r = find_object(view, view->auxv.headers, &program);
	if (r < 0)
		return r;
	program.is_program = true;
	r = add_object(view, &program);
	if (r == 0)
		r = find_debug(view, &program, &debug, &have);
	if (r == 0 && !have)
		r = find_own_debug(view, &program, &debug);
	if (r == 0)
		r = read_lists(view, debug);
	if (r == 0 && !have)
		put_linker_in_place(view);
	if (r == 0)
		r = add_mapped(view, view->auxv.linker);
	if (r == 0)
		r = add_mapped(view, view->auxv.vdso);
	return r;
}
