/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/api.h"

#include <stdbool.h>

#include "base/ctx.h"
#include "base/options.h"

/* The size of the struct in the version that brought it. */
#define CTX_OPTIONS_0_1 8

static bool is_log_level(int64_t level)
{
	return level >= LCP_LOG_ERROR && level <= LCP_LOG_DEBUG;
}

EXPORT int32_t lcp_ctx_new(const struct lcp_ctx_options *options, struct lcp_ctx **ret,
			   struct lcp_error **reterr)
{
	struct lcp_ctx_options settings = { 0 };
	struct lcp_ctx *ctx;
	int r;

	if (ret == NULL)
		return api_null(reterr, __func__, "ret");
	r = options_take_in(options, &settings, sizeof(settings), CTX_OPTIONS_0_1, reterr);
	if (r < 0)
		return r;
	if (settings.log_level == 0)
		settings.log_level = LCP_LOG_WARNING;
	if (!is_log_level(settings.log_level))
		return error_set(reterr, -EINVAL, "options: log level %u is out of range",
				 settings.log_level);
	ctx = ctx_new((int)settings.log_level);
	if (ctx == NULL)
		return error_set_nomem(reterr);
	*ret = ctx;
	return 0;
}

EXPORT struct lcp_ctx *lcp_ctx_ref(struct lcp_ctx *ctx)
{
	return ctx != NULL ? ctx_ref(ctx) : NULL;
}

EXPORT void lcp_ctx_unref(struct lcp_ctx *ctx)
{
	ctx_unref(ctx);
}

EXPORT int32_t lcp_ctx_set_log(struct lcp_ctx *ctx, lcp_log_fn function, void *userdata)
{
	if (ctx == NULL)
		return -EINVAL;
	ctx_set_log(ctx, function, userdata);
	return 0;
}

EXPORT int32_t lcp_ctx_set_log_level(struct lcp_ctx *ctx, int32_t level)
{
	if (ctx == NULL || !is_log_level(level))
		return -EINVAL;
	atomic_store(&ctx->log_level, level);
	return 0;
}

EXPORT int32_t lcp_ctx_log_level(const struct lcp_ctx *ctx)
{
	return ctx != NULL ? atomic_load(&ctx->log_level) : 0;
}
