/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The door: what the files of this folder share. An exported function checks its arguments, calls
 * inside, and lets only documented codes out. What it does and returns is said in its public header
 * and not here.
 */
#ifndef LCP_API_API_H
#define LCP_API_API_H

#include <lcp/lcp.h>

#include "base/error.h"

/* The library is compiled with hidden visibility; liblcp.sym has the final word. */
#define EXPORT __attribute__((visibility("default")))

/* Refuse an argument that is NULL and must not be. */
static inline int api_null(struct lcp_error **reterr, const char *function, const char *argument)
{
	return error_set(reterr, -EINVAL, "%s: %s is NULL", function, argument);
}

#endif
