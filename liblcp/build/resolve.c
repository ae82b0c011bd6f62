/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/resolve.h"

#include <string.h>

#include "base/error.h"

#define NEED(need) ((uint32_t)1 << (need))

struct request {
	const struct object *object;
	const struct place *place;
	const struct resolve_symbol *symbol;
	struct kpatch_symbol *ret;
	struct lcp_error **reterr;
};

static int fail(const struct request *request, const char *what)
{
	return error_set(request->reterr, -LCP_ESYMBOL, "'%.*s' %s",
			 SLICE_ARG(request->symbol->name), what);
}

static int answer(const struct request *request, uint32_t class, uint64_t value, uint32_t flags)
{
	request->ret->class = class;
	request->ret->value = value;
	request->ret->flags = flags;
	return 0;
}

/* Is it called, and nothing else? Then a slot does that the loader fills at the first call. */
static bool is_only_called(const struct request *request)
{
	return (request->symbol->needs & ~(NEED(RELOC_CALL) | NEED(RELOC_NOTHING))) == 0;
}

static const struct object_slot *find_slot(const struct request *request)
{
	const struct object_slot *slot = object_slot(request->object, SLOT_ADDRESS,
						     request->symbol->name);

	if (slot == NULL && is_only_called(request))
		slot = object_slot(request->object, SLOT_CALL, request->symbol->name);
	return slot;
}

static int answer_import(const struct request *request, const struct elf_symbol *known)
{
	if (!request->object->dynamic && request->symbol->weak)
		return answer(request, LCP_SYMBOL_ABSOLUTE, 0, 0);
	if (!request->object->dynamic)
		return fail(request, "is not in the object, and nothing else is loaded beside it");
	if (request->ret->version == NULL && known != NULL)
		request->ret->version = known->version;
	return answer(request, LCP_SYMBOL_IMPORT, 0, 0);
}

/* The slot that the object has for a symbol that others may supply, or a new import of it. */
static int answer_bound(const struct request *request, const struct elf_symbol *known)
{
	const struct object_slot *slot = find_slot(request);

	return slot != NULL ? answer(request, LCP_SYMBOL_BOUND, slot->address, 0)
			    : answer_import(request, known);
}

/* An indirect function: its address is what its resolver returned, and that is in a slot. */
static int answer_ifunc(const struct request *request, uint64_t resolver)
{
	const struct object_slot *slot = object_ifunc_slot(request->object, resolver);

	if (slot != NULL)
		return answer(request, LCP_SYMBOL_BOUND, slot->address, 0);
	if (object_dynamic(request->object, request->symbol->name) != NULL)
		return answer_bound(request, NULL);
	return fail(request, "is an indirect function that the object does not use itself");
}

static int answer_defined(const struct request *request, uint64_t value, uint8_t type)
{
	request->ret->type = type;
	if (type == STT_TLS)
		return answer(request, LCP_SYMBOL_TLS, value, 0);
	if (type == STT_GNU_IFUNC)
		return answer_ifunc(request, value);
	return answer(request, LCP_SYMBOL_OBJECT, value, 0);
}

/* Can a symbol of that name in another object take the place of this one's? */
static const struct elf_symbol *find_preemptible(const struct request *request)
{
	const struct elf_symbol *symbol = object_dynamic(request->object, request->symbol->name);

	return request->object->shared && symbol != NULL && object_defines(symbol) &&
			       symbol->visibility == STV_DEFAULT && symbol->type != STT_TLS
		       ? symbol
		       : NULL;
}

/* A symbol that the unit itself defines. */
static int resolve_own(const struct request *request, const struct elf_symbol *own)
{
	const struct elf_symbol *preemptible = request->symbol->is_static
						       ? NULL
						       : find_preemptible(request);
	uint64_t address = 0;

	if (preemptible != NULL &&
	    (request->symbol->needs & NEED(RELOC_ADDRESS)) == 0) /* that cannot be preempted */
		return answer_bound(request, preemptible);
	switch (place_address(request->place, own, &address)) {
	case PLACE_KNOWN:
		return answer_defined(request, address, own->type);
	case PLACE_AMBIGUOUS:
		return fail(request, "could be one of several in the object that are alike");
	default:
		return request->object->stripped
			       ? fail(request, "is not found: the object is stripped, and there is "
					       "no debug file")
			       : fail(request, "is not found in the object");
	}
}

/* name@VERSION is an old version of a symbol, name@@VERSION the one that is meant. */
static bool is_old_version(const struct elf_symbol *symbol)
{
	const char *version = strchr(symbol->name, '@');

	return version != NULL && version[1] != '@';
}

/*
 * What the object's symbol table has under that name. If nothing exported, then a local one that
 * the original's code refers to: gold and lld let what a version script made local look like a
 * static symbol of some file. *@ret_undefined: the object imports it. *@ret_ambiguous: there are
 * several, or one that may be static.
 */
static const struct elf_symbol *find_in_object(const struct request *request, bool *ret_undefined,
					       bool *ret_ambiguous)
{
	const struct elf_symbol *exported = NULL, *local = NULL;
	size_t exported_count = 0, local_count = 0;

	for (uint32_t i = object_find(request->object, request->symbol->name); i != OBJECT_NONE;
	     i = object_find_next(request->object, i)) {
		const struct elf_symbol *symbol = object_symbol(request->object, i);

		if (!object_defines(symbol)) {
			*ret_undefined = true;
		} else if (!object_exports(symbol)) {
			if (place_refers_to(request->place, request->symbol->name, symbol->value))
				local = symbol;
			local_count++;
		} else if (!is_old_version(symbol)) {
			exported_count += exported == NULL || exported->value != symbol->value;
			exported = symbol;
		}
	}
	*ret_ambiguous = exported_count > 1;
	if (exported != NULL || *ret_undefined)
		return exported;
	*ret_ambiguous = local == NULL && local_count > 0 && !request->object->tells_statics;
	return local;
}

/* A thread-local variable of another object. */
static int resolve_foreign_tls(const struct request *request)
{
	struct slice name = request->symbol->name;
	const struct object_slot *offset = object_slot(request->object, SLOT_TLS_OFFSET, name);
	const struct object_slot *pair = object_slot(request->object, SLOT_TLS_PAIR, name);
	bool wants_pair = (request->symbol->needs & NEED(RELOC_TLS_PAIR)) != 0;

	request->ret->type = STT_TLS;
	if (pair != NULL && (wants_pair || offset == NULL))
		return answer(request, LCP_SYMBOL_TLS_BOUND, pair->address, SYMBOL_IS_TLS_PAIR);
	if (offset != NULL)
		return answer(request, LCP_SYMBOL_TLS_BOUND, offset->address, 0);
	return fail(request, "is a thread-local variable that the object does not use yet");
}

static bool wants_tls(const struct request *request)
{
	return (request->symbol->needs &
		(NEED(RELOC_TLS_OFFSET) | NEED(RELOC_TLS_SLOT) | NEED(RELOC_TLS_PAIR) |
		 NEED(RELOC_TLS_MODULE) | NEED(RELOC_TLS_IN_MODULE) | NEED(RELOC_TLS_DESCRIPTOR) |
		 NEED(RELOC_TLS_SLOT_OFFSET) | NEED(RELOC_TLS_PAIR_OFFSET) |
		 NEED(RELOC_TLS_DESCRIPTOR_OFFSET))) != 0;
}

/* A symbol of another unit, or of another object. */
static int resolve_foreign(const struct request *request)
{
	const struct elf_symbol *preemptible = find_preemptible(request);
	const struct elf_symbol *dynamic = object_dynamic(request->object, request->symbol->name);
	bool undefined = false, ambiguous = false;
	const struct elf_symbol *found = find_in_object(request, &undefined, &ambiguous);

	if (ambiguous)
		return fail(request, "could be one of several symbols of the object");
	if (preemptible != NULL && (request->symbol->needs & NEED(RELOC_ADDRESS)) == 0)
		return answer_bound(request, preemptible);
	if (found != NULL && found->reserved)
		return answer(request, LCP_SYMBOL_ABSOLUTE, found->value, 0);
	if (found != NULL)
		return answer_defined(request, found->value, found->type);
	if (wants_tls(request))
		return resolve_foreign_tls(request);
	/* A function whose address a program takes has one of its own there: its PLT entry. */
	if (dynamic != NULL && dynamic->value != 0 &&
	    (request->symbol->near || find_slot(request) == NULL))
		return answer(request, LCP_SYMBOL_OBJECT, dynamic->value, 0);
	return answer_bound(request, dynamic);
}

int resolve(const struct object *object, const struct place *place,
	    const struct resolve_symbol *symbol, struct kpatch_symbol *ret,
	    struct lcp_error **reterr)
{
	const struct request request = {
		.object = object,
		.place = place,
		.symbol = symbol,
		.ret = ret,
		.reterr = reterr,
	};
	const struct elf_symbol *own = place_symbol(place, symbol->name);
	uint64_t address;
	int r;

	ret->version = symbol->version;
	ret->weak = symbol->weak;
	if (own != NULL && (own->bind == STB_LOCAL) == symbol->is_static &&
	    (symbol->is_static || place_address(place, own, &address) == PLACE_KNOWN))
		return resolve_own(&request, own);
	if (symbol->is_static)
		return fail(&request, "is static, but not in the original");
	r = resolve_foreign(&request);
	if (r == 0 && symbol->near && !symbol->weak &&
	    (ret->class == LCP_SYMBOL_IMPORT || ret->class == LCP_SYMBOL_BOUND))
		return fail(&request, "is of another object and not used by this one so far, and "
				      "the code can only reach what is near");
	return r;
}
