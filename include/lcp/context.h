/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The context: settings and the log, shared by the calls of one user of the library.
 *
 * A program needs one. A host with several independent users of the library in it makes one for
 * each: contexts know nothing of each other.
 */
#ifndef LCP_CONTEXT_H
#define LCP_CONTEXT_H

#include <stdint.h>

#include <lcp/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Log levels: a message is passed on when its level is not above the context's.
 *
 * LCP_LOG_ERROR: an operation failed in a way that its caller may not see.
 * LCP_LOG_WARNING: worth the attention of whoever runs this.
 * LCP_LOG_INFO: what was done.
 * LCP_LOG_DEBUG: how it was done.
 */
#define LCP_LOG_ERROR 1
#define LCP_LOG_WARNING 2
#define LCP_LOG_INFO 3
#define LCP_LOG_DEBUG 4

/*
 * struct lcp_ctx:
 *
 * Opaque, with a reference count. Any number of threads may use one context at the same time.
 */
struct lcp_ctx;

/*
 * lcp_log_fn:
 * @userdata: as given to lcp_ctx_set_log().
 * @level: one of LCP_LOG_*.
 * @message: one line without a line end; valid during the call only.
 *
 * Takes a log message. It is called during a call of the library and on the calling thread, never
 * while a process is stopped. It may call the library, but must not free the context.
 */
typedef void (*lcp_log_fn)(void *userdata, int32_t level, const char *message);

/*
 * struct lcp_ctx_options:
 * @size: sizeof(struct lcp_ctx_options) in the program that fills it in.
 * @log_level: one of LCP_LOG_*; 0 means LCP_LOG_WARNING.
 */
struct lcp_ctx_options {
	uint32_t size;
	uint32_t log_level;
};

/*
 * lcp_ctx_new:
 * @options: settings, or NULL for the defaults.
 * @ret: where to put the new context. Drop it with lcp_ctx_unref().
 * @reterr: where to put the reason on failure, or NULL.
 *
 * Make a context.
 *
 * As in every option struct of the library, @options->size tells the library which members the
 * program knows. Members it does not know keep their defaults. A newer program may pass a longer
 * struct to an older library as long as the members unknown to the library are zero; otherwise it
 * asks for something that cannot be done, and gets -E2BIG.
 *
 * Returns: 0, -EINVAL (@ret is NULL, the size is too small to be one, a value is out of range),
 * -E2BIG (an option unknown to this version is set), -ENOMEM.
 * Threads: any.
 * Since: 0.1
 */
int32_t lcp_ctx_new(const struct lcp_ctx_options *options, struct lcp_ctx **ret,
		    struct lcp_error **reterr);

/*
 * lcp_ctx_ref:
 * @ctx: context, or NULL.
 *
 * Take another reference to a context.
 *
 * Returns: @ctx.
 * Threads: any.
 * Since: 0.1
 */
struct lcp_ctx *lcp_ctx_ref(struct lcp_ctx *ctx);

/*
 * lcp_ctx_unref:
 * @ctx: context, or NULL.
 *
 * Drop a reference to a context; the last one frees it. Objects made with a context hold a
 * reference of their own.
 *
 * Threads: any.
 * Since: 0.1
 */
void lcp_ctx_unref(struct lcp_ctx *ctx);

/*
 * lcp_ctx_set_log:
 * @ctx: context.
 * @log_function: takes the messages from now on; NULL for none, which is how a context begins.
 * @userdata: passed to @log_function; the library does not look at it.
 *
 * Say where log messages go. A message that another thread is just passing on may still reach the
 * previous function after this call has returned.
 *
 * Returns: 0, -EINVAL (@ctx is NULL).
 * Threads: any.
 * Since: 0.1
 */
int32_t lcp_ctx_set_log(struct lcp_ctx *ctx, lcp_log_fn log_function, void *userdata);

/*
 * lcp_ctx_set_log_level:
 * @ctx: context.
 * @level: one of LCP_LOG_*.
 *
 * Say which messages are passed on.
 *
 * Returns: 0, -EINVAL (@ctx is NULL, @level is not one of LCP_LOG_*).
 * Threads: any.
 * Since: 0.1
 */
int32_t lcp_ctx_set_log_level(struct lcp_ctx *ctx, int32_t level);

/*
 * lcp_ctx_log_level:
 * @ctx: context.
 *
 * Returns: the level in force, one of LCP_LOG_*; 0 for NULL.
 * Threads: any.
 * Since: 0.1
 */
int32_t lcp_ctx_log_level(const struct lcp_ctx *ctx);

#ifdef __cplusplus
}
#endif

#endif
