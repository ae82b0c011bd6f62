/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Error objects from the inside: how a function that fails says why.
 *
 *	if (size < HEADER_SIZE)
 *		return error_set(reterr, -LCP_EFORMAT, "file ends inside its header");
 *
 * The functions return the code they were given, so that failing is one statement. They overwrite
 * *reterr: whoever tries again after a failure frees the first reason.
 */
#ifndef LCP_BASE_ERROR_H
#define LCP_BASE_ERROR_H

#include <errno.h>
#include <stddef.h>

#include <lcp/error.h>

#include "base/cleanup.h"

/* A thread that was in the way; or, if @tid is 0, a suspended context. */
struct error_blocker {
	int32_t tid;
	uint64_t pc;
	char *function; /* that it is in or returns into */
	char **frames; /* how it got there, innermost first: "/usr/sbin/server+0x4f2c" */
	size_t frame_count;
};

struct lcp_error {
	int code; /* negative */
	int saved_errno; /* positive, or 0 */
	char *message;
	char *path; /* or NULL */
	struct error_blocker *blockers;
	size_t blocker_count;
};

/*
 * Make an error with @code and a message, and give it to *@reterr unless @reterr is NULL. Without
 * memory for it, *@reterr says just that, and the code becomes -ENOMEM.
 */
int error_set(struct lcp_error **reterr, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same for a system call that failed with @saved_errno, which gives the code. */
int error_set_errno(struct lcp_error **reterr, int saved_errno, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

int error_set_nomem(struct lcp_error **reterr);

/*
 * Name the file that the error *@reterr is about: an inner function knows what is wrong, an outer
 * one with which file. Returns @code.
 */
int error_add_path(struct lcp_error **reterr, int code, const char *path);

/*
 * Give the error *@reterr a list of @count blockers, which it takes over with all that is in them.
 */
void error_add_blockers(struct lcp_error **reterr, struct error_blocker *blockers, size_t count);
void error_blockers_free(struct error_blocker *blockers, size_t count);

void error_free(struct lcp_error *error);

/* "LCP_EFORMAT" or "ENOENT" for a code of either sign; "UNKNOWN" for others. */
const char *error_name(int code);

/* The error as a JSON object; the caller frees *@ret. 0 or -ENOMEM. */
int error_json(const struct lcp_error *error, char **ret);

/* The same as a value of a larger document. */
struct json;
void error_put_json(const struct lcp_error *error, const char *key, struct json *json);

DEFINE_GUARD(error, struct lcp_error *, error_free);
#define autoerror cleanup(error_guard)

#endif
