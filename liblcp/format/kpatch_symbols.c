/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The symbols of a patch file, as its ELF image has them: what each stands for. Whether one can be
 * used shows when a relocation refers to it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "format/kpatch_parse.h"

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

	if (!kpatch_count_name(patch, symbol->name))
		return error_set(reterr, -LCP_EFORMAT,
				 "symbol %zu: its name makes names longer than the file",
				 (size_t)(symbol - patch->symbols));
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
	const struct kpatch_section *section = &patch->sections[symbol->section];

	if (kpatch_is_loaded(section) || section->kind == KPATCH_TABLE)
		return LCP_SYMBOL_PATCH;
	if (section->kind == KPATCH_OBJECT)
		return symbol->type == STT_TLS ? LCP_SYMBOL_TLS : LCP_SYMBOL_OBJECT;
	return 0;
}

static uint32_t class_of(const struct lcp_kpatch *patch, const struct elf_symbol *symbol)
{
	switch (symbol->section) {
	case SHN_UNDEF:
		if (*symbol->name == '\0' || symbol->type == STT_SECTION)
			return 0;
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
