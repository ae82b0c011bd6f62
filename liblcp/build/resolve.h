/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the undefined symbols of a patch stand for: found once, here, so that whoever applies the
 * patch needs no symbol table. A symbol that could be one of several is an error, never a guess.
 */
#ifndef LCP_BUILD_RESOLVE_H
#define LCP_BUILD_RESOLVE_H

#include "build/place.h"
#include "format/kpatch.h"

/* An undefined symbol of a unit's part of the patch. */
struct resolve_symbol {
	struct slice name; /* without version */
	const char *version; /* or NULL */
	bool is_static; /* of the unit */
	bool weak;
	uint32_t needs; /* what relocations want of it: a bit for each enum reloc_need */
	bool near; /* its address, in a field that does not reach everywhere */
};

/*
 * Say what @symbol, which the unit at @place uses, stands for: class, value, flags, type, version
 * of @ret are set. 0, -ENOMEM, -LCP_ESYMBOL.
 */
int resolve(const struct object *object, const struct place *place,
	    const struct resolve_symbol *symbol, struct kpatch_symbol *ret,
	    struct lcp_error **reterr);

/*
 * Is @name, which a unit does not define, of another object than @object (a struct object), so that
 * code may not count on it being near? What the object takes the address of has one that is near.
 */
bool resolve_is_far(const void *object, struct slice name);

#endif
