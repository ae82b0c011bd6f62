/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the classic tools have in common: whole files in and out, and ending with a message.
 */
#ifndef LCP_TOOLS_CLASSIC_FILE_H
#define LCP_TOOLS_CLASSIC_FILE_H

#include <lcp/lcp.h>

struct content {
	char *bytes; /* never NULL */
	uint64_t size;
};

/* Set what messages begin with. */
void tool_begin(const char *name, const char *prefix, int failure);

/* Say why, and end with the failure status. @error may be NULL. */
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void fail_with(const char *path, struct lcp_error *error) __attribute__((noreturn));

/* A context, or the end. */
struct lcp_ctx *new_context(int32_t log_level, lcp_log_fn function);

/* Read all of @path, or of the standard input for "-". */
struct content read_all(const char *path);

/*
 * Write @bytes and free them: to the standard output for NULL and "-", else to @path, which is new
 * and has @mode as the umask allows, or as it was (@mode 0). No half a file is left.
 */
void write_all(const char *path, unsigned int mode, struct lcp_bytes *bytes);

#endif
