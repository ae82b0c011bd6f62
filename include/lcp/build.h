/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Building patches: from two versions of a translation unit, as the compiler wrote them with -S, to
 * a patch for the program or library that the old version is part of.
 *
 * A build collects what it is made from, then lcp_patch_build_from_asm() makes the patch: it finds
 * the functions that differ, assembles their new versions, resolves what they refer to, and proves
 * that the old versions are what the program holds, byte by byte. The report says why each function
 * is in the patch or not, and if a patch cannot be made, every reason why.
 *
 * The assembler is run as a process of its own, without a shell, and nothing is written to disk.
 * Its end sends no signal, and a program that waits for any child does not see it.
 */
#ifndef LCP_BUILD_H
#define LCP_BUILD_H

#include <stdint.h>

#include <lcp/context.h>
#include <lcp/error.h>
#include <lcp/kpatch.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * struct lcp_build:
 *
 * Opaque. What a patch is to be made from. Not for several threads at the same time.
 */
struct lcp_build;

/*
 * struct lcp_build_report:
 *
 * Opaque. What a build found. Immutable: any number of threads may read it.
 */
struct lcp_build_report;

/*
 * Kinds of entries of a report.
 *
 * LCP_REPORT_FUNCTION: a function that the patch replaces or brings.
 * LCP_REPORT_DATA: data that the patch brings.
 * LCP_REPORT_REFUSAL: a reason why no patch can be made. All of them are found, not only the first.
 * LCP_REPORT_WARNING: something that a person has to judge.
 * LCP_REPORT_IGNORED: a difference that is none, or that needs nothing: line numbers, what was
 * removed, a check that could not be made.
 */
#define LCP_REPORT_FUNCTION 1
#define LCP_REPORT_DATA 2
#define LCP_REPORT_REFUSAL 3
#define LCP_REPORT_WARNING 4
#define LCP_REPORT_IGNORED 5

/*
 * Flags of lcp_build_set_flags().
 *
 * LCP_BUILD_NO_LAYOUT: do not compare types by debug information. Saves time for who knows that
 * none changed.
 */
#define LCP_BUILD_NO_LAYOUT 1

/*
 * lcp_build_progress_fn:
 * @userdata: what lcp_build_set_progress() was given.
 * @done: units whose work is done.
 * @total: all of them.
 *
 * Is told how far a build is, on the thread that called lcp_patch_build_from_asm().
 */
typedef void (*lcp_build_progress_fn)(void *userdata, uint32_t done, uint32_t total);

/*
 * lcp_build_new:
 * @ctx: context.
 * @object: the program or library that is to be patched, as it is installed. It needs a build-id.
 * @id: name of the patch: 1 to 63 printable characters, no blank and no slash.
 * @ret: where to put the build. Free it with lcp_build_free().
 * @reterr: where to put the reason on failure, or NULL.
 *
 * Begin a build. Files are not opened yet.
 *
 * Returns: 0, -EINVAL (a required argument is NULL, @id is no id), -ENOMEM.
 * Threads: any.
 * Since: 0.1
 */
int32_t lcp_build_new(struct lcp_ctx *ctx, const char *object, const char *id,
		      struct lcp_build **ret, struct lcp_error **reterr);

/*
 * lcp_build_free:
 * @build: build, or NULL.
 *
 * Free a build. Patches and reports made from it stay.
 *
 * Threads: any; no other thread may still use @build.
 * Since: 0.1
 */
void lcp_build_free(struct lcp_build *build);

/*
 * lcp_build_add_asm:
 * @build: build.
 * @original: assembler file of the unit as the object was built from it, or NULL for a unit that is
 * new.
 * @patched: assembler file of the patched unit, made by the same compiler with the same options.
 * @reterr: where to put the reason on failure, or NULL.
 *
 * Add a unit. All units of one object that a fix changes go into one patch.
 *
 * Returns: 0, -EINVAL (@build or @patched is NULL), -ENOMEM.
 * Threads: one at a time.
 * Since: 0.1
 */
int32_t lcp_build_add_asm(struct lcp_build *build, const char *original, const char *patched,
			  struct lcp_error **reterr);

/*
 * lcp_build_set_debug_file:
 * @build: build.
 * @path: separate debug file of the object, or its unstripped twin; NULL for none.
 * @reterr: where to put the reason on failure, or NULL.
 *
 * Where to find symbols that were stripped. The file must have the object's
 * build-id.
 *
 * Returns: 0, -EINVAL (@build is NULL), -ENOMEM.
 * Threads: one at a time.
 * Since: 0.1
 */
int32_t lcp_build_set_debug_file(struct lcp_build *build, const char *path,
				 struct lcp_error **reterr);

/*
 * lcp_build_set_level:
 * @build: build.
 * @level: of two patches with one id the higher level replaces the lower. 0 if not set.
 *
 * Set the level of the patch.
 *
 * Returns: 0, -EINVAL (@build is NULL).
 * Threads: one at a time.
 * Since: 0.1
 */
int32_t lcp_build_set_level(struct lcp_build *build, uint32_t level);

/*
 * lcp_build_set_description:
 * @build: build.
 * @text: what the patch is for: printable UTF-8, at most 4096 bytes; NULL for none.
 * @reterr: where to put the reason on failure, or NULL.
 *
 * Say what the patch is for.
 *
 * Returns: 0, -EINVAL (@build is NULL, @text is not printable or too long), -ENOMEM.
 * Threads: one at a time.
 * Since: 0.1
 */
int32_t lcp_build_set_description(struct lcp_build *build, const char *text,
				  struct lcp_error **reterr);

/*
 * lcp_build_add_cve:
 * @build: build.
 * @name: such as "CVE-2024-31449"; printable UTF-8, at most 4096 bytes.
 * @reterr: where to put the reason on failure, or NULL.
 *
 * Say which vulnerability the patch mends; may be called several times.
 *
 * Returns: 0, -EINVAL (an argument is NULL, @name is not printable, empty or too long), -ENOMEM.
 * Threads: one at a time.
 * Since: 0.1
 */
int32_t lcp_build_add_cve(struct lcp_build *build, const char *name, struct lcp_error **reterr);

/*
 * lcp_build_add_assembler_arg:
 * @build: build.
 * @arg: the assembler, by the first call, then its arguments one by one.
 * @reterr: where to put the reason on failure, or NULL.
 *
 * Which assembler to use, and how. Without a slash it is looked for in /usr/local/bin, /usr/bin and
 * /bin. It reads the text from its standard input, is given "-o" and a file behind these arguments,
 * and an environment of nothing but PATH and LC_ALL=C. If nothing is said it is "as"; with clang
 * the arguments are "clang", "-c", "-x", "assembler", "-".
 *
 * Returns: 0, -EINVAL (an argument is NULL), -ENOMEM.
 * Threads: one at a time.
 * Since: 0.1
 */
int32_t lcp_build_add_assembler_arg(struct lcp_build *build, const char *arg,
				    struct lcp_error **reterr);

/*
 * lcp_build_set_jobs:
 * @build: build.
 * @jobs: how many units to work on at the same time; 0, the default, means as many as there are
 * CPUs.
 *
 * How many units to work on at the same time.
 *
 * Returns: 0, -EINVAL (@build is NULL, or @jobs is more than 1024).
 * Threads: one at a time.
 * Since: 0.1
 */
int32_t lcp_build_set_jobs(struct lcp_build *build, uint32_t jobs);

/*
 * lcp_build_set_flags:
 * @build: build.
 * @flags: a sum of LCP_BUILD_*.
 *
 * What a build is not to do.
 *
 * Returns: 0, -EINVAL (@build is NULL, a flag is unknown).
 * Threads: one at a time.
 * Since: 0.1
 */
int32_t lcp_build_set_flags(struct lcp_build *build, uint32_t flags);

/*
 * lcp_build_set_progress:
 * @build: build.
 * @progress: called during lcp_patch_build_from_asm(); NULL for none.
 * @userdata: handed to @progress.
 *
 * Set who is told how far a build is.
 *
 * Returns: 0, -EINVAL (@build is NULL).
 * Threads: one at a time.
 * Since: 0.1
 */
int32_t lcp_build_set_progress(struct lcp_build *build, lcp_build_progress_fn progress,
			       void *userdata);

/*
 * lcp_patch_build_from_asm:
 * @build: what to make the patch from.
 * @ret: where to put the patch, validated as if it had been loaded. Drop it with
 * lcp_kpatch_unref(); its bytes are lcp_kpatch_data()'s.
 * @reterr: where to put the reason on failure, or NULL.
 *
 * Make a patch. The same files give the same bytes, wherever they are. A build may be used several
 * times.
 *
 * What went into the patch, and each reason if none could be made, is in lcp_build_get_report().
 *
 * Returns: 0, -EINVAL (an argument is NULL, no unit was added), -ENOMEM, -EFBIG (a file is too
 * large), -LCP_EFORMAT (a file is not what it should be), -LCP_EUNSUPPORTED (of another CPU; a
 * construct that no patch can hold), -LCP_EREFUSED (code alone cannot make the change: see the
 * report), -LCP_ENOEFFECT (nothing that is in the object changed), -LCP_EMISMATCH (the object was
 * not built from these originals, or the debug file is not the object's), -LCP_ESYMBOL (a symbol
 * was not found, or could be one of several), -LCP_EASSEMBLER (the assembler could not be run or
 * failed), or a negative errno of a system call, such as open(2) or memfd_create(2).
 * Threads: one at a time.
 * Since: 0.1
 */
int32_t lcp_patch_build_from_asm(struct lcp_build *build, struct lcp_kpatch **ret,
				 struct lcp_error **reterr);

/*
 * lcp_build_get_report:
 * @build: build.
 * @ret: where to put the report. Free it with lcp_build_report_free().
 * @reterr: where to put the reason on failure, or NULL.
 *
 * The report of the last lcp_patch_build_from_asm(), whether it made a patch or not. It can be had
 * once for each.
 *
 * Returns: 0, -EINVAL (@build or @ret is NULL), -ENOENT (there is none, or it was handed out).
 * Threads: one at a time.
 * Since: 0.1
 */
int32_t lcp_build_get_report(struct lcp_build *build, struct lcp_build_report **ret,
			     struct lcp_error **reterr);

/*
 * lcp_build_report_free:
 * @report: report, or NULL.
 *
 * Free a report and the strings got from it.
 *
 * Threads: any; no other thread may still use @report.
 * Since: 0.1
 */
void lcp_build_report_free(struct lcp_build_report *report);

/*
 * lcp_build_report_count:
 * @report: report.
 * @kind: LCP_REPORT_*.
 *
 * How many entries of a kind a report has.
 *
 * Returns: how many entries of that kind there are; 0 for NULL or an unknown kind.
 * Threads: any.
 * Since: 0.1
 */
uint32_t lcp_build_report_count(const struct lcp_build_report *report, uint32_t kind);

/*
 * lcp_build_report_symbol:
 * @report: report.
 * @kind: LCP_REPORT_*.
 * @index: which entry of that kind, from 0.
 *
 * What an entry of a report is about.
 *
 * Returns: the function, variable or type that the entry is about; NULL if it is about none, or
 * there is no such entry. Owned by @report.
 * Threads: any.
 * Since: 0.1
 */
const char *lcp_build_report_symbol(const struct lcp_build_report *report, uint32_t kind,
				    uint32_t index);

/*
 * lcp_build_report_unit:
 * @report: report.
 * @kind: LCP_REPORT_*.
 * @index: which entry of that kind, from 0.
 *
 * The unit an entry of a report is about.
 *
 * Returns: the unit, as its .file directive names it; NULL if the entry is about none, or there is
 * no such entry. Owned by @report.
 * Threads: any.
 * Since: 0.1
 */
const char *lcp_build_report_unit(const struct lcp_build_report *report, uint32_t kind,
				  uint32_t index);

/*
 * lcp_build_report_reason:
 * @report: report.
 * @kind: LCP_REPORT_*.
 * @index: which entry of that kind, from 0.
 *
 * Why an entry is in a report, in words for a person: "changed", "the size of a variable changed".
 *
 * Returns: the reason; NULL if there is no such entry. Owned by @report.
 * Threads: any.
 * Since: 0.1
 */
const char *lcp_build_report_reason(const struct lcp_build_report *report, uint32_t kind,
				    uint32_t index);

/*
 * lcp_build_report_old_location:
 * @report: report.
 * @kind: LCP_REPORT_*.
 * @index: which entry of that kind, from 0.
 *
 * Where the original differs first.
 *
 * Returns: where the first difference is in the original: "file.c:120" if the compiler said so,
 * otherwise file and line of the assembler text; NULL if not known. Owned by @report.
 * Threads: any.
 * Since: 0.1
 */
const char *lcp_build_report_old_location(const struct lcp_build_report *report, uint32_t kind,
					  uint32_t index);

/*
 * lcp_build_report_new_location:
 * @report: report.
 * @kind: LCP_REPORT_*.
 * @index: which entry of that kind, from 0.
 *
 * Where the patched unit differs first.
 *
 * Returns: where the first difference is in the patched unit; NULL if not known. Owned by @report.
 * Threads: any.
 * Since: 0.1
 */
const char *lcp_build_report_new_location(const struct lcp_build_report *report, uint32_t kind,
					  uint32_t index);

/*
 * lcp_build_report_old_statement:
 * @report: report.
 * @kind: LCP_REPORT_*.
 * @index: which entry of that kind, from 0.
 *
 * The first statement that differs.
 *
 * Returns: the first statement of the original that differs: "movl $5, %edi"; NULL if not known.
 * Owned by @report.
 * Threads: any.
 * Since: 0.1
 */
const char *lcp_build_report_old_statement(const struct lcp_build_report *report, uint32_t kind,
					   uint32_t index);

/*
 * lcp_build_report_new_statement:
 * @report: report.
 * @kind: LCP_REPORT_*.
 * @index: which entry of that kind, from 0.
 *
 * What became of that statement.
 *
 * Returns: what stands there in the patched unit; NULL if not known. Owned by @report.
 * Threads: any.
 * Since: 0.1
 */
const char *lcp_build_report_new_statement(const struct lcp_build_report *report, uint32_t kind,
					   uint32_t index);

/*
 * lcp_build_report_json:
 * @report: report.
 * @ret: where to put the text. Free it with lcp_string_free().
 *
 * Write a report as one JSON object. Its arrays "functions", "data", "refusals", "warnings" and
 * "ignored" hold objects with "symbol", "unit", "reason", "old_location", "new_location",
 * "old_statement", "new_statement" (each a string or null).
 *
 * Returns: 0, -EINVAL (an argument is NULL), -ENOMEM.
 * Threads: any.
 * Since: 0.1
 */
int32_t lcp_build_report_json(const struct lcp_build_report *report, char **ret);

#ifdef __cplusplus
}
#endif

#endif
