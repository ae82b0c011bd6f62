/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The context from the inside: reference count, log level, log function.
 */
#ifndef LCP_BASE_CTX_H
#define LCP_BASE_CTX_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include <lcp/context.h>

#include "base/neighbours.h"

struct lcp_ctx {
	atomic_uint refs;
	atomic_int log_level;
	pthread_mutex_t log_lock; /* of the two below, which belong together */
	lcp_log_fn log_function;
	void *log_userdata;
	struct neighbours neighbours;
};

/* NULL without memory. */
struct lcp_ctx *ctx_new(int log_level);
struct lcp_ctx *ctx_ref(struct lcp_ctx *ctx);
void ctx_unref(struct lcp_ctx *ctx);
void ctx_set_log(struct lcp_ctx *ctx, lcp_log_fn function, void *userdata);

#endif
