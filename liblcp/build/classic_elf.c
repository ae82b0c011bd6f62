/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/classic_elf.h"

#include <errno.h>
#include <string.h>

#include "arch/arch.h"
#include "base/error.h"
#include "base/num.h"
#include "format/elf_write.h"

static bool is_patch_name(const char *name)
{
	return strncmp(name, ".kpatch.", 8) == 0;
}

static int read_sections(struct classic_elf *elf, struct lcp_error **reterr)
{
	for (size_t i = 0; i < elf->view->section_count; i++) {
		const struct elf_section *from = &elf->view->sections[i];
		struct classic_section section = {
			.name = from->name,
			.kept = (from->flags & SHF_ALLOC) && from->type != SHT_NULL,
			.is_patch = is_patch_name(from->name),
			.type = from->type,
			.flags = from->flags,
			.addr = from->addr,
			.align = from->align,
			.size = from->size,
			.bytes = from->data,
		};

		section.kept = section.kept || section.is_patch;
		if (vec_push(&elf->sections, section) < 0)
			return error_set_nomem(reterr);
	}
	return 0;
}

static int read_symbols(struct classic_elf *elf, struct lcp_error **reterr)
{
	for (size_t i = 0; i < elf->view->symtab.count; i++) {
		const struct elf_symbol *from = &elf->view->symtab.items[i];
		const struct classic_symbol symbol = {
			.name = from->name,
			.section = from->section,
			.is_absolute = from->reserved,
			.type = from->type,
			.bind = from->bind,
			.visibility = from->visibility,
			.value = from->value,
			.size = from->size,
		};

		if (vec_push(&elf->symbols, symbol) < 0)
			return error_set_nomem(reterr);
	}
	return 0;
}

/* The section that ".rela.kpatch.text" is for, or NULL. */
static struct classic_section *find_target(struct classic_elf *elf, const struct elf_section *relas)
{
	if (relas->type != SHT_RELA || strncmp(relas->name, ".rela.kpatch.", 13) != 0)
		return NULL;
	vec_foreach (&elf->sections, section)
		if (section->is_patch && strcmp(section->name, relas->name + 5) == 0)
			return section;
	return NULL;
}

static int read_relocs(struct classic_elf *elf, struct lcp_error **reterr)
{
	for (size_t i = 1; i < elf->view->section_count; i++) {
		struct classic_section *target = find_target(elf, &elf->view->sections[i]);
		autofree struct elf_reloc *relocs = NULL;
		size_t count;
		int r;

		if (target == NULL)
			continue;
		if (elf->view->sections[i].link != elf->view->symtab.section)
			return error_set(reterr, -LCP_EFORMAT,
					 "'%s': its symbols are not those of '.symtab'",
					 elf->view->sections[i].name);
		r = elf_file_relocs(elf->view, i, &relocs, &count, reterr);
		for (size_t k = 0; r == 0 && k < count; k++) {
			const struct classic_reloc reloc = {
				.offset = relocs[k].offset,
				.type = relocs[k].type,
				.symbol = relocs[k].symbol,
				.addend = relocs[k].addend,
			};

			r = vec_push(&target->relocs, reloc);
			if (r < 0)
				return error_set_nomem(reterr);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

int classic_elf_read(struct slice file, const char *what, struct classic_elf *ret,
		     struct lcp_error **reterr)
{
	int r;

	*ret = (struct classic_elf){ 0 };
	r = elf_file_open_mem(file.text, file.size, &ret->view, reterr);
	if (r < 0)
		return r;
	ret->type = ret->view->type;
	if (arch_by_machine(ret->view->machine) == NULL)
		r = error_set(reterr, -LCP_EUNSUPPORTED, "the %s is for unknown machine %d", what,
			      ret->view->machine);
	if (r == 0 && ret->view->section_count == 0)
		r = error_set(reterr, -LCP_EFORMAT, "the %s has no section headers", what);
	if (r == 0)
		r = read_sections(ret, reterr);
	if (r == 0)
		r = read_symbols(ret, reterr);
	if (r == 0)
		r = read_relocs(ret, reterr);
	if (r < 0)
		classic_elf_fini(ret);
	return r;
}

void classic_elf_fini(struct classic_elf *elf)
{
	vec_foreach (&elf->sections, section)
		vec_fini(&section->relocs);
	vec_fini(&elf->sections);
	vec_fini(&elf->symbols);
	elf_file_close(elf->view);
	elf->view = NULL;
}

static int write_sections(struct classic_elf *elf, struct elf_out *out)
{
	vec_foreach (&elf->sections, section) {
		const struct elf_out_section to = {
			.name = section->name,
			.type = section->is_patch ? section->type : SHT_NOBITS,
			.flags = section->flags & ~(uint64_t)(SHF_MERGE | SHF_STRINGS |
							      SHF_INFO_LINK | SHF_LINK_ORDER),
			.addr = section->addr,
			.align = section->align,
			.bytes = section->is_patch ? section->bytes : NULL,
			.size = section->size,
		};
		int r;

		if (!section->kept)
			continue;
		r = elf_out_add(out, to);
		if (r < 0)
			return r;
		section->number = (uint32_t)r;
	}
	return 0;
}

static void note_used(struct classic_elf *elf)
{
	vec_foreach (&elf->symbols, symbol)
		symbol->used = false;
	vec_foreach (&elf->sections, section)
		vec_foreach (&section->relocs, reloc)
			elf->symbols.items[reloc->symbol].used = true;
}

static uint16_t section_number(const struct classic_elf *elf, const struct classic_symbol *symbol)
{
	if (symbol->is_absolute)
		return (uint16_t)symbol->section;
	return (uint16_t)elf->sections.items[symbol->section].number;
}

/* Local symbols stand before the others: gABI, "Symbol Table". */
static void put_symbols(struct classic_elf *elf, bool local, struct str *symbols, struct str *names)
{
	for (size_t i = 1; i < elf->symbols.count; i++) {
		struct classic_symbol *symbol = &elf->symbols.items[i];
		uint8_t info = (uint8_t)ELF64_ST_INFO(symbol->bind, symbol->type);

		if (!symbol->used || (symbol->bind == STB_LOCAL) != local)
			continue;
		symbol->number = (uint32_t)(symbols->size / sizeof(Elf64_Sym));
		elf_put_symbol(symbols,
			       *symbol->name != '\0' ? elf_put_string(names, symbol->name) : 0,
			       info, section_number(elf, symbol), symbol->value, symbol->size);
	}
}

static int write_symbols(struct classic_elf *elf, struct elf_out *out)
{
	struct elf_out_section symtab = {
		.name = ".symtab",
		.type = SHT_SYMTAB,
		.align = 8,
		.entsize = sizeof(Elf64_Sym),
		.link = elf_out_next(out) + 1,
	};
	const struct elf_out_section strtab = { .name = ".strtab", .type = SHT_STRTAB };
	autostr struct str symbols = { 0 }, names = { 0 };
	int r;

	(void)elf_put_string(&names, "");
	elf_put_symbol(&symbols, 0, 0, SHN_UNDEF, 0, 0);
	put_symbols(elf, true, &symbols, &names);
	symtab.info = (uint32_t)(symbols.size / sizeof(Elf64_Sym)); /* the first global one */
	put_symbols(elf, false, &symbols, &names);
	r = elf_out_add_table(out, symtab, &symbols);
	if (r < 0)
		return r;
	out->symtab = (uint32_t)r;
	return elf_out_add_table(out, strtab, &names);
}

static int write_relocs(const struct classic_elf *elf, struct elf_out *out)
{
	int r = 0;

	vec_foreach (&elf->sections, section) {
		autostr struct str relas = { 0 };

		if (r < 0 || section->relocs.count == 0)
			continue;
		vec_foreach (&section->relocs, reloc)
			elf_put_rela(&relas, reloc->offset,
				     elf->symbols.items[reloc->symbol].number, reloc->type,
				     reloc->addend);
		r = elf_out_add_relas(out, section->number, &relas);
	}
	return r;
}

int classic_elf_write(struct classic_elf *elf, struct str *ret, struct lcp_error **reterr)
{
	struct elf_out out cleanup(elf_out_fini) = { 0 };
	int r;

	note_used(elf);
	r = elf_out_init(&out);
	out.type = elf->type;
	if (r >= 0)
		r = write_sections(elf, &out);
	if (r >= 0)
		r = write_symbols(elf, &out);
	if (r >= 0)
		r = write_relocs(elf, &out);
	if (r >= 0 && out.sections.count >= SHN_LORESERVE)
		return error_set(reterr, -LCP_EFORMAT, "too many sections");
	if (r >= 0)
		r = elf_out_finish(&out, elf->view->machine, ret);
	return r < 0 ? error_set_nomem(reterr) : 0;
}

/* How many bytes of immediate an instruction with a ModRM byte has; 4 is 2 with prefix 66. */
struct immediate {
	uint8_t escape; /* 0x0f, or 0 */
	uint8_t opcode;
	uint8_t extensions; /* those of ModRM.reg below it have the immediate */
	uint8_t size;
};

/* Intel SDM volume 2, appendix A, by columns Ib and Iz. */
static const struct immediate immediates[] = {
	{ 0, 0x69, 8, 4 },    { 0, 0x6b, 8, 1 },    { 0, 0x80, 8, 1 },	  { 0, 0x81, 8, 4 },
	{ 0, 0x83, 8, 1 },    { 0, 0xc0, 8, 1 },    { 0, 0xc1, 8, 1 },	  { 0, 0xc6, 8, 1 },
	{ 0, 0xc7, 8, 4 },    { 0, 0xf6, 2, 1 },    { 0, 0xf7, 2, 4 },	  { 0x0f, 0x70, 8, 1 },
	{ 0x0f, 0xa4, 8, 1 }, { 0x0f, 0xac, 8, 1 }, { 0x0f, 0xba, 8, 1 }, { 0x0f, 0xc2, 8, 1 },
	{ 0x0f, 0xc4, 8, 1 }, { 0x0f, 0xc5, 8, 1 }, { 0x0f, 0xc6, 8, 1 },
};

static uint8_t byte_before(const uint8_t *code, uint64_t offset, unsigned int distance)
{
	return offset >= distance ? code[offset - distance] : 0;
}

static bool has_short_operands(const uint8_t *code, uint64_t offset)
{
	uint8_t prefix = byte_before(code, offset, 3);
	bool is_rex = (prefix & 0xf0) == 0x40;

	return prefix == 0x66 || (is_rex && byte_before(code, offset, 4) == 0x66);
}

/*
 * Bytes of the immediate behind the 32-bit displacement at @offset of @code: the operand's address
 * counts from behind it.
 */
static unsigned int immediate_size(const uint8_t *code, uint64_t offset)
{
	uint8_t modrm = byte_before(code, offset, 1), opcode = byte_before(code, offset, 2);
	uint8_t escape = byte_before(code, offset, 3) == 0x0f ? 0x0f : 0;

	if ((modrm & 0xc7) != 0x05) /* not relative to the instruction pointer */
		return 0;
	if (byte_before(code, offset, 4) == 0x0f && byte_before(code, offset, 3) == 0x3a)
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(immediates); i++) {
		const struct immediate *known = &immediates[i];

		if (known->escape == escape && known->opcode == opcode)
			return (modrm >> 3 & 7) >= known->extensions		      ? 0
			       : known->size == 4 && has_short_operands(code, offset) ? 2
										      : known->size;
	}
	return 0;
}

uint64_t classic_elf_aim(const struct classic_elf *elf, const struct classic_section *section,
			 const struct classic_reloc *reloc)
{
	uint64_t aim = elf->symbols.items[reloc->symbol].value + (uint64_t)reloc->addend;
	uint64_t offset = reloc->offset - section->addr;

	if (elf->view->machine != EM_X86_64)
		return aim;
	switch (reloc->type) {
	case R_X86_64_PC32:
	case R_X86_64_PLT32:
		/* In data it is plain arithmetic: a jump table counts from its own beginning. */
		if (!(section->flags & SHF_EXECINSTR) || section->bytes == NULL ||
		    !range_fits(offset, 4, section->size))
			return aim;
		return aim + 4 + immediate_size(section->bytes, offset);
	default:
		return aim;
	}
}
