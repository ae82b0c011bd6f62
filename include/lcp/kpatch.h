/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Patch files: loading, and what is in them.
 *
 * Three formats are read: those of LibCare and of LibcarePlus, and that of liblcp, which is
 * LibcarePlus's with more in it. kpatch(5) describes them byte by byte. A file is validated as a
 * whole when it is loaded; what a getter returns was proven then.
 *
 * Strings and arrays that getters return belong to the patch and live as long as it does. What a
 * format does not have is NULL or 0.
 */
#ifndef LCP_KPATCH_H
#define LCP_KPATCH_H

#include <stdint.h>

#include <lcp/context.h>
#include <lcp/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * struct lcp_kpatch:
 *
 * Opaque, with a reference count. Immutable: any number of threads may use one patch at the same
 * time.
 */
struct lcp_kpatch;

/*
 * Formats, as lcp_kpatch_format() returns them.
 *
 * LCP_FORMAT_LIBCARE: LibCare's, without id and digest.
 * LCP_FORMAT_LIBCAREPLUS: LibcarePlus's, with an id, without digest.
 * LCP_FORMAT_LCP: liblcp's own, with everything.
 */
#define LCP_FORMAT_LIBCARE 1
#define LCP_FORMAT_LIBCAREPLUS 2
#define LCP_FORMAT_LCP 3

/*
 * What a symbol of a patch stands for, as lcp_kpatch_symbol_class() returns it.
 *
 * LCP_SYMBOL_PATCH: defined by the patch itself.
 * LCP_SYMBOL_OBJECT: an address in the object that is patched, hidden and static ones included.
 * LCP_SYMBOL_BOUND: an import that the object has already; its own GOT slot or PLT entry is used.
 * LCP_SYMBOL_IMPORT: a new import, looked up by name and version when the patch is applied.
 * LCP_SYMBOL_TLS: a thread-local variable of the object, by its offset.
 * LCP_SYMBOL_TLS_BOUND: a thread-local variable of another object, through the object's GOT.
 * LCP_SYMBOL_ABSOLUTE: a number.
 */
#define LCP_SYMBOL_PATCH 1
#define LCP_SYMBOL_OBJECT 2
#define LCP_SYMBOL_BOUND 3
#define LCP_SYMBOL_IMPORT 4
#define LCP_SYMBOL_TLS 5
#define LCP_SYMBOL_TLS_BOUND 6
#define LCP_SYMBOL_ABSOLUTE 7

/*
 * Flags of struct lcp_kpatch_load_options.
 *
 * LCP_KPATCH_NEED_DIGEST: refuse files without a digest, which are those of the classic formats.
 */
#define LCP_KPATCH_NEED_DIGEST 1

/*
 * struct lcp_kpatch_load_options:
 * @size: sizeof(struct lcp_kpatch_load_options) in the program that fills it in.
 * @flags: a sum of LCP_KPATCH_NEED_*.
 * @max_size: refuse larger files, so that a hostile one cannot exhaust memory; 0 means 256 MiB,
 * and 1 GiB is the most.
 */
struct lcp_kpatch_load_options {
	uint32_t size;
	uint32_t flags;
	uint64_t max_size;
};

/*
 * lcp_kpatch_load:
 * @ctx: context.
 * @path: file to load.
 * @options: settings, or NULL for the defaults.
 * @ret: where to put the patch. Drop it with lcp_kpatch_unref().
 * @reterr: where to put the reason on failure, or NULL.
 *
 * Load and validate a patch file. Only regular files are read; others are refused with -EINVAL.
 *
 * Returns: 0, -EINVAL (a required argument is NULL, an option is out of range, not a
 * regular file), -E2BIG (an option
 * unknown to this version is set), -ENOMEM, -EFBIG (larger than the options allow), -LCP_EFORMAT
 * (no patch file, or it contradicts itself), -LCP_EINTEGRITY (changed since it was made, or a
 * digest was demanded and there is none), -LCP_EUNSUPPORTED (for another CPU, of a newer format, or
 * with an unknown relocation), or a negative errno of open(2), fstat(2) or pread(2).
 * Threads: any.
 * Since: 0.1
 */
int32_t lcp_kpatch_load(struct lcp_ctx *ctx, const char *path,
			const struct lcp_kpatch_load_options *options, struct lcp_kpatch **ret,
			struct lcp_error **reterr);

/*
 * lcp_kpatch_load_fd:
 * @ctx: context.
 * @fd: descriptor of a regular file, open for reading. It stays the caller's.
 * @options: settings, or NULL for the defaults.
 * @ret: where to put the patch. Drop it with lcp_kpatch_unref().
 * @reterr: where to put the reason on failure, or NULL.
 *
 * Load and validate a patch file that is open. It is read from its beginning, and its file offset
 * is neither used nor moved. What is not a regular file is refused with -EINVAL.
 *
 * Returns: 0, -EINVAL (a required argument is NULL, an option is out of range, not a
 * regular file), -E2BIG (an option
 * unknown to this version is set), -ENOMEM, -EFBIG (larger than the options allow), -LCP_EFORMAT
 * (no patch file, or it contradicts itself), -LCP_EINTEGRITY (changed since it was made, or a
 * digest was demanded and there is none), -LCP_EUNSUPPORTED (for another CPU, of a newer format, or
 * with an unknown relocation), or a negative errno of fstat(2) or pread(2).
 * Threads: any.
 * Since: 0.1
 */
int32_t lcp_kpatch_load_fd(struct lcp_ctx *ctx, int32_t fd,
			   const struct lcp_kpatch_load_options *options, struct lcp_kpatch **ret,
			   struct lcp_error **reterr);

/*
 * lcp_kpatch_load_mem:
 * @ctx: context.
 * @data: contents of a patch file; copied.
 * @size: how many bytes that is.
 * @options: settings, or NULL for the defaults.
 * @ret: where to put the patch. Drop it with lcp_kpatch_unref().
 * @reterr: where to put the reason on failure, or NULL.
 *
 * Load and validate a patch in memory.
 *
 * Returns: 0, -EINVAL (a required argument is NULL, an option is out of range, not a
 * regular file), -E2BIG (an option
 * unknown to this version is set), -ENOMEM, -EFBIG (larger than the options allow), -LCP_EFORMAT
 * (no patch file, or it contradicts itself), -LCP_EINTEGRITY (changed since it was made, or a
 * digest was demanded and there is none), -LCP_EUNSUPPORTED (for another CPU, of a newer format, or
 * with an unknown relocation).
 * Threads: any.
 * Since: 0.1
 */
int32_t lcp_kpatch_load_mem(struct lcp_ctx *ctx, const void *data, uint64_t size,
			    const struct lcp_kpatch_load_options *options, struct lcp_kpatch **ret,
			    struct lcp_error **reterr);

/*
 * lcp_kpatch_ref:
 * @patch: patch, or NULL.
 *
 * Take another reference to a patch.
 *
 * Returns: @patch.
 * Threads: any.
 * Since: 0.1
 */
struct lcp_kpatch *lcp_kpatch_ref(struct lcp_kpatch *patch);

/*
 * lcp_kpatch_unref:
 * @patch: patch, or NULL.
 *
 * Drop a reference to a patch; the last one frees it and everything got from it.
 *
 * Threads: any.
 * Since: 0.1
 */
void lcp_kpatch_unref(struct lcp_kpatch *patch);

/*
 * lcp_kpatch_format:
 * @patch: patch.
 *
 * Which of the formats a patch file is in.
 *
 * Returns: one of LCP_FORMAT_*; 0 for NULL.
 * Threads: any.
 * Since: 0.1
 */
uint32_t lcp_kpatch_format(const struct lcp_kpatch *patch);

/*
 * lcp_kpatch_id:
 * @patch: patch.
 *
 * The name a patch is applied, queried and reverted by.
 *
 * Returns: the id; NULL if the format has none (LibCare's).
 * Threads: any.
 * Since: 0.1
 */
const char *lcp_kpatch_id(const struct lcp_kpatch *patch);

/*
 * lcp_kpatch_level:
 * @patch: patch.
 *
 * The level of a patch: of two patches with one id the higher level replaces the lower.
 *
 * Returns: the level, 0 if none was given.
 * Threads: any.
 * Since: 0.1
 */
uint32_t lcp_kpatch_level(const struct lcp_kpatch *patch);

/*
 * lcp_kpatch_target:
 * @patch: patch.
 *
 * The program or library that a patch is for, by its file name without directories. It is for
 * people: the build-id decides.
 *
 * Returns: the name, or NULL.
 * Threads: any.
 * Since: 0.1
 */
const char *lcp_kpatch_target(const struct lcp_kpatch *patch);

/*
 * lcp_kpatch_build_id:
 * @patch: patch.
 *
 * What a patch is for: it fits the one program or library with this build-id.
 *
 * Returns: build-id of the program or library that the patch is for, lower-case hexadecimal; NULL
 * for NULL.
 * Threads: any.
 * Since: 0.1
 */
const char *lcp_kpatch_build_id(const struct lcp_kpatch *patch);

/*
 * lcp_kpatch_description:
 * @patch: patch.
 *
 * Returns: what the author of the patch says about it, or NULL.
 * Threads: any.
 * Since: 0.1
 */
const char *lcp_kpatch_description(const struct lcp_kpatch *patch);

/*
 * lcp_kpatch_cve_count:
 * @patch: patch.
 *
 * Returns: how many CVE names the patch carries.
 * Threads: any.
 * Since: 0.1
 */
uint32_t lcp_kpatch_cve_count(const struct lcp_kpatch *patch);

/*
 * lcp_kpatch_cve:
 * @patch: patch.
 * @index: which one, counted from 0.
 *
 * A CVE name that a patch carries.
 *
 * Returns: the name, NULL beyond the last.
 * Threads: any.
 * Since: 0.1
 */
const char *lcp_kpatch_cve(const struct lcp_kpatch *patch, uint32_t index);

/*
 * lcp_kpatch_builder:
 * @patch: patch.
 *
 * Returns: name and version of what made the patch, or NULL.
 * Threads: any.
 * Since: 0.1
 */
const char *lcp_kpatch_builder(const struct lcp_kpatch *patch);

/*
 * lcp_kpatch_build_time:
 * @patch: patch.
 *
 * Returns: when the patch was made, in seconds since 1970; 0 if it does not say, as patches of
 * liblcp do not: the same input gives the same bytes.
 * Threads: any.
 * Since: 0.1
 */
uint64_t lcp_kpatch_build_time(const struct lcp_kpatch *patch);

/*
 * lcp_kpatch_arch:
 * @patch: patch.
 *
 * Returns: name of the CPU that the patch is for, "x86_64" or "aarch64"; NULL for NULL.
 * Threads: any.
 * Since: 0.1
 */
const char *lcp_kpatch_arch(const struct lcp_kpatch *patch);

/*
 * lcp_kpatch_digest:
 * @patch: patch.
 *
 * Returns: SHA-256 of the file as it was loaded, lower-case hexadecimal; NULL for NULL. For all
 * formats: it names the file, whether or not the file carries a digest of its own.
 * Threads: any.
 * Since: 0.1
 */
const char *lcp_kpatch_digest(const struct lcp_kpatch *patch);

/*
 * lcp_kpatch_size:
 * @patch: patch.
 *
 * Returns: size of the patch file in bytes, without what may follow it.
 * Threads: any.
 * Since: 0.1
 */
uint64_t lcp_kpatch_size(const struct lcp_kpatch *patch);

/*
 * lcp_kpatch_data:
 * @patch: patch.
 *
 * Returns: the lcp_kpatch_size() bytes of the patch file, to be saved; NULL for NULL. Owned by
 * @patch.
 * Threads: any.
 * Since: 0.1
 */
const void *lcp_kpatch_data(const struct lcp_kpatch *patch);

/*
 * lcp_kpatch_verify:
 * @patch: patch.
 * @object: a program or library on disk.
 * @reterr: where to put the reason on failure, or NULL.
 *
 * See whether a patch fits a file on disk. Its build-id must be the one that the patch is for, and
 * each function that the patch replaces must be in it with the bytes that the patch expects, if its
 * format has them.
 *
 * Returns: 0, -EINVAL (@patch or @object is NULL, @object is not a regular file), -ENOMEM, -EFBIG
 * (@object is too large), -LCP_EFORMAT (@object is no ELF file, or contradicts itself),
 * -LCP_EUNSUPPORTED (for another CPU), -LCP_EMISMATCH (it does not fit; the message says what
 * differs), or a negative errno of open(2), fstat(2) or pread(2).
 * Threads: any.
 * Since: 0.1
 */
int32_t lcp_kpatch_verify(const struct lcp_kpatch *patch, const char *object,
			  struct lcp_error **reterr);

/*
 * lcp_kpatch_text_size:
 * @patch: patch.
 *
 * Returns: bytes of code and constants in the patch.
 * Threads: any.
 * Since: 0.1
 */
uint64_t lcp_kpatch_text_size(const struct lcp_kpatch *patch);

/*
 * lcp_kpatch_data_size:
 * @patch: patch.
 *
 * Returns: bytes of writable data in the patch.
 * Threads: any.
 * Since: 0.1
 */
uint64_t lcp_kpatch_data_size(const struct lcp_kpatch *patch);

/*
 * lcp_kpatch_function_count:
 * @patch: patch.
 *
 * Returns: how many functions the patch holds, replaced and new ones.
 * Threads: any.
 * Since: 0.1
 */
uint32_t lcp_kpatch_function_count(const struct lcp_kpatch *patch);

/*
 * lcp_kpatch_function_name:
 * @patch: patch.
 * @index: which one, counted from 0.
 *
 * The name of a function in a patch.
 *
 * Returns: the function's name, NULL beyond the last.
 * Threads: any.
 * Since: 0.1
 */
const char *lcp_kpatch_function_name(const struct lcp_kpatch *patch, uint32_t index);

/*
 * lcp_kpatch_function_unit:
 * @patch: patch.
 * @index: which one, counted from 0.
 *
 * Returns: the translation unit the function belongs to, as its assembler file named it; or NULL.
 * Threads: any.
 * Since: 0.1
 */
const char *lcp_kpatch_function_unit(const struct lcp_kpatch *patch, uint32_t index);

/*
 * lcp_kpatch_function_old_address:
 * @patch: patch.
 * @index: which one, counted from 0.
 *
 * Returns: address of the old function, as the object's file has it; 0 for a new function.
 * Threads: any.
 * Since: 0.1
 */
uint64_t lcp_kpatch_function_old_address(const struct lcp_kpatch *patch, uint32_t index);

/*
 * lcp_kpatch_function_old_size:
 * @patch: patch.
 * @index: which one, counted from 0.
 *
 * Returns: size of the function to be replaced; 0 for a new function.
 * Threads: any.
 * Since: 0.1
 */
uint64_t lcp_kpatch_function_old_size(const struct lcp_kpatch *patch, uint32_t index);

/*
 * lcp_kpatch_function_new_size:
 * @patch: patch.
 * @index: which one, counted from 0.
 *
 * Returns: size of the new version, 0 beyond the last.
 * Threads: any.
 * Since: 0.1
 */
uint64_t lcp_kpatch_function_new_size(const struct lcp_kpatch *patch, uint32_t index);

/*
 * lcp_kpatch_symbol_count:
 * @patch: patch.
 *
 * How many symbols a patch refers to, in its code and data.
 *
 * Returns: how many there are.
 * Threads: any.
 * Since: 0.1
 */
uint32_t lcp_kpatch_symbol_count(const struct lcp_kpatch *patch);

/*
 * lcp_kpatch_symbol_name:
 * @patch: patch.
 * @index: which one, counted from 0.
 *
 * The name of a symbol that a patch refers to.
 *
 * Returns: the symbol's name without version, NULL beyond the last.
 * Threads: any.
 * Since: 0.1
 */
const char *lcp_kpatch_symbol_name(const struct lcp_kpatch *patch, uint32_t index);

/*
 * lcp_kpatch_symbol_version:
 * @patch: patch.
 * @index: which one, counted from 0.
 *
 * The version of a symbol that a patch wants.
 *
 * Returns: the symbol version wanted, such as "GLIBC_2.34"; or NULL.
 * Threads: any.
 * Since: 0.1
 */
const char *lcp_kpatch_symbol_version(const struct lcp_kpatch *patch, uint32_t index);

/*
 * lcp_kpatch_symbol_class:
 * @patch: patch.
 * @index: which one, counted from 0.
 *
 * What a symbol of a patch stands for.
 *
 * Returns: one of LCP_SYMBOL_*, 0 beyond the last.
 * Threads: any.
 * Since: 0.1
 */
uint32_t lcp_kpatch_symbol_class(const struct lcp_kpatch *patch, uint32_t index);

/*
 * lcp_kpatch_json:
 * @patch: patch.
 * @ret: where to put the text. Free it with lcp_string_free().
 *
 * Write a patch as one JSON object. Its names, which stay: "format" ("libcare", "libcareplus" or
 * "lcp"), "id", "level", "target", "build_id", "description", "cves" (array of strings), "builder",
 * "build_time", "arch", "digest", "size", "text_size", "data_size", "functions" and "symbols".
 *
 * "functions" is an array of objects with "name", "unit", "new" and "part" (true or false: a part
 * is entered from its function only), "old_address", "old_size" and "new_size".
 *
 * "symbols" is an array of objects with "name", "version", "class" ("patch", "object", "bound",
 * "import", "tls", "tls-bound" or "absolute") and "weak" (true or false).
 *
 * What there is none of is null. Addresses ("0x4011c0"), "build_time", "size", "text_size" and
 * "data_size" are strings.
 *
 * Returns: 0, -EINVAL (an argument is NULL), -ENOMEM.
 * Threads: any.
 * Since: 0.1
 */
int32_t lcp_kpatch_json(const struct lcp_kpatch *patch, char **ret);

#ifdef __cplusplus
}
#endif

#endif
