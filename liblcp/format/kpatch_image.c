/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ELF image of a patch file: which sections are loaded, what symbols stand for, and the
 * relocations.
 *
 * What belongs to the patch is told by its name, as in the classic formats: .kpatch.*. Any other
 * allocated section without contents stands for a section of the object that is patched, and its
 * address is the one there.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "format/kpatch_parse.h"

/* No honest patch needs more memory in the process. */
#define LOADED_SIZE_MAX ((uint64_t)1 << 30)

/* The kernel's largest page on the CPUs we know. */
#define LOADED_ALIGN_MAX 65536

static bool begins_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static enum kpatch_section_kind kind_of(const struct elf_section *section)
{
	if (section->type == SHT_RELA || section->type == SHT_REL || section->type == SHT_NULL)
		return KPATCH_OTHER;
	if (strcmp(section->name, ".kpatch.info") == 0 ||
	    strcmp(section->name, ".kpatch.strtab") == 0 ||
	    (begins_with(section->name, ".lcp.") && section->type != SHT_NOBITS))
		return KPATCH_TABLE;
	if (!(section->flags & SHF_ALLOC))
		return KPATCH_OTHER;
	if (!begins_with(section->name, ".kpatch."))
		return section->type == SHT_NOBITS || section->size == 0 ? KPATCH_OBJECT
									 : KPATCH_OTHER;
	if (section->flags & SHF_EXECINSTR)
		return KPATCH_TEXT;
	return section->flags & SHF_WRITE ? KPATCH_DATA : KPATCH_RODATA;
}

static bool is_loaded(enum kpatch_section_kind kind)
{
	return kind == KPATCH_TEXT || kind == KPATCH_RODATA || kind == KPATCH_DATA;
}

static int check_loaded(const struct kpatch_section *section, size_t index, uint64_t *total,
			struct lcp_error **reterr)
{
	if (!is_power_of_two(section->align) || section->align > LOADED_ALIGN_MAX)
		return error_set(reterr, -LCP_EFORMAT,
				 IN_SECTION "alignment %" PRIu64 " is not a power of two up to %d",
				 index, section->name, section->align, LOADED_ALIGN_MAX);
	if (!add_u64(*total, section->size, total) || *total > LOADED_SIZE_MAX)
		return error_set(reterr, -LCP_EFORMAT,
				 IN_SECTION "%" PRIu64 " bytes are more than a patch may load",
				 index, section->name, section->size);
	if (section->kind == KPATCH_TEXT && section->size > 0 && section->bytes == NULL)
		return error_set(reterr, -LCP_EFORMAT, IN_SECTION "code without contents", index,
				 section->name);
	return 0;
}

int kpatch_parse_sections(struct lcp_kpatch *patch, struct lcp_error **reterr)
{
	size_t count = patch->elf->section_count;
	uint64_t total = 0;
	int r;

	if (count == 0)
		return error_set(reterr, -LCP_EFORMAT, "ELF image: no section headers");
	if (count >= SHN_LORESERVE)
		return error_set(reterr, -LCP_EFORMAT, "ELF image: %zu sections are too many",
				 count);
	patch->sections = calloc(count, sizeof(*patch->sections));
	if (patch->sections == NULL)
		return error_set_nomem(reterr);
	patch->section_count = count;

	for (size_t i = 0; i < count; i++) {
		const struct elf_section *from = &patch->elf->sections[i];
		struct kpatch_section *to = &patch->sections[i];

		*to = (struct kpatch_section){
			.name = from->name,
			.kind = kind_of(from),
			.address = from->addr,
			.size = from->size,
			.align = from->align == 0 ? 1 : from->align,
			.bytes = from->data,
		};
		if (!is_loaded(to->kind))
			continue;
		r = check_loaded(to, i, &total, reterr);
		if (r < 0)
			return r;
	}
	return 0;
}

int kpatch_find_section(const struct lcp_kpatch *patch, const char *name, size_t *ret,
			struct lcp_error **reterr)
{
	size_t found = 0;

	for (size_t i = 1; i < patch->section_count; i++) {
		if (strcmp(patch->sections[i].name, name) != 0)
			continue;
		if (found != 0)
			return error_set(reterr, -LCP_EFORMAT,
					 IN_SECTION "section %zu has that name too", i, name,
					 found);
		found = i;
	}
	*ret = found;
	return 0;
}

/*
 * "printf@@GLIBC_2.2.5", as linkers write it into symbol tables without .gnu.version, is a name and
 * a version.
 */
static int split_name(struct lcp_kpatch *patch, struct kpatch_symbol *symbol,
		      struct lcp_error **reterr)
{
	const char *at = strchr(symbol->name, '@');
	char *copy, *version;

	if (at == NULL || at == symbol->name)
		return 0;

	copy = kpatch_own_string(patch, strdup(symbol->name));
	if (copy == NULL)
		return error_set_nomem(reterr);
	version = copy + (at - symbol->name);
	*version++ = '\0';
	version += *version == '@';
	symbol->name = copy;
	symbol->version = *version != '\0' ? version : NULL;
	return 0;
}

/* What a defined symbol stands for follows from its section; 0: for nothing that can be used. */
static uint32_t class_of_defined(const struct lcp_kpatch *patch, const struct elf_symbol *symbol)
{
	enum kpatch_section_kind kind = patch->sections[symbol->section].kind;

	if (is_loaded(kind) || kind == KPATCH_TABLE)
		return LCP_SYMBOL_PATCH;
	if (kind == KPATCH_OBJECT)
		return symbol->type == STT_TLS ? LCP_SYMBOL_TLS : LCP_SYMBOL_OBJECT;
	return 0;
}

static uint32_t class_of(const struct lcp_kpatch *patch, const struct elf_symbol *symbol)
{
	switch (symbol->section) {
	case SHN_UNDEF:
		return symbol->type == STT_TLS ? LCP_SYMBOL_TLS_BOUND : LCP_SYMBOL_IMPORT;
	case SHN_ABS:
		return LCP_SYMBOL_ABSOLUTE;
	case SHN_COMMON:
		return 0;
	default:
		return class_of_defined(patch, symbol);
	}
}

static void read_symbol(const struct lcp_kpatch *patch, const struct elf_symbol *from,
			struct kpatch_symbol *to)
{
	*to = (struct kpatch_symbol){
		.name = from->name,
		.class = class_of(patch, from),
		.value = from->value,
		.size = from->size,
		.type = from->type,
		.weak = from->bind == STB_WEAK,
	};
	if (to->class == LCP_SYMBOL_PATCH || to->class == LCP_SYMBOL_OBJECT)
		to->section = from->section;
	if (to->class == LCP_SYMBOL_OBJECT &&
	    !add_u64(to->value, patch->sections[to->section].address, &to->value))
		to->class = 0;
	if (from->type == STT_SECTION && from->section < patch->section_count)
		to->name = patch->sections[from->section].name;
}

int kpatch_parse_symbols(struct lcp_kpatch *patch, struct lcp_error **reterr)
{
	size_t count = patch->elf->symtab.count;
	int r;

	if (count == 0)
		return error_set(reterr, -LCP_EFORMAT, "ELF image: no symbol table");
	patch->symbols = calloc(count, sizeof(*patch->symbols));
	if (patch->symbols == NULL)
		return error_set_nomem(reterr);
	patch->symbol_count = count;

	/* Symbol 0 is what assemblers refer to for a plain number. */
	patch->symbols[0] = (struct kpatch_symbol){ .name = "", .class = LCP_SYMBOL_ABSOLUTE };
	for (size_t i = 1; i < count; i++) {
		read_symbol(patch, &patch->elf->symtab.items[i], &patch->symbols[i]);
		r = split_name(patch, &patch->symbols[i], reterr);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Where a relocation stands, for messages. */
struct place {
	const struct lcp_kpatch *patch;
	size_t section; /* the SHT_RELA section */
	size_t number;
};

#define AT_PLACE IN_SECTION "relocation %zu "

static const char *place_name(const struct place *place)
{
	return place->patch->sections[place->section].name;
}

/* Prove what a relocation of loaded contents refers to, and note that it is used. */
static int use_symbol(struct lcp_kpatch *patch, const struct place *place, uint32_t index,
		      struct lcp_error **reterr)
{
	struct kpatch_symbol *symbol = &patch->symbols[index];
	const struct kpatch_section *section = &patch->sections[symbol->section];

	symbol->used = index != 0;
	if (symbol->class == 0 || section->kind == KPATCH_TABLE)
		return error_set(reterr, -LCP_EFORMAT,
				 AT_PLACE "refers to symbol %" PRIu32
					  " '%s', which is neither in the patch nor in the object",
				 place->section, place_name(place), place->number, index,
				 symbol->name);
	if (symbol->class == LCP_SYMBOL_PATCH &&
	    !range_fits(symbol->value, symbol->size, section->size))
		return error_set(reterr, -LCP_EFORMAT,
				 AT_PLACE "refers to symbol %" PRIu32
					  " '%s', which runs past the end of '%s'",
				 place->section, place_name(place), place->number, index,
				 symbol->name, section->name);
	return 0;
}

static int read_reloc(struct lcp_kpatch *patch, const struct place *place,
		      const struct kpatch_section *target, const struct elf_reloc *from,
		      struct kpatch_reloc *to, struct lcp_error **reterr)
{
	const struct reloc_type *type = arch_reloc_type(patch->arch, from->type);

	if (type == NULL)
		return error_set(reterr, -LCP_EUNSUPPORTED,
				 AT_PLACE "has type %" PRIu32 ", which is unknown on %s",
				 place->section, place_name(place), place->number, from->type,
				 patch->arch->name);
	if (!range_fits(from->offset, type->size, target->size) || target->bytes == NULL)
		return error_set(reterr, -LCP_EFORMAT,
				 AT_PLACE "at 0x%" PRIx64 " is outside of '%s'", place->section,
				 place_name(place), place->number, from->offset, target->name);
	*to = (struct kpatch_reloc){
		.offset = from->offset,
		.addend = from->addend,
		.symbol = from->symbol,
		.type = type,
	};
	return is_loaded(target->kind) ? use_symbol(patch, place, from->symbol, reterr) : 0;
}

/* Read the relocations of section @target, which are in section @index. */
static int read_relocs(struct lcp_kpatch *patch, size_t index, struct kpatch_section *target,
		       struct lcp_error **reterr)
{
	struct place place = { .patch = patch, .section = index };
	autofree struct elf_reloc *relocs = NULL;
	size_t count;
	int r;

	if (target->relocs != NULL)
		return error_set(reterr, -LCP_EFORMAT,
				 IN_SECTION "a second section of relocations for '%s'", index,
				 place_name(&place), target->name);
	r = elf_file_relocs(patch->elf, index, &relocs, &count, reterr);
	if (r < 0 || count == 0)
		return r;

	target->relocs = calloc(count, sizeof(*target->relocs));
	if (target->relocs == NULL)
		return error_set_nomem(reterr);
	target->reloc_count = count;
	for (place.number = 0; place.number < count; place.number++) {
		r = read_reloc(patch, &place, target, &relocs[place.number],
			       &target->relocs[place.number], reterr);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Note the indices of the symbols that relocations use, for those who list them. */
static int list_used_symbols(struct lcp_kpatch *patch, struct lcp_error **reterr)
{
	patch->used_symbols = calloc(patch->symbol_count, sizeof(*patch->used_symbols));
	if (patch->used_symbols == NULL)
		return error_set_nomem(reterr);
	for (size_t i = 0; i < patch->symbol_count; i++)
		if (patch->symbols[i].used)
			patch->used_symbols[patch->used_symbol_count++] = (uint32_t)i;
	return 0;
}

int kpatch_parse_relocs(struct lcp_kpatch *patch, struct lcp_error **reterr)
{
	for (size_t i = 1; i < patch->section_count; i++) {
		const struct elf_section *section = &patch->elf->sections[i];
		struct kpatch_section *target;
		int r;

		if (section->type != SHT_RELA && section->type != SHT_REL)
			continue;
		target = &patch->sections[section->info < patch->section_count ? section->info : 0];
		if (!is_loaded(target->kind) && target->kind != KPATCH_TABLE)
			continue;
		if (section->type == SHT_REL)
			return error_set(reterr, -LCP_EUNSUPPORTED,
					 IN_SECTION "relocations without addends", i,
					 section->name);
		r = read_relocs(patch, i, target, reterr);
		if (r < 0)
			return r;
	}
	return list_used_symbols(patch, reterr);
}
