/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The relocations of a patch file: each is of a type that the CPU knows, changes bytes that no
 * other changes, and refers to a symbol that can give it what it needs.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "base/utf8.h"
#include "format/kpatch_parse.h"

/* No compiler refers to anything that far from the symbol it names. */
#define ADDEND_MAX ((int64_t)1 << 31)

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

/* Which needs of relocations can a symbol of each class serve? */
enum supply {
	SUPPLY_NONE,
	SUPPLY_ADDRESS,
	SUPPLY_TLS,
};

static enum supply supply_of(uint32_t class)
{
	switch (class) {
	case LCP_SYMBOL_PATCH:
	case LCP_SYMBOL_OBJECT:
	case LCP_SYMBOL_BOUND:
	case LCP_SYMBOL_IMPORT:
	case LCP_SYMBOL_ABSOLUTE:
		return SUPPLY_ADDRESS;
	case LCP_SYMBOL_TLS:
	case LCP_SYMBOL_TLS_BOUND:
		return SUPPLY_TLS;
	default:
		return SUPPLY_NONE;
	}
}

static bool serves(uint32_t class, uint8_t need)
{
	switch (need) {
	case RELOC_NOTHING:
	case RELOC_GOT_BASE:
		return supply_of(class) != SUPPLY_NONE;
	case RELOC_TLS_OFFSET:
	case RELOC_TLS_SLOT:
	case RELOC_TLS_PAIR:
	case RELOC_TLS_MODULE:
	case RELOC_TLS_IN_MODULE:
	case RELOC_TLS_DESCRIPTOR:
	case RELOC_TLS_SLOT_OFFSET:
	case RELOC_TLS_PAIR_OFFSET:
	case RELOC_TLS_DESCRIPTOR_OFFSET:
		return supply_of(class) == SUPPLY_TLS;
	default:
		return supply_of(class) == SUPPLY_ADDRESS;
	}
}

/* Why the symbol's value cannot be, or NULL if it can. */
static const char *find_fault(const struct lcp_kpatch *patch, const struct kpatch_symbol *symbol)
{
	switch (symbol->class) {
	case LCP_SYMBOL_PATCH:
		if (!range_fits(symbol->value, symbol->size, patch->sections[symbol->section].size))
			return "runs past the end of its section";
		return NULL;
	case LCP_SYMBOL_BOUND:
	case LCP_SYMBOL_TLS_BOUND:
		if (symbol->value % 8 != 0 && (symbol->flags & SYMBOL_IS_PLT) == 0)
			return "is in a GOT slot between two";
		/* fall through */
	case LCP_SYMBOL_OBJECT:
		return symbol->value <= INT64_MAX ? NULL : "is at an address that no object has";
	case LCP_SYMBOL_TLS:
		if (patch->format == LCP_FORMAT_LCP && symbol->value > INT32_MAX)
			return "is at an offset that no thread-local block has";
		return NULL;
	default:
		return NULL;
	}
}

static int symbol_error(const struct place *place, uint32_t index, const char *what,
			struct lcp_error **reterr)
{
	return error_set(reterr, -LCP_EFORMAT,
			 AT_PLACE "refers to symbol %" PRIu32 " '%s', which %s", place->section,
			 place_name(place), place->number, index, place->patch->symbols[index].name,
			 what);
}

/* Prove what a relocation of loaded contents refers to, and note that it is used. */
static int use_symbol(struct lcp_kpatch *patch, const struct place *place,
		      const struct kpatch_reloc *reloc, struct lcp_error **reterr)
{
	struct kpatch_symbol *symbol = &patch->symbols[reloc->symbol];
	const char *fault;

	if (symbol->class == 0 || patch->sections[symbol->section].kind == KPATCH_TABLE)
		return symbol_error(place, reloc->symbol,
				    "is neither in the patch nor in the object", reterr);
	fault = find_fault(patch, symbol);
	if (fault != NULL)
		return symbol_error(place, reloc->symbol, fault, reterr);
	if (!serves(symbol->class, reloc->type->need))
		return error_set(reterr, -LCP_EFORMAT,
				 AT_PLACE "is %s, which '%s' cannot serve: its class is %s",
				 place->section, place_name(place), place->number,
				 reloc->type->name, symbol->name, kpatch_class_name(symbol->class));
	if (reloc->addend < -ADDEND_MAX || reloc->addend > ADDEND_MAX)
		return error_set(reterr, -LCP_EFORMAT, AT_PLACE "has addend %" PRId64,
				 place->section, place_name(place), place->number, reloc->addend);
	if (!utf8_is_printable(symbol->name) ||
	    (symbol->version != NULL && !utf8_is_printable(symbol->version)))
		return symbol_error(place, reloc->symbol, "has a name that is not printable",
				    reterr);
	if (!symbol->used && !kpatch_count_name(patch, symbol->name))
		return symbol_error(place, reloc->symbol, "makes names longer than the file",
				    reterr);
	symbol->used = reloc->symbol != 0;
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
	return kpatch_is_loaded(target) ? use_symbol(patch, place, to, reterr) : 0;
}

static int compare_relocs(const void *left, const void *right)
{
	const struct kpatch_reloc *a = left, *b = right;

	return (a->offset > b->offset) - (a->offset < b->offset);
}

/* Sort them, which is how everybody behind expects them, and see that no byte is changed twice. */
static int sort_relocs(const struct kpatch_section *target, struct lcp_error **reterr)
{
	uint64_t end = 0;

	qsort(target->relocs, target->reloc_count, sizeof(*target->relocs), compare_relocs);
	for (size_t i = 0; i < target->reloc_count; i++) {
		const struct kpatch_reloc *reloc = &target->relocs[i];

		if (reloc->type->size == 0)
			continue;
		if (reloc->offset < end)
			return error_set(reterr, -LCP_EFORMAT,
					 "section '%s': two relocations change byte 0x%" PRIx64,
					 target->name, reloc->offset);
		end = reloc->offset + reloc->type->size;
	}
	return 0;
}

/* Read the relocations of section @target, which are in section @index. */
static int read_relocs(struct lcp_kpatch *patch, size_t index, struct kpatch_section *target,
		       struct lcp_error **reterr)
{
	struct place place = { .patch = patch, .section = index };
	autofree struct elf_reloc *relocs = NULL;
	size_t count;
	int r;

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
	return sort_relocs(target, reterr);
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

/* ".rela.kpatch.text" holds the relocations of ".kpatch.text", and nothing else does. */
static bool is_named_for(const char *name, const char *target)
{
	return strncmp(name, ".rela", 5) == 0 && strcmp(name + 5, target) == 0;
}

/* Is there anything between section @index and section @target that is not as it must be? */
static int check_target(const struct lcp_kpatch *patch, size_t index,
			const struct kpatch_section *target, struct lcp_error **reterr)
{
	const struct elf_section *section = &patch->elf->sections[index];

	if (section->type == SHT_REL)
		return error_set(reterr, -LCP_EUNSUPPORTED,
				 IN_SECTION "relocations without addends", index, section->name);
	if (section->link != patch->elf->symtab.section)
		return error_set(reterr, -LCP_EFORMAT,
				 IN_SECTION "its symbols are not those of '.symtab'", index,
				 section->name);
	if (target->relocs != NULL)
		return error_set(reterr, -LCP_EFORMAT,
				 IN_SECTION "a second section of relocations for '%s'", index,
				 section->name, target->name);
	if (!is_named_for(section->name, target->name))
		return error_set(reterr, -LCP_EFORMAT, IN_SECTION "relocations of '%s'", index,
				 section->name, target->name);
	return 0;
}

/* The section that section @index has relocations for, if that is one of the patch's; or 0. */
static uint32_t target_of(const struct lcp_kpatch *patch, size_t index)
{
	const struct elf_section *section = &patch->elf->sections[index];
	const struct kpatch_section *target;

	if ((section->type != SHT_RELA && section->type != SHT_REL) ||
	    section->info >= patch->section_count)
		return 0;
	target = &patch->sections[section->info];
	return target->kind == KPATCH_TABLE || kpatch_is_loaded(target) ? section->info : 0;
}

int kpatch_parse_relocs(struct lcp_kpatch *patch, struct lcp_error **reterr)
{
	for (size_t i = 1; i < patch->section_count; i++) {
		const struct elf_section *section = &patch->elf->sections[i];
		uint32_t target = target_of(patch, i);
		int r;

		/* One with such a name that is not for the patch would leave code unrelocated. */
		if (target == 0 && strncmp(section->name, ".rela.kpatch.", 13) == 0 &&
		    section->size > 0)
			return error_set(reterr, -LCP_EFORMAT,
					 IN_SECTION "no relocations of a section of the patch", i,
					 section->name);
		if (target == 0)
			continue;
		r = check_target(patch, i, &patch->sections[target], reterr);
		if (r == 0)
			r = read_relocs(patch, i, &patch->sections[target], reterr);
		if (r < 0)
			return r;
	}
	return list_used_symbols(patch, reterr);
}
