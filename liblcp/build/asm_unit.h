/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A translation unit: statements to blocks. A block is one function, one data object, one anonymous
 * piece of data (a string, a constant, a jump table), or what stands in a section without a name.
 * A function's cold part is a block of its own that has the function as its parent.
 *
 * Blocks are compared by a hash over normalised text, in which a named symbol is its name, a label
 * is how many statements of its block stand in front of it, and an anonymous block is its own hash.
 * So renumbered labels and reordered constants are no change, and a changed string is a change of
 * all that use it.
 */
#ifndef LCP_BUILD_ASM_UNIT_H
#define LCP_BUILD_ASM_UNIT_H

#include "base/map.h"
#include "build/asm_lex.h"

#define NO_BLOCK UINT32_MAX

enum asm_block_kind {
	BLOCK_FUNCTION,
	BLOCK_DATA,
	BLOCK_ANONYMOUS,
	BLOCK_SECTION, /* outside of any other: .init_array, file-level assembler */
};

struct asm_block {
	struct slice name; /* of a section for BLOCK_SECTION, the first label for BLOCK_ANONYMOUS */
	uint8_t kind; /* enum asm_block_kind */
	bool hashed;
	bool hashing;
	uint16_t section;
	uint32_t parent; /* of a cold part: the block of its function; else NO_BLOCK */
	uint32_t first; /* its statements are unit.order[first] to unit.order[first + count - 1] */
	uint32_t count;
	uint32_t lead; /* how many of them stand in front of its label, and do not count */
	uint32_t positions; /* statements that count in its hash */
	uint64_t hash;
};

enum asm_symbol_type {
	SYMBOL_NOTYPE,
	SYMBOL_FUNCTION,
	SYMBOL_OBJECT,
	SYMBOL_TLS,
	SYMBOL_IFUNC,
};

enum asm_binding {
	BIND_LOCAL,
	BIND_GLOBAL,
	BIND_WEAK,
};

struct asm_symbol {
	struct slice name;
	uint8_t type; /* enum asm_symbol_type */
	uint8_t bind; /* enum asm_binding */
	char visibility; /* 'd'efault, 'h'idden, 'p'rotected, 'i'nternal */
	bool common; /* .comm */
	bool local; /* .local says so: what .comm makes is global otherwise */
	uint32_t block; /* where it is defined, or NO_BLOCK */
	uint32_t position; /* in that block */
	struct slice size; /* as .size or .comm has it; empty if not said */
	struct slice align; /* as .comm has it */
	struct slice alias; /* what .set makes it, or empty */
	struct slice version; /* what .symver says, or empty */
	uint64_t identity; /* stands for its name in hashes, where that may differ: count.1234 */
};

struct asm_label {
	uint32_t block;
	uint32_t position;
};

struct asm_unit {
	struct asm_text text;
	VEC(struct asm_block) blocks;
	VEC(struct asm_symbol) symbols;
	VEC(struct asm_label) labels;
	struct map symbol_numbers;
	struct map label_numbers;
	uint32_t *order; /* statement numbers, block by block */
	uint32_t alias_depth; /* while hashing: aliases of aliases */
	uint32_t hash_depth; /* while hashing: data of data */
	bool too_deep; /* more of that than is followed: hashes prove nothing */
};

/*
 * Read a unit from @text, which must stay as it is as long as @ret is used. 0, -ENOMEM, -EFBIG,
 * -LCP_EFORMAT.
 */
int asm_unit_init(struct asm_unit *ret, const struct asm_syntax *syntax, const char *path,
		  const char *text, size_t size, struct lcp_error **reterr);
void asm_unit_fini(struct asm_unit *unit);

/* The symbol of that name, or NULL. */
struct asm_symbol *asm_unit_symbol(const struct asm_unit *unit, struct slice name);

/* The block that symbol @name is the beginning of, or NULL. */
struct asm_block *asm_unit_block(const struct asm_unit *unit, struct slice name);

/* May the program write to it? Not to what is made read-only once it is relocated. */
bool asm_block_is_written(const struct asm_unit *unit, const struct asm_block *block);

/* Is it placed in a process? .comment and notes are not, or mean nothing there. */
bool asm_block_is_placed(const struct asm_unit *unit, const struct asm_block *block);

/* The alignment that stands in front of it, as it is written; empty if there is none. */
struct slice asm_block_align(const struct asm_unit *unit, const struct asm_block *block);

/* The hash of a block; computed when first asked for. */
uint64_t asm_block_hash(struct asm_unit *unit, struct asm_block *block);

/*
 * Is it a read-only object that the compiler numbered, as __func__.1234? Then it is what it holds:
 * the identity to give it. Else 0.
 */
uint64_t asm_constant_identity(struct asm_unit *unit, const struct asm_symbol *symbol);

/* The hash of one statement that stands in @block. */
uint64_t asm_statement_hash(struct asm_unit *unit, const struct asm_block *block,
			    const struct asm_statement *statement);

/* Does a statement of this kind count in the hash of its block, and in positions? */
bool asm_statement_counts(const struct asm_text *text, const struct asm_statement *statement);

/* Statement @i of @block. */
const struct asm_statement *asm_block_statement(const struct asm_unit *unit,
						const struct asm_block *block, uint32_t i);

/*
 * The words of a statement's operands one by one: each name in *@ret, and everything between names
 * in pieces. Strings are one piece.
 */
enum asm_token {
	TOKEN_END,
	TOKEN_NAME, /* a symbol or label; on CPUs without register prefix a register too */
	TOKEN_TEXT,
};

struct asm_scan {
	struct slice rest;
	char register_prefix;
	bool strings; /* a quoted text is a string and not a name */
};

void asm_scan_init(struct asm_scan *scan, const struct asm_text *text,
		   const struct asm_statement *statement);
enum asm_token asm_scan_next(struct asm_scan *scan, struct slice *ret);

/* Is it a label that only this file knows: ".L..."? */
static inline bool asm_is_local_label(struct slice name)
{
	return name.size > 2 && name.text[0] == '.' && name.text[1] == 'L';
}

/*
 * "count.1234" is static variable count of some function: the part before the number, or an empty
 * slice if @name does not end that way.
 */
struct slice asm_base_name(struct slice name);

#endif
