/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writer of ELF files that are no programs (ET_REL unless said otherwise, 64-bit, little-endian):
 * sections are added one after the other and laid out in that order, section names and headers
 * last. What is in a section is the caller's business, but for a few helpers that put symbols,
 * relocations and strings into tables.
 *
 * Section 0 is there from the beginning. The same calls give the same bytes.
 */
#ifndef LCP_FORMAT_ELF_WRITE_H
#define LCP_FORMAT_ELF_WRITE_H

#include <elf.h>

#include "base/str.h"
#include "base/vec.h"

struct elf_out_section {
	const char *name;
	uint32_t type; /* 0: SHT_PROGBITS */
	uint32_t link;
	uint32_t info;
	uint64_t flags;
	uint64_t addr; /* of sections that were linked */
	uint64_t align; /* 0: 1 */
	uint64_t entsize;
	const void *bytes; /* NULL for SHT_NOBITS */
	uint64_t size;

	/* The writer's own. */
	char *own_name;
	struct str own_bytes;
	uint64_t offset;
	uint32_t name_offset;
};

struct elf_out {
	VEC(struct elf_out_section) sections;
	uint16_t type; /* 0: ET_REL */
	uint32_t symtab; /* number of the section that relocations refer to */
};

int elf_out_init(struct elf_out *out);
void elf_out_fini(struct elf_out *out);

/* How many sections there are, which is the number that the next one will have. */
uint32_t elf_out_next(const struct elf_out *out);

/* Add a section whose bytes stay the caller's. Its number, or -ENOMEM. */
int elf_out_add(struct elf_out *out, struct elf_out_section section);

/* Add a section with what was built in @bytes, which is taken over. Its number, or -ENOMEM. */
int elf_out_add_table(struct elf_out *out, struct elf_out_section section, struct str *bytes);

/* Add the relocations of section @target as ".rela" and its name. Its number, or -ENOMEM. */
int elf_out_add_relas(struct elf_out *out, uint32_t target, struct str *relas);

/* Lay it all out: *@image is the file, in which each section now has its offset. 0 or -ENOMEM. */
int elf_out_finish(struct elf_out *out, uint16_t machine, struct str *image);

void elf_put_rela(struct str *to, uint64_t offset, uint32_t symbol, uint32_t type, int64_t addend);
void elf_put_symbol(struct str *to, uint32_t name, uint8_t info, uint16_t section, uint64_t value,
		    uint64_t size);

/* Append @text with its NUL: its offset. */
uint32_t elf_put_string(struct str *strings, const char *text);

#endif
