/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/log.h"

#include "base/str.h"
#include "base/utf8.h"

void log_message(struct lcp_ctx *ctx, int level, const char *format, ...)
{
	autostr struct str text = { 0 };
	lcp_log_fn function;
	void *userdata;
	va_list args;

	if (level > atomic_load_explicit(&ctx->log_level, memory_order_relaxed))
		return;

	/* The function is called without the lock: it may set another one. */
	(void)pthread_mutex_lock(&ctx->log_lock);
	function = ctx->log_function;
	userdata = ctx->log_userdata;
	(void)pthread_mutex_unlock(&ctx->log_lock);
	if (function == NULL)
		return;

	va_start(args, format);
	str_vprintf(&text, format, args);
	va_end(args);
	if (!text.failed)
		utf8_make_printable(text.text);
	function(userdata, level, text.failed ? "out of memory for a log message" : text.text);
}
