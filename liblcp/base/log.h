/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Log messages of the library: one line each, without a line end, to the function that the user of
 * the context set. Without one, or above the context's level, they cost a load and a compare.
 */
#ifndef LCP_BASE_LOG_H
#define LCP_BASE_LOG_H

#include "base/ctx.h"

void log_message(struct lcp_ctx *ctx, int level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define log_debug(ctx, ...) log_message(ctx, LCP_LOG_DEBUG, __VA_ARGS__)

#endif
