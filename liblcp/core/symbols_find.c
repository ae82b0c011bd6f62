/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finding a name among the symbols of one object, and which of several versions counts: as glibc
 * does for a relocation (elf/dl-lookup.c, check_match()), and for dlsym(3) where no version is
 * asked for. And its relocations, as far as they fill in slots.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "core/lookup_parts.h"
#include "core/symbols_parts.h"

/* Longer names are none: mangled ones of C++ have some hundred characters, a few have thousands. */
#define NAME_MAX_SIZE 8192

/* Slots of all objects of a process: what is beyond is not looked at. */
#define SLOTS_MAX ((uint64_t)4 << 20)

static int load_symbols(const struct lcp_process *process, const struct object *object,
			size_t count, struct object_symbols *symbols, struct lcp_error **reterr)
{
	int r;

	free(symbols->symbols);
	free(symbols->versions);
	symbols->versions = NULL;
	symbols->symbol_count = 0;
	r = symbols_read(process, object, symbols->symtab, count * sizeof(Elf64_Sym),
			 "the symbol table", &symbols->symbols, reterr);
	if (r == 0)
		r = symbols_read(process, object, symbols->versym, count * sizeof(uint16_t),
				 "the versions of symbols", &symbols->versions, reterr);
	if (r == 0 && symbols->symbols != NULL)
		symbols->symbol_count = count;
	return r;
}

int symbols_load(const struct lcp_process *process, const struct object *object,
		 struct object_symbols *symbols, struct lcp_error **reterr)
{
	int r;

	if (symbols->loaded)
		return 0;
	symbols->loaded = true;
	r = symbols_read(process, object, symbols->strtab.address, symbols->strtab.size,
			 "the string table", &symbols->strings, reterr);
	if (r < 0)
		return r;
	symbols->strings_size = symbols->strings != NULL ? symbols->strtab.size : 0;
	r = load_symbols(process, object, symbols->chain_first + symbols->chain_count, symbols,
			 reterr);
	return r < 0 ? r : symbols_read_versions(process, symbols, reterr);
}

static bool is_slot(const struct arch *arch, uint32_t type)
{
	const struct arch_dynamic_relocs *relocs = &arch->dynamic_relocs;

	return type == relocs->slot || type == relocs->call_slot || type == relocs->ifunc ||
	       type == relocs->tls_offset || type == relocs->tls_module ||
	       type == relocs->tls_descriptor;
}

/* Add what fills in slots of one table, and keep the greatest number of a symbol. */
static int load_slots(const struct lcp_process *process, const struct object *object,
		      const struct object_table *table, struct object_symbols *symbols,
		      size_t *most, struct lcp_error **reterr)
{
	autofree Elf64_Rela *relocs = NULL;
	int r;

	r = symbols_read(process, object, table->address, table->size, "the relocations", &relocs,
			 reterr);
	if (r < 0 || relocs == NULL)
		return r;
	for (size_t i = 0; i < table->size / sizeof(*relocs); i++) {
		if (!is_slot(process->target->arch, (uint32_t)ELF64_R_TYPE(relocs[i].r_info)))
			continue;
		if (process->lookups->slots++ >= SLOTS_MAX)
			break;
		if (vec_push(&symbols->slots, relocs[i]) < 0)
			return error_set_nomem(reterr);
		if (ELF64_R_SYM(relocs[i].r_info) >= *most)
			*most = ELF64_R_SYM(relocs[i].r_info) + 1;
	}
	return 0;
}

/* Hash tables do not hold what an object only imports, so they do not tell how many there are. */
int symbols_load_slots(const struct lcp_process *process, const struct object *object,
		       struct object_symbols *symbols, struct lcp_error **reterr)
{
	size_t most;
	int r;

	if (symbols->slots_loaded)
		return 0;
	symbols->slots_loaded = true;
	r = symbols_load(process, object, symbols, reterr);
	if (r < 0)
		return r;
	most = symbols->symbol_count;
	r = load_slots(process, object, &symbols->relocs, symbols, &most, reterr);
	if (r == 0)
		r = load_slots(process, object, &symbols->call_relocs, symbols, &most, reterr);
	if (r == 0 && most > symbols->symbol_count)
		r = load_symbols(process, object, most, symbols, reterr);
	return r;
}

const char *symbols_name(const struct object_symbols *symbols, size_t index)
{
	const char *name;

	if (index >= symbols->symbol_count ||
	    symbols->symbols[index].st_name >= symbols->strings_size)
		return "";
	name = symbols->strings + symbols->symbols[index].st_name;
	return strnlen(name, NAME_MAX_SIZE) < NAME_MAX_SIZE ? name : "";
}

uint64_t symbol_address(const struct object *object, const Elf64_Sym *symbol)
{
	if (symbol->st_shndx == SHN_ABS || ELF64_ST_TYPE(symbol->st_info) == STT_TLS)
		return symbol->st_value;
	return object->bias + symbol->st_value;
}

/*
 * An undefined symbol with a value is the PLT entry of a program that takes a function's address:
 * that is what the function's address is then in all objects.
 */
static bool is_definition(const Elf64_Sym *symbol)
{
	unsigned char type = ELF64_ST_TYPE(symbol->st_info);

	if (ELF64_ST_BIND(symbol->st_info) == STB_LOCAL)
		return false;
	if (symbol->st_value == 0 && symbol->st_shndx != SHN_ABS &&
	    (type != STT_TLS || symbol->st_shndx == SHN_UNDEF))
		return false;
	return type == STT_NOTYPE || type == STT_OBJECT || type == STT_FUNC || type == STT_COMMON ||
	       type == STT_GNU_IFUNC || (type == STT_TLS && symbol->st_shndx != SHN_UNDEF);
}

/*
 * An object without versions serves every version; so does a symbol of the base version, which is
 * how a preloaded library gets in front of a versioned one.
 */
static bool has_version(const struct object_symbols *symbols, size_t index, const char *version)
{
	const char *own;
	uint16_t number;

	if (symbols->versions == NULL)
		return true;
	number = symbols->versions[index];
	if (version == NULL)
		return (number & VERSION_NUMBER) <= VER_NDX_GLOBAL ||
		       (number & VERSION_HIDDEN) == 0;
	own = symbols_version(symbols, index);
	if (own != NULL && strcmp(own, version) == 0)
		return true;
	return (number & VERSION_HIDDEN) == 0 && own == NULL;
}

static bool matches(const struct object_symbols *symbols, size_t index,
		    const struct symbol_name *name)
{
	return index < symbols->symbol_count && is_definition(&symbols->symbols[index]) &&
	       strcmp(symbols_name(symbols, index), name->name) == 0 &&
	       has_version(symbols, index, name->version);
}

static const Elf64_Sym *find_gnu(const struct object_symbols *symbols,
				 const struct symbol_name *name, bool *ret_any)
{
	uint32_t index = symbols->buckets[name->gnu_hash % symbols->bucket_count];

	if (index < symbols->chain_first)
		return NULL;
	for (size_t i = index - symbols->chain_first; i < symbols->chain_count; i++) {
		if ((symbols->chain[i] | 1) == (name->gnu_hash | 1)) {
			*ret_any = true;
			if (matches(symbols, symbols->chain_first + i, name))
				return &symbols->symbols[symbols->chain_first + i];
		}
		if ((symbols->chain[i] & 1) != 0)
			break;
	}
	return NULL;
}

static const Elf64_Sym *find_sysv(const struct object_symbols *symbols,
				  const struct symbol_name *name, bool *ret_any)
{
	uint32_t index = symbols->buckets[name->hash % symbols->bucket_count];

	/* As many steps as there are symbols: more are a loop. */
	for (size_t i = 0; i < symbols->chain_count && index != STN_UNDEF; i++) {
		*ret_any = true;
		if (matches(symbols, index, name))
			return &symbols->symbols[index];
		if (index >= symbols->chain_count)
			break;
		index = symbols->chain[index];
	}
	return NULL;
}

static const Elf64_Sym *find(const struct object_symbols *symbols, const struct symbol_name *name,
			     bool *ret_any)
{
	*ret_any = false;
	if (symbols->bucket_count == 0)
		return NULL;
	return symbols->is_gnu ? find_gnu(symbols, name, ret_any)
			       : find_sysv(symbols, name, ret_any);
}

bool symbols_may_have(const struct object_symbols *symbols, const struct symbol_name *name)
{
	bool any;

	(void)find(symbols, name, &any);
	return any;
}

const Elf64_Sym *symbols_find(const struct object_symbols *symbols, const struct symbol_name *name)
{
	bool any;

	return find(symbols, name, &any);
}
