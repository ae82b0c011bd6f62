/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Read-only view of a 64-bit little-endian ELF file: executable, library, object, debug file.
 *
 * The file is untrusted. Opening proves what the view hands out: names are NUL-terminated, data
 * lies within the file, links and indices lie within their tables; what contradicts itself is
 * refused with the reason. Behind that no bounds checks are needed. Section headers may be
 * missing: then there are no sections, and symbols, versions, notes and .eh_frame_hdr are found by
 * the program headers and the dynamic section; symbols still say which section they are in, but
 * that is a mere number.
 *
 * A separate debug file has the sections and segments of the file it was split from, without their
 * bytes: SHT_NOBITS sections, and segments whose data is NULL, even where their offset and size
 * happen to lie within the file. So it has no dynamic section and no dynsym.
 */
#ifndef LCP_FORMAT_ELF_FILE_H
#define LCP_FORMAT_ELF_FILE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lcp/error.h>

#include "base/cleanup.h"

/*
 * Larger files are refused with -EFBIG: a file is held in memory as a whole. What is no regular
 * file is refused with -EINVAL, another class or byte order with -LCP_EUNSUPPORTED.
 */
#define ELF_FILE_SIZE_MAX ((uint64_t)1 << 30)

struct elf_section {
	const char *name;
	uint32_t type; /* SHT_* */
	uint32_t link;
	uint32_t info;
	uint64_t flags; /* SHF_* */
	uint64_t addr;
	uint64_t offset;
	uint64_t size;
	uint64_t align;
	uint64_t entsize;
	const uint8_t *data; /* size bytes; NULL for SHT_NOBITS, SHT_NULL and size 0 */
};

struct elf_segment {
	uint32_t type; /* PT_* */
	uint32_t flags; /* PF_* */
	uint64_t offset;
	uint64_t vaddr;
	uint64_t filesz;
	uint64_t memsz;
	uint64_t align;
	const uint8_t *data; /* filesz bytes; NULL if that is 0 or the file does not hold them */
};

struct elf_symbol {
	const char *name; /* "" for unnamed ones */
	const char *version; /* "GLIBC_2.34", or NULL */
	bool version_hidden; /* name@VERSION, not name@@VERSION */
	const char *file; /* of local symbols: name of the STT_FILE symbol in front, or NULL */
	uint32_t file_group; /* which STT_FILE group, counted from 1; two may have one name; or 0 */
	uint64_t value;
	uint64_t size;
	uint32_t section; /* index, SHN_XINDEX resolved; or SHN_UNDEF, SHN_ABS, SHN_COMMON */
	bool reserved; /* it is SHN_ABS or SHN_COMMON, and not a section of that number */
	uint8_t type; /* STT_* */
	uint8_t bind; /* STB_* */
	uint8_t visibility; /* STV_* */
};

struct elf_reloc {
	uint64_t offset;
	uint32_t type;
	uint32_t symbol; /* index into the symbol table that belongs to the section */
	int64_t addend;
};

struct elf_dynamic {
	int64_t tag;
	uint64_t value;
	const char *string; /* of DT_NEEDED, DT_SONAME, DT_RPATH, DT_RUNPATH; else NULL */
};

struct elf_note {
	const char *name; /* NUL-terminated; "" for an empty one */
	uint32_t type;
	const uint8_t *desc; /* NULL if desc_size is 0 */
	uint32_t desc_size;
};

struct elf_symbols {
	struct elf_symbol *items;
	size_t count; /* with the null symbol at index 0 */
	size_t section; /* index of the section they were read from, or 0 */
};

struct elf_file {
	uint16_t type; /* ET_* */
	uint16_t machine; /* EM_* */
	uint64_t entry;

	struct elf_section *sections; /* by index, the null section first; NULL if there are none */
	size_t section_count;
	struct elf_segment *segments;
	size_t segment_count;
	struct elf_symbols symtab; /* .symtab */
	struct elf_symbols dynsym; /* .dynsym, found by the dynamic section where it must be */
	struct elf_dynamic *dynamic; /* without the DT_NULL at the end */
	size_t dynamic_count;
	struct elf_note *notes; /* of all PT_NOTE segments, else of all SHT_NOTE sections */
	size_t note_count;
	const uint8_t *build_id; /* any length from 1; NULL if there is none */
	size_t build_id_size;
	const struct elf_segment *eh_frame_hdr; /* PT_GNU_EH_FRAME, or NULL */

	struct elf_private *private; /* what holds the bytes */
};

/* Open the file at @path, or what @fd refers to (which stays the caller's). */
int elf_file_open(const char *path, struct elf_file **ret, struct lcp_error **reterr);
int elf_file_open_fd(int fd, struct elf_file **ret, struct lcp_error **reterr);

/* View @size bytes at @image, which are copied. */
int elf_file_open_mem(const void *image, size_t size, struct elf_file **ret,
		      struct lcp_error **reterr);

void elf_file_close(struct elf_file *elf);

DEFINE_GUARD(elf_file, struct elf_file *, elf_file_close);
#define autoelf cleanup(elf_file_guard)

/* The first section of that name, or NULL. */
const struct elf_section *elf_file_section(const struct elf_file *elf, const char *name);

/*
 * The relocations of SHT_RELA section @index: each symbol lies in .symtab (or .dynsym, as the
 * section's link says; without a link all symbols are 0), and in objects each offset within or at
 * the end of the section that is relocated. Another type of section is refused with -EINVAL. The
 * caller frees *@ret.
 */
int elf_file_relocs(const struct elf_file *elf, size_t index, struct elf_reloc **ret,
		    size_t *ret_count, struct lcp_error **reterr);

/* The bytes that will stand at object address @vaddr, from PT_LOAD; NULL if not all do. */
const uint8_t *elf_file_bytes_at(const struct elf_file *elf, uint64_t vaddr, uint64_t size);

#endif
