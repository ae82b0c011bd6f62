/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Relate a patch to the original. It was linked with a copy of the original that has more in it, so
 * sections are elsewhere, and .bss, .got and .plt may hold more. What the patch refers to is looked
 * up by name, and what has none by its offset in a section that is the same in both.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "arch/arch.h"
#include "base/error.h"
#include "base/log.h"
#include "base/num.h"
#include "build/classic.h"
#include "build/classic_elf.h"

struct fixup {
	struct lcp_ctx *ctx;
	struct elf_file *original;
	struct classic_elf patch;
	const struct arch *arch;
	bool is_library; /* others may define its symbols in its place */
	struct str *bytes; /* our copies of contents, of patch.sections */
	struct lcp_error **reterr;
};

static void fixup_fini(struct fixup *fixup)
{
	for (size_t i = 0; fixup->bytes != NULL && i < fixup->patch.sections.count; i++)
		str_fini(&fixup->bytes[i]);
	free(fixup->bytes);
	classic_elf_fini(&fixup->patch);
	elf_file_close(fixup->original);
}

static struct classic_symbol *symbol_of(struct fixup *fixup, const struct classic_reloc *reloc)
{
	return &fixup->patch.symbols.items[reloc->symbol];
}

static int64_t find_dynamic(const struct elf_file *elf, int64_t tag)
{
	for (size_t i = 0; i < elf->dynamic_count; i++)
		if (elf->dynamic[i].tag == tag)
			return (int64_t)elf->dynamic[i].value;
	return 0;
}

/* Is it a library whose symbols others may define in its place? */
static bool is_preemptible(const struct elf_file *elf)
{
	for (size_t i = 0; i < elf->segment_count; i++)
		if (elf->segments[i].type == PT_INTERP)
			return false;
	for (size_t i = 0; i < elf->dynamic_count; i++)
		if (elf->dynamic[i].tag == DT_SYMBOLIC)
			return false;
	return elf->type == ET_DYN && (find_dynamic(elf, DT_FLAGS) & DF_SYMBOLIC) == 0 &&
	       (find_dynamic(elf, DT_FLAGS_1) & DF_1_PIE) == 0;
}

/* Without "@@GLIBC_2.2.5". */
static struct slice plain_name(const char *name)
{
	struct slice rest = { name, strlen(name) };

	return slice_cut(&rest, '@');
}

static bool is_defined(const struct elf_symbol *symbol)
{
	return symbol->section != SHN_UNDEF && symbol->type != STT_FILE &&
	       symbol->type != STT_SECTION;
}

static uint64_t section_address(const struct elf_file *elf, const struct elf_symbol *symbol)
{
	return !symbol->reserved && symbol->section < elf->section_count
		       ? elf->sections[symbol->section].addr
		       : 0;
}

/* Where in its section is the symbol? The same in both files, if nothing has moved. */
static uint64_t offset_of(const struct fixup *fixup, const struct classic_symbol *symbol)
{
	return symbol->is_absolute
		       ? symbol->value
		       : symbol->value - fixup->patch.sections.items[symbol->section].addr;
}

/* Is @there of the original what @symbol is called, of the same binding and kind? */
static bool is_same(const struct classic_symbol *symbol, const struct elf_symbol *there)
{
	return is_defined(there) && (symbol->bind == STB_LOCAL) == (there->bind == STB_LOCAL) &&
	       (symbol->type == STT_TLS) == (there->type == STT_TLS) &&
	       slice_equals(plain_name(symbol->name), plain_name(there->name));
}

/*
 * The symbol of the original that is @symbol; NULL if there is none. Of several static ones it is
 * the one that has not moved, since both files are linked from the same units in the same order.
 */
static int find_counterpart(const struct fixup *fixup, const struct classic_symbol *symbol,
			    const struct elf_symbol **ret)
{
	const struct elf_symbols *table = &fixup->original->symtab;
	size_t count = 0;

	*ret = NULL;
	if (table->count == 0 && symbol->bind != STB_LOCAL)
		table = &fixup->original->dynsym;
	for (size_t i = 1; i < table->count; i++) {
		const struct elf_symbol *there = &table->items[i];
		uint64_t base = section_address(fixup->original, there);

		if (!is_same(symbol, there))
			continue;
		*ret = there;
		count++;
		if (symbol->bind != STB_LOCAL || there->value - base == offset_of(fixup, symbol))
			return 0;
	}
	if (count > 1)
		return error_set(fixup->reterr, -LCP_EFORMAT,
				 "the original has %zu static '%s', none of them where the patch "
				 "expects it",
				 count, symbol->name);
	return 0;
}

/* The section of the patch that stands for the one of that name. */
static int64_t find_section(const struct fixup *fixup, const char *name)
{
	for (size_t i = 1; i < fixup->patch.sections.count; i++)
		if (fixup->patch.sections.items[i].kept &&
		    strcmp(fixup->patch.sections.items[i].name, name) == 0)
			return (int64_t)i;
	return -1;
}

static void make_undefined(struct classic_symbol *symbol)
{
	symbol->section = SHN_UNDEF;
	symbol->is_absolute = false;
	symbol->value = 0;
	symbol->size = 0;
	symbol->bind = symbol->bind == STB_WEAK ? STB_WEAK : STB_GLOBAL;
	symbol->visibility = STV_DEFAULT;
	if (symbol->type != STT_TLS)
		symbol->type = STT_NOTYPE;
}

/* Give @symbol the place that @there has in the original. */
static int move_symbol(struct fixup *fixup, struct classic_symbol *symbol,
		       const struct elf_symbol *there)
{
	const struct elf_section *section;
	int64_t number;

	if (there->reserved || there->section >= fixup->original->section_count) {
		symbol->value = there->value;
		symbol->section = SHN_ABS;
		symbol->is_absolute = true;
		return 0;
	}
	section = &fixup->original->sections[there->section];
	number = find_section(fixup, section->name);
	if (number < 0)
		return error_set(fixup->reterr, -LCP_EFORMAT,
				 "'%s' is in section '%s', which the patch was not linked with",
				 symbol->name, section->name);
	symbol->section = (uint32_t)number;
	symbol->type = there->type;
	symbol->size = there->size;
	symbol->value = there->value;
	if (symbol->type != STT_TLS)
		symbol->value += fixup->patch.sections.items[number].addr - section->addr;
	return 0;
}

/* What has no name in the original is where it was, if the section is the same. */
static int check_section(const struct fixup *fixup, const struct classic_section *section)
{
	const struct elf_section *there = elf_file_section(fixup->original, section->name);

	if (there != NULL && there->size == section->size)
		return 0;
	return error_set(fixup->reterr, -LCP_EFORMAT,
			 "the patch refers to something in section '%s' by its place, and the "
			 "section is not the same in the original",
			 section->name);
}

static int fix_symbol(struct fixup *fixup, struct classic_symbol *symbol)
{
	const struct elf_symbol *there;
	int r;

	if (symbol->section == SHN_UNDEF && !symbol->is_absolute) {
		if (*symbol->name != '\0')
			make_undefined(symbol);
		return 0;
	}
	if (symbol->is_absolute || fixup->patch.sections.items[symbol->section].is_patch)
		return 0;
	if (symbol->type == STT_SECTION)
		return check_section(fixup, &fixup->patch.sections.items[symbol->section]);
	r = find_counterpart(fixup, symbol, &there);
	if (r < 0)
		return r;
	if (there != NULL)
		return move_symbol(fixup, symbol, there);
	/* Labels and aliases need no counterpart where the section has not changed. */
	if (symbol->bind == STB_LOCAL && symbol->type != STT_TLS)
		return check_section(fixup, &fixup->patch.sections.items[symbol->section]);
	if (strchr(symbol->name, '@') == NULL)
		return error_set(fixup->reterr, -LCP_EFORMAT,
				 "'%s' is neither in the original nor in the patch", symbol->name);
	make_undefined(symbol); /* a copy of a library's variable that the original has not */
	return 0;
}

static bool is_got(const struct classic_reloc *reloc)
{
	return reloc->type == R_X86_64_GOTPCREL || reloc->type == R_X86_64_GOTPCRELX ||
	       reloc->type == R_X86_64_REX_GOTPCRELX;
}

/* Is it an address, as code has it that cannot tell where it will be? */
static bool is_open(const struct classic_reloc *reloc)
{
	return is_got(reloc) || reloc->type == R_X86_64_PLT32 || reloc->type == R_X86_64_64;
}

static bool is_import(const struct classic_symbol *symbol)
{
	return symbol->section == SHN_UNDEF && !symbol->is_absolute;
}

/* May another object's definition of this symbol of the original be meant? */
static bool is_shared(const struct fixup *fixup, const struct classic_symbol *symbol)
{
	if (!fixup->is_library || symbol->is_absolute || symbol->bind == STB_LOCAL ||
	    is_import(symbol) || fixup->patch.sections.items[symbol->section].is_patch)
		return false;
	for (size_t i = 1; i < fixup->original->dynsym.count; i++) {
		const struct elf_symbol *there = &fixup->original->dynsym.items[i];

		if (is_defined(there) && there->visibility == STV_DEFAULT &&
		    slice_equals(plain_name(there->name), plain_name(symbol->name)))
			return true;
	}
	return false;
}

/* Let the relocation refer to an undefined symbol of the same name. */
static int import_shared(struct fixup *fixup, struct classic_reloc *reloc)
{
	struct classic_symbol symbol = *symbol_of(fixup, reloc);

	make_undefined(&symbol);
	for (size_t i = 1; i < fixup->patch.symbols.count; i++) {
		const struct classic_symbol *other = &fixup->patch.symbols.items[i];

		if (is_import(other) && strcmp(other->name, symbol.name) == 0) {
			reloc->symbol = (uint32_t)i;
			return 0;
		}
	}
	reloc->symbol = (uint32_t)fixup->patch.symbols.count;
	if (vec_push(&fixup->patch.symbols, symbol) < 0)
		return error_set_nomem(fixup->reterr);
	return 0;
}

/* What the patch can reach needs no slot: where there is such a form, rewrite the instruction. */
static void relax(struct fixup *fixup, struct classic_section *section, struct classic_reloc *reloc)
{
	struct str *bytes = &fixup->bytes[section - fixup->patch.sections.items];
	const struct reloc_type *type = arch_reloc_type(fixup->arch, reloc->type);
	size_t offset = (size_t)(reloc->offset - section->addr);
	int64_t addend;

	if (type == NULL || bytes->text == NULL || reloc->addend != -4)
		return;
	type = fixup->arch->reloc_relax(type, (uint8_t *)bytes->text, bytes->size, offset, &offset,
					&addend);
	if (type == NULL)
		return;
	reloc->type = type->number;
	reloc->offset = section->addr + offset;
	reloc->addend += addend;
}

/* The slot that the dynamic linker fills with the offset of thread-local @name; 0 if none. */
static int find_tls_slot(const struct fixup *fixup, const char *name, uint64_t *ret)
{
	const struct elf_file *elf = fixup->original;

	*ret = 0;
	for (size_t i = 1; i < elf->section_count && *ret == 0; i++) {
		autofree struct elf_reloc *relocs = NULL;
		size_t count;
		int r;

		if (elf->sections[i].type != SHT_RELA || elf->dynsym.section == 0 ||
		    elf->sections[i].link != elf->dynsym.section)
			continue;
		r = elf_file_relocs(elf, i, &relocs, &count, fixup->reterr);
		if (r < 0)
			return r;
		for (size_t k = 0; k < count; k++)
			if (relocs[k].type == R_X86_64_TPOFF64 &&
			    slice_equals(plain_name(elf->dynsym.items[relocs[k].symbol].name),
					 plain_name(name)))
				*ret = relocs[k].offset;
	}
	return 0;
}

/* Another object's thread-local variable: the original's own slot is used, see kpatch(5). */
static int use_tls_slot(struct fixup *fixup, struct classic_reloc *reloc)
{
	const char *name = symbol_of(fixup, reloc)->name;
	uint64_t slot;
	int r;

	r = find_tls_slot(fixup, name, &slot);
	if (r < 0)
		return r;
	if (slot == 0)
		return error_set(fixup->reterr, -LCP_EUNSUPPORTED,
				 "thread-local variable '%s' of another object is new to the "
				 "original",
				 name);
	reloc->addend = (int64_t)slot - 4;
	return 0;
}

/* Direct code for a library's variable needs a copy of it, which only a program's start makes. */
static int check_import(const struct fixup *fixup, const struct classic_section *section,
			const struct classic_reloc *reloc, const struct classic_symbol *symbol,
			bool was_copied)
{
	if (!was_copied || is_open(reloc) || symbol->type == STT_TLS)
		return 0;
	return error_set(fixup->reterr, -LCP_EUNSUPPORTED,
			 "'%s': '%s' is new to the original and may be out of reach; use "
			 "kpatch_gensrc --force-gotpcrel",
			 section->name, symbol->name);
}

static int fix_reloc(struct fixup *fixup, struct classic_section *section,
		     struct classic_reloc *reloc, bool was_copied)
{
	const struct classic_symbol *symbol = symbol_of(fixup, reloc);
	bool is_info = strcmp(section->name, ".kpatch.info") == 0;
	int r = 0;

	log_message(fixup->ctx, LCP_LOG_INFO, "Fixing up relocation %s+%" PRIx64,
		    symbol->type == STT_SECTION && !symbol->is_absolute
			    ? fixup->patch.sections.items[symbol->section].name
			    : symbol->name,
		    (uint64_t)reloc->addend);
	if (fixup->patch.view->machine != EM_X86_64)
		return 0;
	if (!is_info && is_open(reloc) && is_shared(fixup, symbol))
		return import_shared(fixup, reloc);
	if (is_import(symbol)) {
		r = check_import(fixup, section, reloc, symbol, was_copied);
		if (r == 0 && reloc->type == R_X86_64_GOTTPOFF)
			r = use_tls_slot(fixup, reloc);
		return r;
	}
	if (is_got(reloc))
		relax(fixup, section, reloc);
	return 0;
}

/* Contents are changed in copies. */
static int copy_contents(struct fixup *fixup)
{
	size_t count = fixup->patch.sections.count;

	fixup->bytes = calloc(count, sizeof(*fixup->bytes));
	if (fixup->bytes == NULL)
		return error_set_nomem(fixup->reterr);
	for (size_t i = 0; i < count; i++) {
		struct classic_section *section = &fixup->patch.sections.items[i];

		if (!section->is_patch || section->bytes == NULL || section->relocs.count == 0)
			continue;
		str_put(&fixup->bytes[i], section->bytes, section->size);
		if (fixup->bytes[i].failed)
			return error_set_nomem(fixup->reterr);
		section->bytes = fixup->bytes[i].text;
	}
	return 0;
}

/* Symbols first, while they are as they were linked; then what refers to them. */
static int fix_all(struct fixup *fixup)
{
	size_t count = fixup->patch.symbols.count;
	autofree bool *done = calloc(count, sizeof(*done));
	autofree bool *copied = calloc(count, sizeof(*copied));
	int r = 0;

	if (done == NULL || copied == NULL)
		return error_set_nomem(fixup->reterr);
	vec_foreach (&fixup->patch.sections, section)
		vec_foreach (&section->relocs, reloc) {
			struct classic_symbol *symbol = symbol_of(fixup, reloc);
			bool was_import = is_import(symbol);
			size_t number = reloc->symbol;

			if (r == 0 && !done[number])
				r = fix_symbol(fixup, symbol);
			copied[number] = copied[number] || (!was_import && is_import(symbol));
			done[number] = true;
		}
	vec_foreach (&fixup->patch.sections, section)
		vec_foreach (&section->relocs, reloc)
			if (r == 0)
				r = fix_reloc(fixup, section, reloc, copied[reloc->symbol]);
	return r;
}

int classic_rel_fixup(struct lcp_ctx *ctx, struct slice original, struct slice patch,
		      struct str *ret, struct lcp_error **reterr)
{
	struct fixup fixup cleanup(fixup_fini) = { .ctx = ctx, .reterr = reterr };
	int r;

	r = elf_file_open_mem(original.text, original.size, &fixup.original, reterr);
	if (r < 0)
		return error_add_path(reterr, r, "original");
	r = classic_elf_read(patch, "patch", &fixup.patch, reterr);
	if (r < 0)
		return r;
	if (fixup.patch.type == ET_REL)
		return error_set(reterr, -LCP_EFORMAT, "the link of the patch is undone already");
	if (fixup.original->machine != fixup.patch.view->machine)
		return error_set(reterr, -LCP_EFORMAT,
				 "the original is for another CPU than the patch");
	fixup.arch = arch_by_machine(fixup.original->machine);
	fixup.is_library = is_preemptible(fixup.original);
	r = copy_contents(&fixup);
	if (r == 0)
		r = fix_all(&fixup);
	return r < 0 ? r : classic_elf_write(&fixup.patch, ret, reterr);
}
