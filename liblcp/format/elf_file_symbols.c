/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Symbol tables: their entries become struct elf_symbol, with names, versions, files and extended
 * section indices resolved. Where .symtab lies is found here, where .dynsym lies is the business
 * of elf_file_dynamic.c.
 */
#include <stdlib.h>

#include "base/error.h"
#include "base/num.h"
#include "format/elf_file_private.h"

#define SYMBOL(bits, entry, member) get_le##bits((entry) + offsetof(Elf64_Sym, member))

/* Bit 15 of an entry of .gnu.version: the symbol is not the default version of its name. */
#define VERSION_HIDDEN 0x8000

static int symbol_error(const struct elf_symbol_source *source, size_t index, const char *what,
			uint64_t number, const char *end, struct lcp_error **reterr)
{
	return error_set(reterr, -LCP_EFORMAT, "%s: symbol %zu %s %ju%s", source->label, index,
			 what, (uintmax_t)number, end);
}

static int decode_name(const struct elf_symbol_source *source, size_t index,
		       struct elf_symbol *symbol, struct lcp_error **reterr)
{
	const uint8_t *entry = source->entries + index * sizeof(Elf64_Sym);
	uint32_t offset = SYMBOL(32, entry, st_name);

	symbol->name = elf_string(&source->strings, offset);
	if (symbol->name == NULL)
		return error_set(reterr, -LCP_EFORMAT,
				 "%s: symbol %zu names string %u past the end of %s", source->label,
				 index, offset, source->strings_label);
	return 0;
}

static int decode_version(const struct elf_symbol_source *source, size_t index,
			  struct elf_symbol *symbol, struct lcp_error **reterr)
{
	uint16_t number;

	if (source->versions == NULL)
		return 0;
	number = get_le16(source->versions + index * sizeof(Elf64_Versym));
	symbol->version_hidden = (number & VERSION_HIDDEN) != 0;
	number &= (uint16_t)~VERSION_HIDDEN;
	if (number <= VER_NDX_GLOBAL)
		return 0;
	if (number >= source->version_name_count || source->version_names[number] == NULL)
		return symbol_error(source, index, "has version", number,
				    ", which is neither defined nor needed", reterr);
	symbol->version = source->version_names[number];
	return 0;
}

/*
 * gABI, "Symbol Table", special section indices. Those of processors and systems (such as
 * SHN_X86_64_LCOMMON) mean storage that nobody here knows to make.
 */
static int decode_section(const struct elf_file *elf, const struct elf_symbol_source *source,
			  size_t index, struct elf_symbol *symbol, struct lcp_error **reterr)
{
	const uint8_t *entry = source->entries + index * sizeof(Elf64_Sym);

	symbol->section = SYMBOL(16, entry, st_shndx);
	symbol->reserved = symbol->section == SHN_ABS || symbol->section == SHN_COMMON;
	if (symbol->reserved)
		return 0;
	if (symbol->section == SHN_XINDEX) {
		if (source->section_indices == NULL)
			return error_set(reterr, -LCP_EFORMAT,
					 "%s: symbol %zu has an extended section index, but there "
					 "is no table of those",
					 source->label, index);
		symbol->section = get_le32(source->section_indices + index * sizeof(Elf64_Word));
	} else if (symbol->section >= SHN_LORESERVE) {
		return error_set(reterr, -LCP_EUNSUPPORTED,
				 "%s: symbol %zu '%s' has the special section index 0x%x",
				 source->label, index, symbol->name, symbol->section);
	}
	if (symbol->section != SHN_UNDEF && elf->section_count > 0 &&
	    symbol->section >= elf->section_count)
		return symbol_error(source, index, "lies in section", symbol->section,
				    ", which does not exist", reterr);
	return 0;
}

static int decode_symbol(const struct elf_file *elf, const struct elf_symbol_source *source,
			 size_t index, struct elf_symbol *symbol, struct lcp_error **reterr)
{
	const uint8_t *entry = source->entries + index * sizeof(Elf64_Sym);
	int r;

	symbol->value = SYMBOL(64, entry, st_value);
	symbol->size = SYMBOL(64, entry, st_size);
	symbol->type = ELF64_ST_TYPE(entry[offsetof(Elf64_Sym, st_info)]);
	symbol->bind = ELF64_ST_BIND(entry[offsetof(Elf64_Sym, st_info)]);
	symbol->visibility = ELF64_ST_VISIBILITY(entry[offsetof(Elf64_Sym, st_other)]);
	r = decode_name(source, index, symbol, reterr);
	if (r < 0)
		return r;
	r = decode_version(source, index, symbol, reterr);
	if (r < 0)
		return r;
	return decode_section(elf, source, index, symbol, reterr);
}

int elf_read_symbols(const struct elf_file *elf, const struct elf_symbol_source *source,
		     struct elf_symbols *ret, struct lcp_error **reterr)
{
	autofree struct elf_symbol *symbols = NULL;
	const char *file = NULL;
	uint32_t file_group = 0;
	int r;

	symbols = calloc(source->count + 1, sizeof(*symbols));
	if (symbols == NULL)
		return error_set_nomem(reterr);
	for (size_t i = 0; i < source->count; i++) {
		r = decode_symbol(elf, source, i, &symbols[i], reterr);
		if (r < 0)
			return r;
		if (symbols[i].bind != STB_LOCAL)
			continue;
		if (symbols[i].type == STT_FILE) {
			file = symbols[i].name;
			file_group++;
		}
		symbols[i].file = file;
		symbols[i].file_group = file_group;
	}
	ret->items = take(symbols);
	ret->count = source->count;
	return 0;
}

/* The section of @type that belongs to symbol table @symtab, or 0. */
static size_t find_companion(const struct elf_file *elf, uint32_t type, size_t symtab)
{
	for (size_t i = 1; i < elf->section_count; i++)
		if (elf->sections[i].type == type && elf->sections[i].link == symtab)
			return i;
	return 0;
}

static int find_section_indices(const struct elf_file *elf, size_t symtab,
				struct elf_symbol_source *source, struct lcp_error **reterr)
{
	size_t index = find_companion(elf, SHT_SYMTAB_SHNDX, symtab);

	if (index == 0)
		return 0;
	if (elf->sections[index].size / sizeof(Elf64_Word) < source->count)
		return elf_section_error(elf, index, reterr,
					 "%ju bytes are too few for the indices of %zu symbols",
					 (uintmax_t)elf->sections[index].size, source->count);
	source->section_indices = elf->sections[index].data;
	return 0;
}

/* gABI: a file has at most one section of each type of symbol table. */
static size_t find_symtab(const struct elf_file *elf)
{
	for (size_t i = 1; i < elf->section_count; i++)
		if (elf->sections[i].type == SHT_SYMTAB)
			return i;
	return 0;
}

int elf_read_symtab(struct elf_file *elf, struct lcp_error **reterr)
{
	size_t index = find_symtab(elf);
	const struct elf_section *section;
	autofree char *label = NULL, *strings_label = NULL;
	struct elf_symbol_source source = { 0 };
	int r;

	if (index == 0)
		return 0;
	section = &elf->sections[index];
	if (section->entsize != sizeof(Elf64_Sym) || section->size % sizeof(Elf64_Sym) != 0)
		return elf_section_error(elf, index, reterr,
					 "%ju bytes in entries of %ju are no symbols",
					 (uintmax_t)section->size, (uintmax_t)section->entsize);
	r = elf_section_strings(elf, section->link, index, &source.strings, reterr);
	if (r < 0)
		return r;

	label = elf_section_label(elf, index);
	strings_label = elf_section_label(elf, section->link);
	if (label == NULL || strings_label == NULL)
		return error_set_nomem(reterr);
	source.label = label;
	source.strings_label = strings_label;
	source.entries = section->data;
	source.count = section->size / sizeof(Elf64_Sym);
	r = find_section_indices(elf, index, &source, reterr);
	if (r < 0)
		return r;
	elf->symtab.section = index;
	return elf_read_symbols(elf, &source, &elf->symtab, reterr);
}
