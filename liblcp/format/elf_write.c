/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/elf_write.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

int elf_out_init(struct elf_out *out)
{
	const struct elf_out_section null = { .name = "", .type = SHT_NULL };

	*out = (struct elf_out){ 0 };
	return vec_push(&out->sections, null);
}

void elf_out_fini(struct elf_out *out)
{
	vec_foreach (&out->sections, section) {
		free(section->own_name);
		str_fini(&section->own_bytes);
	}
	vec_fini(&out->sections);
}

uint32_t elf_out_next(const struct elf_out *out)
{
	return (uint32_t)out->sections.count;
}

int elf_out_add(struct elf_out *out, struct elf_out_section section)
{
	int r;

	if (section.type == SHT_NULL)
		section.type = SHT_PROGBITS;
	if (section.align == 0)
		section.align = 1;
	r = vec_push(&out->sections, section);
	return r < 0 ? r : (int)out->sections.count - 1;
}

int elf_out_add_table(struct elf_out *out, struct elf_out_section section, struct str *bytes)
{
	int r;

	if (bytes->failed)
		return -ENOMEM;
	section.bytes = bytes->size > 0 ? bytes->text : "";
	section.size = bytes->size;
	section.own_bytes = *bytes;
	r = elf_out_add(out, section);
	if (r >= 0)
		*bytes = (struct str){ 0 };
	return r;
}

int elf_out_add_relas(struct elf_out *out, uint32_t target, struct str *relas)
{
	struct elf_out_section section = {
		.type = SHT_RELA,
		.flags = SHF_INFO_LINK,
		.info = target,
		.align = 8,
		.entsize = sizeof(Elf64_Rela),
	};
	autostr struct str name = { 0 };
	autofree char *text = NULL;
	int r;

	str_puts(&name, ".rela");
	str_puts(&name, out->sections.items[target].name);
	r = str_take(&name, &text);
	if (r < 0)
		return r;
	section.name = text;
	section.own_name = text;
	r = elf_out_add_table(out, section, relas);
	if (r >= 0)
		(void)take(text);
	return r;
}

/* .shstrtab names all sections, itself included. */
static int add_section_names(struct elf_out *out)
{
	struct elf_out_section section = { .name = ".shstrtab", .type = SHT_STRTAB };
	autostr struct str names = { 0 };
	int r;

	vec_foreach (&out->sections, other)
		other->name_offset = elf_put_string(&names, other->name);
	section.name_offset = elf_put_string(&names, section.name);
	r = elf_out_add_table(out, section, &names);
	return r < 0 ? r : 0;
}

static void put_padding(struct str *image, uint64_t align)
{
	while (image->size % align != 0 && !image->failed)
		str_putc(image, '\0');
}

static void put_section_header(struct str *image, const struct elf_out *out,
			       const struct elf_out_section *section)
{
	uint32_t link = section->type == SHT_RELA ? out->symtab : section->link;
	uint8_t header[sizeof(Elf64_Shdr)] = { 0 };

	put_le32(header + offsetof(Elf64_Shdr, sh_name), section->name_offset);
	put_le32(header + offsetof(Elf64_Shdr, sh_type), section->type);
	put_le64(header + offsetof(Elf64_Shdr, sh_flags), section->flags);
	put_le64(header + offsetof(Elf64_Shdr, sh_addr), section->addr);
	put_le64(header + offsetof(Elf64_Shdr, sh_offset), section->offset);
	put_le64(header + offsetof(Elf64_Shdr, sh_size), section->size);
	put_le32(header + offsetof(Elf64_Shdr, sh_link), link);
	put_le32(header + offsetof(Elf64_Shdr, sh_info), section->info);
	put_le64(header + offsetof(Elf64_Shdr, sh_addralign), section->align);
	put_le64(header + offsetof(Elf64_Shdr, sh_entsize), section->entsize);
	str_put(image, header, sizeof(header));
}

static void fill_elf_header(uint8_t *to, const struct elf_out *out, uint16_t machine,
			    uint64_t section_headers)
{
	uint16_t count = (uint16_t)out->sections.count;

	memcpy(to, ELFMAG, SELFMAG);
	to[EI_CLASS] = ELFCLASS64;
	to[EI_DATA] = ELFDATA2LSB;
	to[EI_VERSION] = EV_CURRENT;
	put_le16(to + offsetof(Elf64_Ehdr, e_type), out->type != ET_NONE ? out->type : ET_REL);
	put_le16(to + offsetof(Elf64_Ehdr, e_machine), machine);
	put_le32(to + offsetof(Elf64_Ehdr, e_version), EV_CURRENT);
	put_le64(to + offsetof(Elf64_Ehdr, e_shoff), section_headers);
	put_le16(to + offsetof(Elf64_Ehdr, e_ehsize), sizeof(Elf64_Ehdr));
	put_le16(to + offsetof(Elf64_Ehdr, e_shentsize), sizeof(Elf64_Shdr));
	put_le16(to + offsetof(Elf64_Ehdr, e_shnum), count);
	put_le16(to + offsetof(Elf64_Ehdr, e_shstrndx), (uint16_t)(count - 1));
}

static void put_contents(struct str *image, struct elf_out_section *section)
{
	if (section->type == SHT_NULL)
		return;
	put_padding(image, section->align);
	section->offset = image->size;
	if (section->bytes != NULL)
		str_put(image, section->bytes, section->size);
}

int elf_out_finish(struct elf_out *out, uint16_t machine, struct str *image)
{
	static const uint8_t no_header[sizeof(Elf64_Ehdr)];
	uint64_t section_headers;
	int r;

	r = add_section_names(out);
	if (r < 0)
		return r;
	str_put(image, no_header, sizeof(no_header));
	vec_foreach (&out->sections, section)
		put_contents(image, section);
	put_padding(image, 8);
	section_headers = image->size;
	vec_foreach (&out->sections, section)
		put_section_header(image, out, section);
	if (image->failed)
		return -ENOMEM;
	fill_elf_header((uint8_t *)image->text, out, machine, section_headers);
	return 0;
}

void elf_put_rela(struct str *to, uint64_t offset, uint32_t symbol, uint32_t type, int64_t addend)
{
	uint8_t rela[sizeof(Elf64_Rela)];

	put_le64(rela + offsetof(Elf64_Rela, r_offset), offset);
	put_le64(rela + offsetof(Elf64_Rela, r_info), ELF64_R_INFO((uint64_t)symbol, type));
	put_le64(rela + offsetof(Elf64_Rela, r_addend), (uint64_t)addend);
	str_put(to, rela, sizeof(rela));
}

void elf_put_symbol(struct str *to, uint32_t name, uint8_t info, uint16_t section, uint64_t value,
		    uint64_t size)
{
	uint8_t symbol[sizeof(Elf64_Sym)] = { 0 };

	put_le32(symbol + offsetof(Elf64_Sym, st_name), name);
	symbol[offsetof(Elf64_Sym, st_info)] = info;
	put_le16(symbol + offsetof(Elf64_Sym, st_shndx), section);
	put_le64(symbol + offsetof(Elf64_Sym, st_value), value);
	put_le64(symbol + offsetof(Elf64_Sym, st_size), size);
	str_put(to, symbol, sizeof(symbol));
}

uint32_t elf_put_string(struct str *strings, const char *text)
{
	size_t at = strings->size;

	str_put(strings, text, strlen(text) + 1);
	return (uint32_t)at;
}
