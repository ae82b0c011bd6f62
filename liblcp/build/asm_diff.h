/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What differs between two versions of a translation unit, and whether code alone can make the
 * difference: functions and data that changed, and the reasons why a patch cannot be made of it.
 *
 * It compares assembler text and knows nothing of types: what debug information says of layouts is
 * judged elsewhere.
 */
#ifndef LCP_BUILD_ASM_DIFF_H
#define LCP_BUILD_ASM_DIFF_H

#include "build/asm_unit.h"

enum asm_change_kind {
	CHANGE_FUNCTION, /* a function's code */
	CHANGE_FUNCTION_USES_DATA, /* only read-only data that it uses */
	CHANGE_FUNCTION_NEW,
	CHANGE_FUNCTION_REMOVED,
	CHANGE_LINE_ONLY, /* a function's own line numbers: no change */
	CHANGE_RODATA, /* contents of a named read-only object */
	CHANGE_DATA_NEW,
	CHANGE_DATA_REMOVED,
};

struct asm_change {
	uint8_t kind; /* enum asm_change_kind */
	struct slice name;
	uint32_t old_block; /* in the old unit; NO_BLOCK for a new one, and for .comm symbols */
	uint32_t new_block;
	const struct asm_statement *old_at; /* the first that differ; NULL at the end of a block */
	const struct asm_statement *new_at;
	/* USES_DATA, RODATA: the changed data it uses; FUNCTION: its cold part; or empty. */
	struct slice because;
};

enum asm_refusal_kind {
	REFUSE_INITIAL_VALUE,
	REFUSE_SIZE,
	REFUSE_ALIGNMENT,
	REFUSE_SECTION, /* a variable became read-only or writable */
	REFUSE_NEW_TLS,
	REFUSE_CONSTRUCTORS,
	REFUSE_FILE_LEVEL, /* assembler or data outside of any function or object */
	REFUSE_ALIAS,
	REFUSE_VERSION, /* .symver */
	REFUSE_IFUNC,
	REFUSE_BINDING,
	REFUSE_VISIBILITY,
	REFUSE_STATIC_AMBIGUOUS, /* several static variables of one name cannot be told apart */
	REFUSE_POINTED_TO, /* a variable points to read-only data that changed */
	REFUSE_SHARED, /* other units may use read-only data that changed */
	REFUSE_UNNAMED_DATA, /* a function uses a variable that has no symbol */
};

struct asm_refusal {
	uint8_t kind; /* enum asm_refusal_kind */
	struct slice name;
	const struct asm_statement *at; /* in the new unit, or NULL */
};

/* To find things of a unit by more than their names. */
struct asm_index {
	struct map identities; /* symbols that have one and are defined, by its bytes */
	struct map sections; /* what stands in a section outside of others, by its name */
};

struct asm_diff {
	struct asm_unit *old;
	struct asm_unit *new;
	VEC(struct asm_change) changes;
	VEC(struct asm_refusal) refusals;
	struct asm_index old_index;
	struct asm_index new_index;
	struct map change_numbers; /* by name */
	uint32_t *change_of; /* by block of the new unit: number of its change + 1, or 0 */
};

/* Compare; the units stay the caller's and must stay. 0, -ENOMEM or -LCP_EFORMAT. */
int asm_diff_init(struct asm_diff *ret, struct asm_unit *old, struct asm_unit *new,
		  struct lcp_error **reterr);
void asm_diff_fini(struct asm_diff *diff);

/* The change of that name and of a function or of data, or NULL. */
const struct asm_change *asm_diff_find(const struct asm_diff *diff, struct slice name);

/* The change of that block of the new unit, or NULL. */
struct asm_change *asm_diff_change_of(const struct asm_diff *diff, uint32_t new_block);

/* Words for a person. */
const char *asm_change_text(enum asm_change_kind kind);
const char *asm_refusal_text(enum asm_refusal_kind kind);

/* For the parts of the differ: note a reason, or that @new_block comes along with a change. */
int asm_refuse(struct asm_diff *diff, enum asm_refusal_kind kind, struct slice name,
	       const struct asm_statement *at);
int asm_bring_along(struct asm_diff *diff, uint32_t new_block, enum asm_change_kind kind,
		    struct slice because);

/* asm_users.c: what comes along with the changes, and what stands in the way of that. */
int asm_bring_users(struct asm_diff *diff);

/*
 * asm_statics.c: pair static variables that the compiler numbered, such as count.1234 and
 * count.1240, so that they have one identity in both units. Refusals for those that cannot be
 * paired go to @diff. Read-only ones are what they hold.
 */
int asm_pair_statics(struct asm_diff *diff);

/*
 * asm_lines.c: do the two blocks differ in nothing but immediates that .loc proves to be the
 * current source line?
 */
bool asm_differs_in_lines_only(struct asm_diff *diff, const struct asm_block *old,
			       const struct asm_block *new);

#endif
