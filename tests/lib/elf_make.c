/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "elf_make.h"

#include <stddef.h>
#include <string.h>

uint32_t elf_make_string(const char *strings, uint64_t size, const char *string)
{
	uint64_t at = 0;

	while (at < size && strcmp(strings + at, string) != 0)
		at += strlen(strings + at) + 1;
	return at < size ? (uint32_t)at : 0;
}

static void make_header(Elf64_Ehdr *header, uint16_t type)
{
	memcpy(header->e_ident, ELFMAG, SELFMAG);
	header->e_ident[EI_CLASS] = ELFCLASS64;
	header->e_ident[EI_DATA] = ELFDATA2LSB;
	header->e_ident[EI_VERSION] = EV_CURRENT;
	header->e_type = type;
	header->e_machine = EM_X86_64;
	header->e_version = EV_CURRENT;
	header->e_ehsize = sizeof(*header);
}

static void make_note(struct made_note *note)
{
	note->header = (Elf64_Nhdr){ 4, 3, NT_GNU_BUILD_ID };
	memcpy(note->name, "GNU", 4);
	memcpy(note->desc, "\xab\xcd\xef", 4);
}

static void make_section(struct made_object *made, int index, uint32_t type, const char *name,
			 uint64_t offset, uint64_t size)
{
	made->sections[index].sh_type = type;
	made->sections[index].sh_name = elf_make_string(made->names, sizeof(made->names), name);
	made->sections[index].sh_offset = offset;
	made->sections[index].sh_size = size;
	made->sections[index].sh_addralign = 1;
}

#define SECTION(index, type, name, member)                                         \
	make_section(ret, index, type, name, offsetof(struct made_object, member), \
		     sizeof(ret->member))

static void make_object_sections(struct made_object *ret)
{
	static const char names[] = "\0.text\0.rela.text\0.symtab\0.strtab\0.symtab_shndx\0.note"
				    "\0.bss\0.shstrtab";

	_Static_assert(sizeof(names) <= sizeof(ret->names), "the names fit");
	memcpy(ret->names, names, sizeof(names));
	SECTION(MADE_TEXT, SHT_PROGBITS, ".text", text);
	SECTION(MADE_RELA, SHT_RELA, ".rela.text", relocs);
	SECTION(MADE_SYMTAB, SHT_SYMTAB, ".symtab", symbols);
	SECTION(MADE_STRTAB, SHT_STRTAB, ".strtab", strings);
	SECTION(MADE_INDICES, SHT_SYMTAB_SHNDX, ".symtab_shndx", indices);
	SECTION(MADE_NOTE, SHT_NOTE, ".note", note);
	make_section(ret, MADE_BSS, SHT_NOBITS, ".bss", sizeof(*ret), UINT64_C(1) << 40);
	SECTION(MADE_NAMES, SHT_STRTAB, ".shstrtab", names);
	ret->sections[MADE_TEXT].sh_flags = SHF_ALLOC | SHF_EXECINSTR;
	ret->sections[MADE_BSS].sh_flags = SHF_ALLOC | SHF_WRITE;
	ret->sections[MADE_RELA].sh_entsize = sizeof(Elf64_Rela);
	ret->sections[MADE_RELA].sh_link = MADE_SYMTAB;
	ret->sections[MADE_RELA].sh_info = MADE_TEXT;
	ret->sections[MADE_SYMTAB].sh_entsize = sizeof(Elf64_Sym);
	ret->sections[MADE_SYMTAB].sh_link = MADE_STRTAB;
	ret->sections[MADE_SYMTAB].sh_info = MADE_G;
	ret->sections[MADE_INDICES].sh_link = MADE_SYMTAB;
}

static void make_symbol(struct made_object *made, int index, const char *name, unsigned int bind,
			unsigned int type, uint16_t section)
{
	made->symbols[index].st_name = elf_make_string(made->strings, sizeof(made->strings), name);
	made->symbols[index].st_info = (unsigned char)ELF64_ST_INFO(bind, type);
	made->symbols[index].st_shndx = section;
}

static void make_object_symbols(struct made_object *ret)
{
	static const char strings[] = "\0a.c\0b.c\0f\0g\0abs\0com";

	_Static_assert(sizeof(strings) <= sizeof(ret->strings), "the strings fit");
	memcpy(ret->strings, strings, sizeof(strings));
	make_symbol(ret, MADE_FILE_A, "a.c", STB_LOCAL, STT_FILE, SHN_ABS);
	make_symbol(ret, MADE_F_A, "f", STB_LOCAL, STT_FUNC, MADE_TEXT);
	make_symbol(ret, MADE_FILE_B, "b.c", STB_LOCAL, STT_FILE, SHN_ABS);
	make_symbol(ret, MADE_F_B, "f", STB_LOCAL, STT_FUNC, SHN_XINDEX);
	make_symbol(ret, MADE_G, "g", STB_GLOBAL, STT_NOTYPE, SHN_UNDEF);
	make_symbol(ret, MADE_ABS, "abs", STB_GLOBAL, STT_OBJECT, SHN_ABS);
	make_symbol(ret, MADE_COMMON, "com", STB_GLOBAL, STT_OBJECT, SHN_COMMON);
	ret->indices[MADE_F_B] = MADE_TEXT;
	ret->symbols[MADE_F_B].st_value = 8;
	ret->symbols[MADE_F_B].st_size = 4;
	ret->symbols[MADE_G].st_other = STV_HIDDEN;
	ret->symbols[MADE_ABS].st_value = 42;
}

void elf_make_object(struct made_object *ret)
{
	memset(ret, 0, sizeof(*ret));
	make_header(&ret->header, ET_REL);
	ret->header.e_shoff = offsetof(struct made_object, sections);
	ret->header.e_shentsize = sizeof(Elf64_Shdr);
	ret->header.e_shnum = MADE_SECTIONS;
	ret->header.e_shstrndx = MADE_NAMES;
	make_object_sections(ret);
	make_object_symbols(ret);
	make_note(&ret->note);
	memset(ret->text, 0x90, sizeof(ret->text));
	ret->relocs[0] = (Elf64_Rela){ 1, ELF64_R_INFO((uint64_t)MADE_G, R_X86_64_PLT32), -4 };
	ret->relocs[1] = (Elf64_Rela){ 16, ELF64_R_INFO((uint64_t)0, R_X86_64_NONE), 0 };
}

static void make_segment(struct made_library *made, int index, uint32_t type, uint64_t offset,
			 uint64_t size)
{
	made->segments[index] = (Elf64_Phdr){
		.p_type = type,
		.p_flags = PF_R,
		.p_offset = offset,
		.p_vaddr = offset,
		.p_filesz = size,
		.p_memsz = size,
		.p_align = 4,
	};
}

static void make_tag(struct made_library *made, int index, int64_t tag, uint64_t value)
{
	made->dynamic[index].d_tag = tag;
	made->dynamic[index].d_un.d_val = value;
}

#define OFFSET(member) offsetof(struct made_library, member)
#define STRING(string) elf_make_string(ret->strings, sizeof(ret->strings), string)

static void make_dynamic(struct made_library *ret)
{
	make_tag(ret, MADE_NEEDED, DT_NEEDED, STRING("dep.so"));
	make_tag(ret, MADE_SONAME, DT_SONAME, STRING("lib.so"));
	make_tag(ret, MADE_DT_STRTAB, DT_STRTAB, OFFSET(strings));
	make_tag(ret, MADE_DT_STRSZ, DT_STRSZ, sizeof(ret->strings));
	make_tag(ret, MADE_DT_SYMTAB, DT_SYMTAB, OFFSET(symbols));
	make_tag(ret, MADE_DT_SYMENT, DT_SYMENT, sizeof(Elf64_Sym));
	make_tag(ret, MADE_DT_GNU_HASH, DT_GNU_HASH, OFFSET(gnu_hash));
	make_tag(ret, MADE_DT_RELA, DT_RELA, OFFSET(relocs));
	make_tag(ret, MADE_DT_RELASZ, DT_RELASZ, sizeof(ret->relocs));
	make_tag(ret, MADE_DT_VERSYM, DT_VERSYM, OFFSET(versions));
	make_tag(ret, MADE_DT_VERNEED, DT_VERNEED, OFFSET(need));
	make_tag(ret, MADE_DT_VERNEEDNUM, DT_VERNEEDNUM, 1);
	make_tag(ret, MADE_DT_VERDEF, DT_VERDEF, OFFSET(definitions));
	make_tag(ret, MADE_DT_VERDEFNUM, DT_VERDEFNUM, 2);
	make_tag(ret, MADE_DT_NULL, DT_NULL, 0);
}

static void make_versions(struct made_library *ret)
{
	static const Elf64_Versym versions[] = { VER_NDX_LOCAL, 3, 0x8000 | 2, 2 };

	memcpy(ret->versions, versions, sizeof(versions));
	ret->need = (Elf64_Verneed){ VER_NEED_CURRENT, 1, STRING("dep.so"), sizeof(ret->need), 0 };
	ret->need_name = (Elf64_Vernaux){ 0, 0, 3, STRING("DEP1"), 0 };
	for (uint16_t i = 0; i < 2; i++) {
		ret->definitions[i].record = (Elf64_Verdef){
			.vd_version = VER_DEF_CURRENT,
			.vd_flags = i == 0 ? VER_FLG_BASE : 0,
			.vd_ndx = (uint16_t)(i + 1),
			.vd_cnt = 1,
			.vd_aux = sizeof(Elf64_Verdef),
			.vd_next = i == 0 ? sizeof(ret->definitions[0]) : 0,
		};
		ret->definitions[i].name.vda_name = STRING(i == 0 ? "lib.so" : "V1");
	}
}

static void make_symbols(struct made_library *ret)
{
	static const char *const names[] = { "", "other", "old", "fn" };

	for (uint16_t i = 1; i < 4; i++) {
		ret->symbols[i].st_name = STRING(names[i]);
		ret->symbols[i].st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC);
		ret->symbols[i].st_shndx = i == 1 ? SHN_UNDEF : 7;
	}
	ret->gnu_hash.bucket_count = 1;
	ret->gnu_hash.first = 2;
	ret->gnu_hash.bloom_count = 1;
	ret->gnu_hash.buckets[0] = 2;
	ret->gnu_hash.chains[0] = 0x1000;
	ret->gnu_hash.chains[1] = 0x1001;
	ret->hash.bucket_count = 1;
	ret->hash.chain_count = 4;
	ret->relocs[0].r_info = ELF64_R_INFO((uint64_t)1, R_X86_64_JUMP_SLOT);
}

void elf_make_library(struct made_library *ret)
{
	static const char strings[] = "\0dep.so\0lib.so\0other\0old\0fn\0DEP1\0V1";

	_Static_assert(sizeof(strings) <= sizeof(ret->strings), "the strings fit");
	memset(ret, 0, sizeof(*ret));
	make_header(&ret->header, ET_DYN);
	ret->header.e_phoff = OFFSET(segments);
	ret->header.e_phentsize = sizeof(Elf64_Phdr);
	ret->header.e_phnum = MADE_SEGMENTS;
	memcpy(ret->strings, strings, sizeof(strings));
	make_segment(ret, MADE_LOAD, PT_LOAD, 0, sizeof(*ret));
	make_segment(ret, MADE_DYNAMIC, PT_DYNAMIC, OFFSET(dynamic), sizeof(ret->dynamic));
	make_segment(ret, MADE_PT_NOTE, PT_NOTE, OFFSET(note), sizeof(ret->note));
	make_segment(ret, MADE_EH_FRAME, PT_GNU_EH_FRAME, OFFSET(eh_frame_hdr),
		     sizeof(ret->eh_frame_hdr));
	make_dynamic(ret);
	make_symbols(ret);
	make_versions(ret);
	make_note(&ret->note);
}
