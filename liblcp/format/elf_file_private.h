/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files behind elf_file.h share: how the bytes are held, how a string table is proven,
 * and the steps of opening, in the order in which each may rely on the ones in front of it.
 */
#ifndef LCP_FORMAT_ELF_FILE_PRIVATE_H
#define LCP_FORMAT_ELF_FILE_PRIVATE_H

#include "format/elf_file.h"

struct elf_private {
	uint8_t *image; /* the whole file, our own copy */
	size_t size;
	const struct elf_segment **loads; /* PT_LOAD with bytes in the file, by vaddr */
	size_t load_count;
};

/* A string table whose last byte is NUL, or an empty one. */
struct elf_strings {
	const char *bytes;
	uint64_t size;
};

/* Where a symbol table lies; all its bytes are proven to be there. */
struct elf_symbol_source {
	const char *label; /* "section 4 '.symtab'" */
	const char *strings_label; /* "section 5 '.strtab'" */
	const uint8_t *entries;
	size_t count;
	struct elf_strings strings;
	const uint8_t *section_indices; /* SHT_SYMTAB_SHNDX of the same count, or NULL */
	const uint8_t *versions; /* .gnu.version of the same count, or NULL */
	const char *const *version_names; /* by version index */
	size_t version_name_count;
};

/* "section 4 '.symtab'"; the caller frees it; NULL without memory. */
char *elf_section_label(const struct elf_file *elf, size_t index);

/* Fail with -LCP_EFORMAT and "section 4 '.symtab': " in front of the message. */
int elf_section_error(const struct elf_file *elf, size_t index, struct lcp_error **reterr,
		      const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Does @strings end as a string table must? Behind that every offset in it is a string. */
bool elf_strings_end(const struct elf_strings *strings);

/* The string at @offset, NULL past the end. */
const char *elf_string(const struct elf_strings *strings, uint64_t offset);

/* The strings of section @index, which must be a string table; @user is what links to it. */
int elf_section_strings(const struct elf_file *elf, size_t index, size_t user,
			struct elf_strings *ret, struct lcp_error **reterr);

/* What the file holds from address @vaddr to the end of its segment; NULL if nothing. */
const uint8_t *elf_bytes_from(const struct elf_file *elf, uint64_t vaddr, uint64_t *ret_size);

/* The steps of opening. */
int elf_read_headers(struct elf_file *elf, struct lcp_error **reterr);
int elf_read_symtab(struct elf_file *elf, struct lcp_error **reterr);
int elf_read_dynamic(struct elf_file *elf, struct lcp_error **reterr);
int elf_read_notes(struct elf_file *elf, struct lcp_error **reterr);

int elf_read_symbols(const struct elf_file *elf, const struct elf_symbol_source *source,
		     struct elf_symbols *ret, struct lcp_error **reterr);

#endif
