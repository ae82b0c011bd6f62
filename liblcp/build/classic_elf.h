/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ELF file of a patch between two steps of the classic tool chain, to be changed and written
 * again: sections of the patch with their bytes and relocations, headers of the others, and the
 * symbols that relocations refer to.
 */
#ifndef LCP_BUILD_CLASSIC_ELF_H
#define LCP_BUILD_CLASSIC_ELF_H

#include "base/slice.h"
#include "base/str.h"
#include "base/vec.h"
#include "format/elf_file.h"

struct classic_reloc {
	uint64_t offset; /* as r_offset: an address until the link is undone */
	uint32_t type;
	uint32_t symbol; /* number in classic_elf.symbols */
	int64_t addend;
};

struct classic_section {
	const char *name;
	bool kept; /* it is in memory; others are left out */
	bool is_patch; /* .kpatch.*: it has bytes */
	uint32_t type;
	uint64_t flags;
	uint64_t addr;
	uint64_t align;
	uint64_t size;
	const void *bytes; /* or NULL */
	VEC(struct classic_reloc) relocs;
	uint32_t number; /* in the file that is written */
};

struct classic_symbol {
	const char *name;
	uint32_t section; /* number in classic_elf.sections; or SHN_UNDEF, SHN_ABS */
	bool is_absolute;
	bool used; /* by a relocation */
	uint8_t type; /* STT_* */
	uint8_t bind; /* STB_* */
	uint8_t visibility; /* STV_* */
	uint64_t value;
	uint64_t size;
	uint32_t number; /* in the file that is written */
};

struct classic_elf {
	struct elf_file *view; /* that it was read from, which holds names and bytes */
	uint16_t type; /* ET_* to write */
	VEC(struct classic_section) sections; /* by index, the null section first */
	VEC(struct classic_symbol) symbols; /* the null symbol first */
};

/* Read @file, of which @what is said in messages. 0, -ENOMEM, -EFBIG, -LCP_E*. */
int classic_elf_read(struct slice file, const char *what, struct classic_elf *ret,
		     struct lcp_error **reterr);
void classic_elf_fini(struct classic_elf *elf);

/* Append the file to @ret, symbols that no relocation uses left out. 0, -ENOMEM, -LCP_EFORMAT. */
int classic_elf_write(struct classic_elf *elf, struct str *ret, struct lcp_error **reterr);

/*
 * The address that a relocation of @section is about, of @elf as it is linked: the symbol's plus
 * the addend, less the distance to the end of the instruction where the addend makes up for that.
 */
uint64_t classic_elf_aim(const struct classic_elf *elf, const struct classic_section *section,
			 const struct classic_reloc *reloc);

/*
 * classic_tls.c: make the relocations of @section, of a linked x86-64 file, fit its code, in which
 * the linker may have chosen another way to thread-local variables. 0, -LCP_EFORMAT.
 */
int classic_elf_undo_tls(struct classic_section *section, struct lcp_error **reterr);

#endif
