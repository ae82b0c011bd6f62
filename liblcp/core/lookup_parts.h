/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the parts of lookup.c share: the symbols of objects, read when they are first asked for, and
 * which objects a name is looked for in.
 */
#ifndef LCP_CORE_LOOKUP_PARTS_H
#define LCP_CORE_LOOKUP_PARTS_H

#include "core/lookup.h"
#include "core/symbols.h"

/* What an object needs, as numbers of objects. */
struct lookup_node {
	VEC(uint32_t) needed;
	bool global; /* it is in the global scope of its namespace */
};

struct lookup_answer {
	uint64_t resolver;
	uint64_t address;
};

struct process_lookups {
	uint64_t bytes; /* of tables that were read: there is a limit */
	uint64_t slots; /* the same */
	struct lookup_node *nodes; /* by number of object; NULL until a scope was asked for */
	size_t node_count;
	VEC(struct lookup_answer) answers;
};

/* Numbers of objects in the order they are searched in. */
struct lookup_scope {
	uint32_t *items;
	size_t count;
	size_t room;
};

/* A definition of a name; symbol is NULL if there is none, and lasts until slots are loaded. */
struct lookup_definition {
	const struct object *object;
	const Elf64_Sym *symbol;
};

/* The symbols of @object, with their slots or without. */
int lookup_tables(struct lcp_process *process, const struct object *object, bool with_slots,
		  struct object_symbols **ret, struct lcp_error **reterr);

/* Learn what needs what, if it is not known yet. */
int lookup_nodes(struct lcp_process *process, struct lcp_error **reterr);
void lookup_nodes_free(struct process_lookups *lookups);

/* The scope of what dlopen(3) opened with @object, to be freed; empty if it is a global one. */
int lookup_local_scope(struct lcp_process *process, const struct object *object,
		       struct lookup_scope *ret, struct lcp_error **reterr);

/* The definition that @object sees of @name. */
int lookup_definition(struct lcp_process *process, const struct object *object,
		      const struct symbol_name *name, struct lookup_definition *ret,
		      struct lcp_error **reterr);

/* Which of several definitions the process took for a symbol of which there is one (C++). */
int lookup_unique(struct lcp_process *process, const struct lookup_definition *first,
		  const struct symbol_name *name, struct lookup *ret, struct lcp_error **reterr);

#endif
