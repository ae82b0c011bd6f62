/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The object that is to be patched: its symbols by name, from its own symbol table or from that of
 * a debug file, and the slots that its dynamic relocations fill.
 *
 * It knows what is in the file, not what a patch needs of it.
 */
#ifndef LCP_BUILD_OBJECT_H
#define LCP_BUILD_OBJECT_H

#include "arch/arch.h"
#include "base/map.h"
#include "base/vec.h"
#include "format/elf_file.h"

#define OBJECT_NONE UINT32_MAX

/* What the loader of programs puts somewhere. */
enum object_slot_kind {
	SLOT_ADDRESS, /* a GOT slot with the address of a symbol */
	SLOT_CALL, /* the slot of a PLT entry: to be called through, its address may be a stub's */
	SLOT_COPY, /* a variable of another object that lives in this one */
	SLOT_IFUNC, /* what a resolver in this object returned; no symbol, its address instead */
	SLOT_TLS_OFFSET, /* of a thread-local variable */
	SLOT_TLS_PAIR, /* module and offset */
};

struct object_slot {
	uint8_t kind; /* enum object_slot_kind */
	uint32_t symbol; /* of dynsym; 0 for SLOT_IFUNC */
	uint64_t address; /* of the slot */
	uint64_t value; /* the resolver's address of SLOT_IFUNC; else the addend */
};

struct object {
	struct elf_file *elf;
	struct elf_file *debug; /* or NULL */
	const struct arch *arch;
	const struct elf_symbols *symbols; /* the fullest table there is */
	struct map numbers; /* name: first symbol of it */
	uint32_t *next; /* by symbol: the next of the same name, or OBJECT_NONE */
	uint64_t *starts; /* where symbols are, sorted */
	size_t start_count;
	struct map dynamic_numbers; /* name: number in dynsym, of the default version */
	VEC(struct object_slot) slots;
	bool has_files; /* symbols have the names of source files in front of them */
	bool tells_statics; /* what is static has a file's name, and nothing else has (GNU ld) */
	bool stripped; /* there are no symbols but the dynamic ones */
	bool dynamic; /* it is loaded together with others, which can supply symbols */
	bool shared; /* its symbols can be taken by those of others that come first */
};

/*
 * Open the object at @path, and its separate debug file or unstripped twin, or NULL. @ret is to be
 * ended even on failure. 0, -ENOMEM, -EFBIG, -EINVAL, -LCP_EFORMAT, -LCP_EUNSUPPORTED,
 * -LCP_EMISMATCH (the debug file is another object's), a negative errno of reading.
 */
int object_init(struct object *ret, const char *path, const char *debug_path,
		struct lcp_error **reterr);
void object_fini(struct object *object);

/* The first symbol of that name, and the next one with the name of symbol @number; OBJECT_NONE. */
uint32_t object_find(const struct object *object, struct slice name);
uint32_t object_find_next(const struct object *object, uint32_t number);

static inline const struct elf_symbol *object_symbol(const struct object *object, uint32_t number)
{
	return &object->symbols->items[number];
}

/* Is it one that the object defines? */
static inline bool object_defines(const struct elf_symbol *symbol)
{
	return symbol->section != SHN_UNDEF || symbol->reserved;
}

/*
 * May other units refer to it? A hidden symbol has become a local one, which still says that it was
 * hidden. What a version script made local stands behind all files' symbols (GNU ld).
 */
static inline bool object_exports(const struct elf_symbol *symbol)
{
	return object_defines(symbol) &&
	       (symbol->bind != STB_LOCAL || symbol->visibility != STV_DEFAULT ||
		(symbol->file != NULL && *symbol->file == '\0'));
}

/* Is there a symbol that says that what follows is of source file @name? */
bool object_has_file(const struct object *object, const char *name);

/* The entry of dynsym of that name, or NULL. */
const struct elf_symbol *object_dynamic(const struct object *object, struct slice name);

/* The slot of that kind that is filled for symbol @name, or NULL. */
const struct object_slot *object_slot(const struct object *object, enum object_slot_kind kind,
				      struct slice name);

/* The slot that holds what the resolver at @address returned, or NULL. */
const struct object_slot *object_ifunc_slot(const struct object *object, uint64_t address);

/* Does a symbol of the object, of anything but thread-local data, have that value? */
bool object_starts_at(const struct object *object, uint64_t address);

/* Bytes behind @end that are padding up to the next symbol or the end of what surrounds them. */
uint32_t object_padding(const struct object *object, uint64_t end);

#endif
