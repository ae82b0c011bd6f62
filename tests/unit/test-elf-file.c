/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ELF view: what it shows of sound files, and with which words it refuses others. The files
 * are made in memory (elf_make.h), the real ones are this program and its C library.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/num.h"
#include "elf_make.h"
#include "format/elf_file.h"
#include "tap.h"

/* The claim: these bytes are refused with that code and message. */
static void refused(const void *image, size_t size, int code, const char *message)
{
	autoelf struct elf_file *elf = NULL;
	autoerror struct lcp_error *error = NULL;
	int r;

	r = elf_file_open_mem(image, size, &elf, &error);
	if (!ok(r == code && error != NULL && strcmp(error->message, message) == 0 && elf == NULL,
		"refused: %s", message))
		tap_say("is %d: %s", r, error != NULL ? error->message : "(no error)");
}

/* A sound file of that kind, after the @change, is refused. */
#define REFUSED(kind, change, code, message)                     \
	do {                                                     \
		struct made_##kind made;                         \
                                                                 \
		elf_make_##kind(&made);                          \
		change;                                          \
		refused(&made, sizeof(made), (code), (message)); \
	} while (0)

/* A sound file of that kind, after the @change, is viewed: the caller closes it. */
static struct elf_file *view(const void *image, size_t size, const char *claim)
{
	autoerror struct lcp_error *error = NULL;
	struct elf_file *elf = NULL;
	int r;

	r = elf_file_open_mem(image, size, &elf, &error);
	if (!is_int(r, 0, claim))
		tap_say("%s", error->message);
	if (elf == NULL)
		exit(EXIT_FAILURE);
	return elf;
}

static void test_not_elf(void)
{
	struct made_object whole;

	refused("", 0, -LCP_EFORMAT, "not an ELF file");
	refused("\177EL", 3, -LCP_EFORMAT, "not an ELF file");
	refused("#!/bin/sh\n", 10, -LCP_EFORMAT, "not an ELF file");
	refused("\177ELF", 4, -LCP_EFORMAT, "the file ends inside its ELF header");
	elf_make_object(&whole);
	refused(&whole, 63, -LCP_EFORMAT, "the file ends inside its ELF header");
	REFUSED(object, made.header.e_ident[EI_CLASS] = ELFCLASS32, -LCP_EUNSUPPORTED,
		"ELF class 1 (32-bit): only 64-bit files are supported");
	REFUSED(object, made.header.e_ident[EI_CLASS] = 7, -LCP_EUNSUPPORTED,
		"ELF class 7: only 64-bit files are supported");
	REFUSED(object, made.header.e_ident[EI_DATA] = ELFDATA2MSB, -LCP_EUNSUPPORTED,
		"ELF data encoding 2 (big-endian): only little-endian files are supported");
	REFUSED(object, made.header.e_ident[EI_DATA] = 0, -LCP_EUNSUPPORTED,
		"ELF data encoding 0: only little-endian files are supported");
	REFUSED(object, made.header.e_ident[EI_VERSION] = 2, -LCP_EUNSUPPORTED,
		"ELF version 2: only 1 is supported");
	REFUSED(object, made.header.e_version = 3, -LCP_EUNSUPPORTED,
		"ELF version 3: only 1 is supported");
}

static void test_bad_tables(void)
{
	REFUSED(object, made.header.e_shoff = 0, -LCP_EFORMAT,
		"9 section headers at offset 0x0 do not lie within the file of 1048 bytes");
	REFUSED(object, made.header.e_shoff++, -LCP_EFORMAT,
		"9 section headers at offset 0x1d9 do not lie within the file of 1048 bytes");
	REFUSED(object, made.header.e_shoff = UINT64_MAX, -LCP_EFORMAT,
		"9 section headers at offset 0xffffffffffffffff do not lie within the file of 1048 "
		"bytes");
	REFUSED(object, made.header.e_shentsize = 40, -LCP_EFORMAT,
		"section headers of 40 bytes each, not 64");
	REFUSED(object, made.header.e_shstrndx = 9, -LCP_EFORMAT,
		"the section names are in section 9, there are 9");
	REFUSED(object, made.header.e_shnum = 0;
		made.sections[0].sh_size = UINT64_MAX / 2, -LCP_EFORMAT,
		"9223372036854775807 section headers at offset 0x1d8 do not lie within the file of "
		"1048 bytes");
	REFUSED(object, made.header.e_shnum = 0;
		made.header.e_shoff = sizeof(made) - 63, -LCP_EFORMAT,
		"1 section headers at offset 0x3d9 do not lie within the file of 1048 bytes");
	REFUSED(library, made.header.e_phoff = sizeof(made) - 55, -LCP_EFORMAT,
		"4 program headers at offset 0x331 do not lie within the file of 872 bytes");
	REFUSED(library, made.header.e_phoff = 0, -LCP_EFORMAT,
		"4 program headers at offset 0x0 do not lie within the file of 872 bytes");
	REFUSED(library, made.header.e_phentsize = 32, -LCP_EFORMAT,
		"program headers of 32 bytes each, not 56");
	REFUSED(library, made.header.e_phnum = PN_XNUM, -LCP_EFORMAT,
		"the number of program headers is in section header 0, which is missing");
	REFUSED(object, made.header.e_phnum = PN_XNUM; made.header.e_phentsize = 56;
		made.header.e_phoff = 64;
		made.sections[0].sh_info = UINT32_MAX, -LCP_EFORMAT,
		"4294967295 program headers at offset 0x40 do not lie within the file of 1048 "
		"bytes");
}

static void test_bad_sections(void)
{
	REFUSED(object, made.sections[0].sh_type = SHT_PROGBITS, -LCP_EFORMAT,
		"section 0 is of type 1, not SHT_NULL");
	REFUSED(object, made.header.e_shstrndx = MADE_TEXT, -LCP_EFORMAT,
		"section 0 '': its strings are in section 1, which is no string table");
	REFUSED(object, made.sections[MADE_NAMES].sh_size = UINT64_MAX, -LCP_EFORMAT,
		"section 8 '': 0xffffffffffffffff bytes at offset 0x18c run past the end of the "
		"file");
	REFUSED(object, made.names[sizeof(made.names) - 1] = 'x', -LCP_EFORMAT,
		"section 8 '': string table does not end with a NUL");
	REFUSED(object, made.sections[MADE_TEXT].sh_name = 72, -LCP_EFORMAT,
		"section 1: its name is string 72, past the end of the section names");
	REFUSED(object, made.sections[MADE_TEXT].sh_offset = sizeof(made) - 15, -LCP_EFORMAT,
		"section 1 '.text': 0x10 bytes at offset 0x409 run past the end of the file");
	REFUSED(object, made.sections[MADE_TEXT].sh_link = 9, -LCP_EFORMAT,
		"section 1 '.text': links to section 9, there are 9");
	REFUSED(object, made.sections[MADE_RELA].sh_info = 9, -LCP_EFORMAT,
		"section 2 '.rela.text': is for section 9, there are 9");
	REFUSED(object, made.sections[MADE_TEXT].sh_info = 9;
		made.sections[MADE_TEXT].sh_flags |= SHF_INFO_LINK, -LCP_EFORMAT,
		"section 1 '.text': is for section 9, there are 9");
	REFUSED(object, made.sections[MADE_TEXT].sh_addralign = 3, -LCP_EFORMAT,
		"section 1 '.text': alignment 0x3 is no power of two");
	REFUSED(object, made.sections[MADE_BSS].sh_addr = UINT64_MAX, -LCP_EFORMAT,
		"section 7 '.bss': 0x10000000000 bytes at address 0xffffffffffffffff run past the "
		"last address");
	REFUSED(object, made.names[2] = '\n'; made.names[3] = '\033';
		made.sections[MADE_TEXT].sh_link = 9, -LCP_EFORMAT,
		"section 1 '.??xt': links to section 9, there are 9");
}

static void test_bad_segments(void)
{
	REFUSED(library, made.segments[MADE_LOAD].p_align = 6, -LCP_EFORMAT,
		"segment 0: alignment 0x6 is no power of two");
	REFUSED(library, made.segments[MADE_DYNAMIC].p_vaddr = UINT64_MAX, -LCP_EFORMAT,
		"segment 1: 0xf0 bytes at address 0xffffffffffffffff run past the last address");
	REFUSED(library, made.segments[MADE_LOAD].p_memsz = 8, -LCP_EFORMAT,
		"segment 0: 0x368 bytes in the file for 0x8 in memory");
}

static void test_bad_symbols(void)
{
	REFUSED(object, made.sections[MADE_SYMTAB].sh_entsize = 16, -LCP_EFORMAT,
		"section 3 '.symtab': 192 bytes in entries of 16 are no symbols");
	REFUSED(object, made.sections[MADE_SYMTAB].sh_size--, -LCP_EFORMAT,
		"section 3 '.symtab': 191 bytes in entries of 24 are no symbols");
	REFUSED(object, made.sections[MADE_SYMTAB].sh_link = MADE_BSS, -LCP_EFORMAT,
		"section 3 '.symtab': its strings are in section 7, which is no string table");
	REFUSED(object, made.strings[sizeof(made.strings) - 1] = 'x', -LCP_EFORMAT,
		"section 4 '.strtab': string table does not end with a NUL");
	REFUSED(object, made.symbols[MADE_G].st_name = 4711, -LCP_EFORMAT,
		"section 3 '.symtab': symbol 5 names string 4711 past the end of section 4 "
		"'.strtab'");
	REFUSED(object, made.sections[MADE_STRTAB].sh_size = 0, -LCP_EFORMAT,
		"section 3 '.symtab': symbol 1 names string 1 past the end of section 4 "
		"'.strtab'");
	REFUSED(object, made.symbols[MADE_F_A].st_shndx = 9, -LCP_EFORMAT,
		"section 3 '.symtab': symbol 2 lies in section 9, which does not exist");
	REFUSED(object, made.indices[MADE_F_B] = 0xfff1, -LCP_EFORMAT,
		"section 3 '.symtab': symbol 4 lies in section 65521, which does not exist");
	REFUSED(object, made.sections[MADE_INDICES].sh_type = SHT_PROGBITS, -LCP_EFORMAT,
		"section 3 '.symtab': symbol 4 has an extended section index, but there is no "
		"table of those");
	REFUSED(object, made.sections[MADE_INDICES].sh_size--, -LCP_EFORMAT,
		"section 5 '.symtab_shndx': 31 bytes are too few for the indices of 8 symbols");
	REFUSED(object, made.symbols[MADE_G].st_shndx = 0xff02, -LCP_EUNSUPPORTED,
		"section 3 '.symtab': symbol 5 'g' has the special section index 0xff02");
}

static void test_bad_notes(void)
{
	REFUSED(object, made.note.header.n_namesz = UINT32_MAX, -LCP_EFORMAT,
		"section 6: note at offset 0x0 has a name that runs past the end");
	REFUSED(object, made.note.name[3] = '!', -LCP_EFORMAT,
		"section 6: note at offset 0x0 has a name that does not end with a NUL");
	REFUSED(library, made.note.header.n_descsz = 5, -LCP_EFORMAT,
		"segment 2: note at offset 0x0 has a descriptor that runs past the end");
	REFUSED(library, made.segments[MADE_PT_NOTE].p_filesz = 11, -LCP_EFORMAT,
		"segment 2: note at offset 0x0 ends inside its header");
	REFUSED(object, made.note.header.n_descsz = 0, -LCP_EFORMAT,
		"section 6: note at offset 0x10 ends inside its header");
}

static void test_bad_dynamic(void)
{
	REFUSED(library, made.dynamic[MADE_DT_NULL].d_tag = DT_DEBUG, -LCP_EFORMAT,
		"dynamic section: none of its 15 entries is DT_NULL, which ends it");
	REFUSED(library, made.dynamic[MADE_DT_STRSZ].d_un.d_val++, -LCP_EFORMAT,
		"dynamic section: DT_STRTAB: the file does not hold 0x29 bytes of address 0x340");
	REFUSED(library, made.strings[sizeof(made.strings) - 1] = 'x', -LCP_EFORMAT,
		"dynamic section: DT_STRTAB: string table does not end with a NUL");
	REFUSED(library, made.dynamic[MADE_NEEDED].d_un.d_val = 40, -LCP_EFORMAT,
		"dynamic section: entry 0 names string 40 past the end of DT_STRTAB");
	REFUSED(library, made.dynamic[MADE_DT_STRTAB].d_tag = DT_DEBUG, -LCP_EFORMAT,
		"dynamic section: entry 0 names string 1 past the end of DT_STRTAB");
	REFUSED(library, made.dynamic[MADE_DT_SYMENT].d_un.d_val = 16, -LCP_EFORMAT,
		"dynamic section: DT_SYMENT: symbols of 16 bytes each, not 24");
	REFUSED(library, made.dynamic[MADE_DT_SYMTAB].d_un.d_val = sizeof(made) - 95, -LCP_EFORMAT,
		"dynamic section: DT_SYMTAB: the file does not hold 0x60 bytes of address 0x309");
	REFUSED(library, made.symbols[3].st_name = 40, -LCP_EFORMAT,
		"dynamic symbols: symbol 3 names string 40 past the end of DT_STRTAB");
	REFUSED(library, made.dynamic[MADE_DT_RELASZ].d_un.d_val = sizeof(made), -LCP_EFORMAT,
		"dynamic section: DT_RELA: the file does not hold 0x368 bytes of address 0x310");
}

static void test_bad_hash(void)
{
	REFUSED(library, made.dynamic[MADE_DT_GNU_HASH].d_un.d_val = sizeof(made) - 15,
		-LCP_EFORMAT,
		"dynamic section: DT_GNU_HASH: the file does not hold 0x10 bytes of address 0x359");
	REFUSED(library, made.gnu_hash.bucket_count = UINT32_MAX, -LCP_EFORMAT,
		"dynamic section: DT_GNU_HASH: the file does not hold 0x400000014 bytes of address "
		"0x2d0");
	REFUSED(library, made.gnu_hash.buckets[0] = 1, -LCP_EFORMAT,
		"dynamic section: DT_GNU_HASH: a bucket begins with symbol 1, but the first hashed "
		"one is 2");
	REFUSED(library, made.gnu_hash.buckets[0] = UINT32_MAX, -LCP_EFORMAT,
		"dynamic section: DT_GNU_HASH: its last chain has no end");
	REFUSED(library, made.dynamic[MADE_DT_GNU_HASH].d_tag = DT_HASH;
		made.dynamic[MADE_DT_GNU_HASH].d_un.d_val = offsetof(struct made_library, hash);
		made.hash.chain_count = UINT32_MAX, -LCP_EFORMAT,
		"dynamic section: DT_HASH: the file does not hold 0x400000008 bytes of address "
		"0x2f4");
	REFUSED(library, made.dynamic[MADE_DT_GNU_HASH].d_tag = DT_HASH;
		made.dynamic[MADE_DT_GNU_HASH].d_un.d_val = UINT64_MAX, -LCP_EFORMAT,
		"dynamic section: DT_HASH: the file does not hold 0x8 bytes of address "
		"0xffffffffffffffff");
	REFUSED(library, made.relocs[0].r_info = UINT64_MAX, -LCP_EFORMAT,
		"dynamic section: DT_SYMTAB: the file does not hold 0x1800000000 bytes of address "
		"0x210");
}

static void test_bad_versions(void)
{
	REFUSED(library, made.versions[1] = 4, -LCP_EFORMAT,
		"dynamic symbols: symbol 1 has version 4, which is neither defined nor needed");
	REFUSED(library, made.dynamic[MADE_DT_VERSYM].d_un.d_val = sizeof(made) - 7, -LCP_EFORMAT,
		"dynamic section: DT_VERSYM: the file does not hold 0x8 bytes of address 0x361");
	REFUSED(library, made.dynamic[MADE_DT_VERNEED].d_un.d_val = sizeof(made), -LCP_EFORMAT,
		"dynamic section: DT_VERNEED: the record at 0x0 runs past the end, or the records "
		"overlap");
	REFUSED(library, made.need.vn_aux = UINT32_MAX, -LCP_EFORMAT,
		"dynamic section: DT_VERNEED: the record at 0xffffffff runs past the end, or the "
		"records overlap");
	REFUSED(library, made.need.vn_cnt = UINT16_MAX, -LCP_EFORMAT,
		"dynamic section: DT_VERNEED: the record at 0x10 runs past the end, or the records "
		"overlap");
	REFUSED(library, made.dynamic[MADE_DT_VERNEEDNUM].d_un.d_val = 2;
		made.need.vn_next = 4096, -LCP_EFORMAT,
		"dynamic section: DT_VERNEED: the record at 0x1000 runs past the end, or the "
		"records overlap");
	REFUSED(library, made.need_name.vna_name = 40, -LCP_EFORMAT,
		"dynamic section: DT_VERNEED: version 3 names string 40 past the end of DT_STRTAB");
	REFUSED(library, made.definitions[1].name.vda_name = 40, -LCP_EFORMAT,
		"dynamic section: DT_VERDEF: version 2 names string 40 past the end of DT_STRTAB");
	REFUSED(library, made.definitions[0].record.vd_next = 4096, -LCP_EFORMAT,
		"dynamic section: DT_VERDEF: the record at 0x1000 runs past the end, or the "
		"records overlap");
	REFUSED(library, made.definitions[1].record.vd_aux = 4096, -LCP_EFORMAT,
		"dynamic section: DT_VERDEF: the record at 0x101c runs past the end, or the "
		"records overlap");
}

static void test_object(void)
{
	struct made_object made;
	autoelf struct elf_file *elf = NULL;
	const struct elf_section *section;
	const struct elf_symbol *symbols;

	elf_make_object(&made);
	elf = view(&made, sizeof(made), "an object is viewed");
	is_int(elf->type, ET_REL, "it is an object");
	is_int(elf->machine, EM_X86_64, "of this CPU");
	is_int(elf->section_count, MADE_SECTIONS, "all sections are there");
	section = elf_file_section(elf, ".text");
	ok(section == &elf->sections[MADE_TEXT], "a section is found by its name");
	ok(elf_file_section(elf, ".data") == NULL, "one that is not there is not found");
	is_bytes(section->data, made.text, sizeof(made.text), "it has its bytes");
	ok(elf->sections[MADE_BSS].data == NULL && elf->sections[MADE_BSS].size > sizeof(made),
	   "a section without bytes may be larger than the file");
	is_int(elf->segment_count, 0, "there are no segments");
	ok(elf_file_bytes_at(elf, 0, 1) == NULL, "and so no bytes at an address");

	symbols = elf->symtab.items;
	is_int(elf->symtab.count, MADE_SYMBOLS, "all symbols are there");
	is_text(symbols[0].name, "", "the null symbol has no name");
	is_text(symbols[MADE_F_A].file, "a.c", "a local symbol knows its file");
	is_int(symbols[MADE_F_A].file_group, 1, "which is the first");
	is_text(symbols[MADE_F_B].file, "b.c", "its namesake knows another");
	is_int(symbols[MADE_F_B].file_group, 2, "which is the second");
	is_int(symbols[MADE_F_B].section, MADE_TEXT, "an extended section index is resolved");
	ok(symbols[MADE_G].file == NULL && symbols[MADE_G].file_group == 0,
	   "a global symbol has no file");
	is_int(symbols[MADE_G].visibility, STV_HIDDEN, "but a visibility");
	ok(symbols[MADE_ABS].reserved && symbols[MADE_ABS].section == SHN_ABS,
	   "an absolute symbol is in no section");
	ok(symbols[MADE_COMMON].reserved && symbols[MADE_COMMON].section == SHN_COMMON,
	   "nor is a common one");
	ok(!symbols[MADE_F_B].reserved && !symbols[MADE_G].reserved, "others are not reserved");
	is_int(elf->note_count, 1, "the note is found by its section");
	is_int(elf->build_id_size, 3, "a build-id may be short");
	is_bytes(elf->build_id, "\xab\xcd\xef", 3, "and is what the note says");
}

static void relocs_refused(const struct made_object *made, size_t index, int code,
			   const char *message)
{
	autoelf struct elf_file *elf = view(made, sizeof(*made), "the file opens");
	autoerror struct lcp_error *error = NULL;
	struct elf_reloc *relocs = NULL;
	size_t count = 0;

	is_int(elf_file_relocs(elf, index, &relocs, &count, &error), code,
	       "its relocations are refused");
	is_text(error->message, message, "and the message says why");
}

static void test_relocs(void)
{
	struct made_object made;
	autoelf struct elf_file *elf = NULL;
	autoerror struct lcp_error *error = NULL;
	autofree struct elf_reloc *relocs = NULL;
	size_t count = 0;

	elf_make_object(&made);
	elf = view(&made, sizeof(made), "an object with relocations is viewed");
	is_int(elf_file_relocs(elf, MADE_RELA, &relocs, &count, &error), 0, "they are read");
	is_int(count, 2, "all of them");
	ok(relocs[0].offset == 1 && relocs[0].type == R_X86_64_PLT32 &&
		   relocs[0].symbol == MADE_G && relocs[0].addend == -4,
	   "a relocation has its four parts");
	is_int(relocs[1].offset, 16, "one may stand at the end of its section, without room");

	relocs_refused(&made, MADE_TEXT, -EINVAL, "section 1 holds no relocations with addends");
	relocs_refused(&made, MADE_SECTIONS, -EINVAL,
		       "section 9 holds no relocations with addends");
	made.relocs[1].r_offset = 17;
	relocs_refused(&made, MADE_RELA, -LCP_EFORMAT,
		       "section 2 '.rela.text': relocation 1 is at offset 0x11, past the end of "
		       "section 1 '.text'");
	made.relocs[0].r_info = ELF64_R_INFO((uint64_t)MADE_SYMBOLS, R_X86_64_PC32);
	relocs_refused(&made, MADE_RELA, -LCP_EFORMAT,
		       "section 2 '.rela.text': relocation 0 is for symbol 8 of 8");
	made.sections[MADE_RELA].sh_link = 0;
	relocs_refused(&made, MADE_RELA, -LCP_EFORMAT,
		       "section 2 '.rela.text': relocation 0 is for symbol 8 of 1");
	made.sections[MADE_RELA].sh_link = MADE_TEXT;
	relocs_refused(&made, MADE_RELA, -LCP_EFORMAT,
		       "section 2 '.rela.text': its symbols are in section 1, which is not the "
		       "symbol table");
	made.sections[MADE_RELA].sh_size--;
	relocs_refused(&made, MADE_RELA, -LCP_EFORMAT,
		       "section 2 '.rela.text': 47 bytes in entries of 24 are no relocations");
}

static void test_extended_numbering(void)
{
	struct made_object made;
	autoelf struct elf_file *elf = NULL;
	autoelf struct elf_file *other = NULL;

	elf_make_object(&made);
	made.header.e_shnum = 0;
	made.header.e_shstrndx = SHN_XINDEX;
	made.sections[0].sh_size = MADE_SECTIONS;
	made.sections[0].sh_link = MADE_NAMES;
	elf = view(&made, sizeof(made), "numbers too large for the header are in section 0");
	is_int(elf->section_count, MADE_SECTIONS, "that of the sections");
	ok(elf_file_section(elf, ".text") != NULL, "and that of the section names");
	is_int(elf->sections[0].size, 0, "where they are no part of the view");

	made.header.e_phnum = PN_XNUM;
	made.header.e_phentsize = sizeof(Elf64_Phdr);
	made.header.e_phoff = offsetof(struct made_object, text);
	made.sections[0].sh_info = 1;
	memset(made.text, 0, sizeof(made.text)); /* PT_NULL */
	elf_file_close(take(elf));
	elf = view(&made, sizeof(made), "and that of the program headers");
	is_int(elf->segment_count, 1, "may be there too");
	made.header.e_phnum = 0;

	made.sections[0].sh_size = 0;
	other = view(&made, sizeof(made), "section headers may be missing in this way too");
	is_int(other->section_count, 0, "then there are none");
}

/* 70,000 sections: one of them has the number of SHN_ABS. */
static void test_many_sections(void)
{
	enum {
		COUNT = 70000,
		SYMBOLS = 2
	};
	struct {
		Elf64_Ehdr header;
		Elf64_Sym symbols[SYMBOLS];
		uint32_t indices[SYMBOLS];
		Elf64_Shdr sections[COUNT];
	} *made = calloc(1, sizeof(*made));
	struct made_object sample;
	autoelf struct elf_file *elf = NULL;

	elf_make_object(&sample);
	made->header = sample.header;
	made->header.e_shoff = offsetof(__typeof__(*made), sections);
	made->header.e_shnum = 0;
	made->header.e_shstrndx = 0;
	made->sections[0].sh_size = COUNT;
	for (size_t i = 1; i < COUNT; i++)
		made->sections[i].sh_type = SHT_PROGBITS;
	made->sections[1].sh_type = SHT_SYMTAB;
	made->sections[1].sh_link = 3;
	made->sections[1].sh_offset = offsetof(__typeof__(*made), symbols);
	made->sections[1].sh_size = sizeof(made->symbols);
	made->sections[1].sh_entsize = sizeof(Elf64_Sym);
	made->sections[2].sh_type = SHT_SYMTAB_SHNDX;
	made->sections[2].sh_link = 1;
	made->sections[2].sh_offset = offsetof(__typeof__(*made), indices);
	made->sections[2].sh_size = sizeof(made->indices);
	made->sections[3].sh_type = SHT_STRTAB;
	made->symbols[1].st_shndx = SHN_XINDEX;
	made->indices[1] = SHN_ABS;
	elf = view(made, sizeof(*made), "a file may have 70000 sections");
	is_int(elf->section_count, COUNT, "which are counted");
	ok(elf->symtab.items[1].section == SHN_ABS && !elf->symtab.items[1].reserved,
	   "a symbol in section 65521 is not an absolute one");
	is_text(elf->sections[1].name, "", "sections without names have empty ones");
	free(made);
}

static void test_library(void)
{
	struct made_library made;
	autoelf struct elf_file *elf = NULL;
	const struct elf_symbol *symbols;

	elf_make_library(&made);
	elf = view(&made, sizeof(made), "a library without section headers is viewed");
	ok(elf->sections == NULL && elf->section_count == 0, "it has no sections");
	is_int(elf->dynamic_count, MADE_DT_NULL, "the dynamic section is found");
	is_text(elf->dynamic[MADE_NEEDED].string, "dep.so", "it knows what it needs");
	is_text(elf->dynamic[MADE_SONAME].string, "lib.so", "and what it is called");
	ok(elf->dynamic[MADE_DT_SYMENT].string == NULL, "numbers are no strings");
	is_int(elf->dynsym.count, 4, "the hash table counts the symbols");
	symbols = elf->dynsym.items;
	is_text(symbols[1].name, "other", "a symbol has its name");
	is_text(symbols[1].version, "DEP1", "a needed one the version needed");
	is_int(symbols[1].section, SHN_UNDEF, "and no section");
	ok(strcmp(symbols[2].version, "V1") == 0 && symbols[2].version_hidden,
	   "a symbol may be of a version that is not the default");
	ok(strcmp(symbols[3].version, "V1") == 0 && !symbols[3].version_hidden,
	   "or of one that is");
	ok(symbols[0].version == NULL, "a local one has none");
	is_int(elf->build_id_size, 3, "the build-id is found by its segment");
	ok(elf->eh_frame_hdr == &elf->segments[MADE_EH_FRAME], "and so is .eh_frame_hdr");

	is_bytes(elf_file_bytes_at(elf, offsetof(struct made_library, strings), 8), made.strings, 8,
		 "bytes are found by their address");
	ok(elf_file_bytes_at(elf, sizeof(made) - 1, 1) != NULL, "up to the last one");
	ok(elf_file_bytes_at(elf, sizeof(made) - 1, 2) == NULL, "and not behind it");
	ok(elf_file_bytes_at(elf, sizeof(made), 0) == NULL, "nowhere");
	ok(elf_file_bytes_at(elf, 8, UINT64_MAX) == NULL, "nor with a size that wraps");
}

/* How many dynamic symbols has the file? */
static int64_t count_dynsym(const struct made_library *made)
{
	autoelf struct elf_file *elf = view(made, sizeof(*made), "the file opens");

	return (int64_t)elf->dynsym.count;
}

static void test_symbol_count(void)
{
	struct made_library made;

	elf_make_library(&made);
	made.gnu_hash.buckets[0] = 0;
	made.gnu_hash.first = 1;
	is_int(count_dynsym(&made), 2, "with an empty hash table, relocations count the symbols");
	made.relocs[0].r_info = ELF64_R_INFO((uint64_t)3, R_X86_64_GLOB_DAT);
	is_int(count_dynsym(&made), 4, "up to the last one they name");
	made.dynamic[MADE_DT_RELA].d_tag = DT_JMPREL;
	made.dynamic[MADE_DT_RELASZ].d_tag = DT_PLTRELSZ;
	is_int(count_dynsym(&made), 4, "those of the PLT count too");
	made.dynamic[MADE_DT_RELASZ].d_tag = DT_DEBUG;
	made.dynamic[MADE_DT_GNU_HASH].d_tag = DT_DEBUG;
	is_int(count_dynsym(&made), 0, "with neither there are none");
	made.dynamic[MADE_DT_GNU_HASH].d_tag = DT_HASH;
	made.dynamic[MADE_DT_GNU_HASH].d_un.d_val = offsetof(struct made_library, hash);
	is_int(count_dynsym(&made), 4, "a System V hash table says how many there are");
	made.dynamic[MADE_DT_VERSYM].d_tag = DT_DEBUG;
	is_int(count_dynsym(&made), 4, "symbols need no versions");
	made.dynamic[MADE_DT_SYMTAB].d_tag = DT_DEBUG;
	is_int(count_dynsym(&made), 0, "without DT_SYMTAB there are none");
}

static void test_segments_outside(void)
{
	struct made_library made;
	autoelf struct elf_file *elf = NULL;

	elf_make_library(&made);
	for (int i = 0; i < MADE_SEGMENTS; i++)
		made.segments[i].p_offset += sizeof(made);
	elf = view(&made, sizeof(made), "segments may lie outside the file");
	ok(elf->segments[MADE_LOAD].data == NULL && elf->segments[MADE_LOAD].filesz == sizeof(made),
	   "then they have no data");
	ok(elf_file_bytes_at(elf, 0, 1) == NULL, "and there are no bytes at their addresses");
	ok(elf->dynamic_count == 0 && elf->dynsym.count == 0 && elf->note_count == 0,
	   "nor what they would describe");
	ok(elf->eh_frame_hdr != NULL && elf->eh_frame_hdr->data == NULL,
	   "the segment of .eh_frame_hdr is still known");
}

/* As eu-strip makes them: the program headers are those of the whole file. */
static void test_debug_file(void)
{
	struct {
		struct made_library library;
		Elf64_Shdr sections[3];
	} made = { 0 };
	autoelf struct elf_file *elf = NULL;

	elf_make_library(&made.library);
	made.library.header.e_shoff = sizeof(made.library);
	made.library.header.e_shnum = 3;
	made.library.header.e_shentsize = sizeof(Elf64_Shdr);
	made.library.symbols[2].st_shndx = 1;
	made.library.symbols[3].st_shndx = 1;
	made.sections[1].sh_type = SHT_NOBITS;
	made.sections[1].sh_flags = SHF_ALLOC;
	made.sections[1].sh_addr = 16;
	made.sections[1].sh_size = 16;
	made.sections[2].sh_type = SHT_NOTE;
	made.sections[2].sh_offset = offsetof(struct made_library, note);
	made.sections[2].sh_size = sizeof(made.library.note);
	elf = view(&made, sizeof(made), "a separate debug file is viewed");
	ok(elf->segments[MADE_LOAD].data == NULL && elf->segments[MADE_DYNAMIC].data == NULL,
	   "its segments have no data, even if the file is long enough");
	is_int(elf->dynamic_count, 0, "it has no dynamic section");
	is_int(elf->build_id_size, 3, "but the build-id, by its section");
	elf_file_close(take(elf));

	made.sections[1].sh_flags |= SHF_TLS;
	elf = view(&made, sizeof(made), "a file with .tbss is viewed");
	ok(elf->segments[MADE_LOAD].data != NULL, "which does not make it a debug file");
}

static void test_dynsym_section(void)
{
	struct {
		struct made_library library;
		Elf64_Shdr sections[3];
	} made = { 0 };
	autoelf struct elf_file *elf = NULL;
	autofree struct elf_reloc *relocs = NULL;
	size_t count = 0;

	elf_make_library(&made.library);
	made.library.header.e_shoff = sizeof(made.library);
	made.library.header.e_shnum = 3;
	made.library.header.e_shentsize = sizeof(Elf64_Shdr);
	made.library.symbols[2].st_shndx = 1;
	made.sections[1].sh_type = SHT_DYNSYM;
	made.sections[1].sh_addr = offsetof(struct made_library, symbols);
	made.sections[1].sh_offset = made.sections[1].sh_addr;
	made.sections[1].sh_size = 3 * sizeof(Elf64_Sym);
	made.library.relocs[0].r_offset = 0x1000000;
	made.sections[2].sh_type = SHT_RELA;
	made.sections[2].sh_link = 1;
	made.sections[2].sh_offset = offsetof(struct made_library, relocs);
	made.sections[2].sh_size = sizeof(made.library.relocs);
	made.sections[2].sh_entsize = sizeof(Elf64_Rela);
	elf = view(&made, sizeof(made), "a library with section headers is viewed");
	is_int(elf->dynsym.count, 3, "the header of .dynsym counts the symbols");
	is_int(elf_file_relocs(elf, 2, &relocs, &count, NULL), 0, "relocations may use .dynsym");
	ok(count == 1 && relocs[0].symbol == 1 && relocs[0].offset == 0x1000000,
	   "their offsets are addresses");
	made.sections[1].sh_offset++;
	refused(&made, sizeof(made), -LCP_EFORMAT,
		"section 1 '': its bytes are not those at 0x210, where DT_SYMTAB says the symbols "
		"are");
}

static void test_note_alignment(void)
{
	static const uint8_t notes[] = {
		4, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 'G', 'N', 'U', 0, /* 16 */
		1, 2, 3, 4, 0, 0, 0, 0, /* 24: padding to 8 */
		0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, /* 36: an empty one */
		0, 0, 0, 0, 0, 0, 0, 0, /* 44: less than a note needs */
	};
	struct {
		struct made_object object;
		uint8_t notes[sizeof(notes)];
	} made;
	autoelf struct elf_file *elf = NULL;

	elf_make_object(&made.object);
	memcpy(made.notes, notes, sizeof(notes));
	made.object.sections[MADE_NOTE].sh_offset = offsetof(__typeof__(made), notes);
	made.object.sections[MADE_NOTE].sh_size = sizeof(notes);
	made.object.sections[MADE_NOTE].sh_addralign = 8;
	elf = view(&made, sizeof(made), "notes may be aligned to 8 bytes");
	is_int(elf->note_count, 2, "both are found, and what fills up the end is none");
	is_bytes(elf->notes[0].desc, "\1\2\3\4", 4, "a descriptor is what it is");
	is_int(elf->notes[1].type, 9, "and the next note begins where it begins");
	ok(elf->notes[1].name[0] == '\0' && elf->notes[1].desc == NULL, "it may be empty");
	ok(elf->build_id == NULL, "neither is a build-id");
}

/* Whatever length a file is cut to, it is refused or safe; the message is never empty. */
static void test_cut(void)
{
	struct made_object object;
	struct made_library library;
	size_t opened = 0;

	elf_make_object(&object);
	elf_make_library(&library);
	for (size_t size = 0; size < sizeof(object); size++) {
		autoelf struct elf_file *elf = NULL;
		autoerror struct lcp_error *error = NULL;
		autofree void *copy = malloc(size + 1);

		memcpy(copy, &object, size);
		opened += elf_file_open_mem(copy, size, &elf, &error) == 0;
	}
	is_int(opened, 0, "an object that was cut anywhere is refused");
	for (size_t size = 0; size < sizeof(library); size++) {
		autoelf struct elf_file *elf = NULL;
		autoerror struct lcp_error *error = NULL;

		if (elf_file_open_mem(&library, size, &elf, &error) == 0)
			opened += elf->dynsym.count;
	}
	is_int(opened, 0, "a library that was cut anywhere is refused or shows no symbols");
}

/* The real files: this program's main() and its C library's symbols, checked by dlsym(). */
int test_elf_file_landmark(int x);
int test_elf_file_landmark(int x)
{
	return x + 1;
}

static void test_self(void)
{
	autoelf struct elf_file *elf = NULL;
	autoerror struct lcp_error *error = NULL;
	size_t found = 0;

	is_int(elf_file_open("/proc/self/exe", &elf, &error), 0, "this program is viewed");
	if (elf == NULL)
		return;
	for (size_t i = 0; i < elf->symtab.count; i++) {
		const struct elf_symbol *symbol = &elf->symtab.items[i];

		if (strcmp(symbol->name, "test_elf_file_landmark") != 0)
			continue;
		found++;
		is_bytes(elf_file_bytes_at(elf, symbol->value, symbol->size),
			 (const void *)(uintptr_t)test_elf_file_landmark, symbol->size,
			 "a function's bytes in the file are those in memory");
	}
	is_int(found, 1, "its function is among its symbols, once");
	ok(elf_file_section(elf, ".text") != NULL, "it has .text");
}

static void test_libc(void)
{
	autoelf struct elf_file *elf = NULL;
	autoerror struct lcp_error *error = NULL;
	const char *version = NULL;
	Dl_info info;

	if (dladdr(dlsym(RTLD_DEFAULT, "getppid"), &info) == 0) {
		tap_skip("a static C library", "the C library is viewed");
		return;
	}
	is_int(elf_file_open(info.dli_fname, &elf, &error), 0, "the C library is viewed");
	if (elf == NULL)
		return;
	for (size_t i = 0; i < elf->dynsym.count; i++) {
		const struct elf_symbol *symbol = &elf->dynsym.items[i];

		if (strcmp(symbol->name, "getppid") != 0)
			continue;
		version = symbol->version != NULL ? symbol->version : "";
		ok((char *)info.dli_fbase + symbol->value == info.dli_saddr,
		   "getppid is where the dynamic linker found it");
	}
	ok(version != NULL, "getppid is among its dynamic symbols (version '%s')",
	   version != NULL ? version : "none");
	ok(elf->eh_frame_hdr != NULL && elf->eh_frame_hdr->data != NULL, "it has .eh_frame_hdr");
}

static void open_refused(const char *path, int code, const char *message)
{
	autoelf struct elf_file *elf = NULL;
	autoerror struct lcp_error *error = NULL;

	is_int(elf_file_open(path, &elf, &error), code, path);
	is_text(error->message, message, "the message says why");
	is_text(error->path, path, "and the error names the file");
}

static void test_open(void)
{
	char directory[] = "/tmp/test-elf-file.XXXXXX";
	char path[PATH_MAX];
	autoelf struct elf_file *elf = NULL;
	autoerror struct lcp_error *error = NULL;
	struct made_object made;
	autoclose int fd = memfd_create("object", MFD_CLOEXEC);

	open_refused("/nonexistent/file", -ENOENT, "cannot open: No such file or directory");
	open_refused("/proc", -EINVAL, "not a regular file");
	ok(mkdtemp(directory) != NULL, "a directory for a FIFO");
	(void)snprintf(path, sizeof(path), "%s/fifo", directory);
	is_int(mkfifo(path, 0600), 0, "and the FIFO");
	open_refused(path, -EINVAL, "not a regular file");
	(void)unlink(path);
	(void)rmdir(directory);

	elf_make_object(&made);
	is_int(write(fd, &made, sizeof(made)), sizeof(made), "an object in a memory file");
	is_int(elf_file_open_fd(fd, &elf, &error), 0, "is opened by its descriptor");
	is_int(lseek(fd, 0, SEEK_CUR), sizeof(made), "whose position stays");
	is_int(ftruncate(fd, 0), 0, "the file may go away");
	is_bytes(elf_file_section(elf, ".text")->data, made.text, sizeof(made.text),
		 "and the view stays");
	is_int(ftruncate(fd, (off_t)ELF_FILE_SIZE_MAX + 1), 0, "a file of more than 1 GiB");
	elf_file_close(take(elf));
	is_int(elf_file_open_fd(fd, &elf, &error), -EFBIG, "is refused");
	error_free(take(error));
	is_int(elf_file_open_mem(&made, ELF_FILE_SIZE_MAX + 1, &elf, &error), -EFBIG,
	       "and so is an image");
	is_text(error->message, "the image has 1073741825 bytes, more than the 1073741824 allowed",
		"and the message says why");
	is_int(elf_file_open_fd(-1, &elf, NULL), -EBADF, "an error may go without its object");
	elf_file_close(NULL);
}

int main(void)
{
	tap_begin();
	test_not_elf();
	test_bad_tables();
	test_bad_sections();
	test_bad_segments();
	test_bad_symbols();
	test_bad_notes();
	test_bad_dynamic();
	test_bad_hash();
	test_bad_versions();
	test_object();
	test_relocs();
	test_extended_numbering();
	test_many_sections();
	test_library();
	test_symbol_count();
	test_segments_outside();
	test_debug_file();
	test_dynsym_section();
	test_note_alignment();
	test_cut();
	test_self();
	test_libc();
	test_open();
	return tap_end();
}
