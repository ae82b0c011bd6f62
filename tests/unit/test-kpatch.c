/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Patch files, written and loaded: the three formats hold what was put into them, and whatever
 * contradicts itself is refused with the reason. Files in our own format are signed again after
 * each change, so that it is not the digest that refuses them.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "format/kpatch_write.h"
#include "sample.h"
#include "tap.h"

#define FUNCTIONS 4

/* A patch file open for changes. */
struct image {
	uint8_t *file;
	size_t size;
	Elf64_Ehdr *elf;
};

static void image_init(struct image *image, uint32_t format)
{
	if (format == LCP_FORMAT_LCP)
		sample_make(FUNCTIONS, &image->file, &image->size);
	else
		sample_make_classic(FUNCTIONS, format, &image->file, &image->size);
	image->elf =
		(Elf64_Ehdr *)(void *)(image->file + (format == LCP_FORMAT_LIBCARE ? 688 : 504));
}

static Elf64_Shdr *header_at(const struct image *image, size_t index)
{
	return (Elf64_Shdr *)(void *)((uint8_t *)image->elf + image->elf->e_shoff) + index;
}

/* The section of that name, which a test must not miss. */
static Elf64_Shdr *header(const struct image *image, const char *name)
{
	const Elf64_Shdr *names = header_at(image, image->elf->e_shstrndx);

	for (size_t i = 0; i < image->elf->e_shnum; i++) {
		Elf64_Shdr *section = header_at(image, i);

		if (strcmp((char *)image->elf + names->sh_offset + section->sh_name, name) == 0)
			return section;
	}
	tap_say("the sample has no section %s", name);
	abort();
}

static uint8_t *bytes(const struct image *image, const char *name)
{
	return (uint8_t *)image->elf + header(image, name)->sh_offset;
}

static Elf64_Rela *rela(const struct image *image, const char *name, size_t index)
{
	return (Elf64_Rela *)(void *)bytes(image, name) + index;
}

static Elf64_Sym *symbol(const struct image *image, size_t index)
{
	return (Elf64_Sym *)(void *)bytes(image, ".symtab") + index;
}

/* The first symbol of that name. */
static Elf64_Sym *named(const struct image *image, const char *name)
{
	const char *names = (char *)bytes(image, ".strtab");
	size_t count = header(image, ".symtab")->sh_size / sizeof(Elf64_Sym);

	for (size_t i = 1; i < count; i++)
		if (strcmp(names + symbol(image, i)->st_name, name) == 0)
			return symbol(image, i);
	tap_say("the sample has no symbol %s", name);
	abort();
}

static void rename_section(const struct image *image, const char *name, const char *to)
{
	const Elf64_Shdr *names = header_at(image, image->elf->e_shstrndx);
	char *at = (char *)image->elf + names->sh_offset + header(image, name)->sh_name;

	memcpy(at, to, strlen(at));
}

/* Overwrite the value of an entry in .lcp.meta with one of the same length. */
static void set_meta(const struct image *image, const char *from, const char *to)
{
	uint8_t *meta = bytes(image, ".lcp.meta");
	uint8_t *at = memmem(meta, header(image, ".lcp.meta")->sh_size, from, strlen(from));

	if (at == NULL)
		abort();
	memcpy(at, to, strlen(from));
}

/* What can be wrong with a header. */

static void magic(struct image *image)
{
	image->file[6] = '2';
}

static void no_elf(struct image *image)
{
	image->elf->e_ident[1] = 'e';
}

static void kpatch_offset(struct image *image)
{
	put_le32(image->file + 152, 505);
}

static void total_size(struct image *image)
{
	put_le32(image->file + 160, (uint32_t)image->size + 1);
}

static void total_size_small(struct image *image)
{
	put_le32(image->file + 160, 504 + 63);
}

static void id_without_end(struct image *image)
{
	memset(image->file + 8, 'x', 8);
}

static void id_not_printable(struct image *image)
{
	image->file[8] = '\n';
}

static void build_id_without_end(struct image *image)
{
	memset(image->file + 88, 'a', 41);
}

static void build_id_not_hexadecimal(struct image *image)
{
	image->file[90] = 'G';
}

static void build_id_odd(struct image *image)
{
	image->file[88 + 39] = '\0';
}

/* What can be wrong with the ELF image. */

static void elf_executable(struct image *image)
{
	image->elf->e_type = ET_DYN;
}

static void elf_machine(struct image *image)
{
	image->elf->e_machine = EM_S390;
}

static void elf_no_sections(struct image *image)
{
	image->elf->e_shoff = 0;
	image->elf->e_shnum = 0;
	image->elf->e_shstrndx = 0;
}

static void section_align(struct image *image)
{
	header(image, ".kpatch.data")->sh_addralign = 1 << 17;
}

static void section_huge(struct image *image)
{
	header(image, ".kpatch.bss")->sh_size = (uint64_t)1 << 31;
}

static void text_nobits(struct image *image)
{
	header(image, ".kpatch.text")->sh_type = SHT_NOBITS;
}

static void text_writable(struct image *image)
{
	header(image, ".kpatch.text")->sh_flags |= SHF_WRITE;
}

static void text_odd_type(struct image *image)
{
	header(image, ".kpatch.text")->sh_type = SHT_INIT_ARRAY;
}

static void data_thread_local(struct image *image)
{
	header(image, ".kpatch.data")->sh_flags |= SHF_TLS;
}

static void text_unaligned(struct image *image)
{
	image->elf->e_machine = EM_AARCH64;
	header(image, ".kpatch.text")->sh_addralign = 1;
}

static void shared_bytes(struct image *image)
{
	header(image, ".old.meta")->sh_offset = header(image, ".kpatch.text")->sh_offset;
}

static void program_headers(struct image *image)
{
	memset(bytes(image, ".old.functions"), 0, 64);
	image->elf->e_phoff = header(image, ".old.functions")->sh_offset;
	image->elf->e_phnum = 1;
	image->elf->e_phentsize = sizeof(Elf64_Phdr);
}

static void relocs_of_nothing(struct image *image)
{
	header(image, ".rela.kpatch.text")->sh_info = 0;
}

static void relocs_of_other_type(struct image *image)
{
	header(image, ".rela.kpatch.text")->sh_type = SHT_HASH;
}

static void relocs_misnamed(struct image *image)
{
	rename_section(image, ".rela.kpatch.data", ".rela.kpatch.date");
}

static void relocs_other_symbols(struct image *image)
{
	header(image, ".rela.kpatch.text")->sh_link = image->elf->e_shstrndx;
}

static void reloc_overlap(struct image *image)
{
	rela(image, ".rela.kpatch.text", 1)->r_offset = 6;
}

static void reloc_addend(struct image *image)
{
	rela(image, ".rela.kpatch.text", 0)->r_addend = (int64_t)1 << 40;
}

static void reloc_tls_of_data(struct image *image)
{
	Elf64_Rela *reloc = rela(image, ".rela.kpatch.text", 0);

	reloc->r_info = ELF64_R_INFO(ELF64_R_SYM(reloc->r_info), R_X86_64_TPOFF32);
}

static void reloc_address_of_tls(struct image *image)
{
	Elf64_Rela *reloc = rela(image, ".rela.kpatch.text", 4);

	reloc->r_info = ELF64_R_INFO(ELF64_R_SYM(reloc->r_info), R_X86_64_PC32);
}

static void symbol_unnamed(struct image *image)
{
	named(image, "printf")->st_name = 0;
}

static void symbol_not_printable(struct image *image)
{
	bytes(image, ".strtab")[named(image, "printf")->st_name] = '\n';
}

static void symbol_far(struct image *image)
{
	named(image, "config")->st_value = (uint64_t)1 << 63;
}

static void no_symtab(struct image *image)
{
	header(image, ".symtab")->sh_type = SHT_PROGBITS;
	header(image, ".rela.kpatch.text")->sh_type = SHT_PROGBITS;
	header(image, ".rela.kpatch.data")->sh_type = SHT_PROGBITS;
	header(image, ".rela.kpatch.info")->sh_type = SHT_PROGBITS;
}

static void reloc_type(struct image *image)
{
	rela(image, ".rela.kpatch.text", 3)->r_info |= 0xffff;
}

static void reloc_outside(struct image *image)
{
	rela(image, ".rela.kpatch.text", 1)->r_offset = FUNCTIONS * 64 - 3;
}

static void reloc_in_bss(struct image *image)
{
	header(image, ".rela.kpatch.data")->sh_info = 4;
	rename_section(image, ".rela.kpatch.data", ".rela.kpatch.bss\0");
}

static void reloc_symbol(struct image *image)
{
	Elf64_Rela *reloc = rela(image, ".rela.kpatch.text", 0);

	reloc->r_info = ELF64_R_INFO((uint64_t)9999, ELF64_R_TYPE(reloc->r_info));
}

static void relocs_twice(struct image *image)
{
	header(image, ".rela.kpatch.data")->sh_info = header(image, ".rela.kpatch.text")->sh_info;
}

static void relocs_without_addends(struct image *image)
{
	header(image, ".rela.kpatch.data")->sh_type = SHT_REL;
}

static void symbol_in_strtab(struct image *image)
{
	named(image, "greeting")->st_shndx = image->elf->e_shstrndx;
}

static void symbol_outside(struct image *image)
{
	named(image, "greeting")->st_size = 7;
}

static void symbol_common(struct image *image)
{
	named(image, "greeting")->st_shndx = SHN_COMMON;
}

/* What can be wrong with the table of functions. */

static void no_info(struct image *image)
{
	header(image, ".rela.kpatch.info")->sh_size = 0;
	rename_section(image, ".rela.kpatch.info", ".rela.kpatch.inf0");
	rename_section(image, ".kpatch.info", ".kpatch.inf0");
}

static void info_twice(struct image *image)
{
	header(image, ".old.strings")->sh_name = header(image, ".kpatch.info")->sh_name;
}

static void info_empty(struct image *image)
{
	memset(bytes(image, ".kpatch.info"), 0, FUNCTIONS * 48);
	header(image, ".rela.kpatch.info")->sh_size = 0;
}

static void info_cut(struct image *image)
{
	header(image, ".kpatch.info")->sh_size -= 24;
	header(image, ".rela.kpatch.info")->sh_size -= sizeof(Elf64_Rela);
}

static void info_misplaced_reloc(struct image *image)
{
	rela(image, ".rela.kpatch.info", 0)->r_offset = 16;
}

static void info_short_reloc(struct image *image)
{
	Elf64_Rela *reloc = rela(image, ".rela.kpatch.info", 1);

	reloc->r_info = ELF64_R_INFO(ELF64_R_SYM(reloc->r_info), R_X86_64_PC64);
}

static void info_no_name(struct image *image)
{
	header(image, ".rela.kpatch.info")->sh_size -= sizeof(Elf64_Rela);
}

static void info_no_new(struct image *image)
{
	header(image, ".rela.kpatch.info")->sh_size -= 2 * sizeof(Elf64_Rela);
}

static void info_field_twice(struct image *image)
{
	rela(image, ".rela.kpatch.info", 4)->r_offset = 8;
}

static void info_reserved(struct image *image)
{
	bytes(image, ".kpatch.info")[48 + 43] = 0x80;
}

static void info_too_small(struct image *image)
{
	put_le32(bytes(image, ".kpatch.info") + 16, 4);
}

static void info_new_overlap(struct image *image)
{
	rela(image, ".rela.kpatch.info", 4)->r_addend = 32;
}

static void info_name_not_printable(struct image *image)
{
	bytes(image, ".kpatch.strtab")[2] = 27;
}

static void info_new_outside(struct image *image)
{
	rela(image, ".rela.kpatch.info", 4)->r_addend = FUNCTIONS * 64 - 32;
}

static void info_new_in_data(struct image *image)
{
	Elf64_Rela *reloc = rela(image, ".rela.kpatch.info", 1);

	reloc->r_info = ELF64_R_INFO((uint64_t)2, R_X86_64_64);
	reloc->r_addend = 0;
}

static void info_new_in_object(struct image *image)
{
	rela(image, ".rela.kpatch.info", 1)->r_info = rela(image, ".rela.kpatch.info", 0)->r_info;
}

static void info_old_in_patch(struct image *image)
{
	rela(image, ".rela.kpatch.info", 0)->r_info = rela(image, ".rela.kpatch.info", 1)->r_info;
}

static void info_old_wraps(struct image *image)
{
	rela(image, ".rela.kpatch.info", 0)->r_addend = -8;
}

static void info_old_not_an_address(struct image *image)
{
	rela(image, ".rela.kpatch.info", 0)->r_addend = INT64_MAX - 8;
}

static void info_old_unrelocated(struct image *image)
{
	/* The new function is the last. */
	put_le32(bytes(image, ".kpatch.info") + (FUNCTIONS - 1) * 48 + 16, 64);
}

static void info_old_empty(struct image *image)
{
	put_le32(bytes(image, ".kpatch.info") + 16, 0);
}

static void info_overlap(struct image *image)
{
	put_le32(bytes(image, ".kpatch.info") + 16, 257);
}

static void info_name_without_end(struct image *image)
{
	Elf64_Shdr *names = header(image, ".kpatch.strtab");

	bytes(image, ".kpatch.strtab")[names->sh_size - 1] = 'x';
}

/* What can be wrong with the .lcp.* sections. */

static void digest_short(struct image *image)
{
	header(image, ".lcp.digest")->sh_size = 0;
}

static void digest_wrong(struct image *image)
{
	bytes(image, ".lcp.digest")[0] ^= 1;
}

static void meta_without_end(struct image *image)
{
	header(image, ".lcp.meta")->sh_size--;
}

static void meta_without_equals(struct image *image)
{
	set_meta(image, "level=2", "level:2");
}

static void meta_version(struct image *image)
{
	set_meta(image, "format=1", "format=2");
}

static void meta_no_version(struct image *image)
{
	set_meta(image, "format=1", "f0rmat=1");
}

static void meta_bad_level(struct image *image)
{
	set_meta(image, "level=2", "level=b");
}

static void meta_id_twice(struct image *image)
{
	set_meta(image, "target=", "id=xget");
	set_meta(image, "id=xget", "id=1\0id");
}

static void meta_level_twice(struct image *image)
{
	set_meta(image, "description=requests", "level=2\0description=");
}

static void meta_not_printable(struct image *image)
{
	set_meta(image, "builder=the", "builder=\x1b[m");
}

static void meta_target_path(struct image *image)
{
	set_meta(image, "target=sample", "target=../etc");
}

static void meta_other_id(struct image *image)
{
	set_meta(image, "id=sample", "id=simple");
}

static void meta_long_key(struct image *image)
{
	set_meta(image, "description=requests", "description_requests");
	set_meta(image, "description_requests longer", "description_requests=longer");
}

static void symbols_size(struct image *image)
{
	header(image, ".lcp.symbols")->sh_size -= 8;
}

static void symbols_order(struct image *image)
{
	put_le32(bytes(image, ".lcp.symbols") + 32, 1);
}

static void symbols_class(struct image *image)
{
	put_le32(bytes(image, ".lcp.symbols") + 4, LCP_SYMBOL_PATCH);
}

static void symbols_unusable(struct image *image)
{
	/* The record that config has would be one of a symbol that stands for nothing. */
	named(image, "config")->st_shndx = SHN_COMMON;
	put_le32(bytes(image, ".lcp.symbols") + 4, 0);
}

static void symbols_flags(struct image *image)
{
	put_le32(bytes(image, ".lcp.symbols") + 20, 1);
}

static void symbols_string(struct image *image)
{
	put_le32(bytes(image, ".lcp.symbols") + 32 + 8, 1 << 20);
}

static void symbols_wild(struct image *image)
{
	/* printf, memcpy and errno have records 1 to 3, behind config's. */
	put_le64(bytes(image, ".lcp.symbols") + 2 * 32 + 24, UINT64_MAX);
}

static void symbols_odd_slot(struct image *image)
{
	put_le64(bytes(image, ".lcp.symbols") + 3 * 32 + 24, 0x7fd1);
}

static void symbols_missing(struct image *image)
{
	header(image, ".lcp.symbols")->sh_size -= 32;
}

static void strings_without_end(struct image *image)
{
	header(image, ".lcp.strings")->sh_size--;
}

static void functions_missing(struct image *image)
{
	header(image, ".lcp.functions")->sh_size -= 64;
}

static void functions_flags(struct image *image)
{
	bytes(image, ".lcp.functions")[4] = 2;
}

static void functions_part(struct image *image)
{
	bytes(image, ".lcp.functions")[4] = 1;
}

static void functions_entry(struct image *image)
{
	bytes(image, ".lcp.functions")[12] = 17;
}

static void functions_padding(struct image *image)
{
	put_le32(bytes(image, ".lcp.functions") + 8, 4097);
}

static void functions_new_expects(struct image *image)
{
	bytes(image, ".lcp.functions")[(FUNCTIONS - 1) * 64 + 32] = 1;
}

static void libcare_with_meta(struct image *image)
{
	rename_section(image, ".old.meta", ".lcp.meta");
}

static const struct {
	void (*change)(struct image *image);
	uint32_t format;
	int code;
	const char *message;
} refusals[] = {
#define LIBCARE LCP_FORMAT_LIBCARE
#define PLUS LCP_FORMAT_LIBCAREPLUS
#define OWN LCP_FORMAT_LCP
	{ magic, PLUS, LCP_EFORMAT, "not a patch file: it does not begin with KPATCH1" },
	{ no_elf, LIBCARE, LCP_EFORMAT,
	  "header: no ELF image behind a header of 504 or of 688 bytes" },
	{ no_elf, OWN, LCP_EFORMAT, "header: no ELF image behind a header of 504 or of 688 bytes" },
	{ kpatch_offset, PLUS, LCP_EFORMAT,
	  "header: no ELF image behind a header of 504 or of 688 bytes" },
	{ total_size, PLUS, LCP_EFORMAT,
	  "header: total size is 8569, but the file has 8568 bytes" },
	{ total_size_small, PLUS, LCP_EFORMAT,
	  "header: total size 567 leaves no room for an ELF header" },
	{ id_without_end, PLUS, LCP_EFORMAT, "header: the id at byte 8 has no end" },
	{ id_not_printable, PLUS, LCP_EFORMAT,
	  "header: the id at byte 8 is empty or not printable" },
	{ build_id_without_end, PLUS, LCP_EFORMAT, "header: the build-id at byte 88 has no end" },
	{ build_id_not_hexadecimal, PLUS, LCP_EFORMAT,
	  "header: the build-id at byte 88 is not lower-case hexadecimal" },
	{ build_id_odd, PLUS, LCP_EFORMAT,
	  "header: the build-id at byte 88 is not lower-case hexadecimal" },
	{ elf_executable, PLUS, LCP_EFORMAT, "ELF image: type is 3, not ET_REL" },
	{ elf_machine, PLUS, LCP_EUNSUPPORTED, "ELF image: unknown machine 22" },
	{ elf_no_sections, PLUS, LCP_EFORMAT, "ELF image: no section headers" },
	{ section_align, PLUS, LCP_EFORMAT,
	  "section 3 '.kpatch.data': alignment 131072 is not a power of two up to 65536" },
	{ section_huge, PLUS, LCP_EFORMAT,
	  "section 4 '.kpatch.bss': 2147483648 bytes are more than a patch may load" },
	{ text_nobits, PLUS, LCP_EFORMAT, "section 1 '.kpatch.text': code without contents" },
	{ text_writable, PLUS, LCP_EFORMAT, "section 1 '.kpatch.text': both code and writable" },
	{ text_odd_type, PLUS, LCP_EFORMAT,
	  "section 1 '.kpatch.text': type 14 with flags 0x6 is nothing that a patch loads" },
	{ data_thread_local, PLUS, LCP_EFORMAT,
	  "section 3 '.kpatch.data': type 1 with flags 0x403 is nothing that a patch loads" },
	{ text_unaligned, PLUS, LCP_EFORMAT,
	  "section 1 '.kpatch.text': code is aligned to 1, not to 4" },
	{ shared_bytes, PLUS, LCP_EFORMAT,
	  "section 13 '.old.meta': shares bytes of the file with section 1 '.kpatch.text'" },
	{ program_headers, PLUS, LCP_EFORMAT, "ELF image: program headers in an object" },
	{ relocs_of_nothing, PLUS, LCP_EFORMAT,
	  "section 11 '.rela.kpatch.text': no relocations of a section of the patch" },
	{ relocs_of_other_type, PLUS, LCP_EFORMAT,
	  "section 11 '.rela.kpatch.text': no relocations of a section of the patch" },
	{ relocs_misnamed, PLUS, LCP_EFORMAT,
	  "section 12 '.rela.kpatch.date': relocations of '.kpatch.data'" },
	{ relocs_other_symbols, PLUS, LCP_EFORMAT,
	  "section 11 '.rela.kpatch.text': its symbols are not those of '.symtab'" },
	{ reloc_overlap, PLUS, LCP_EFORMAT,
	  "section '.kpatch.text': two relocations change byte 0x6" },
	{ reloc_addend, PLUS, LCP_EFORMAT,
	  "section 11 '.rela.kpatch.text': relocation 0 has addend 1099511627776" },
	{ reloc_tls_of_data, PLUS, LCP_EFORMAT,
	  "section 11 '.rela.kpatch.text': relocation 0 is R_X86_64_TPOFF32, which 'greeting' cannot serve: its class is patch" },
	{ reloc_address_of_tls, PLUS, LCP_EFORMAT,
	  "section 11 '.rela.kpatch.text': relocation 4 is R_X86_64_PC32, which 'errno' cannot serve: its class is tls-bound" },
	{ symbol_unnamed, PLUS, LCP_EFORMAT,
	  "section 11 '.rela.kpatch.text': relocation 1 refers to symbol 10 '', which is neither in the patch nor in the object" },
	{ symbol_not_printable, PLUS, LCP_EFORMAT,
	  "section 11 '.rela.kpatch.text': relocation 1 refers to symbol 10 '?rintf', which has a name that is not printable" },
	{ symbol_far, PLUS, LCP_EFORMAT,
	  "section 11 '.rela.kpatch.text': relocation 2 refers to symbol 9 'config', which is at an address that no object has" },
	{ no_symtab, PLUS, LCP_EFORMAT, "ELF image: no symbol table" },
	{ reloc_type, LIBCARE, LCP_EUNSUPPORTED,
	  "section 11 '.rela.kpatch.text': relocation 3 has type 65535, which is unknown on x86_64" },
	{ reloc_outside, PLUS, LCP_EFORMAT,
	  "section 11 '.rela.kpatch.text': relocation 1 at 0xfd is outside of '.kpatch.text'" },
	{ reloc_in_bss, PLUS, LCP_EFORMAT,
	  "section 12 '.rela.kpatch.bss': relocation 0 at 0x10 is outside of '.kpatch.bss'" },
	{ reloc_symbol, PLUS, LCP_EFORMAT,
	  "section 11 '.rela.kpatch.text': relocation 0 is for symbol 9999 of 14" },
	{ relocs_twice, PLUS, LCP_EFORMAT,
	  "section 12 '.rela.kpatch.data': a second section of relocations for '.kpatch.text'" },
	{ relocs_without_addends, PLUS, LCP_EUNSUPPORTED,
	  "section 12 '.rela.kpatch.data': relocations without addends" },
	{ symbol_in_strtab, PLUS, LCP_EFORMAT,
	  "section 11 '.rela.kpatch.text': relocation 0 refers to symbol 7 'greeting', which is neither in the patch nor in the object" },
	{ symbol_outside, OWN, LCP_EFORMAT,
	  "section 11 '.rela.kpatch.text': relocation 0 refers to symbol 7 'greeting', which runs past the end of its section" },
	{ symbol_common, PLUS, LCP_EFORMAT,
	  "section 11 '.rela.kpatch.text': relocation 0 refers to symbol 7 'greeting', which is neither in the patch nor in the object" },
	{ no_info, PLUS, LCP_EFORMAT, "ELF image: no '.kpatch.info', or nothing in it" },
	{ info_twice, PLUS, LCP_EFORMAT, "section 14 '.kpatch.info': section 7 has that name too" },
	{ info_empty, PLUS, LCP_EFORMAT, "section 7 '.kpatch.info': no record in it" },
	{ info_cut, PLUS, LCP_EFORMAT, "section 7 '.kpatch.info': record 3 runs past the end" },
	{ info_misplaced_reloc, PLUS, LCP_EFORMAT,
	  "section 7 '.kpatch.info': record 0 has a relocation between its fields" },
	{ info_short_reloc, PLUS, LCP_EFORMAT,
	  "section 7 '.kpatch.info': record 0 has a relocation that is no 64-bit address" },
	{ info_no_new, PLUS, LCP_EFORMAT, "section 7 '.kpatch.info': record 3 has no new address" },
	{ info_no_name, PLUS, LCP_EFORMAT, "section 7 '.kpatch.info': record 3 has no name" },
	{ info_field_twice, PLUS, LCP_EFORMAT,
	  "section '.kpatch.info': two relocations change byte 0x8" },
	{ info_reserved, PLUS, LCP_EFORMAT,
	  "section 7 '.kpatch.info': record 1 has something in its reserved fields" },
	{ info_too_small, PLUS, LCP_EFORMAT,
	  "function 'handle_request_0' has 4 bytes and 0 of padding, where a branch takes 5" },
	{ info_new_overlap, PLUS, LCP_EFORMAT,
	  "functions 'handle_request_0' and 'handle_request_1' overlap in the patch" },
	{ info_name_not_printable, PLUS, LCP_EFORMAT,
	  "section 7 '.kpatch.info': record 0 has a name that is not printable, or too long" },
	{ info_new_outside, PLUS, LCP_EFORMAT,
	  "section 7 '.kpatch.info': record 1 has a new version that is not within code" },
	{ info_new_in_data, PLUS, LCP_EFORMAT,
	  "section 7 '.kpatch.info': record 0 has a new version that is not within code" },
	{ info_new_in_object, PLUS, LCP_EFORMAT,
	  "section 7 '.kpatch.info': record 0 has its new address outside of the patch: symbol 5 '.old.object'" },
	{ info_old_in_patch, PLUS, LCP_EFORMAT,
	  "section 7 '.kpatch.info': record 0 has an old address outside of the object" },
	{ info_old_wraps, PLUS, LCP_EFORMAT,
	  "section 7 '.kpatch.info': record 0 has an old address outside of the object" },
	{ info_old_not_an_address, PLUS, LCP_EFORMAT,
	  "section 7 '.kpatch.info': record 0 has an old address outside of the object" },
	{ info_old_unrelocated, PLUS, LCP_EFORMAT,
	  "section 7 '.kpatch.info': record 3 has an old address without relocation" },
	{ info_old_empty, PLUS, LCP_EFORMAT,
	  "section 7 '.kpatch.info': record 0 replaces nothing: address or size is 0" },
	{ info_overlap, OWN, LCP_EFORMAT,
	  "functions 'handle_request_0' and 'handle_request_1' overlap in the object" },
	{ info_name_without_end, PLUS, LCP_EFORMAT,
	  "section 7 '.kpatch.info': record 3 has a name that is empty or has no end" },
	{ digest_short, OWN, LCP_EFORMAT, "section 17 '.lcp.digest': size is not 32" },
	{ digest_wrong, OWN, LCP_EINTEGRITY,
	  "the file was changed after it was made: its digest differs" },
	{ meta_without_end, OWN, LCP_EFORMAT, "section 13 '.lcp.meta': the last entry has no end" },
	{ meta_without_equals, OWN, LCP_EFORMAT, "section 13 '.lcp.meta': 'level:2' has no '='" },
	{ meta_version, OWN, LCP_EUNSUPPORTED, "section 13 '.lcp.meta': format 2 is newer than 1" },
	{ meta_no_version, OWN, LCP_EFORMAT,
	  "section 13 '.lcp.meta': does not begin with its format" },
	{ meta_bad_level, OWN, LCP_EFORMAT, "section 13 '.lcp.meta': 'level=b' is no valid value" },
	{ meta_id_twice, OWN, LCP_EFORMAT, "section 13 '.lcp.meta': 'id=1' is said twice" },
	{ meta_level_twice, OWN, LCP_EFORMAT, "section 13 '.lcp.meta': 'level=2' is said twice" },
	{ meta_not_printable, OWN, LCP_EFORMAT,
	  "section 13 '.lcp.meta': 'builder=?[m tests of liblcp' is not printable" },
	{ meta_target_path, OWN, LCP_EFORMAT,
	  "section 13 '.lcp.meta': 'target=../etc-server' is no valid value" },
	{ meta_other_id, OWN, LCP_EFORMAT,
	  "section 13 '.lcp.meta': the header has another id or build-id" },
	{ symbols_size, OWN, LCP_EFORMAT,
	  "section 15 '.lcp.symbols': size 152 is not a multiple of 32" },
	{ symbols_order, OWN, LCP_EFORMAT,
	  "section 15 '.lcp.symbols': record 1 names a symbol that is not behind the one before" },
	{ symbols_class, OWN, LCP_EFORMAT,
	  "section 15 '.lcp.symbols': record 0 gives its symbol an impossible class" },
	{ symbols_unusable, OWN, LCP_EFORMAT,
	  "section 15 '.lcp.symbols': record 0 gives its symbol an impossible class" },
	{ symbols_flags, OWN, LCP_EFORMAT,
	  "section 15 '.lcp.symbols': record 0 gives its symbol an impossible class" },
	{ symbols_string, OWN, LCP_EFORMAT,
	  "section 15 '.lcp.symbols': record 1 names a string that '.lcp.strings' does not have" },
	{ symbols_wild, OWN, LCP_EFORMAT,
	  "section 11 '.rela.kpatch.text': relocation 3 refers to symbol 11 'memcpy', which is at an address that no object has" },
	{ symbols_odd_slot, OWN, LCP_EFORMAT,
	  "section 11 '.rela.kpatch.text': relocation 4 refers to symbol 12 'errno', which is in a GOT slot between two" },
	{ symbols_missing, OWN, LCP_EFORMAT,
	  "section 15 '.lcp.symbols': symbol 13 'request' is undefined and has no record" },
	{ strings_without_end, OWN, LCP_EFORMAT,
	  "section 14 '.lcp.strings': does not begin and end with a NUL" },
	{ functions_missing, OWN, LCP_EFORMAT,
	  "section 16 '.lcp.functions': 3 records, but '.kpatch.info' has 4" },
	{ functions_flags, OWN, LCP_EFORMAT,
	  "section 16 '.lcp.functions': record 0 has a flag that this format does not have" },
	{ functions_part, OWN, LCP_EFORMAT,
	  "section 16 '.lcp.functions': record 0 is a part, but new or with padding" },
	{ functions_entry, OWN, LCP_EFORMAT,
	  "section 16 '.lcp.functions': record 0 expects an impossible number of bytes at the entry" },
	{ functions_padding, OWN, LCP_EFORMAT,
	  "function 'handle_request_0' has 96 bytes and 4097 of padding, where a branch takes 5" },
	{ functions_new_expects, OWN, LCP_EFORMAT,
	  "section 16 '.lcp.functions': record 3 expects bytes of a function that is new" },
	{ libcare_with_meta, LIBCARE, LCP_EFORMAT,
	  "section 13 '.lcp.meta': only a LibcarePlus header may stand before it" },
#undef LIBCARE
#undef PLUS
#undef OWN
};

/* Load what a change made of the sample, signed unless the change is to the digest itself. */
static int load_changed(void (*change)(struct image *image), uint32_t format,
			struct lcp_kpatch **ret, struct lcp_error **reterr)
{
	struct image image;
	uint8_t *is_signed;
	int r;

	image_init(&image, format);
	change(&image);
	if (format == LCP_FORMAT_LCP && change != digest_wrong &&
	    sample_sign(image.file, image.size, &is_signed)) {
		free(image.file);
		image.file = is_signed;
	}
	r = kpatch_parse(image.file, image.size, 0, ret, reterr);
	free(image.file);
	return r;
}

static void test_refusals(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		autokpatch struct lcp_kpatch *patch = NULL;
		autoerror struct lcp_error *error = NULL;

		is_int(load_changed(refusals[i].change, refusals[i].format, &patch, &error),
		       -refusals[i].code, refusals[i].message);
		is_text(error != NULL ? error->message : NULL, refusals[i].message,
			"and that is what the message says");
		ok(patch == NULL, "and no patch is given");
	}
}

static void test_unknown_key(void)
{
	autokpatch struct lcp_kpatch *patch = NULL;

	is_int(load_changed(meta_long_key, LCP_FORMAT_LCP, &patch, NULL), 0,
	       "a key that a later version may bring is passed over");
	ok(patch != NULL && patch->description == NULL, "and taken for nothing else");
}

static void check_function(const struct kpatch_function *function, bool is_new)
{
	is_int(function->old_size, is_new ? 0 : 96, "old size");
	is_int(function->old_address, is_new ? 0 : 0x2000, "old address");
	is_int(function->new_size, 64, "new size");
	is_text(function->unit, "server.c", "unit");
	is_int(function->padding, is_new ? 0 : 4, "padding");
	is_int(function->entry_size, is_new ? 0 : 8, "size of the expected entry");
	if (!is_new) {
		is_bytes(function->entry, "\xf3\x0f\x1e\xfa\x55\x48\x89\xe5", 8, "entry");
		is_bytes(function->digest, "this stands for a digest, surely", 32, "digest");
	}
}

static const struct kpatch_symbol *find_symbol(const struct lcp_kpatch *patch, const char *name)
{
	for (size_t i = 0; i < patch->used_symbol_count; i++)
		if (strcmp(patch->symbols[patch->used_symbols[i]].name, name) == 0)
			return &patch->symbols[patch->used_symbols[i]];
	tap_say("the patch uses no symbol %s", name);
	abort();
}

static void check_symbols(const struct lcp_kpatch *patch)
{
	const struct kpatch_symbol *found;

	is_int(patch->used_symbol_count, SAMPLE_SYMBOLS, "all symbols are used");
	found = find_symbol(patch, "printf");
	is_int(found->class, LCP_SYMBOL_IMPORT, "printf is a new import");
	is_text(found->version, "GLIBC_2.2.5", "of a version");
	is_text(found->library, "libc.so.6", "of a library");
	found = find_symbol(patch, "memcpy");
	is_int(found->class, LCP_SYMBOL_BOUND, "memcpy is bound already");
	ok(found->value == 0x1030 && found->flags == SYMBOL_IS_PLT, "through a PLT entry");
	found = find_symbol(patch, "config");
	ok(found->class == LCP_SYMBOL_OBJECT && found->value == 0x8040, "config is the object's");
	is_text(found->unit, "server.c", "and one unit's own");
	found = find_symbol(patch, "errno");
	ok(found->class == LCP_SYMBOL_TLS_BOUND && found->value == 0x7fd0,
	   "errno is another's TLS");
	found = find_symbol(patch, "request");
	ok(found->class == LCP_SYMBOL_TLS && found->value == 16, "request is the object's TLS");
	found = find_symbol(patch, "counter");
	ok(found->class == LCP_SYMBOL_PATCH && found->value == 64, "counter is the patch's");
	is_text(patch->sections[found->section].name, ".kpatch.bss", "and begins as zero");
}

static void check_relocs(const struct lcp_kpatch *patch)
{
	const struct kpatch_section *text = NULL;

	for (size_t i = 0; i < patch->section_count; i++)
		if (patch->sections[i].kind == KPATCH_TEXT)
			text = &patch->sections[i];
	if (text == NULL || text->reloc_count != FUNCTIONS * 8) {
		ok(false, "code has its relocations");
		return;
	}
	is_text(text->relocs[9].type->name, "R_X86_64_PLT32", "the type of a relocation");
	is_text(patch->symbols[text->relocs[9].symbol].name, "printf", "its symbol");
	is_int(text->relocs[9].offset, 64 + 8, "its place");
	is_int(text->relocs[9].addend, -4, "its addend");
}

static void test_own(void)
{
	autokpatch struct lcp_kpatch *patch = NULL;
	autofree uint8_t *file = NULL;
	size_t size;

	sample_make(FUNCTIONS, &file, &size);
	is_int(kpatch_parse(file, size, LCP_KPATCH_NEED_DIGEST, &patch, NULL), 0,
	       "what the writer writes can be loaded");
	if (patch == NULL)
		return;
	is_int(patch->format, LCP_FORMAT_LCP, "format");
	is_text(patch->id, SAMPLE_ID, "an id longer than the header's field");
	is_text(patch->build_id, SAMPLE_BUILD_ID, "build-id");
	is_text(patch->target, SAMPLE_TARGET, "target");
	is_text(patch->description, "requests longer than the buffer are refused", "description");
	is_text(patch->builder, "the tests of liblcp", "builder");
	is_int(patch->cve_count, 2, "two CVE names");
	is_text(patch->cves[1], "CVE-0000-0002", "the second of them");
	is_int(patch->level, 2, "level");
	is_int(patch->build_time, 0, "no build time");
	is_int(patch->size, size, "size");
	is_text(patch->arch->name, "x86_64", "CPU");
	is_int(kpatch_text_size(patch), FUNCTIONS * 64 + 6, "bytes of code and constants");
	is_int(kpatch_data_size(patch), 32 + 128, "bytes of data");
	is_int(patch->function_count, FUNCTIONS, "functions");
	is_text(patch->functions[0].name, "handle_request_0", "a function's name has no suffix");
	check_function(&patch->functions[0], false);
	check_function(&patch->functions[FUNCTIONS - 1], true);
	check_symbols(patch);
	check_relocs(patch);
}

static void test_same_bytes(void)
{
	autofree uint8_t *first = NULL, *second = NULL, *third = NULL;
	autokpatch struct lcp_kpatch *patch = NULL;
	size_t size, size_again;

	sample_make(FUNCTIONS, &first, &size);
	sample_make(FUNCTIONS, &second, &size_again);
	ok(size == size_again && memcmp(first, second, size) == 0,
	   "the same input gives the same bytes");
	is_int(kpatch_parse(first, size, 0, &patch, NULL), 0, "a written patch can be loaded");
	is_int(kpatch_write(patch, &third, &size_again, NULL), 0, "a loaded patch can be written");
	ok(size == size_again && memcmp(first, third, size) == 0, "and is the same patch");
}

static void test_classic(uint32_t format, const char *id)
{
	autokpatch struct lcp_kpatch *patch = NULL;
	autoerror struct lcp_error *error = NULL;
	autofree uint8_t *file = NULL, *longer = NULL;
	size_t size;

	tap_say("format %s", kpatch_format_name(format));
	sample_make_classic(FUNCTIONS, format, &file, &size);
	is_int(kpatch_parse(file, size, LCP_KPATCH_NEED_DIGEST, &patch, &error), -LCP_EINTEGRITY,
	       "a classic file has no digest, and one can be demanded");
	is_text(error->message, "the file carries no digest, and one is demanded",
		"with a message");

	longer = calloc(1, size + 100);
	memcpy(longer, file, size);
	is_int(kpatch_parse(longer, size + 100, 0, &patch, NULL), 0,
	       "a classic file can be loaded, whatever follows it");
	if (patch == NULL)
		return;
	is_int(patch->format, format, "format");
	is_text(patch->id, id, "id");
	is_text(patch->build_id, SAMPLE_BUILD_ID, "build-id");
	is_int(patch->build_time, 1234567890, "build time");
	is_int(patch->size, size, "size");
	is_int(patch->function_count, FUNCTIONS, "functions");
	is_int(patch->functions[1].old_address, 0x2100, "where one is");
	ok(patch->functions[1].digest == NULL && patch->functions[1].entry == NULL,
	   "what its bytes are is not known");
	is_int(find_symbol(patch, "memcpy")->class, LCP_SYMBOL_IMPORT,
	       "what is undefined is an import");
}

static void add_version(struct image *image)
{
	/* "request" makes room for "req@@V1" in a file that says no more about it. */
	memcpy(bytes(image, ".strtab") + named(image, "request")->st_name, "req@@V1", 7);
}

static void info_terminator(struct image *image)
{
	/* kpatch_strip puts 24 zeroes behind the table: here, at the price of the last record. */
	memset(bytes(image, ".kpatch.info") + (FUNCTIONS - 1) * 48, 0, 48);
	header(image, ".kpatch.info")->sh_size -= 24;
	header(image, ".rela.kpatch.info")->sh_size -= 2 * sizeof(Elf64_Rela);
}

static void test_classic_habits(void)
{
	autokpatch struct lcp_kpatch *versioned = NULL, *terminated = NULL;

	is_int(load_changed(add_version, LCP_FORMAT_LIBCAREPLUS, &versioned, NULL), 0,
	       "a version may stand in a symbol's name");
	is_text(find_symbol(versioned, "req")->version, "V1", "and is told from it");
	is_int(load_changed(info_terminator, LCP_FORMAT_LIBCARE, &terminated, NULL), 0,
	       "24 zeroes may end the table of functions");
	is_int(terminated->function_count, FUNCTIONS - 1, "and are no function");
}

static void test_writer_refuses(void)
{
	struct lcp_kpatch patch = { .id = (char *)"a b", .build_id = (char *)"00" };
	autoerror struct lcp_error *id = NULL, *build_id = NULL, *large = NULL;
	uint8_t *file = NULL;
	size_t size;

	is_int(kpatch_write(&patch, &file, &size, &id), -EINVAL, "an id with a space is refused");
	is_text(id->message, "'a b' is no id for a patch", "by name");
	patch.id = (char *)"ab";
	patch.build_id = (char *)"xyz";
	is_int(kpatch_write(&patch, &file, &size, &build_id), -EINVAL, "a bad build-id is refused");
	is_text(build_id->message, "'xyz' is no build-id", "by name");
	is_int(kpatch_wrap(&kpatch_layout_plus, "1", "00", 0, "", UINT32_MAX, &file, &size, &large),
	       -EFBIG, "4 GiB are refused");
	is_text(large->message, "a patch of 4294967295 bytes is larger than its format",
		"by their number");
	ok(file == NULL, "and nothing is written");
}

static void test_words(void)
{
	is_text(kpatch_format_name(LCP_FORMAT_LCP), "lcp", "formats have names");
	ok(kpatch_format_name(99) == NULL, "99 is none");
	is_text(kpatch_class_name(LCP_SYMBOL_TLS_BOUND), "tls-bound", "symbol classes have names");
	ok(kpatch_class_name(99) == NULL, "99 is none");
}

int main(void)
{
	tap_begin();
	test_own();
	test_same_bytes();
	test_classic(LCP_FORMAT_LIBCARE, NULL);
	test_classic(LCP_FORMAT_LIBCAREPLUS, "0001");
	test_classic_habits();
	test_refusals();
	test_unknown_key();
	test_writer_refuses();
	test_words();
	return tap_end();
}
