/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Processes: which program one runs, and which objects are mapped into it.
 *
 * All of that is read from the process itself: files that were deleted or replaced, containers and
 * other root directories make no difference. It is what the process was like when the handle was
 * made. Nothing is traced or stopped between calls.
 *
 * Strings that getters return belong to the handle and live as long as it does. Whoever runs the
 * process chose them: '?' stands in for what is not printable.
 */
#ifndef LCP_PROCESS_H
#define LCP_PROCESS_H

#include <stdint.h>

#include <lcp/context.h>
#include <lcp/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * struct lcp_process:
 *
 * Opaque. A handle on one process, made by lcp_process_attach() and ended by lcp_process_detach().
 * One thread at a time may use a handle; several threads may each use one of their own.
 */
struct lcp_process;

/*
 * Flags of struct lcp_process_attach_options.
 *
 * LCP_ATTACH_IN_PROCESS: where a process has to be traced, the calling thread does it. Otherwise a
 * short-lived process of the library's does, so that neither signals nor waiting of the program's
 * own are disturbed. For systems on which only a parent may trace (Yama).
 */
#define LCP_ATTACH_IN_PROCESS 1

/*
 * struct lcp_process_attach_options:
 * @size: sizeof(struct lcp_process_attach_options) in the program that fills it in.
 * @flags: a sum of LCP_ATTACH_*.
 */
struct lcp_process_attach_options {
	uint32_t size;
	uint32_t flags;
};

/*
 * lcp_process_attach:
 * @ctx: context.
 * @pid: process id.
 * @options: settings, or NULL for the defaults.
 * @ret: where to put the handle. End it with lcp_process_detach().
 * @reterr: where to put the reason on failure, or NULL.
 *
 * Get a handle on a process. It is looked at, and goes on undisturbed. See LCP_ATTACH_IN_PROCESS
 * for who traces it in later calls.
 *
 * Returns: 0, -EINVAL (a required argument is NULL, an option is out of range, no process has such
 * an id: that of a thread, of a thread of the kernel), -E2BIG (an option unknown to this version
 * is set), -ENOMEM, -ESRCH (there is no such process), -EPERM or -EACCES (the caller may not look
 * at it), -LCP_EGONE (it ended meanwhile), -LCP_EFORMAT (what it has in memory is not what programs
 * have there), -LCP_EUNSUPPORTED (it runs on another CPU or in 32 bits), or another negative errno
 * of open(2), read(2) or pidfd_open(2).
 * Threads: any.
 * Since: 0.1
 */
int32_t lcp_process_attach(struct lcp_ctx *ctx, int32_t pid,
			   const struct lcp_process_attach_options *options,
			   struct lcp_process **ret, struct lcp_error **reterr);

/*
 * lcp_process_detach:
 * @process: handle, or NULL.
 *
 * Give the handle on a process back. The process does not notice.
 *
 * Threads: any; no other thread may still use @process.
 * Since: 0.1
 */
void lcp_process_detach(struct lcp_process *process);

/*
 * lcp_process_pid:
 * @process: handle.
 *
 * The id that a process was attached to by.
 *
 * Returns: the process id; 0 for NULL.
 * Threads: one at a time.
 * Since: 0.1
 */
int32_t lcp_process_pid(const struct lcp_process *process);

/*
 * lcp_process_start_time:
 * @process: handle.
 *
 * When a process was started. Ids are used again, but not at the same time: together with the id it
 * tells which process it is.
 *
 * Returns: clock ticks since the system was booted (field 22 of /proc/PID/stat); 0 for NULL.
 * Threads: one at a time.
 * Since: 0.1
 */
uint64_t lcp_process_start_time(const struct lcp_process *process);

/*
 * lcp_process_path:
 * @process: handle.
 *
 * The path of the program that a process runs, as /proc/PID/maps has it. It ends in " (deleted)" if
 * the file is gone.
 *
 * Returns: the path; NULL for NULL.
 * Threads: one at a time.
 * Since: 0.1
 */
const char *lcp_process_path(const struct lcp_process *process);

/*
 * lcp_process_object_count:
 * @process: handle.
 *
 * How many objects are mapped into a process: the program, its libraries, the dynamic linker, what
 * was opened since (dlopen(3), dlmopen(3)), the kernel's vdso(7).
 *
 * Returns: the number; 0 for NULL.
 * Threads: one at a time.
 * Since: 0.1
 */
uint32_t lcp_process_object_count(const struct lcp_process *process);

/*
 * lcp_process_object_name:
 * @process: handle.
 * @index: which object, from 0. The program is the first.
 *
 * The path of an object, as /proc/PID/maps has it. It ends in " (deleted)" if the file is gone; it
 * is "[vdso]" for what the kernel maps, and "" if no file is mapped.
 *
 * Returns: the path; NULL for an index that is too large, and for NULL.
 * Threads: one at a time.
 * Since: 0.1
 */
const char *lcp_process_object_name(const struct lcp_process *process, uint32_t index);

/*
 * lcp_process_object_build_id:
 * @process: handle.
 * @index: which object, from 0.
 *
 * The build-id of an object.
 *
 * Returns: hexadecimal digits; NULL if it has none, for an index that is too large, and for NULL.
 * Threads: one at a time.
 * Since: 0.1
 */
const char *lcp_process_object_build_id(const struct lcp_process *process, uint32_t index);

/*
 * lcp_process_object_base:
 * @process: handle.
 * @index: which object, from 0.
 *
 * Where an object begins in memory.
 *
 * Returns: the address; 0 for an index that is too large, and for NULL.
 * Threads: one at a time.
 * Since: 0.1
 */
uint64_t lcp_process_object_base(const struct lcp_process *process, uint32_t index);

/*
 * lcp_process_json:
 * @process: handle.
 * @ret: where to put the text. Free it with lcp_string_free().
 *
 * Write a process as one JSON object. Its names, which stay: "pid" (number), "start_time" (string),
 * "path" and "objects", an array of objects with "name", "build_id" (null if there is none), "base"
 * and "end" (strings: "0x4011c0"), and "namespace" (number: 0, or that of a dlmopen(3)).
 *
 * Returns: 0, -EINVAL (an argument is NULL), -ENOMEM.
 * Threads: one at a time.
 * Since: 0.1
 */
int32_t lcp_process_json(const struct lcp_process *process, char **ret);

#ifdef __cplusplus
}
#endif

#endif
