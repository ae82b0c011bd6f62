/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/elf_debug.h"

#include <libelf.h>

#include "arch/arch.h"
#include "base/error.h"
#include "base/num.h"
#include "format/elf_write.h"

/* What descriptions of types need. Units refer to the others by offset: those are there once. */
static const struct {
	const char *name;
	bool units;
} wanted[] = {
	{ ".debug_info", true }, /* first: without it there is nothing */
	{ ".debug_types", true },     { ".debug_abbrev", false },      { ".debug_str", false },
	{ ".debug_line_str", false }, { ".debug_str_offsets", false },
};

/* Fill in what refers to other debug sections; addresses of code are left as they are. */
static void relocate(const struct elf_file *elf, const struct arch *arch,
		     const struct elf_section *section, const struct elf_reloc *reloc, char *bytes)
{
	const struct reloc_type *type = arch_reloc_type(arch, reloc->type);
	uint64_t symbol = reloc->symbol != 0 ? elf->symtab.items[reloc->symbol].value : 0;

	if (type != NULL && type->need == RELOC_ADDRESS &&
	    range_fits(reloc->offset, type->size, section->size))
		(void)arch->reloc_apply(type, 0, symbol + (uint64_t)reloc->addend,
					(uint8_t *)bytes + reloc->offset);
}

static int relocate_section(const struct elf_file *elf, const struct arch *arch, size_t index,
			    char *bytes, struct lcp_error **reterr)
{
	for (size_t i = 1; i < elf->section_count; i++) {
		autofree struct elf_reloc *relocs = NULL;
		size_t count = 0;
		int r;

		if (elf->sections[i].type != SHT_RELA || elf->sections[i].info != index ||
		    elf->sections[i].link != elf->symtab.section)
			continue;
		r = elf_file_relocs(elf, i, &relocs, &count, reterr);
		if (r < 0)
			return r;
		for (size_t k = 0; k < count; k++)
			relocate(elf, arch, &elf->sections[index], &relocs[k], bytes);
	}
	return 0;
}

/* Append the contents of section @index, relocated, to @to. */
static int append(const struct elf_file *elf, const struct arch *arch, size_t index, struct str *to,
		  struct lcp_error **reterr)
{
	const struct elf_section *section = &elf->sections[index];
	size_t at = to->size;

	str_put(to, section->data, section->size);
	if (to->failed)
		return error_set_nomem(reterr);
	return relocate_section(elf, arch, index, to->text + at, reterr);
}

/* Collect what is named @name of @elf in @to. */
static int collect(const struct elf_file *elf, const struct arch *arch, const char *name, bool all,
		   struct str *to, const char **ret_why_not, struct lcp_error **reterr)
{
	for (size_t i = 1; i < elf->section_count; i++) {
		const struct elf_section *section = &elf->sections[i];
		int r;

		if (section->data == NULL || strcmp(section->name, name) != 0)
			continue;
		if ((section->flags & SHF_COMPRESSED) != 0) {
			*ret_why_not = "its debug information is compressed";
			return 0;
		}
		r = append(elf, arch, i, to, reterr);
		if (r < 0 || !all)
			return r;
	}
	return 0;
}

static int fill(struct elf_debug *debug, const struct elf_file *elf, const struct arch *arch,
		struct elf_out *out, struct lcp_error **reterr)
{
	int r = elf_out_init(out);

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(wanted); i++) {
		const struct elf_out_section section = { .name = wanted[i].name };
		autostr struct str bytes = { 0 };

		r = collect(elf, arch, wanted[i].name, wanted[i].units, &bytes, &debug->why_not,
			    reterr);
		if (r < 0)
			return r;
		if (i == 0 && bytes.size == 0 && debug->why_not == NULL)
			debug->why_not = "it has no debug information";
		if (debug->why_not != NULL)
			return 0;
		if (wanted[i].units)
			debug->size += bytes.size;
		if (bytes.size > 0)
			r = elf_out_add_table(out, section, &bytes);
	}
	if (r >= 0)
		r = elf_out_finish(out, elf->machine, &debug->image);
	return r < 0 ? error_set_nomem(reterr) : 0;
}

int elf_debug_init(struct elf_debug *ret, const struct elf_file *elf, struct lcp_error **reterr)
{
	const struct arch *arch = arch_by_machine(elf->machine);
	struct elf_out out = { 0 };
	int r;

	*ret = (struct elf_debug){ 0 };
	if (arch == NULL || elf->type != ET_REL) {
		ret->why_not = "it is no object of a CPU known here";
		return 0;
	}
	r = fill(ret, elf, arch, &out, reterr);
	elf_out_fini(&out);
	if (r == 0 && ret->why_not == NULL) {
		(void)elf_version(EV_CURRENT);
		ret->view = elf_memory(ret->image.text, ret->image.size);
		if (ret->view == NULL)
			r = error_set_nomem(reterr);
	}
	if (r < 0)
		elf_debug_fini(ret);
	return r;
}

void elf_debug_fini(struct elf_debug *debug)
{
	if (debug->view != NULL)
		(void)elf_end(debug->view);
	str_fini(&debug->image);
	*debug = (struct elf_debug){ 0 };
}
