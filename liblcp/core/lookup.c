/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/lookup.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "core/lookup_parts.h"
#include "core/process_parts.h"

static int need_lookups(struct lcp_process *process, struct lcp_error **reterr)
{
	if (process->lookups == NULL)
		process->lookups = calloc(1, sizeof(*process->lookups));
	return process->lookups != NULL ? 0 : error_set_nomem(reterr);
}

int lookup_tables(struct lcp_process *process, const struct object *object, bool with_slots,
		  struct object_symbols **ret, struct lcp_error **reterr)
{
	struct object *own = &process->objects[object - process->objects];
	int r;

	r = need_lookups(process, reterr);
	if (r == 0 && own->symbols == NULL)
		r = symbols_new(process, object, &own->symbols, reterr);
	if (r == 0 && with_slots)
		r = symbols_load_slots(process, object, own->symbols, reterr);
	if (r == 0)
		*ret = own->symbols;
	return r;
}

void lookup_forget(struct lcp_process *process)
{
	for (size_t i = 0; i < process->object_count; i++) {
		symbols_free(process->objects[i].symbols);
		process->objects[i].symbols = NULL;
	}
	if (process->lookups == NULL)
		return;
	lookup_nodes_free(process->lookups);
	vec_fini(&process->lookups->answers);
	free(process->lookups);
	process->lookups = NULL;
}

/* Look into one object, unless something was found already. */
static int look_into(struct lcp_process *process, const struct object *object,
		     const struct symbol_name *name, struct lookup_definition *ret,
		     struct lcp_error **reterr)
{
	struct object_symbols *symbols = NULL;
	int r;

	if (ret->symbol != NULL)
		return 0;
	r = lookup_tables(process, object, false, &symbols, reterr);
	if (r < 0 || !symbols_may_have(symbols, name))
		return r;
	r = symbols_load(process, object, symbols, reterr);
	if (r < 0)
		return r;
	ret->object = object;
	ret->symbol = symbols_find(symbols, name);
	return 0;
}

/* Other namespaces than the first have the linker of that one, as the last of their objects. */
static int look_globally(struct lcp_process *process, const struct lookup_node *nodes,
			 uint32_t scope, const struct symbol_name *name,
			 struct lookup_definition *ret, struct lcp_error **reterr)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < process->object_count; i++)
		if (nodes[i].global && process->objects[i].scope == scope)
			r = look_into(process, &process->objects[i], name, ret, reterr);
	for (size_t i = 0; r == 0 && scope != 0 && i < process->object_count; i++)
		if (process->objects[i].is_linker)
			r = look_into(process, &process->objects[i], name, ret, reterr);
	return r;
}

static int look_locally(struct lcp_process *process, const struct object *object,
			const struct symbol_name *name, struct lookup_definition *ret,
			struct lcp_error **reterr)
{
	struct lookup_scope scope;
	int r;

	r = lookup_local_scope(process, object, &scope, reterr);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < scope.count; i++)
		r = look_into(process, &process->objects[scope.items[i]], name, ret, reterr);
	vec_fini(&scope);
	return r;
}

int lookup_definition(struct lcp_process *process, const struct object *object,
		      const struct symbol_name *name, struct lookup_definition *ret,
		      struct lcp_error **reterr)
{
	const struct lookup_node *nodes;
	struct object_symbols *symbols;
	int r;

	*ret = (struct lookup_definition){ 0 };
	r = lookup_tables(process, object, false, &symbols, reterr);
	if (r == 0)
		r = lookup_nodes(process, reterr);
	if (r != 0)
		return r;
	nodes = process->lookups->nodes;
	if (symbols->is_symbolic)
		r = look_into(process, object, name, ret, reterr);
	if (r == 0)
		r = look_globally(process, nodes, object->scope, name, ret, reterr);
	if (r == 0 && ret->symbol == NULL)
		r = look_locally(process, object, name, ret, reterr);
	return r;
}

int lookup_symbol(struct lcp_process *process, const struct object *object, const char *name,
		  const char *version, struct lookup *ret, struct lcp_error **reterr)
{
	const struct symbol_name wanted = symbol_name(name, version);
	struct lookup_definition found;
	uint64_t address;
	int r;

	r = lookup_definition(process, object, &wanted, &found, reterr);
	if (r < 0)
		return r;
	if (found.symbol == NULL)
		return error_set(reterr, -LCP_ESYMBOL,
				 "symbol '%s%s%s' is defined by no object that %s sees", name,
				 version != NULL ? "@" : "", version != NULL ? version : "",
				 object->path);
	if (ELF64_ST_BIND(found.symbol->st_info) == STB_GNU_UNIQUE)
		return lookup_unique(process, &found, &wanted, ret, reterr);
	address = symbol_address(found.object, found.symbol);
	if (ELF64_ST_TYPE(found.symbol->st_info) == STT_GNU_IFUNC)
		return lookup_indirect(process, found.object, address, ret, reterr);
	*ret = (struct lookup){
		.object = found.object,
		.address = address,
		.type = ELF64_ST_TYPE(found.symbol->st_info),
	};
	return 0;
}

int lookup_resolved(struct lcp_process *process, uint64_t resolver, uint64_t address)
{
	int r = need_lookups(process, NULL);

	return r < 0 ? r
		     : vec_push(&process->lookups->answers,
				((struct lookup_answer){ resolver, address }));
}
