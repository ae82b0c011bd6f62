/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening, closing and asking an ELF file: gets the bytes into memory of our own, has the parts
 * read one after the other, and answers the questions that are not plain member accesses.
 *
 * The file is read, not mapped: one that somebody writes to would change behind what was proven.
 */
#include "format/elf_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "base/str.h"
#include "format/elf_file_private.h"
#include "format/file.h"

static struct elf_file *elf_file_new(uint8_t *image, size_t size)
{
	struct elf_file *elf = calloc(1, sizeof(*elf));

	if (elf == NULL)
		return NULL;
	elf->private = calloc(1, sizeof(*elf->private));
	if (elf->private == NULL) {
		free(elf);
		return NULL;
	}
	elf->private->image = image;
	elf->private->size = size;
	return elf;
}

void elf_file_close(struct elf_file *elf)
{
	if (elf == NULL)
		return;
	free(elf->sections);
	free(elf->segments);
	free(elf->symtab.items);
	free(elf->dynsym.items);
	free(elf->dynamic);
	free(elf->notes);
	free(elf->private->loads);
	free(elf->private->image);
	free(elf->private);
	free(elf);
}

/* View @image, which becomes ours if this succeeds. */
static int open_image(uint8_t *image, size_t size, struct elf_file **ret, struct lcp_error **reterr)
{
	static int (*const steps[])(struct elf_file *, struct lcp_error **) = {
		elf_read_headers,
		elf_read_symtab,
		elf_read_dynamic,
		elf_read_notes,
	};
	autoelf struct elf_file *elf = elf_file_new(image, size);
	int r;

	if (elf == NULL)
		return error_set_nomem(reterr);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		r = steps[i](elf, reterr);
		if (r < 0) {
			elf->private->image = NULL;
			return r;
		}
	}
	*ret = take(elf);
	return 0;
}

int elf_file_open_fd(int fd, struct elf_file **ret, struct lcp_error **reterr)
{
	autofree uint8_t *image = NULL;
	size_t size = 0;
	int r;

	r = file_read(fd, ELF_FILE_SIZE_MAX, &image, &size, reterr);
	if (r < 0)
		return r;
	r = open_image(image, size, ret, reterr);
	if (r < 0)
		return r;
	(void)take(image);
	return 0;
}

int elf_file_open(const char *path, struct elf_file **ret, struct lcp_error **reterr)
{
	autoclose int fd = file_open(path, reterr);
	int r = fd;

	if (r >= 0)
		r = elf_file_open_fd(fd, ret, reterr);
	return r < 0 ? error_add_path(reterr, r, path) : 0;
}

int elf_file_open_mem(const void *image, size_t size, struct elf_file **ret,
		      struct lcp_error **reterr)
{
	autofree uint8_t *copy = NULL;
	int r;

	if (size > ELF_FILE_SIZE_MAX)
		return error_set(reterr, -EFBIG,
				 "the image has %zu bytes, more than the %ju allowed", size,
				 (uintmax_t)ELF_FILE_SIZE_MAX);
	copy = malloc(size + 1);
	if (copy == NULL)
		return error_set_nomem(reterr);
	if (size > 0)
		memcpy(copy, image, size);
	r = open_image(copy, size, ret, reterr);
	if (r < 0)
		return r;
	(void)take(copy);
	return 0;
}

const struct elf_section *elf_file_section(const struct elf_file *elf, const char *name)
{
	for (size_t i = 1; i < elf->section_count; i++)
		if (strcmp(elf->sections[i].name, name) == 0)
			return &elf->sections[i];
	return NULL;
}

const uint8_t *elf_bytes_from(const struct elf_file *elf, uint64_t vaddr, uint64_t *ret_size)
{
	const struct elf_segment *const *loads = elf->private->loads;
	const struct elf_segment *load;
	size_t low = 0, high = elf->private->load_count;

	/* Behind the loop, @low counts the segments that begin at or below @vaddr. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (loads[middle]->vaddr <= vaddr)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return NULL;
	load = loads[low - 1];
	if (vaddr - load->vaddr >= load->filesz)
		return NULL;
	*ret_size = load->filesz - (vaddr - load->vaddr);
	return load->data + (vaddr - load->vaddr);
}

const uint8_t *elf_file_bytes_at(const struct elf_file *elf, uint64_t vaddr, uint64_t size)
{
	const uint8_t *bytes;
	uint64_t room;

	bytes = elf_bytes_from(elf, vaddr, &room);
	return bytes != NULL && size <= room ? bytes : NULL;
}

char *elf_section_label(const struct elf_file *elf, size_t index)
{
	autostr struct str label = { 0 };
	char *text = NULL;

	str_printf(&label, "section %zu '%s'", index, elf->sections[index].name);
	(void)str_take(&label, &text);
	return text;
}

int elf_section_error(const struct elf_file *elf, size_t index, struct lcp_error **reterr,
		      const char *format, ...)
{
	autofree char *label = elf_section_label(elf, index);
	autostr struct str message = { 0 };
	va_list args;

	va_start(args, format);
	str_vprintf(&message, format, args);
	va_end(args);
	if (label == NULL || message.failed)
		return error_set_nomem(reterr);
	return error_set(reterr, -LCP_EFORMAT, "%s: %s", label, message.text);
}

/* How many symbols the relocations of section @index choose from. */
static int count_reloc_symbols(const struct elf_file *elf, size_t index, size_t *ret,
			       struct lcp_error **reterr)
{
	uint32_t link = elf->sections[index].link;

	if (link == SHN_UNDEF)
		*ret = 1; /* IRELATIVE ones of static programs have no symbols */
	else if (link == elf->symtab.section)
		*ret = elf->symtab.count;
	else if (link == elf->dynsym.section)
		*ret = elf->dynsym.count;
	else
		return elf_section_error(
			elf, index, reterr,
			"its symbols are in section %u, which is not the symbol table", link);
	return 0;
}

/* In objects the offset counts within the section that is relocated, elsewhere it is an address. */
static bool reloc_offset_fits(const struct elf_file *elf, const struct elf_section *section,
			      uint64_t offset)
{
	if (elf->type != ET_REL)
		return true;
	return offset <= elf->sections[section->info].size;
}

static int read_relocs(const struct elf_file *elf, size_t index, size_t symbol_count,
		       struct elf_reloc *relocs, struct lcp_error **reterr)
{
	const struct elf_section *section = &elf->sections[index];

	for (size_t i = 0; i < section->size / sizeof(Elf64_Rela); i++) {
		const uint8_t *entry = section->data + i * sizeof(Elf64_Rela);
		uint64_t info = get_le64(entry + offsetof(Elf64_Rela, r_info));

		relocs[i].offset = get_le64(entry + offsetof(Elf64_Rela, r_offset));
		relocs[i].type = (uint32_t)ELF64_R_TYPE(info);
		relocs[i].symbol = (uint32_t)ELF64_R_SYM(info);
		relocs[i].addend = (int64_t)get_le64(entry + offsetof(Elf64_Rela, r_addend));
		if (relocs[i].symbol != 0 && relocs[i].symbol >= symbol_count)
			return elf_section_error(elf, index, reterr,
						 "relocation %zu is for symbol %u of %zu", i,
						 relocs[i].symbol, symbol_count);
		if (!reloc_offset_fits(elf, section, relocs[i].offset))
			return elf_section_error(elf, index, reterr,
						 "relocation %zu is at offset 0x%jx, past the end "
						 "of section %u '%s'",
						 i, (uintmax_t)relocs[i].offset, section->info,
						 elf->sections[section->info].name);
	}
	return 0;
}

int elf_file_relocs(const struct elf_file *elf, size_t index, struct elf_reloc **ret,
		    size_t *ret_count, struct lcp_error **reterr)
{
	autofree struct elf_reloc *relocs = NULL;
	const struct elf_section *section;
	size_t symbol_count = 0;
	int r;

	if (index >= elf->section_count || elf->sections[index].type != SHT_RELA)
		return error_set(reterr, -EINVAL, "section %zu holds no relocations with addends",
				 index);
	section = &elf->sections[index];
	if (section->entsize != sizeof(Elf64_Rela) || section->size % sizeof(Elf64_Rela) != 0)
		return elf_section_error(elf, index, reterr,
					 "%ju bytes in entries of %ju are no relocations",
					 (uintmax_t)section->size, (uintmax_t)section->entsize);
	r = count_reloc_symbols(elf, index, &symbol_count, reterr);
	if (r < 0)
		return r;

	relocs = calloc(section->size / sizeof(Elf64_Rela) + 1, sizeof(*relocs));
	if (relocs == NULL)
		return error_set_nomem(reterr);
	r = read_relocs(elf, index, symbol_count, relocs, reterr);
	if (r < 0)
		return r;
	*ret_count = section->size / sizeof(Elf64_Rela);
	*ret = take(relocs);
	return 0;
}
