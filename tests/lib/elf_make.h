/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two small ELF files as C structs: sound as they are made, and a test breaks the member it is
 * about. What is behind what in the file is the order of the members.
 */
#ifndef LCP_TESTS_ELF_MAKE_H
#define LCP_TESTS_ELF_MAKE_H

#include <elf.h>
#include <stdint.h>

struct made_note {
	Elf64_Nhdr header;
	char name[4]; /* "GNU" */
	uint8_t desc[4]; /* a build-id of 3 bytes: ab cd ef, and padding */
};

/* The sections of struct made_object by index. */
enum {
	MADE_TEXT = 1,
	MADE_RELA,
	MADE_SYMTAB,
	MADE_STRTAB,
	MADE_INDICES, /* SHT_SYMTAB_SHNDX */
	MADE_NOTE,
	MADE_BSS, /* of 1 TiB */
	MADE_NAMES,
	MADE_SECTIONS,
};

/* And its symbols. */
enum {
	MADE_FILE_A = 1, /* "a.c" */
	MADE_F_A, /* local "f", in .text */
	MADE_FILE_B, /* "b.c" */
	MADE_F_B, /* local "f", in .text by SHN_XINDEX */
	MADE_G, /* global, hidden, undefined */
	MADE_ABS, /* "abs" = 42 */
	MADE_COMMON, /* "com" */
	MADE_SYMBOLS,
};

/* An ET_REL file for x86-64. */
struct made_object {
	Elf64_Ehdr header;
	uint8_t text[16];
	Elf64_Rela relocs[2];
	Elf64_Sym symbols[MADE_SYMBOLS];
	uint32_t indices[MADE_SYMBOLS];
	struct made_note note;
	char strings[24];
	char names[72];
	Elf64_Shdr sections[MADE_SECTIONS];
};

/* The program headers of struct made_library by index. */
enum {
	MADE_LOAD,
	MADE_DYNAMIC,
	MADE_PT_NOTE,
	MADE_EH_FRAME,
	MADE_SEGMENTS
};

/* And its dynamic entries. */
enum {
	MADE_NEEDED, /* "dep.so" */
	MADE_SONAME, /* "lib.so" */
	MADE_DT_STRTAB,
	MADE_DT_STRSZ,
	MADE_DT_SYMTAB,
	MADE_DT_SYMENT,
	MADE_DT_GNU_HASH, /* tests may make it DT_HASH */
	MADE_DT_RELA,
	MADE_DT_RELASZ,
	MADE_DT_VERSYM,
	MADE_DT_VERNEED,
	MADE_DT_VERNEEDNUM,
	MADE_DT_VERDEF,
	MADE_DT_VERDEFNUM,
	MADE_DT_NULL,
	MADE_TAGS,
};

/*
 * An ET_DYN file without section headers. Offsets are addresses. Symbols: null, "other" (undefined,
 * of DEP1), "old" and "fn" (the hashed ones, of V1 hidden and V1).
 */
struct made_library {
	Elf64_Ehdr header;
	Elf64_Phdr segments[MADE_SEGMENTS];
	Elf64_Dyn dynamic[MADE_TAGS];
	Elf64_Sym symbols[4];
	Elf64_Versym versions[4];
	Elf64_Verneed need;
	Elf64_Vernaux need_name;
	struct {
		Elf64_Verdef record;
		Elf64_Verdaux name;
	} definitions[2]; /* that of the file, and V1 */
	struct {
		uint32_t bucket_count, first, bloom_count, bloom_shift;
		uint32_t bloom[2];
		uint32_t buckets[1];
		uint32_t chains[2];
	} gnu_hash;
	struct {
		uint32_t bucket_count, chain_count;
		uint32_t buckets[1];
		uint32_t chains[4];
	} hash;
	Elf64_Rela relocs[1]; /* for "other" */
	struct made_note note;
	uint8_t eh_frame_hdr[4];
	char strings[40];
};

void elf_make_object(struct made_object *ret);
void elf_make_library(struct made_library *ret);

/* The offset of @string, which is in @strings for sure, or 0 for "". */
uint32_t elf_make_string(const char *strings, uint64_t size, const char *string);

#endif
