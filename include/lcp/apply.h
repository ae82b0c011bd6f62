/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Applying patches to a process, taking them out again, and seeing what it holds.
 *
 * At every instant the process runs its old code or its new code whole, whatever dies: all
 * functions of a call change at once, by one write, while all threads stand still and none of them
 * is inside a function that changes or will return into one. What the process holds is written
 * down in its own memory, the ledger, so that any doctor that comes later can tell, go on from a
 * half-made change, and take patches out.
 *
 * The calling thread waits while a short-lived process, the surgeon, traces: it shares the memory
 * of the caller, is named "lcp-surgeon", sends no SIGCHLD, is not seen by waitpid(2) for any child,
 * and ends with the call. If the caller is killed, it finishes what it has begun.
 */
#ifndef LCP_APPLY_H
#define LCP_APPLY_H

#include <stdint.h>

#include <lcp/error.h>
#include <lcp/kpatch.h>
#include <lcp/process.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * struct lcp_report:
 *
 * Opaque: what an apply, a revert or a check did. Immutable: any number of threads may read it.
 */
struct lcp_report;

/*
 * struct lcp_status:
 *
 * Opaque: the patches that a query saw. Immutable: any number of threads may read it.
 */
struct lcp_status;

/*
 * Flags of struct lcp_apply_options.
 *
 * LCP_APPLY_ENTRY_ONLY: for patches whose author says that calls are independent of each other:
 * only the bytes at the entries that are overwritten have to be free of threads. Calls that have
 * begun end in the code they began in, whose memory is given back by a later call.
 * LCP_APPLY_SCAN_ALL: look for suspended contexts (coroutines) in all memory of the process, even
 * if nothing says that there are any.
 * LCP_APPLY_DRY_RUN: do everything but change the process: its threads are stopped once.
 */
#define LCP_APPLY_ENTRY_ONLY 1
#define LCP_APPLY_SCAN_ALL 2
#define LCP_APPLY_DRY_RUN 4

/*
 * struct lcp_apply_options:
 * @size: sizeof(struct lcp_apply_options) in the program that fills it in.
 * @flags: a sum of LCP_APPLY_*.
 * @timeout_ms: how long to try again while threads are inside functions that change, or another
 * doctor is at work; 0 means 5000.
 * @attempts: how often to stop the process at most; 0 means until the time is over.
 * @stop_limit_us: give an attempt up if the threads took longer to stop; 0 means no limit.
 * @reserved: 0.
 */
struct lcp_apply_options {
	uint32_t size;
	uint32_t flags;
	uint32_t timeout_ms;
	uint32_t attempts;
	uint32_t stop_limit_us;
	uint32_t reserved;
};

/*
 * What the process holds at the end, as lcp_report_outcome() returns it.
 *
 * LCP_OUTCOME_APPLIED: the patches are applied, and at least one was not before.
 * LCP_OUTCOME_ALREADY_APPLIED: all of them were applied before; nothing was done.
 * LCP_OUTCOME_REVERTED: the patches are taken out.
 * LCP_OUTCOME_APPLICABLE: of a dry run: it could have been done.
 */
#define LCP_OUTCOME_APPLIED 1
#define LCP_OUTCOME_ALREADY_APPLIED 2
#define LCP_OUTCOME_REVERTED 3
#define LCP_OUTCOME_APPLICABLE 4

/*
 * States of a patch in a process, as lcp_status_patch_state() returns them.
 *
 * LCP_STATE_LOADED: in the process's memory, nothing runs it. It stays so only if a doctor died.
 * LCP_STATE_SWITCHING: a doctor is applying it, or died doing so.
 * LCP_STATE_APPLIED: it is in force.
 * LCP_STATE_REVERTING: a doctor is taking it out, or died doing so.
 * LCP_STATE_REVERTED: it is out; its memory is still there, since a thread may return into it or
 * something may point to it.
 */
#define LCP_STATE_LOADED 1
#define LCP_STATE_SWITCHING 2
#define LCP_STATE_APPLIED 3
#define LCP_STATE_REVERTING 4
#define LCP_STATE_REVERTED 5

/*
 * lcp_apply:
 * @process: process.
 * @patches: array of patches.
 * @count: how many they are.
 * @options: settings, or NULL for the defaults.
 * @ret: where to put the report. Free it with lcp_report_free(). NULL: no report is wanted.
 * @reterr: where to put the reason on failure, or NULL.
 *
 * Apply patches to a process: all of them, or none. Each goes to every object of the process that
 * has its build-id. A patch that is applied already is no failure; one with the id of an applied
 * patch and a higher level replaces that in the same instant.
 *
 * Returns: 0, -EINVAL (a required argument is NULL, an option is out of range), -E2BIG (an option
 * unknown to this version is set), -ENOMEM, -EPERM, -EIO (reading or writing the memory of the
 * process failed), -LCP_EMISMATCH (the code of the object is not what the patch was made for),
 * -LCP_EUNSUPPORTED (by this version: the message says what; code of more than 16 MiB in a process
 * with coroutines is such a thing), -LCP_ESYMBOL (a symbol the patch needs is not there),
 * -LCP_EFORMAT (the memory of the process contradicts itself), -LCP_EINUSE (lcp_error_blocker_tid()
 * and others say by whom), -LCP_ENOROOM, -LCP_EDAMAGED, -LCP_ETRACED, -LCP_ELOCKED, -LCP_EGONE,
 * -LCP_ECONFLICT (an entry was changed by something else, or another patch has that id),
 * -LCP_ENOOBJECT (no object of the process has that build-id), -LCP_ESTOP, -LCP_EBORROW,
 * -LCP_EINTERRUPTED.
 * Threads: any; one at a time for one process handle.
 * Since: 0.1
 */
int32_t lcp_apply(struct lcp_process *process, struct lcp_kpatch **patches, uint32_t count,
		  const struct lcp_apply_options *options, struct lcp_report **ret,
		  struct lcp_error **reterr);

/*
 * lcp_revert:
 * @process: process.
 * @id: id of the patch; or the build-id or file name of an object: all patches on it.
 * @options: settings, or NULL for the defaults.
 * @ret: where to put the report. Free it with lcp_report_free(). NULL: no report is wanted.
 * @reterr: where to put the reason on failure, or NULL.
 *
 * Take patches out of a process, in any order: a function runs the newest version that is left.
 * The memory of the patches is given back; if a thread could still return into it
 * (LCP_APPLY_ENTRY_ONLY), by a later call.
 *
 * A patch that hands out addresses of itself (of a text, of a function as a callback) may be out
 * and still be needed. So all writable private memory of the process is looked through, and all
 * registers and stacks, for words that point into it; if there is one, or more than 1 GiB to look
 * through, its memory stays, lcp_report_kept() says so, and each later call of lcp_revert(), for
 * any patch, tries again. What is not seen: a pointer that is encoded, unaligned, or in a vector
 * register; in memory that is shared or that cannot be written; known to the kernel only (a signal
 * handler, the data of an epoll set); one that moves from where was not looked yet to where was.
 *
 * Returns: 0, -LCP_ENOTAPPLIED (the process holds no such patch), -EINVAL (a required argument is
 * NULL, an option is out of range), -E2BIG (an option unknown to this version is set), -ENOMEM,
 * -EPERM, -EIO (reading or writing the memory of the process failed), -LCP_EUNSUPPORTED,
 * -LCP_EFORMAT (the memory of the process contradicts itself), -LCP_EINUSE, -LCP_ENOROOM,
 * -LCP_EDAMAGED, -LCP_ETRACED, -LCP_ELOCKED, -LCP_EGONE, -LCP_ECONFLICT (an entry was changed by
 * something else), -LCP_ESTOP, -LCP_EBORROW, -LCP_EINTERRUPTED.
 * Threads: any; one at a time for one process handle.
 * Since: 0.1
 */
int32_t lcp_revert(struct lcp_process *process, const char *id,
		   const struct lcp_apply_options *options, struct lcp_report **ret,
		   struct lcp_error **reterr);

/*
 * lcp_process_check:
 * @process: process.
 * @patches: array of patches.
 * @count: how many they are.
 * @options: settings, or NULL for the defaults.
 * @ret: where to put the report. Free it with lcp_report_free().
 * @reterr: where to put the reason on failure, or NULL.
 *
 * Find out whether patches could be applied now, and if not, every reason why not:
 * lcp_report_reason() has them. The process is not changed; its threads are stopped once if nothing
 * else is in the way.
 *
 * Returns: 0 (also if they could not be applied), -EINVAL (a required argument is NULL, an option
 * is out of range), -E2BIG (an option unknown to this version is set), -ENOMEM, -EPERM, -LCP_EGONE.
 * Threads: any; one at a time for one process handle.
 * Since: 0.1
 */
int32_t lcp_process_check(struct lcp_process *process, struct lcp_kpatch **patches, uint32_t count,
			  const struct lcp_apply_options *options, struct lcp_report **ret,
			  struct lcp_error **reterr);

/*
 * lcp_query:
 * @process: process.
 * @ret: where to put the status. Free it with lcp_status_free().
 * @reterr: where to put the reason on failure, or NULL.
 *
 * See what patches a process holds. Nothing is stopped: its memory is read.
 *
 * Returns: 0, -EINVAL (an argument is NULL), -ENOMEM, -EPERM, -EIO (reading the memory of the
 * process failed), -LCP_EFORMAT (that memory contradicts itself), -LCP_EGONE.
 * Threads: any; one at a time for one process handle.
 * Since: 0.1
 */
int32_t lcp_query(struct lcp_process *process, struct lcp_status **ret, struct lcp_error **reterr);

/*
 * lcp_query_json:
 * @process: process.
 * @ret: where to put the text. Free it with lcp_string_free().
 * @reterr: where to put the reason on failure, or NULL.
 *
 * What lcp_query() sees as one JSON object: "pid" (number), "start_time" (string), "patches" (array
 * of objects with "id", "level", "state", "in_force", "build_id", "object", "description",
 * "address", "size", "memory", "functions" (array of objects with "name", "entry", "old_size",
 * "address", "size")).
 *
 * Returns: 0, -EINVAL (an argument is NULL), -ENOMEM, -EPERM, -EIO (reading the memory of the
 * process failed), -LCP_EFORMAT (that memory contradicts itself), -LCP_EGONE.
 * Threads: any; one at a time for one process handle.
 * Since: 0.1
 */
int32_t lcp_query_json(struct lcp_process *process, char **ret, struct lcp_error **reterr);

/*
 * lcp_report_free:
 * @report: report, or NULL.
 *
 * Free a report and the strings got from it.
 *
 * Threads: any; no other thread may still use @report.
 * Since: 0.1
 */
void lcp_report_free(struct lcp_report *report);

/*
 * lcp_report_outcome:
 * @report: report.
 *
 * What the process holds at the end.
 *
 * Returns: one of LCP_OUTCOME_*; 0 for NULL, and of a check if the patches cannot be applied.
 * Threads: any.
 * Since: 0.1
 */
uint32_t lcp_report_outcome(const struct lcp_report *report);

/*
 * lcp_report_stop_ns:
 * @report: report.
 *
 * How long threads stood still.
 *
 * Returns: the nanoseconds from the first thread's stop to the last one's release, of the attempt
 * that succeeded or was the last; 0 for NULL.
 * Threads: any.
 * Since: 0.1
 */
uint64_t lcp_report_stop_ns(const struct lcp_report *report);

/*
 * lcp_report_attempts:
 * @report: report.
 *
 * How often the process was stopped.
 *
 * Returns: the number of attempts; 0 for NULL, and where nothing had to be done.
 * Threads: any.
 * Since: 0.1
 */
uint32_t lcp_report_attempts(const struct lcp_report *report);

/*
 * lcp_report_function_count:
 * @report: report.
 *
 * How many functions were switched.
 *
 * Returns: the number of entries that were changed; 0 for NULL.
 * Threads: any.
 * Since: 0.1
 */
uint32_t lcp_report_function_count(const struct lcp_report *report);

/*
 * lcp_report_unguarded:
 * @report: report.
 *
 * How many functions were switched without a guard. All functions of a switch change with the
 * write of a single one: the others have guards meanwhile, code at their beginnings that leads to
 * the old version before that write and to the new one behind it. A function whose beginning
 * cannot be moved elsewhere has none. One such function is no matter, since it is the one whose
 * write decides; with more of them the switch is still whole for all threads, which stand still,
 * and it is finished if the calling program is killed. But if the surgeon itself is killed between
 * two of these writes, the process runs the new version of some of these functions and the old one
 * of others, until lcp_apply() or lcp_revert() is called again.
 *
 * Returns: the number of functions without a guard, but for the one that decides; 0 for NULL.
 * Threads: any.
 * Since: 0.1
 */
uint32_t lcp_report_unguarded(const struct lcp_report *report);

/*
 * lcp_report_memory:
 * @report: report.
 *
 * How much memory was mapped in the process.
 *
 * Returns: the bytes mapped by this call; 0 for NULL.
 * Threads: any.
 * Since: 0.1
 */
uint64_t lcp_report_memory(const struct lcp_report *report);

/*
 * lcp_report_kept:
 * @report: report.
 *
 * How much memory stays of patches that are out. The process may still point to it: see
 * lcp_revert().
 *
 * Returns: the bytes that stay, of all patches that are out; 0 for NULL.
 * Threads: any.
 * Since: 0.1
 */
uint64_t lcp_report_kept(const struct lcp_report *report);

/*
 * lcp_report_threads:
 * @report: report.
 *
 * How many threads stood still.
 *
 * Returns: the number of threads at the last attempt; 0 for NULL.
 * Threads: any.
 * Since: 0.1
 */
uint32_t lcp_report_threads(const struct lcp_report *report);

/*
 * lcp_report_reason_count:
 * @report: report of a check.
 *
 * How many reasons a check found.
 *
 * Returns: the number of reasons; 0 for NULL.
 * Threads: any.
 * Since: 0.1
 */
uint32_t lcp_report_reason_count(const struct lcp_report *report);

/*
 * lcp_report_reason:
 * @report: report of a check.
 * @index: which reason, from 0.
 *
 * One reason why patches cannot be applied.
 *
 * Returns: the error that lcp_apply() would have failed with; NULL if there is no such reason.
 * Owned by @report.
 * Threads: any.
 * Since: 0.1
 */
const struct lcp_error *lcp_report_reason(const struct lcp_report *report, uint32_t index);

/*
 * lcp_report_json:
 * @report: report.
 * @ret: where to put the text. Free it with lcp_string_free().
 *
 * The report as one JSON object: "outcome" (string or null), "stop_ns" (string), "attempts",
 * "functions", "unguarded" (numbers), "memory", "kept" (strings), "threads" (number), "stack_bytes"
 * (string), "unwound" (number), "scanned_bytes", "searched_bytes" (strings), "reasons" (array of
 * what lcp_error_json() gives).
 *
 * Returns: 0, -EINVAL (an argument is NULL), -ENOMEM.
 * Threads: any.
 * Since: 0.1
 */
int32_t lcp_report_json(const struct lcp_report *report, char **ret);

/*
 * lcp_status_free:
 * @status: status, or NULL.
 *
 * Free a status and the strings got from it.
 *
 * Threads: any; no other thread may still use @status.
 * Since: 0.1
 */
void lcp_status_free(struct lcp_status *status);

/*
 * lcp_status_patch_count:
 * @status: status.
 *
 * How many patches the process holds, in the order in which they were applied.
 *
 * Returns: the number of patches; 0 for NULL.
 * Threads: any.
 * Since: 0.1
 */
uint32_t lcp_status_patch_count(const struct lcp_status *status);

/*
 * lcp_status_patch_id:
 * @status: status.
 * @index: which patch, from 0.
 *
 * The id of a patch.
 *
 * Returns: the id that lcp_revert() takes; NULL if there is no such patch. Owned by @status.
 * Threads: any.
 * Since: 0.1
 */
const char *lcp_status_patch_id(const struct lcp_status *status, uint32_t index);

/*
 * lcp_status_patch_level:
 * @status: status.
 * @index: which patch, from 0.
 *
 * The level of a patch.
 *
 * Returns: its level; 0 if there is no such patch.
 * Threads: any.
 * Since: 0.1
 */
uint32_t lcp_status_patch_level(const struct lcp_status *status, uint32_t index);

/*
 * lcp_status_patch_state:
 * @status: status.
 * @index: which patch, from 0.
 *
 * The state of a patch.
 *
 * Returns: one of LCP_STATE_*; 0 if there is no such patch.
 * Threads: any.
 * Since: 0.1
 */
uint32_t lcp_status_patch_state(const struct lcp_status *status, uint32_t index);

/*
 * lcp_status_patch_in_force:
 * @status: status.
 * @index: which patch, from 0.
 *
 * Whether a process runs a patch. There is an answer in any state, even one that a
 * doctor left half-made: all functions of the patch are in force, or none.
 *
 * Returns: 1 if it does; 0 if not, or if there is no such patch.
 * Threads: any.
 * Since: 0.1
 */
uint32_t lcp_status_patch_in_force(const struct lcp_status *status, uint32_t index);

/*
 * lcp_status_patch_build_id:
 * @status: status.
 * @index: which patch, from 0.
 *
 * The build-id of the object a patch is on.
 *
 * Returns: its hexadecimal digits; NULL if there is no such patch. Owned by @status.
 * Threads: any.
 * Since: 0.1
 */
const char *lcp_status_patch_build_id(const struct lcp_status *status, uint32_t index);

/*
 * lcp_status_patch_object:
 * @status: status.
 * @index: which patch, from 0.
 *
 * The object that a patch is on.
 *
 * Returns: its path as the process has it; NULL if there is no such patch. Owned by @status.
 * Threads: any.
 * Since: 0.1
 */
const char *lcp_status_patch_object(const struct lcp_status *status, uint32_t index);

/*
 * lcp_status_unwind_address:
 * @status: status.
 * @index: which patch, from 0.
 *
 * Where the unwind table of a patch is. It is to the patch what .eh_frame is to an object.
 *
 * Returns: its address in the process; 0 if there is no such patch, or it has no table.
 * Threads: any.
 * Since: 0.1
 */
uint64_t lcp_status_unwind_address(const struct lcp_status *status, uint32_t index);

/*
 * lcp_status_unwind_size:
 * @status: status.
 * @index: which patch, from 0.
 *
 * How large the unwind table of a patch is.
 *
 * Returns: its size in bytes; 0 if there is no such patch, or it has no table.
 * Threads: any.
 * Since: 0.1
 */
uint64_t lcp_status_unwind_size(const struct lcp_status *status, uint32_t index);

/*
 * lcp_status_function_count:
 * @status: status.
 * @index: which patch, from 0.
 *
 * How many functions a patch has.
 *
 * Returns: the number of its functions; 0 if there is no such patch.
 * Threads: any.
 * Since: 0.1
 */
uint32_t lcp_status_function_count(const struct lcp_status *status, uint32_t index);

/*
 * lcp_status_function_name:
 * @status: status.
 * @index: which patch, from 0.
 * @which: which of its functions, from 0.
 *
 * The name of a function of a patch.
 *
 * Returns: its name; NULL if there is no such function. Owned by @status.
 * Threads: any.
 * Since: 0.1
 */
const char *lcp_status_function_name(const struct lcp_status *status, uint32_t index,
				     uint32_t which);

/*
 * lcp_status_function_address:
 * @status: status.
 * @index: which patch, from 0.
 * @which: which of its functions, from 0.
 *
 * Where the new version of a function is.
 *
 * Returns: its address in the process; 0 if there is no such function, or the patch removes it.
 * Threads: any.
 * Since: 0.1
 */
uint64_t lcp_status_function_address(const struct lcp_status *status, uint32_t index,
				     uint32_t which);

/*
 * lcp_status_function_size:
 * @status: status.
 * @index: which patch, from 0.
 * @which: which of its functions, from 0.
 *
 * How large the new version of a function is.
 *
 * Returns: its size in bytes; 0 if there is no such function.
 * Threads: any.
 * Since: 0.1
 */
uint32_t lcp_status_function_size(const struct lcp_status *status, uint32_t index, uint32_t which);

/*
 * lcp_status_json:
 * @status: status.
 * @ret: where to put the text. Free it with lcp_string_free().
 *
 * The status as one JSON object, the one that lcp_query_json() gives.
 *
 * Returns: 0, -EINVAL (an argument is NULL), -ENOMEM.
 * Threads: any.
 * Since: 0.1
 */
int32_t lcp_status_json(const struct lcp_status *status, char **ret);

#ifdef __cplusplus
}
#endif

#endif
