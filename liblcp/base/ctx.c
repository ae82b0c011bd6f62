/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/ctx.h"

#include <stdlib.h>

struct lcp_ctx *ctx_new(int log_level)
{
	struct lcp_ctx *ctx = calloc(1, sizeof(*ctx));

	if (ctx == NULL)
		return NULL;
	/* With default attributes glibc and musl cannot fail here. */
	(void)pthread_mutex_init(&ctx->log_lock, NULL);
	neighbours_init(&ctx->neighbours);
	atomic_init(&ctx->refs, 1);
	atomic_init(&ctx->log_level, log_level);
	return ctx;
}

struct lcp_ctx *ctx_ref(struct lcp_ctx *ctx)
{
	atomic_fetch_add(&ctx->refs, 1);
	return ctx;
}

void ctx_unref(struct lcp_ctx *ctx)
{
	if (ctx == NULL || atomic_fetch_sub(&ctx->refs, 1) > 1)
		return;
	(void)pthread_mutex_destroy(&ctx->log_lock);
	neighbours_fini(&ctx->neighbours);
	free(ctx);
}

void ctx_set_log(struct lcp_ctx *ctx, lcp_log_fn function, void *userdata)
{
	(void)pthread_mutex_lock(&ctx->log_lock);
	ctx->log_function = function;
	ctx->log_userdata = userdata;
	(void)pthread_mutex_unlock(&ctx->log_lock);
}
