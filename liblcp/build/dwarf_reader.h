/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of dwarf.h share: libdw's functions, found when they are needed, and the state of
 * reading one object. Included only where libdw's headers are.
 *
 * Debug information may be damaged or made to do harm: libdw keeps within the sections, but lists
 * may be circles and types may hold themselves. So each step is paid from a budget that grows with
 * the size of the sections, and nesting has an end. Errors stick; whoever loops looks at them.
 */
#ifndef LCP_BUILD_DWARF_READER_H
#define LCP_BUILD_DWARF_READER_H

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdbool.h>

#include "base/str.h"
#include "build/dwarf.h"

/* Nesting of blocks, namespaces, types in types: real units stay far below. */
#define DWARF_DEPTH_MAX 200

#define LIBDW_FUNCTIONS(X)      \
	X(dwarf_attr)           \
	X(dwarf_attr_integrate) \
	X(dwarf_begin_elf)      \
	X(dwarf_child)          \
	X(dwarf_end)            \
	X(dwarf_formflag)       \
	X(dwarf_formref_die)    \
	X(dwarf_formstring)     \
	X(dwarf_formudata)      \
	X(dwarf_get_units)      \
	X(dwarf_getlocation)    \
	X(dwarf_siblingof)      \
	X(dwarf_tag)

struct libdw {
	void *handle; /* NULL if it is not there */
#define LIBDW_MEMBER(name) __typeof__(name) *name;
	LIBDW_FUNCTIONS(LIBDW_MEMBER)
#undef LIBDW_MEMBER
};

struct reader {
	struct libdw libdw;
	Dwarf *dwarf;
	struct dwarf_types *types;
	uint64_t budget;
	int r; /* 0; -ENOMEM; -LCP_EFORMAT: damaged */
};

/* Pay for a step: false if there was an error, or is one now. */
bool reader_spend(struct reader *reader, uint64_t steps);

/* Go to the first child of @die, or to the next one of its parent: false if there is none. */
bool reader_first(struct reader *reader, Dwarf_Die *die, Dwarf_Die *ret);
bool reader_next(struct reader *reader, Dwarf_Die *die);

/* Attributes of @die: NULL or false if it has none of that kind and form. */
const char *reader_string(struct reader *reader, Dwarf_Die *die, unsigned int name);
bool reader_number(struct reader *reader, Dwarf_Die *die, unsigned int name, uint64_t *ret);
bool reader_flag(struct reader *reader, Dwarf_Die *die, unsigned int name);
bool reader_type(struct reader *reader, Dwarf_Die *die, Dwarf_Die *ret);

/*
 * Strip typedefs and qualifiers off @die, which becomes what they stand for: false if that is void.
 * *@ret_alias is the typedef directly around it, or NULL.
 */
bool reader_strip(struct reader *reader, Dwarf_Die *die, const char **ret_alias);

bool reader_is_aggregate(struct reader *reader, Dwarf_Die *die);

/* dwarf_text.c: append what the type of @die, which may lie behind @depth others, is. */
void reader_put_type(struct reader *reader, Dwarf_Die *die, struct str *to, unsigned int depth);

/* The word in front of the name of such a type: "struct ". */
const char *reader_word(int tag);

/* dwarf_members.c: fill in the members, or the enumerators, of the type at @die. */
void reader_add_members(struct reader *reader, Dwarf_Die *die, struct dwarf_type *type);

#endif
