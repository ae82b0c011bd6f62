/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The types of a translation unit as its debug information describes them, in words that can be
 * compared: one entry for a type with a name, its members in a flat list.
 *
 * Debug information is read by libdw, which is loaded when it is needed: a program that only
 * applies patches does without. Whether two types agree is judged in layout.c.
 */
#ifndef LCP_BUILD_DWARF_H
#define LCP_BUILD_DWARF_H

#include <lcp/error.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "base/vec.h"

#define DWARF_NO_TYPE UINT32_MAX

enum dwarf_kind {
	DWARF_AGGREGATE, /* struct, union, class */
	DWARF_ENUM,
	DWARF_OTHER, /* a base type or typedef */
};

/*
 * Members of an aggregate without a name are members of the one it is in: "inner.x" of a member
 * with a name, "list->x" behind a pointer, "table[].x" in an array; plain "x" otherwise. A base
 * class and a virtual function are members too.
 */
struct dwarf_member {
	char *name;
	char *type; /* "struct foo *", typedefs and qualifiers resolved; "" for an enumerator */
	uint64_t at; /* in bits; an enumerator's value */
	uint64_t bits; /* width of a bit-field, else 0 */
};

struct dwarf_type {
	char *name; /* "struct foo", "enum N::state", "typedef foo_t"; "foo_t" if only that names it */
	char *form; /* what a typedef stands for, or the encoding of a base type; or NULL */
	enum dwarf_kind kind;
	uint32_t next; /* another type of this name in the unit, or DWARF_NO_TYPE */
	uint64_t size;
	uint64_t hash; /* of all but the name; the order of members is nothing */
	VEC(struct dwarf_member) members;
};

struct dwarf_types {
	const char *why_not; /* NULL if the types were read */
	VEC(struct dwarf_type) items;
	struct map by_name; /* to the last of a name; the others by .next */
};

/* Read the types of the object of @size bytes. An error only without memory. */
int dwarf_types_init(struct dwarf_types *ret, const void *object, size_t size,
		     struct lcp_error **reterr);
void dwarf_types_fini(struct dwarf_types *types);

#endif
