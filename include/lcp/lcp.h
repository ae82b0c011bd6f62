/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * liblcp: live code patching of running Linux processes.
 *
 * This is the only header a program needs. The headers it includes are the manual: each
 * function's comment says what it does, who owns what, which codes it can return, which threads
 * may call it, and since which version it exists.
 *
 * Rules that hold for every function:
 *
 * - A function that can fail returns int32_t: 0, or a negative errno, or a negative LCP_E* code
 *   of <lcp/error.h>, and only the codes that its comment lists.
 * - *ret is written on success only, *reterr on failure only. reterr may be NULL. What is written
 *   there belongs to the caller.
 * - A NULL object is a programming error and answered with -EINVAL by functions that can fail.
 *   Getters of a NULL object return NULL or 0.
 * - Functions that free or drop a reference accept NULL.
 * - Options are structs whose first member is their size; NULL means all defaults, and so does 0
 *   in a member. See lcp_ctx_new().
 * - Text is UTF-8; addresses and sizes are uint64_t.
 * - Any thread may call any function. Two threads must not use one object at the same time unless
 *   its type says that they may.
 * - The library keeps no global state, prints nothing, never ends the process, installs no signal
 *   handler, and opens every descriptor with O_CLOEXEC.
 */
#ifndef LCP_LCP_H
#define LCP_LCP_H

#include <lcp/build.h>
#include <lcp/classic.h>
#include <lcp/context.h>
#include <lcp/error.h>
#include <lcp/kpatch.h>
#include <lcp/process.h>
#include <lcp/version.h>

#endif
