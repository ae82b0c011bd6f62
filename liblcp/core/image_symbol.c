/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the symbols of a patch stand for in the process: by their class, with the process's own
 * tables and slots. Each is looked up once.
 */
#include <elf.h>
#include <errno.h>
#include <inttypes.h>

#include "base/error.h"
#include "base/num.h"
#include "core/image_parts.h"

/* Note a resolver that has to be called, once. */
static int add_resolver(struct image *image, uint64_t resolver, struct lcp_error **reterr)
{
	vec_foreach (&image->resolvers, known)
		if (*known == resolver)
			return 0;
	return vec_push(&image->resolvers, resolver) == 0 ? 0 : error_set_nomem(reterr);
}

/* What nothing defines has address 0. */
static int look_up_weak(struct image_maker *maker, const struct kpatch_symbol *symbol,
			struct lookup *ret, struct lcp_error **reterr)
{
	autoerror struct lcp_error *error = NULL;
	int r;

	r = lookup_symbol(maker->process, maker->object, symbol->name, symbol->version, ret,
			  &error);
	if (r == -LCP_ESYMBOL) {
		*ret = (struct lookup){ 0 };
		return 0;
	}
	if (r < 0 && reterr != NULL)
		*reterr = take(error);
	return r;
}

static int find_import(struct image_maker *maker, const struct kpatch_symbol *symbol,
		       struct lookup *ret, struct lcp_error **reterr)
{
	int r;

	if (symbol->weak)
		r = look_up_weak(maker, symbol, ret, reterr);
	else
		r = lookup_symbol(maker->process, maker->object, symbol->name, symbol->version, ret,
				  reterr);
	if (r < 0)
		return r;
	if (ret->type == STT_TLS)
		return error_set(reterr, -LCP_ESYMBOL,
				 "symbol '%s' is thread-local in the process, not in the patch",
				 symbol->name);
	return 0;
}

static int look_up(struct image_maker *maker, const struct kpatch_symbol *symbol,
		   struct lookup *ret, struct lcp_error **reterr)
{
	uint64_t inside = maker->object->bias + symbol->value;

	*ret = (struct lookup){ .type = symbol->type };
	switch (symbol->class) {
	case LCP_SYMBOL_PATCH:
		if (symbol->type == STT_GNU_IFUNC)
			return error_set(reterr, -LCP_EUNSUPPORTED,
					 "'%s' is an indirect function that the patch brings",
					 symbol->name);
		ret->address = image_section_address(maker, symbol->section) + symbol->value;
		return 0;
	case LCP_SYMBOL_OBJECT:
		if (symbol->type == STT_GNU_IFUNC)
			return lookup_indirect(maker->process, maker->object, inside, ret, reterr);
		ret->address = inside;
		return 0;
	case LCP_SYMBOL_BOUND:
		if ((symbol->flags & SYMBOL_IS_PLT) == 0)
			return lookup_slot(maker->process, maker->object, inside, symbol->name,
					   symbol->version, ret, reterr);
		ret->address = inside;
		return 0;
	case LCP_SYMBOL_IMPORT:
		return find_import(maker, symbol, ret, reterr);
	default:
		ret->address = symbol->value;
		return 0;
	}
}

int image_symbol_find(struct image_maker *maker, uint32_t index, struct image_symbol *ret,
		      struct lcp_error **reterr)
{
	struct image_symbol *symbol = &maker->symbols[index];
	struct lookup found;
	int r;

	if (!symbol->found) {
		r = look_up(maker, &maker->patch->symbols[index], &found, reterr);
		if (r < 0)
			return r;
		if (found.unresolved) {
			r = add_resolver(maker->image, found.address, reterr);
			if (r < 0)
				return r;
		}
		*symbol = (struct image_symbol){
			.found = true,
			.unresolved = found.unresolved,
			.type = found.type,
			.address = found.address,
		};
	}
	*ret = *symbol;
	return symbol->unresolved ? IMAGE_UNRESOLVED : 0;
}

/* Does @tls say what a reference or cell of @need holds? */
static bool tls_serves(const struct image_tls *tls, uint8_t need)
{
	switch (need) {
	case RELOC_TLS_PAIR:
	case RELOC_TLS_PAIR_OFFSET:
		return tls->module != 0 && tls->has_offset;
	case RELOC_TLS_MODULE:
		return tls->module != 0;
	case RELOC_TLS_IN_MODULE:
		return tls->has_offset;
	default:
		return tls->fixed;
	}
}

/* Where the block of @object is. That of the patch's own object is asked for once. */
static int find_block(struct image_maker *maker, const struct object *object,
		      struct lookup_tls *ret, struct lcp_error **reterr)
{
	bool own = object == maker->object;
	int r;

	if (own && maker->has_block) {
		*ret = maker->block;
		return 0;
	}
	r = lookup_tls(maker->process, object, ret, reterr);
	if (r == 0 && own) {
		maker->block = *ret;
		maker->has_block = true;
	}
	return r;
}

/* A variable at @offset of the block of @object. */
static int find_in_block(struct image_maker *maker, const struct object *object, uint64_t offset,
			 struct image_tls *ret, struct lcp_error **reterr)
{
	struct lookup_tls block;
	int r;

	r = find_block(maker, object, &block, reterr);
	if (r < 0)
		return r;
	*ret = (struct image_tls){
		.has_offset = true,
		.offset = offset,
		.module = block.module,
		.fixed = block.fixed,
		.from_thread = block.from_thread + offset,
	};
	return 0;
}

static int find_by_name(struct image_maker *maker, const struct kpatch_symbol *symbol,
			struct image_tls *ret, struct lcp_error **reterr)
{
	struct lookup found;
	int r;

	r = lookup_symbol(maker->process, maker->object, symbol->name, symbol->version, &found,
			  reterr);
	if (r < 0)
		return r;
	if (found.type != STT_TLS || found.object == NULL)
		return error_set(reterr, -LCP_ESYMBOL,
				 "symbol '%s' is thread-local in the patch, not in the process",
				 symbol->name);
	return find_in_block(maker, found.object, found.address, ret, reterr);
}

/* What the object's own slots say, which the dynamic linker has filled in. */
static int find_by_slot(struct image_maker *maker, const struct kpatch_symbol *symbol,
			struct image_tls *ret, struct lcp_error **reterr)
{
	bool is_pair = (symbol->flags & SYMBOL_IS_TLS_PAIR) != 0;
	uint8_t slot[16];
	int r;

	r = process_read(maker->process, maker->object->bias + symbol->value, slot,
			 is_pair ? 16 : 8, "a thread-local symbol's slot", reterr);
	if (r < 0)
		return r;
	*ret = (struct image_tls){ 0 };
	if (is_pair) {
		ret->has_offset = true;
		ret->module = get_le64(slot);
		ret->offset = get_le64(slot + 8);
	} else {
		ret->fixed = true;
		ret->from_thread = get_le64(slot);
	}
	return 0;
}

int image_symbol_find_tls(struct image_maker *maker, uint32_t index, uint8_t need,
			  struct image_tls *ret, struct lcp_error **reterr)
{
	const struct kpatch_symbol *symbol = &maker->patch->symbols[index];
	bool has_slot = symbol->value != 0 || maker->patch->format == LCP_FORMAT_LCP;
	int r;

	if (symbol->class == LCP_SYMBOL_TLS)
		r = find_in_block(maker, maker->object, symbol->value, ret, reterr);
	else if (has_slot)
		r = find_by_slot(maker, symbol, ret, reterr);
	else
		r = find_by_name(maker, symbol, ret, reterr);
	/* A slot of one kind, and a reference that needs the other. */
	if (r == 0 && !tls_serves(ret, need) && symbol->class == LCP_SYMBOL_TLS_BOUND && has_slot)
		r = find_by_name(maker, symbol, ret, reterr);
	if (r < 0)
		return r;
	if (!tls_serves(ret, need))
		return error_set(reterr, -LCP_EUNSUPPORTED, "thread-local symbol '%s' %s",
				 symbol->name,
				 ret->fixed ? "is of a module whose number is not known"
					    : "has no fixed place, which the patch needs");
	return 0;
}
