/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Patch files: what a loaded one holds, and the numbers of the formats. kpatch(5) is the
 * specification; the three formats are LibCare's, LibcarePlus's, and ours, which is LibcarePlus's
 * with .lcp.* sections in the ELF image.
 *
 * A struct lcp_kpatch is proven: every offset lies where it must, every index below its count,
 * every relocation within its section and of a type the CPU knows. It is immutable once loaded.
 */
#ifndef LCP_FORMAT_KPATCH_H
#define LCP_FORMAT_KPATCH_H

#include <stdatomic.h>
#include <stdbool.h>

#include <lcp/kpatch.h>

#include "arch/arch.h"
#include "base/cleanup.h"
#include "base/hash.h"
#include "base/vec.h"
#include "format/elf_file.h"

/* The classic headers: offsets of the fields that liblcp reads or writes, and sizes. */
#define KPATCH_MAGIC "KPATCH1" /* with its NUL: 8 bytes */
#define KPATCH_MAGIC_SIZE 8
#define KPATCH_ELF_ALIGN 16 /* the ELF image is padded to it */
#define KPATCH_BUILD_ID_MAX 41 /* hexadecimal digits and NUL, LibcarePlus */

struct kpatch_layout {
	const char *name;
	uint32_t format; /* LCP_FORMAT_* */
	uint16_t size;
	uint16_t id; /* 0 where there is none */
	uint16_t id_size; /* with NUL */
	uint16_t build_id;
	uint16_t build_id_size; /* with NUL */
	uint16_t build_time;
	uint16_t kpatch_offset;
	uint16_t rel_offset;
	uint16_t total_size;
};

extern const struct kpatch_layout kpatch_layout_libcare;
extern const struct kpatch_layout kpatch_layout_plus;

/* .kpatch.info: records of the classic formats and of ours. */
#define INFO_SIZE 48
#define INFO_OLD_ADDRESS 0
#define INFO_NEW_ADDRESS 8
#define INFO_OLD_SIZE 16
#define INFO_NEW_SIZE 20
#define INFO_NAME 24
#define INFO_RESERVED 32
#define INFO_FLAGS 40
#define INFO_PADDING 44

/* .lcp.functions: record i says more about record i of .kpatch.info. */
#define FUNCTION_SIZE 64
#define FUNCTION_UNIT 0
#define FUNCTION_FLAGS 4
#define FUNCTION_PADDING 8
#define FUNCTION_ENTRY_SIZE 12
#define FUNCTION_ENTRY 16
#define FUNCTION_DIGEST 32
#define FUNCTION_ENTRY_MAX ARCH_BRANCH_MAX

/* Flags in .lcp.functions: see is_part of struct kpatch_function. */
#define FUNCTION_IS_PART 1

/* Functions are aligned to less: no more padding is between two. */
#define KPATCH_PADDING_MAX 4096

/* .lcp.symbols: one record for each symbol that needs one, by ascending index. */
#define SYMBOL_SIZE 32
#define SYMBOL_INDEX 0
#define SYMBOL_CLASS 4
#define SYMBOL_VERSION 8
#define SYMBOL_LIBRARY 12
#define SYMBOL_UNIT 16
#define SYMBOL_FLAGS 20
#define SYMBOL_VALUE 24

/* Flags in .lcp.symbols: what the value of a bound symbol is the address of. */
#define SYMBOL_IS_PLT 1 /* a PLT entry, to be jumped to; otherwise a GOT slot */
#define SYMBOL_IS_TLS_PAIR 2 /* a pair module, offset; otherwise a slot with the offset */

/* The format version that .lcp.meta names; a file with a higher one is refused. */
#define KPATCH_FORMAT_VERSION 1

enum kpatch_section_kind {
	KPATCH_OTHER, /* symbol tables, what strip left: nothing refers to it */
	KPATCH_TEXT, /* loaded, executable */
	KPATCH_RODATA, /* loaded, read-only */
	KPATCH_DATA, /* loaded, writable; without bytes it is zeroes */
	KPATCH_OBJECT, /* stands for a part of the object: its address there, no contents */
	KPATCH_TABLE, /* .kpatch.info, .kpatch.strtab, .lcp.*: read by the loader only */
};

struct kpatch_reloc {
	uint64_t offset;
	int64_t addend;
	uint32_t symbol;
	const struct reloc_type *type;
};

struct kpatch_section {
	const char *name;
	enum kpatch_section_kind kind;
	uint64_t address; /* of KPATCH_OBJECT */
	uint64_t size;
	uint64_t align;
	const uint8_t *bytes; /* size of them, or NULL */
	struct kpatch_reloc *relocs;
	size_t reloc_count;
};

struct kpatch_symbol {
	const char *name; /* without version */
	const char *version; /* or NULL */
	const char *library; /* soname that is expected to have it, or NULL */
	const char *unit; /* translation unit of a static one, or NULL */
	uint32_t class; /* LCP_SYMBOL_* */
	uint32_t flags; /* SYMBOL_IS_* */
	uint32_t section; /* of PATCH: index of the section */
	uint64_t value; /* PATCH: offset in it; OBJECT: address in the object; else as class says */
	uint64_t size;
	uint8_t type; /* STT_* */
	bool weak;
	bool classified; /* .lcp.symbols has a record of it */
	bool used; /* a relocation of loaded contents refers to it */
};

struct kpatch_function {
	const char *name;
	const char *unit; /* or NULL */
	uint64_t old_address; /* in the object; 0 for a new function */
	uint32_t old_size;
	uint32_t new_size;
	uint32_t new_section;
	uint64_t new_offset; /* in that section */
	uint32_t padding; /* bytes behind the function that a branch may use */
	bool is_part; /* entered from its function only: nothing is written over it */
	uint32_t entry_size; /* bytes expected at the entry; 0 where the format has none */
	const uint8_t *entry;
	const uint8_t *digest; /* SHA-256 of the old function, or NULL */
};

struct lcp_kpatch {
	atomic_uint refs;
	const struct kpatch_layout *layout; /* of the header it was read from */
	uint32_t format; /* LCP_FORMAT_* */
	const struct arch *arch;
	char *id; /* or NULL */
	char *build_id;
	const char *target;
	const char *description;
	const char *builder;
	const char **cves;
	size_t cve_count;
	uint32_t level;
	uint64_t build_time;
	uint64_t size;
	char digest[2 * SHA256_SIZE + 1];

	struct kpatch_section *sections; /* by ELF index */
	size_t section_count;
	struct kpatch_symbol *symbols; /* by ELF index */
	size_t symbol_count;
	uint32_t *used_symbols; /* indices of those with .used, for the getters */
	size_t used_symbol_count;
	struct kpatch_function *functions;
	size_t function_count;

	uint8_t *data; /* the file, size bytes */
	struct elf_file *elf; /* holds most names, and all bytes */
	VEC(char *) strings; /* names that do not stand in it as they are */
	uint64_t name_bytes; /* of all names, which may share bytes of the file */
};

/*
 * Parse and validate @size bytes at @data, of which the file uses no more than it says: 0,
 * -LCP_EFORMAT, -LCP_EINTEGRITY, -LCP_EUNSUPPORTED, -ENOMEM.
 */
int kpatch_parse(const void *data, size_t size, uint32_t flags, struct lcp_kpatch **ret,
		 struct lcp_error **reterr);

struct lcp_kpatch *kpatch_ref(struct lcp_kpatch *patch);
void kpatch_unref(struct lcp_kpatch *patch);

DEFINE_GUARD(kpatch, struct lcp_kpatch *, kpatch_unref);
#define autokpatch cleanup(kpatch_guard)

/* Is it part of what the patch brings: code, constants or data? */
bool kpatch_is_loaded(const struct kpatch_section *section);

/* Bytes that the patch brings: code and read-only data; writable data. */
uint64_t kpatch_text_size(const struct lcp_kpatch *patch);
uint64_t kpatch_data_size(const struct lcp_kpatch *patch);

/* See lcp_kpatch_verify(). */
int kpatch_verify(const struct lcp_kpatch *patch, const char *object, struct lcp_error **reterr);

/* "lcp", "object": the words for LCP_FORMAT_* and LCP_SYMBOL_*. */
const char *kpatch_format_name(uint32_t format);
const char *kpatch_class_name(uint32_t class);

/* See lcp_kpatch_json(); the caller frees *@ret. */
int kpatch_json(const struct lcp_kpatch *patch, char **ret);

#endif
