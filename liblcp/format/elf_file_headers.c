/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ELF header, the section headers and the program headers: which there are, and that what they
 * describe lies within the file.
 *
 * libelf hands out the tables, with their byte order changed where the host's is another. Before
 * it is asked the tables are proven to lie within the file. It is asked for copies of the headers
 * (gelf_*), since its pointers are misaligned where the tables are, and for nothing but headers:
 * contents are read as bytes in place, which makes the view immutable (elf_getdata() fills caches)
 * and works for what only program headers describe. Nothing of libelf outlives the opening.
 */
#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "format/elf_file_private.h"

DEFINE_GUARD(libelf, Elf *, elf_end);
#define autolibelf cleanup(libelf_guard)

/* The tables that the ELF header names; they lie within the file. */
struct tables {
	uint64_t section_count;
	uint64_t segment_count;
	uint32_t names_section; /* SHN_UNDEF: sections have no names */
};

#define HEADER(bits, image, member) get_le##bits((image) + offsetof(Elf64_Ehdr, member))
#define SECTION_HEADER(bits, header, member) get_le##bits((header) + offsetof(Elf64_Shdr, member))

static int check_ident(const uint8_t *image, size_t size, struct lcp_error **reterr)
{
	if (size < SELFMAG || memcmp(image, ELFMAG, SELFMAG) != 0)
		return error_set(reterr, -LCP_EFORMAT, "not an ELF file");
	if (size < EI_NIDENT)
		return error_set(reterr, -LCP_EFORMAT, "the file ends inside its ELF header");
	if (image[EI_CLASS] != ELFCLASS64)
		return error_set(reterr, -LCP_EUNSUPPORTED,
				 "ELF class %u%s: only 64-bit files are supported", image[EI_CLASS],
				 image[EI_CLASS] == ELFCLASS32 ? " (32-bit)" : "");
	if (image[EI_DATA] != ELFDATA2LSB)
		return error_set(reterr, -LCP_EUNSUPPORTED,
				 "ELF data encoding %u%s: only little-endian files are supported",
				 image[EI_DATA],
				 image[EI_DATA] == ELFDATA2MSB ? " (big-endian)" : "");
	if (size < sizeof(Elf64_Ehdr))
		return error_set(reterr, -LCP_EFORMAT, "the file ends inside its ELF header");
	if (image[EI_VERSION] != EV_CURRENT || HEADER(32, image, e_version) != EV_CURRENT)
		return error_set(reterr, -LCP_EUNSUPPORTED, "ELF version %u: only 1 is supported",
				 image[EI_VERSION] != EV_CURRENT ? image[EI_VERSION]
								 : HEADER(32, image, e_version));
	return 0;
}

/* Do @count entries of @entry_size bytes at @offset lie within the file? */
static int check_table(const char *what, uint64_t offset, uint64_t count, uint64_t entry_size,
		       size_t file_size, struct lcp_error **reterr)
{
	uint64_t size;

	if (offset != 0 && mul_u64(count, entry_size, &size) && range_fits(offset, size, file_size))
		return 0;
	return error_set(reterr, -LCP_EFORMAT,
			 "%ju %s headers at offset 0x%jx do not lie within the file of %zu bytes",
			 (uintmax_t)count, what, (uintmax_t)offset, file_size);
}

/*
 * Numbers that do not fit the ELF header are in section header 0 (gABI, "ELF Header": e_shnum,
 * e_shstrndx; "Program Header": PN_XNUM).
 */
static int find_section_headers(const uint8_t *image, size_t size, struct tables *ret,
				struct lcp_error **reterr)
{
	uint64_t offset = HEADER(64, image, e_shoff);
	int r;

	ret->section_count = HEADER(16, image, e_shnum);
	ret->names_section = HEADER(16, image, e_shstrndx);
	if (offset == 0 && ret->section_count == 0)
		return 0;

	r = check_table("section", offset, ret->section_count > 0 ? ret->section_count : 1,
			sizeof(Elf64_Shdr), size, reterr);
	if (r < 0)
		return r;
	if (ret->section_count == 0)
		ret->section_count = SECTION_HEADER(64, image + offset, sh_size);
	if (ret->names_section == SHN_XINDEX)
		ret->names_section = SECTION_HEADER(32, image + offset, sh_link);
	if (ret->section_count == 0)
		return 0;

	if (HEADER(16, image, e_shentsize) != sizeof(Elf64_Shdr))
		return error_set(reterr, -LCP_EFORMAT, "section headers of %u bytes each, not %zu",
				 HEADER(16, image, e_shentsize), sizeof(Elf64_Shdr));
	if (ret->names_section >= ret->section_count)
		return error_set(reterr, -LCP_EFORMAT,
				 "the section names are in section %u, there are %ju",
				 ret->names_section, (uintmax_t)ret->section_count);
	return check_table("section", offset, ret->section_count, sizeof(Elf64_Shdr), size, reterr);
}

static int find_program_headers(const uint8_t *image, size_t size, struct tables *ret,
				struct lcp_error **reterr)
{
	uint64_t sections = HEADER(64, image, e_shoff);

	ret->segment_count = HEADER(16, image, e_phnum);
	if (ret->segment_count == PN_XNUM) {
		if (ret->section_count == 0)
			return error_set(reterr, -LCP_EFORMAT,
					 "the number of program headers is in section header 0, "
					 "which is missing");
		ret->segment_count = SECTION_HEADER(32, image + sections, sh_info);
	}
	if (ret->segment_count == 0)
		return 0;
	if (HEADER(16, image, e_phentsize) != sizeof(Elf64_Phdr))
		return error_set(reterr, -LCP_EFORMAT, "program headers of %u bytes each, not %zu",
				 HEADER(16, image, e_phentsize), sizeof(Elf64_Phdr));
	return check_table("program", HEADER(64, image, e_phoff), ret->segment_count,
			   sizeof(Elf64_Phdr), size, reterr);
}

/* libelf has no public code for being out of memory; malloc sets errno. */
static int libelf_failed(const char *what, struct lcp_error **reterr)
{
	if (errno == ENOMEM)
		return error_set_nomem(reterr);
	return error_set(reterr, -LCP_EFORMAT, "libelf cannot read the %s: %s", what,
			 elf_errmsg(-1));
}

/*
 * What the header says, not yet proven; names and data are not yet there. Of SHT_NULL nothing is
 * taken: gABI says that the other members of such a header are undefined.
 */
static void take_section(struct elf_section *section, const GElf_Shdr *header)
{
	section->name = "";
	section->type = header->sh_type;
	if (section->type == SHT_NULL)
		return;
	section->link = header->sh_link;
	section->info = header->sh_info;
	section->flags = header->sh_flags;
	section->addr = header->sh_addr;
	section->offset = header->sh_offset;
	section->size = header->sh_size;
	section->align = header->sh_addralign;
	section->entsize = header->sh_entsize;
}

static int take_sections(struct elf_file *elf, Elf *view, size_t count, struct lcp_error **reterr)
{
	if (count == 0)
		return 0;
	elf->sections = calloc(count, sizeof(*elf->sections));
	if (elf->sections == NULL)
		return error_set_nomem(reterr);
	elf->section_count = count;
	for (size_t i = 0; i < count; i++) {
		GElf_Shdr header;

		if (gelf_getshdr(elf_getscn(view, i), &header) == NULL)
			return libelf_failed("section headers", reterr);
		take_section(&elf->sections[i], &header);
	}
	return 0;
}

static void take_segment(struct elf_segment *segment, const GElf_Phdr *header)
{
	segment->type = header->p_type;
	segment->flags = header->p_flags;
	segment->offset = header->p_offset;
	segment->vaddr = header->p_vaddr;
	segment->filesz = header->p_filesz;
	segment->memsz = header->p_memsz;
	segment->align = header->p_align;
}

static int take_segments(struct elf_file *elf, Elf *view, size_t count, struct lcp_error **reterr)
{
	size_t known;

	if (count == 0)
		return 0;
	if (elf_getphdrnum(view, &known) < 0 || known != count)
		return libelf_failed("number of program headers", reterr);
	elf->segments = calloc(count, sizeof(*elf->segments));
	if (elf->segments == NULL)
		return error_set_nomem(reterr);
	elf->segment_count = count;
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr header;

		if (gelf_getphdr(view, (int)i, &header) == NULL)
			return libelf_failed("program headers", reterr);
		take_segment(&elf->segments[i], &header);
	}
	return 0;
}

static int take_tables(struct elf_file *elf, const struct tables *tables, struct lcp_error **reterr)
{
	autolibelf Elf *view = NULL;
	const Elf64_Ehdr *header;
	int r;

	(void)elf_version(EV_CURRENT);
	errno = 0;
	view = elf_memory((char *)elf->private->image, elf->private->size);
	if (view == NULL)
		return libelf_failed("file", reterr);
	header = elf64_getehdr(view);
	if (header == NULL)
		return libelf_failed("ELF header", reterr);
	elf->type = header->e_type;
	elf->machine = header->e_machine;
	elf->entry = header->e_entry;

	r = take_sections(elf, view, tables->section_count, reterr);
	if (r < 0)
		return r;
	return take_segments(elf, view, tables->segment_count, reterr);
}

static bool is_alignment(uint64_t align)
{
	return align == 0 || is_power_of_two(align);
}

bool elf_strings_end(const struct elf_strings *strings)
{
	return strings->size == 0 || strings->bytes[strings->size - 1] == '\0';
}

const char *elf_string(const struct elf_strings *strings, uint64_t offset)
{
	if (offset < strings->size)
		return strings->bytes + offset;
	return offset == 0 ? "" : NULL;
}

int elf_section_strings(const struct elf_file *elf, size_t index, size_t user,
			struct elf_strings *ret, struct lcp_error **reterr)
{
	const struct elf_section *section = &elf->sections[index];

	if (section->type != SHT_STRTAB)
		return elf_section_error(elf, user, reterr,
					 "its strings are in section %zu, which is no string table",
					 index);
	ret->bytes = (const char *)section->data;
	ret->size = section->size;
	if (!elf_strings_end(ret))
		return elf_section_error(elf, index, reterr,
					 "string table does not end with a NUL");
	return 0;
}

static int prove_section_data(struct elf_file *elf, size_t index, struct lcp_error **reterr)
{
	struct elf_section *section = &elf->sections[index];

	if (section->type == SHT_NULL || section->type == SHT_NOBITS)
		return 0;
	if (!range_fits(section->offset, section->size, elf->private->size))
		return elf_section_error(elf, index, reterr,
					 "0x%jx bytes at offset 0x%jx run past the end of the file",
					 (uintmax_t)section->size, (uintmax_t)section->offset);
	if (section->size > 0)
		section->data = elf->private->image + section->offset;
	return 0;
}

/* gABI, "Sections", table of sh_link and sh_info by type. */
static int prove_section_links(const struct elf_file *elf, size_t index, struct lcp_error **reterr)
{
	const struct elf_section *section = &elf->sections[index];
	bool info_links = section->type == SHT_REL || section->type == SHT_RELA ||
			  (section->flags & SHF_INFO_LINK) != 0;
	uint64_t end;

	if (section->type == SHT_NULL)
		return 0;
	if (section->link >= elf->section_count)
		return elf_section_error(elf, index, reterr, "links to section %u, there are %zu",
					 section->link, elf->section_count);
	if (info_links && section->info >= elf->section_count)
		return elf_section_error(elf, index, reterr, "is for section %u, there are %zu",
					 section->info, elf->section_count);
	if (!is_alignment(section->align))
		return elf_section_error(elf, index, reterr, "alignment 0x%jx is no power of two",
					 (uintmax_t)section->align);
	if (!add_u64(section->addr, section->size, &end))
		return elf_section_error(elf, index, reterr,
					 "0x%jx bytes at address 0x%jx run past the last address",
					 (uintmax_t)section->size, (uintmax_t)section->addr);
	return 0;
}

/* Take the names out of section @names; @offsets are those in the headers. */
static int name_sections(struct elf_file *elf, size_t names, const uint8_t *headers,
			 struct lcp_error **reterr)
{
	struct elf_strings strings = { 0 };
	int r;

	if (names == SHN_UNDEF)
		return 0;
	r = prove_section_data(elf, names, reterr);
	if (r < 0)
		return r;
	r = elf_section_strings(elf, names, 0, &strings, reterr);
	if (r < 0)
		return r;
	for (size_t i = 1; i < elf->section_count; i++) {
		const uint8_t *header = headers + i * sizeof(Elf64_Shdr);
		uint32_t offset = SECTION_HEADER(32, header, sh_name);
		const char *name = elf_string(&strings, offset);

		if (elf->sections[i].type == SHT_NULL)
			continue;
		if (name == NULL)
			return error_set(reterr, -LCP_EFORMAT,
					 "section %zu: its name is string %u, past the end of the "
					 "section names",
					 i, offset);
		elf->sections[i].name = name;
	}
	return 0;
}

static int prove_sections(struct elf_file *elf, const struct tables *tables,
			  struct lcp_error **reterr)
{
	const uint8_t *image = elf->private->image;
	int r;

	if (elf->section_count == 0)
		return 0;
	if (elf->sections[0].type != SHT_NULL)
		return error_set(reterr, -LCP_EFORMAT, "section 0 is of type %u, not SHT_NULL",
				 elf->sections[0].type);
	r = name_sections(elf, tables->names_section, image + HEADER(64, image, e_shoff), reterr);
	if (r < 0)
		return r;
	for (size_t i = 1; i < elf->section_count; i++) {
		r = prove_section_data(elf, i, reterr);
		if (r < 0)
			return r;
		r = prove_section_links(elf, i, reterr);
		if (r < 0)
			return r;
	}
	return 0;
}

static int prove_segment(struct elf_file *elf, size_t index, struct lcp_error **reterr)
{
	struct elf_segment *segment = &elf->segments[index];
	uint64_t end;

	if (segment->type == PT_NULL)
		return 0;
	if (!is_alignment(segment->align))
		return error_set(reterr, -LCP_EFORMAT,
				 "segment %zu: alignment 0x%jx is no power of two", index,
				 (uintmax_t)segment->align);
	if (!add_u64(segment->vaddr, segment->memsz, &end))
		return error_set(reterr, -LCP_EFORMAT,
				 "segment %zu: 0x%jx bytes at address 0x%jx run past the last "
				 "address",
				 index, (uintmax_t)segment->memsz, (uintmax_t)segment->vaddr);
	if (segment->type == PT_LOAD && segment->filesz > segment->memsz)
		return error_set(reterr, -LCP_EFORMAT,
				 "segment %zu: 0x%jx bytes in the file for 0x%jx in memory", index,
				 (uintmax_t)segment->filesz, (uintmax_t)segment->memsz);
	if (segment->filesz > 0 && range_fits(segment->offset, segment->filesz, elf->private->size))
		segment->data = elf->private->image + segment->offset;
	return 0;
}

static int compare_loads(const void *left, const void *right)
{
	const struct elf_segment *a = *(const struct elf_segment *const *)left;
	const struct elf_segment *b = *(const struct elf_segment *const *)right;

	return (a->vaddr > b->vaddr) - (a->vaddr < b->vaddr);
}

/* gABI wants PT_LOAD in the order of addresses, but the kernel runs files that do not obey. */
static int sort_loads(struct elf_file *elf, struct lcp_error **reterr)
{
	struct elf_private *private = elf->private;

	private->loads = calloc(elf->segment_count + 1, sizeof(*private->loads));
	if (private->loads == NULL)
		return error_set_nomem(reterr);
	for (size_t i = 0; i < elf->segment_count; i++) {
		const struct elf_segment *segment = &elf->segments[i];

		if (segment->type == PT_LOAD && segment->data != NULL)
		private->loads[private->load_count++] = segment;
	}
	qsort(private->loads, private->load_count, sizeof(*private->loads), compare_loads);
	return 0;
}

/*
 * Is this a debug file that kept the program headers of the file it was split from? Then a section
 * that has no bytes (SHT_NOBITS) lies where a segment claims to have some: those at the segment's
 * offset are others. eu-strip -f makes such files, objcopy --only-keep-debug clears p_filesz.
 * (.tbss is no such section: it takes no room among the addresses it names.)
 */
static bool segments_lie(const struct elf_file *elf)
{
	for (size_t i = 1; i < elf->section_count; i++) {
		const struct elf_section *section = &elf->sections[i];
		uint64_t room;

		if (section->type != SHT_NOBITS || section->size == 0 ||
		    (section->flags & (SHF_ALLOC | SHF_TLS)) != SHF_ALLOC)
			continue;
		if (elf_bytes_from(elf, section->addr, &room) != NULL)
			return true;
	}
	return false;
}

static int prove_segments(struct elf_file *elf, struct lcp_error **reterr)
{
	int r;

	for (size_t i = 0; i < elf->segment_count; i++) {
		r = prove_segment(elf, i, reterr);
		if (r < 0)
			return r;
		if (elf->segments[i].type == PT_GNU_EH_FRAME && elf->eh_frame_hdr == NULL)
			elf->eh_frame_hdr = &elf->segments[i];
	}
	r = sort_loads(elf, reterr);
	if (r < 0)
		return r;
	if (segments_lie(elf)) {
		for (size_t i = 0; i < elf->segment_count; i++)
			elf->segments[i].data = NULL;
		elf->private->load_count = 0;
	}
	return 0;
}

int elf_read_headers(struct elf_file *elf, struct lcp_error **reterr)
{
	const uint8_t *image = elf->private->image;
	size_t size = elf->private->size;
	struct tables tables;
	int r;

	r = check_ident(image, size, reterr);
	if (r < 0)
		return r;
	r = find_section_headers(image, size, &tables, reterr);
	if (r < 0)
		return r;
	r = find_program_headers(image, size, &tables, reterr);
	if (r < 0)
		return r;
	r = take_tables(elf, &tables, reterr);
	if (r < 0)
		return r;
	r = prove_sections(elf, &tables, reterr);
	if (r < 0)
		return r;
	return prove_segments(elf, reterr);
}
