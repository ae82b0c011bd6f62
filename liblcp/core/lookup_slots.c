/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the dynamic linker has put into the slots of objects already: the answers of indirect
 * functions, places of thread-local blocks, addresses that imports are bound to.
 */
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "core/lookup_parts.h"
#include "core/process_parts.h"

/* glibc gives the lowest free number, musl the next one. */
#define MODULES_MAX 65536

static uint32_t type_of(const Elf64_Rela *slot)
{
	return (uint32_t)ELF64_R_TYPE(slot->r_info);
}

static size_t symbol_of(const Elf64_Rela *slot)
{
	return ELF64_R_SYM(slot->r_info);
}

/* What a slot holds; 0 if it cannot be read. */
static int read_slot(const struct lcp_process *process, const struct object *object,
		     const Elf64_Rela *slot, uint64_t *ret, struct lcp_error **reterr)
{
	autoerror struct lcp_error *error = NULL;
	int r;

	*ret = 0;
	r = process_read(process, object->bias + slot->r_offset, ret, sizeof(*ret), "a slot",
			 &error);
	if (process_fails(r) && reterr != NULL)
		*reterr = take(error);
	return process_fails(r) ? r : 0;
}

static bool is_code(const struct object *object, uint64_t address)
{
	for (size_t i = 0; i < object->segment_count; i++)
		if (object->segments[i].executable && address >= object->segments[i].start &&
		    address < object->segments[i].end)
			return true;
	return false;
}

/*
 * Does @slot of @user get what @resolver of @object returns? With the version that @user asks for:
 * glibc has several memcpy. A slot for calls in the object itself may hold the way to the lazy
 * binder, which is code of the object as well.
 */
static bool is_witness(const struct lcp_process *process, const struct object *user,
		       const struct object *object, const Elf64_Rela *slot, uint64_t resolver)
{
	const struct arch_dynamic_relocs *types = &process->target->arch->dynamic_relocs;
	struct symbol_name name;
	const Elf64_Sym *symbol;

	if (type_of(slot) == types->ifunc)
		return user == object && object->bias + (uint64_t)slot->r_addend == resolver;
	if (type_of(slot) != types->slot && type_of(slot) != types->call_slot)
		return false;
	if (type_of(slot) == types->call_slot && user == object && !object->symbols->binds_now)
		return false;
	name = symbol_name(symbols_name(user->symbols, symbol_of(slot)),
			   symbols_version(user->symbols, symbol_of(slot)));
	symbol = symbols_find(object->symbols, &name);
	return symbol != NULL && ELF64_ST_TYPE(symbol->st_info) == STT_GNU_IFUNC &&
	       symbol_address(object, symbol) == resolver;
}

/* The answer of @resolver that a slot of @user holds, or 0. */
static int find_witness(struct lcp_process *process, const struct object *user,
			const struct object *object, uint64_t resolver, uint64_t *ret,
			struct lcp_error **reterr)
{
	struct object_symbols *symbols;
	int r;

	*ret = 0;
	r = lookup_tables(process, user, true, &symbols, reterr);
	for (size_t i = 0; r == 0 && i < symbols->slots.count; i++) {
		const Elf64_Rela *slot = &symbols->slots.items[i];
		uint64_t held;

		if (!is_witness(process, user, object, slot, resolver))
			continue;
		r = read_slot(process, user, slot, &held, reterr);
		if (r == 0 && held != resolver && is_code(object, held)) {
			*ret = held;
			break;
		}
	}
	return r;
}

static int find_answer(struct lcp_process *process, const struct object *object, uint64_t resolver,
		       uint64_t *ret, struct lcp_error **reterr)
{
	int r;

	r = find_witness(process, object, object, resolver, ret, reterr);
	for (size_t i = 0; r == 0 && *ret == 0 && i < process->object_count; i++)
		if (&process->objects[i] != object)
			r = find_witness(process, &process->objects[i], object, resolver, ret,
					 reterr);
	for (size_t i = 0; r == 0 && *ret == 0 && i < process->lookups->answers.count; i++)
		if (process->lookups->answers.items[i].resolver == resolver)
			*ret = process->lookups->answers.items[i].address;
	return r;
}

int lookup_indirect(struct lcp_process *process, const struct object *object, uint64_t resolver,
		    struct lookup *ret, struct lcp_error **reterr)
{
	uint64_t address;
	int r;

	r = find_answer(process, object, resolver, &address, reterr);
	if (r < 0)
		return r;
	*ret = (struct lookup){
		.object = object,
		.address = address != 0 ? address : resolver,
		.type = STT_GNU_IFUNC,
		.unresolved = address == 0,
	};
	return 0;
}

/* A slot of @user that holds the address of data called @name: what it holds, or 0. */
static int find_bound(struct lcp_process *process, const struct object *user,
		      const struct symbol_name *name, uint64_t *ret, struct lcp_error **reterr)
{
	struct object_symbols *symbols;
	int r;

	*ret = 0;
	r = lookup_tables(process, user, true, &symbols, reterr);
	for (size_t i = 0; r == 0 && *ret == 0 && i < symbols->slots.count; i++) {
		const Elf64_Rela *slot = &symbols->slots.items[i];

		if (type_of(slot) == process->target->arch->dynamic_relocs.slot &&
		    strcmp(symbols_name(symbols, symbol_of(slot)), name->name) == 0)
			r = read_slot(process, user, slot, ret, reterr);
	}
	return r;
}

/*
 * The definition that was looked up first, by whatever object (elf/dl-lookup.c of glibc,
 * do_lookup_unique()), is that of all objects of the namespace: one whose slot was filled in knows.
 */
int lookup_unique(struct lcp_process *process, const struct lookup_definition *first,
		  const struct symbol_name *name, struct lookup *ret, struct lcp_error **reterr)
{
	uint64_t address = symbol_address(first->object, first->symbol), bound = 0;
	uint8_t type = ELF64_ST_TYPE(first->symbol->st_info);
	int r = 0;

	for (size_t i = 0; r == 0 && bound == 0 && i < process->object_count; i++)
		if (process->objects[i].scope == first->object->scope)
			r = find_bound(process, &process->objects[i], name, &bound, reterr);
	if (r < 0)
		return r;
	*ret = (struct lookup){ first->object, address, type, false };
	if (bound != 0 && process_object_at(process, bound) != NULL)
		*ret = (struct lookup){ process_object_at(process, bound), bound, type, false };
	return 0;
}

/*
 * Is the symbol of @slot in the thread-local block of @object itself? One without a name is, and
 * one that no other object gets in front of.
 */
static int is_own_tls(struct lcp_process *process, const struct object *object,
		      const Elf64_Rela *slot, bool *ret, struct lcp_error **reterr)
{
	const struct object_symbols *symbols = object->symbols;
	size_t index = symbol_of(slot);
	struct lookup_definition found;
	struct symbol_name name;
	int r;

	*ret = index == STN_UNDEF;
	if (index == STN_UNDEF || index >= symbols->symbol_count ||
	    symbols->symbols[index].st_shndx == SHN_UNDEF)
		return 0;
	*ret = ELF64_ST_BIND(symbols->symbols[index].st_info) == STB_LOCAL;
	if (*ret)
		return 0;
	name = symbol_name(symbols_name(symbols, index), symbols_version(symbols, index));
	r = lookup_definition(process, object, &name, &found, reterr);
	*ret = found.symbol == &symbols->symbols[index];
	return r;
}

/*
 * The offset in the descriptor at @slot, if the dynamic linker has set it to the resolver that
 * returns what the descriptor holds; 0 for another one, which finds the block by its module.
 */
static int read_descriptor(const struct lcp_process *process, const struct object *object,
			   const Elf64_Rela *slot, uint64_t *ret, struct lcp_error **reterr)
{
	const struct arch *arch = process->target->arch;
	Elf64_Rela second = { .r_offset = slot->r_offset + 8 };
	size_t pad = arch->landing_pad(arch->resolver, arch->resolver_size).size;
	size_t size = arch->resolver_size - pad;
	uint8_t code[ARCH_RESOLVER_MAX];
	uint64_t resolver;
	int r;

	*ret = 0;
	r = read_slot(process, object, slot, &resolver, reterr);
	if (r < 0 || resolver == 0)
		return r;
	r = process_read(process, resolver, code, arch->resolver_size, "a resolver", NULL);
	if (r < 0)
		return process_fails(r) ? error_set(reterr, r, "reading a resolver failed") : 0;
	if (memcmp(code, arch->resolver, arch->resolver_size) != 0 &&
	    memcmp(code, arch->resolver + pad, size) != 0)
		return 0;
	return read_slot(process, object, &second, ret, reterr);
}

static int take_tls_slot(struct lcp_process *process, const struct object *object,
			 const Elf64_Rela *slot, struct lookup_tls *ret, struct lcp_error **reterr)
{
	const struct arch_dynamic_relocs *types = &process->target->arch->dynamic_relocs;
	const struct object_symbols *symbols = object->symbols;
	uint32_t type = type_of(slot);
	uint64_t held, value = 0;
	bool own;
	int r;

	if (type != types->tls_module && type != types->tls_offset && type != types->tls_descriptor)
		return 0;
	if (type == types->tls_module ? ret->module != 0 : ret->fixed)
		return 0;
	r = is_own_tls(process, object, slot, &own, reterr);
	if (r < 0 || !own)
		return r;
	if (type == types->tls_descriptor)
		r = read_descriptor(process, object, slot, &held, reterr);
	else
		r = read_slot(process, object, slot, &held, reterr);
	if (r < 0 || held == 0)
		return r;
	if (type == types->tls_module) {
		ret->module = held < MODULES_MAX ? held : 0;
		return 0;
	}
	if (symbol_of(slot) != STN_UNDEF)
		value = symbols->symbols[symbol_of(slot)].st_value;
	ret->fixed = true;
	ret->from_thread = held - value - (uint64_t)slot->r_addend;
	return 0;
}

/*
 * The program's block is the first one (Drepper, "ELF Handling For Thread-Local Storage"): behind
 * the thread control block, or the last thing in front of the thread pointer. Its beginning is as
 * far from a multiple of the alignment as in the file.
 */
static void take_program_tls(const struct lcp_process *process, const struct object *object,
			     struct lookup_tls *ret)
{
	uint64_t mask = object->tls_align - 1, head = process->target->arch->tls_head;
	uint64_t odd = object->tls_address & mask;

	ret->module = 1;
	ret->fixed = true;
	if (head > 0)
		ret->from_thread = head + ((odd - head) & mask);
	else
		ret->from_thread = odd - ((object->tls_size + odd + mask) & ~mask);
}

int lookup_tls(struct lcp_process *process, const struct object *object, struct lookup_tls *ret,
	       struct lcp_error **reterr)
{
	struct lookup_tls found = { 0 };
	struct object_symbols *symbols;
	int r;

	r = lookup_tables(process, object, true, &symbols, reterr);
	if (r == 0 && object->is_program && object->tls_size > 0)
		take_program_tls(process, object, &found);
	for (size_t i = 0; r == 0 && !object->is_program && i < symbols->slots.count; i++)
		r = take_tls_slot(process, object, &symbols->slots.items[i], &found, reterr);
	if (r < 0)
		return r;
	if (found.module == 0 && !found.fixed)
		return error_set(reterr, -LCP_ESYMBOL,
				 "%s: no slot of it tells where its thread-local block is",
				 object->path);
	*ret = found;
	return 0;
}

/* Is there a slot at @address that is filled in when it is first used? */
static bool may_be_lazy(const struct lcp_process *process, const struct object *object,
			uint64_t address)
{
	const struct object_symbols *symbols = object->symbols;

	for (size_t i = 0; !symbols->binds_now && i < symbols->slots.count; i++) {
		const Elf64_Rela *slot = &symbols->slots.items[i];

		if (type_of(slot) == process->target->arch->dynamic_relocs.call_slot &&
		    object->bias + slot->r_offset == address)
			return true;
	}
	return false;
}

int lookup_slot(struct lcp_process *process, const struct object *object, uint64_t slot,
		const char *name, const char *version, struct lookup *ret,
		struct lcp_error **reterr)
{
	autoerror struct lcp_error *error = NULL;
	struct object_symbols *symbols;
	uint64_t held;
	int r;

	r = process_read(process, slot, &held, sizeof(held), "a slot", reterr);
	if (r == 0)
		r = lookup_tables(process, object, true, &symbols, reterr);
	if (r < 0)
		return r;
	if (name != NULL && is_code(object, held) && may_be_lazy(process, object, slot)) {
		r = lookup_symbol(process, object, name, version, ret, &error);
		if (r == 0)
			return 0;
		if (r != -LCP_ESYMBOL) {
			if (reterr != NULL)
				*reterr = take(error);
			return r;
		}
	}
	*ret = (struct lookup){
		.object = process_object_at(process, held),
		.address = held,
	};
	return 0;
}
