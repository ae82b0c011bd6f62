/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The dynamic symbols of one object, read from the memory of the process: its dynamic section, hash
 * tables, symbols, versions and relocations (gABI, "Dynamic Linking"; LSB, "Symbol Versioning"). It
 * knows what an object defines and not what other objects make of it: that is lookup.c.
 *
 * Tables are read as wholes when they are first needed: most objects a name is looked for in have
 * no such name, and their hash table says so. A table that is damaged is as good as none.
 */
#ifndef LCP_CORE_SYMBOLS_H
#define LCP_CORE_SYMBOLS_H

#include <elf.h>

#include "core/process.h"

/* A name that is looked for, hashed once for all objects. */
struct symbol_name {
	const char *name;
	const char *version; /* NULL: the default one */
	uint32_t gnu_hash;
	uint32_t hash;
};

struct object_symbols {
	/* Of the dynamic section: addresses in the process, or 0. */
	uint64_t gnu_hash;
	uint64_t hash;
	uint64_t symtab;
	uint64_t versym;
	uint64_t verdef;
	uint64_t verneed;
	struct object_table strtab;
	struct object_table relocs; /* DT_RELA */
	struct object_table call_relocs; /* DT_JMPREL */
	bool is_symbolic; /* it looks into itself first */
	bool binds_now; /* no slot of it is filled in later */
	uint64_t soname; /* offset in strtab, or 0 */
	VEC(uint64_t) needed; /* the same */

	/* The hash table, DT_GNU_HASH or else DT_HASH. */
	uint32_t *buckets;
	size_t bucket_count;
	uint32_t *chain;
	size_t chain_count;
	uint32_t chain_first; /* symbol of chain[0] */
	bool is_gnu;

	/* Only once symbols_load() was called. */
	bool loaded;
	Elf64_Sym *symbols;
	size_t symbol_count;
	uint16_t *versions; /* by symbol, or NULL */
	char *strings; /* strings_size of them, and a NUL */
	size_t strings_size;
	VEC(uint32_t)
	version_names; /* by number: offset in strings; 0: none, or the base version */

	/* Only once symbols_load_slots() was called. */
	bool slots_loaded;
	VEC(Elf64_Rela) slots; /* relocations of slots that the dynamic linker fills in */
};

struct symbol_name symbol_name(const char *name, const char *version);

/* Read what finding a name needs at least. 0; -LCP_EGONE, -EPERM, -ENOMEM. */
int symbols_new(const struct lcp_process *process, const struct object *object,
		struct object_symbols **ret, struct lcp_error **reterr);
void symbols_free(struct object_symbols *symbols);

/* May the object define @name? If so load the symbols, and ask again. */
bool symbols_may_have(const struct object_symbols *symbols, const struct symbol_name *name);
int symbols_load(const struct lcp_process *process, const struct object *object,
		 struct object_symbols *symbols, struct lcp_error **reterr);

/* The definition that the dynamic linker would take of this object; NULL if it has none. */
const Elf64_Sym *symbols_find(const struct object_symbols *symbols, const struct symbol_name *name);

/* Its relocations, and the symbols they name. */
int symbols_load_slots(const struct lcp_process *process, const struct object *object,
		       struct object_symbols *symbols, struct lcp_error **reterr);

/* Name of a symbol, "" if there is none; and of its version, or NULL. */
const char *symbols_name(const struct object_symbols *symbols, size_t index);
const char *symbols_version(const struct object_symbols *symbols, size_t index);

/* The text at @offset of the string table, which need not be loaded; NULL if it is unreadable. */
int symbols_text(const struct lcp_process *process, const struct object_symbols *symbols,
		 uint64_t offset, char **ret, struct lcp_error **reterr);

/* Where a definition of @object is; of a thread-local one its offset in the block. */
uint64_t symbol_address(const struct object *object, const Elf64_Sym *symbol);

#endif
