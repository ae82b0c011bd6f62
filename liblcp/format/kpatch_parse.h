/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The steps of parsing a patch file, in the order kpatch_parse() takes them. Each proves its part
 * and relies on what the steps before have proven.
 */
#ifndef LCP_FORMAT_KPATCH_PARSE_H
#define LCP_FORMAT_KPATCH_PARSE_H

#include "format/kpatch.h"

/* How messages about a section begin: give its index and its name. */
#define IN_SECTION "section %zu '%s': "

/* One file each: the ELF image, as all formats have it. */
int kpatch_parse_sections(struct lcp_kpatch *patch, struct lcp_error **reterr);
int kpatch_parse_symbols(struct lcp_kpatch *patch, struct lcp_error **reterr);
int kpatch_parse_relocs(struct lcp_kpatch *patch, struct lcp_error **reterr);

/* kpatch_functions.c: .kpatch.info. */
int kpatch_parse_functions(struct lcp_kpatch *patch, struct lcp_error **reterr);

/* When all is known of them: is there room for branches, and does no function get another's? */
int kpatch_check_functions(const struct lcp_kpatch *patch, struct lcp_error **reterr);

/*
 * The one section of that name: its index, or 0 if there is none. -LCP_EFORMAT if there are
 * several.
 */
int kpatch_find_section(const struct lcp_kpatch *patch, const char *name, size_t *ret,
			struct lcp_error **reterr);

/* kpatch_lcp.c: the .lcp.* sections. Symbols before relocations, functions after .kpatch.info. */
int kpatch_check_digest(const struct lcp_kpatch *patch, const uint8_t *data, size_t size,
			struct lcp_error **reterr);
int kpatch_parse_meta(struct lcp_kpatch *patch, struct lcp_error **reterr);
int kpatch_parse_symbol_records(struct lcp_kpatch *patch, struct lcp_error **reterr);
int kpatch_parse_function_records(struct lcp_kpatch *patch, struct lcp_error **reterr);

/* kpatch.c */

/* Let @patch free @string, which may be NULL: @string, or NULL without memory. */
char *kpatch_own_string(struct lcp_kpatch *patch, char *string);

/* Count @name, which getters and messages repeat; false if all names are longer than the file. */
bool kpatch_count_name(struct lcp_kpatch *patch, const char *name);

/* Is @id what a patch may be called: 1 to 63 printable characters, no space, no slash? */
bool kpatch_id_is_valid(const char *id);

/* Is @build_id an even number of hexadecimal digits, not none? */
bool kpatch_build_id_is_valid(const char *build_id);

#endif
