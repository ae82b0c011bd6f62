/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The classic way to make a patch, that of LibCare and LibcarePlus, step by step: for programs that
 * take the place of their tools.
 *
 * The assembler texts of a unit as it was and as it is to be become one text that holds the unit as
 * it was and, in sections of their own, what is new (lcp_classic_gensrc()). All units are assembled
 * and linked as always, but with relocations kept (ld -q). From the linked file the patch is taken
 * (lcp_classic_strip()), related to the object as it was linked originally
 * (lcp_classic_rel_fixup()), made an object file (lcp_classic_undo_link()), and given a header
 * (lcp_classic_make()). libcare-tools(1) shows it with the tools.
 *
 * No function here opens a file: bytes go in, bytes come out. What is wrong with the bytes of the
 * original, of two that are given, lcp_error_path() says with the word "original".
 */
#ifndef LCP_CLASSIC_H
#define LCP_CLASSIC_H

#include <stdint.h>

#include <lcp/context.h>
#include <lcp/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * struct lcp_bytes:
 *
 * Opaque: bytes that the library made, and how many. Immutable: any number of threads may read them
 * at the same time.
 */
struct lcp_bytes;

/*
 * lcp_bytes_data:
 * @bytes: what a function of this header gave out, or NULL.
 *
 * The bytes themselves. They live as long as @bytes, and a NUL stands behind the last one.
 *
 * Returns: the first byte, or NULL for NULL.
 * Threads: any.
 * Since: 0.1
 */
const void *lcp_bytes_data(const struct lcp_bytes *bytes);

/*
 * lcp_bytes_size:
 * @bytes: what a function of this header gave out, or NULL.
 *
 * How many bytes there are. The NUL behind them is not counted.
 *
 * Returns: the number, 0 for NULL.
 * Threads: any.
 * Since: 0.1
 */
uint64_t lcp_bytes_size(const struct lcp_bytes *bytes);

/*
 * lcp_bytes_free:
 * @bytes: what a function of this header gave out, or NULL.
 *
 * Free the bytes.
 *
 * Threads: any, but no other may use @bytes.
 * Since: 0.1
 */
void lcp_bytes_free(struct lcp_bytes *bytes);

/*
 * Flags of struct lcp_classic_gensrc_options.
 *
 * LCP_GENSRC_FORCE_GLOBAL: new versions of static functions and data are global symbols too.
 * LCP_GENSRC_FORCE_GOTPCREL: what is defined in no version of the unit is reached through the GOT.
 * LCP_GENSRC_FILTER_DEBUG: leave out debug sections, .loc, and numbered .file directives.
 * LCP_GENSRC_FILTER_EH_FRAME: leave out .eh_frame sections.
 * LCP_GENSRC_FILTER_EXCEPT_TABLE: leave out .gcc_except_table sections and what refers to them.
 * LCP_GENSRC_FILTER_CFI: leave out .cfi_* directives.
 * LCP_GENSRC_FILTER_NEWLINES: put an empty line where one was left out.
 */
#define LCP_GENSRC_FORCE_GLOBAL 1
#define LCP_GENSRC_FORCE_GOTPCREL 2
#define LCP_GENSRC_FILTER_DEBUG 4
#define LCP_GENSRC_FILTER_EH_FRAME 8
#define LCP_GENSRC_FILTER_EXCEPT_TABLE 16
#define LCP_GENSRC_FILTER_CFI 32
#define LCP_GENSRC_FILTER_NEWLINES 64

/*
 * struct lcp_classic_gensrc_options:
 * @size: sizeof(struct lcp_classic_gensrc_options) in the program that fills it in.
 * @flags: a sum of LCP_GENSRC_*.
 * @original_name: name of the original text in messages; NULL means "original".
 * @patched_name: name of the patched text in messages; NULL means "patched".
 * @ignore_changes: functions and data whose changes are left out, parted by commas. One that is
 * written FILE:SYMBOL counts in a unit whose text has that name.
 * @unlink_symbols: functions and data that the patch gets its own copy of, as if they were new.
 * @must_adapt: functions and data whose change is refused unless the patched text says
 * ".kpgensrc_flags KPGENSRC_ADAPTED".
 * @allowed: functions that may change, all others being refused; NULL allows all.
 */
struct lcp_classic_gensrc_options {
	uint32_t size;
	uint32_t flags;
	const char *original_name;
	const char *patched_name;
	const char *ignore_changes;
	const char *unlink_symbols;
	const char *must_adapt;
	const char *allowed;
};

/*
 * lcp_classic_gensrc:
 * @ctx: context.
 * @original: assembler text of the unit as it was; size 0 stands for a unit that is new.
 * @original_size: its size.
 * @patched: assembler text of the unit as it is to be, or NULL: filter @original only.
 * @patched_size: its size.
 * @options: settings, or NULL for the defaults.
 * @ret: where to put the text. Free it with lcp_bytes_free().
 * @reterr: where to put the reason on failure, or NULL.
 *
 * Make the assembler text of a patch. It holds the original unit, and in sections that begin with
 * .kpatch what differs in the patched one. Two units that do not differ give the original text,
 * with comment lines. The text is that of x86-64 in AT&T syntax. What of the unit changed is said
 * in the log at LCP_LOG_DEBUG.
 *
 * Returns: 0, -EINVAL (a required argument is NULL, an option is out of range), -E2BIG (an option
 * unknown to this version is set), -ENOMEM, -EFBIG (4 GiB of text or more), -LCP_EFORMAT (not
 * assembler text), -LCP_EUNSUPPORTED (code alone cannot make the difference; the message has all
 * reasons).
 * Threads: any.
 * Since: 0.1
 */
int32_t lcp_classic_gensrc(struct lcp_ctx *ctx, const char *original, uint64_t original_size,
			   const char *patched, uint64_t patched_size,
			   const struct lcp_classic_gensrc_options *options, struct lcp_bytes **ret,
			   struct lcp_error **reterr);

/*
 * lcp_classic_strip:
 * @ctx: context.
 * @linked: program or library that was linked with relocations kept (ld -q).
 * @linked_size: its size.
 * @ret: where to put the file. Free it with lcp_bytes_free().
 * @reterr: where to put the reason on failure, or NULL.
 *
 * Take the patch out of a linked file. Sections that begin with .kpatch. stay with their
 * relocations and symbols, of all others that a program has in memory only the headers.
 *
 * Returns: 0, -EINVAL (a required argument is NULL), -ENOMEM, -EFBIG (too large for an ELF file),
 * -LCP_EFORMAT (no sound ELF file, there is no patch in it, or a function is too small to be
 * patched), -LCP_EUNSUPPORTED (for another CPU, or an ELF file of another class).
 * Threads: any.
 * Since: 0.1
 */
int32_t lcp_classic_strip(struct lcp_ctx *ctx, const void *linked, uint64_t linked_size,
			  struct lcp_bytes **ret, struct lcp_error **reterr);

/*
 * lcp_classic_rel_fixup:
 * @ctx: context.
 * @original: the program or library that is to be patched, with its symbol table.
 * @original_size: its size.
 * @patch: what lcp_classic_strip() made.
 * @patch_size: its size.
 * @ret: where to put the file. Free it with lcp_bytes_free().
 * @reterr: where to put the reason on failure, or NULL.
 *
 * Let the patch refer to the original. It was linked with a copy of it; now functions and data have
 * the addresses that they have there, and what is not there becomes an undefined symbol. Each
 * relocation that is looked at is said in the log at LCP_LOG_INFO.
 *
 * Returns: 0, -EINVAL (a required argument is NULL), -ENOMEM, -EFBIG (too large for an ELF file),
 * -LCP_EFORMAT (no sound ELF file, or something is not in the original as it has to be),
 * -LCP_EUNSUPPORTED (for another CPU, or what no patch can refer to).
 * Threads: any.
 * Since: 0.1
 */
int32_t lcp_classic_rel_fixup(struct lcp_ctx *ctx, const void *original, uint64_t original_size,
			      const void *patch, uint64_t patch_size, struct lcp_bytes **ret,
			      struct lcp_error **reterr);

/*
 * lcp_classic_undo_link:
 * @ctx: context.
 * @original: the program or library that is to be patched.
 * @original_size: its size.
 * @patch: what lcp_classic_rel_fixup() made.
 * @patch_size: its size.
 * @ret: where to put the file. Free it with lcp_bytes_free().
 * @reterr: where to put the reason on failure, or NULL.
 *
 * Make an object file (ET_REL). What counted from address 0 counts from the beginning of its
 * section, and sections that stand for the original have their addresses there.
 *
 * Returns: 0, -EINVAL (a required argument is NULL), -ENOMEM, -EFBIG (too large for an ELF file),
 * -LCP_EFORMAT (no sound ELF file, or an object file already), -LCP_EUNSUPPORTED (for another CPU,
 * or an ELF file of another class).
 * Threads: any.
 * Since: 0.1
 */
int32_t lcp_classic_undo_link(struct lcp_ctx *ctx, const void *original, uint64_t original_size,
			      const void *patch, uint64_t patch_size, struct lcp_bytes **ret,
			      struct lcp_error **reterr);

/*
 * lcp_classic_make:
 * @ctx: context.
 * @object: what lcp_classic_undo_link() made.
 * @object_size: its size.
 * @build_id: build-id of the object that is patched, in hexadecimal digits.
 * @id: id of the patch, at most 7 characters, for a file in LibcarePlus's format; NULL makes one in
 * LibCare's, which has none.
 * @build_time: seconds since 1970.
 * @ret: where to put the patch file. Free it with lcp_bytes_free().
 * @reterr: where to put the reason on failure, or NULL.
 *
 * Put a header in front of the object file. The patch file is loaded before it is given out.
 *
 * Returns: 0, -EINVAL (a required argument is NULL, or the id or the build-id is none), -ENOMEM,
 * -EFBIG (larger than the format allows), -LCP_EFORMAT (the object file is not that of a patch),
 * -LCP_EUNSUPPORTED (for another CPU, or with an unknown relocation).
 * Threads: any.
 * Since: 0.1
 */
int32_t lcp_classic_make(struct lcp_ctx *ctx, const void *object, uint64_t object_size,
			 const char *build_id, const char *id, uint64_t build_time,
			 struct lcp_bytes **ret, struct lcp_error **reterr);

#ifdef __cplusplus
}
#endif

#endif
