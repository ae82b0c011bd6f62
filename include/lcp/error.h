/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Why a call failed.
 *
 * Functions return a negative code, which is enough to decide by. What a person needs to know is
 * in the error object that they hand out beside it: a message that names the thing, the path, the
 * system's errno.
 */
#ifndef LCP_ERROR_H
#define LCP_ERROR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Codes beyond those of errno. Functions return them negated. Numbers are never reused.
 *
 * LCP_EFORMAT: the input is not a file of the expected kind, or it contradicts itself.
 * LCP_EINTEGRITY: the input was a patch, but its digest says that bytes of it were changed, or a
 * digest was demanded and there is none.
 * LCP_EUNSUPPORTED: the input is sound but needs something this library does not have: another
 * CPU, a newer format, an unknown relocation.
 * LCP_EMISMATCH: two inputs do not belong together: a patch and an object, an object and the
 * assembler text it is said to be made from.
 * LCP_EREFUSED: code alone cannot make the change that was asked for.
 * LCP_ENOEFFECT: there is nothing to do: no function of the object changes.
 * LCP_ESYMBOL: a symbol was not found, or could be one of several.
 * LCP_EASSEMBLER: the assembler could not be run, or found fault with its input.
 * LCP_EINUSE: threads are inside functions that were to be replaced, or will return into them.
 * LCP_ENOROOM: there is no room for the patch near the object, or for a branch at a function.
 * LCP_EDAMAGED: a step failed, and so did undoing it: what the process holds is in the message.
 * LCP_ETRACED: a debugger or another tracer is at the process.
 * LCP_ELOCKED: another doctor was at work on the process for all the time there was.
 * LCP_EGONE: the process has ended, or became another program.
 * LCP_ECONFLICT: something else was there first: an entry is not as it should be, or another patch
 * with the same id is applied.
 * LCP_ENOOBJECT: no object of the process is the one that the patch is for.
 * LCP_ENOTAPPLIED: the process holds no such patch.
 * LCP_ESTOP: a thread did not stop in time.
 * LCP_EBORROW: no thread of the process could be used to make a system call.
 * LCP_EINTERRUPTED: the surgeon was killed. The process runs, and a query says what it holds.
 */
#define LCP_EFORMAT 5001
#define LCP_EINTEGRITY 5002
#define LCP_EUNSUPPORTED 5003
#define LCP_EMISMATCH 5004
#define LCP_EREFUSED 5005
#define LCP_ENOEFFECT 5006
#define LCP_ESYMBOL 5007
#define LCP_EASSEMBLER 5008
#define LCP_EINUSE 5009
#define LCP_ENOROOM 5010
#define LCP_EDAMAGED 5011
#define LCP_ETRACED 5012
#define LCP_ELOCKED 5013
#define LCP_EGONE 5014
#define LCP_ECONFLICT 5015
#define LCP_ENOOBJECT 5016
#define LCP_ENOTAPPLIED 5017
#define LCP_ESTOP 5018
#define LCP_EBORROW 5019
#define LCP_EINTERRUPTED 5020

/*
 * struct lcp_error:
 *
 * Opaque. Made by a function that failed, owned by the caller, freed with lcp_error_free().
 * Immutable: any number of threads may read it.
 */
struct lcp_error;

/*
 * lcp_error_free:
 * @error: error object, or NULL.
 *
 * Free an error object and the strings got from it.
 *
 * Threads: any; no other thread may still use @error.
 * Since: 0.1
 */
void lcp_error_free(struct lcp_error *error);

/*
 * lcp_error_code:
 * @error: error object.
 *
 * Returns: the code that the function returned with it (negative), 0 for NULL.
 * Threads: any.
 * Since: 0.1
 */
int32_t lcp_error_code(const struct lcp_error *error);

/*
 * lcp_error_message:
 * @error: error object.
 *
 * One line for a person, without a full stop and without a line end. It names the thing: "section
 * 4 '.kpatch.info': record 2 runs past the end". The text is no interface: decide by the code.
 *
 * Returns: the message, never NULL for an error object. Owned by @error. NULL for NULL.
 * Threads: any.
 * Since: 0.1
 */
const char *lcp_error_message(const struct lcp_error *error);

/*
 * lcp_error_errno:
 * @error: error object.
 *
 * Returns: the errno of the system call that failed (positive), or 0 if none was at fault.
 * Threads: any.
 * Since: 0.1
 */
int32_t lcp_error_errno(const struct lcp_error *error);

/*
 * lcp_error_path:
 * @error: error object.
 *
 * Returns: the path of the file the error is about, or NULL. Owned by @error.
 * Threads: any.
 * Since: 0.1
 */
const char *lcp_error_path(const struct lcp_error *error);

/*
 * lcp_error_blocker_count:
 * @error: error object.
 *
 * How many threads were in the way of a change. At most 16 are listed.
 *
 * Returns: the number of threads and suspended contexts; 0 for NULL and other errors.
 * Threads: any.
 * Since: 0.1
 */
uint32_t lcp_error_blocker_count(const struct lcp_error *error);

/*
 * lcp_error_blocker_tid:
 * @error: error object.
 * @index: which blocker, from 0.
 *
 * Which thread was in the way.
 *
 * Returns: its thread id; 0 for a suspended context, and if there is no such blocker.
 * Threads: any.
 * Since: 0.1
 */
int32_t lcp_error_blocker_tid(const struct lcp_error *error, uint32_t index);

/*
 * lcp_error_blocker_pc:
 * @error: error object.
 * @index: which blocker, from 0.
 *
 * Where a thread was that was in the way.
 *
 * Returns: the address of its next instruction; 0 if there is no such blocker.
 * Threads: any.
 * Since: 0.1
 */
uint64_t lcp_error_blocker_pc(const struct lcp_error *error, uint32_t index);

/*
 * lcp_error_blocker_function:
 * @error: error object.
 * @index: which blocker, from 0.
 *
 * Which function a thread was in, or would have returned into.
 *
 * Returns: the name of the function, or the id of the patch if it is code of a patch that no
 * function of it owns; NULL if there is no such blocker. Owned by @error.
 * Threads: any.
 * Since: 0.1
 */
const char *lcp_error_blocker_function(const struct lcp_error *error, uint32_t index);

/*
 * lcp_error_blocker_frame:
 * @error: error object.
 * @index: which blocker, from 0.
 * @which: which frame, from 0, the innermost.
 *
 * How a thread got there, frame by frame: "/usr/sbin/server+0x4f2c", a file and an address in it.
 *
 * Returns: the frame; NULL if there is no such frame. Owned by @error.
 * Threads: any.
 * Since: 0.1
 */
const char *lcp_error_blocker_frame(const struct lcp_error *error, uint32_t index, uint32_t which);

/*
 * lcp_error_json:
 * @error: error object.
 * @ret: where to put the text. Free it with lcp_string_free().
 *
 * The error as one JSON object: "code" (number), "name" (as lcp_error_name()), "message", "errno"
 * (number or null), "path" (string or null), "blockers" (array of objects with "tid" (number or
 * null), "pc" (string), "function" (string), "frames" (array of strings)).
 *
 * Returns: 0, -EINVAL (an argument is NULL), -ENOMEM.
 * Threads: any.
 * Since: 0.1
 */
int32_t lcp_error_json(const struct lcp_error *error, char **ret);

/*
 * lcp_error_name:
 * @code: a code as a function returned it, or its absolute value.
 *
 * The name of a code, for logs: "LCP_EFORMAT", "ENOMEM".
 *
 * Returns: a constant string; "UNKNOWN" for a number that is neither.
 * Threads: any.
 * Since: 0.1
 */
const char *lcp_error_name(int32_t code);

/*
 * lcp_string_free:
 * @string: a string that a function of liblcp handed over, or NULL.
 *
 * Free a string, such as that of a function whose name ends in _json.
 *
 * Threads: any.
 * Since: 0.1
 */
void lcp_string_free(char *string);

#ifdef __cplusplus
}
#endif

#endif
