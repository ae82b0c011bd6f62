/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The context's life and its log, from one thread and from several.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <lcp/lcp.h>

#include "base/log.h"
#include "tap.h"

#define THREADS 8
#define ROUNDS 2000

struct heard {
	atomic_int count;
	int32_t level;
	char text[128];
};

static void hear(void *userdata, int32_t level, const char *message)
{
	struct heard *heard = userdata;

	atomic_fetch_add(&heard->count, 1);
	heard->level = level;
	(void)strncpy(heard->text, message, sizeof(heard->text) - 1);
}

static void count_only(void *userdata, int32_t level, const char *message)
{
	(void)level;
	(void)message;
	atomic_fetch_add((atomic_int *)userdata, 1);
}

/* A log function may change where the log goes, from within. */
struct once {
	struct lcp_ctx *ctx;
	int count;
};

static void hear_once(void *userdata, int32_t level, const char *message)
{
	struct once *once = userdata;

	(void)level;
	(void)message;
	once->count++;
	(void)lcp_ctx_set_log(once->ctx, NULL, NULL);
}

static void test_levels(struct lcp_ctx *ctx)
{
	struct heard heard = { .count = 0 };

	log_message(ctx, LCP_LOG_WARNING, "nobody listens");
	is_int(lcp_ctx_set_log(ctx, hear, &heard), 0, "a log function can be set");
	log_message(ctx, LCP_LOG_INFO, "too much detail");
	is_int(heard.count, 0, "what is above the level is not passed on");
	log_message(ctx, LCP_LOG_WARNING, "thread %d does not stop", 7);
	is_int(heard.count, 1, "a warning is");
	is_text(heard.text, "thread 7 does not stop", "with its text");
	is_int(heard.level, LCP_LOG_WARNING, "and its level");

	is_int(lcp_ctx_set_log_level(ctx, LCP_LOG_DEBUG), 0, "the level can be raised");
	log_debug(ctx, "all of it");
	is_text(heard.text, "all of it", "and then details are passed on");
	is_int(lcp_ctx_set_log_level(ctx, LCP_LOG_ERROR), 0, "the level can be lowered");
	log_message(ctx, LCP_LOG_WARNING, "not now");
	is_int(heard.count, 2, "and then warnings are not");
	(void)lcp_ctx_set_log_level(ctx, LCP_LOG_WARNING);
}

static void test_from_within(struct lcp_ctx *ctx)
{
	struct once once = { .ctx = ctx };

	(void)lcp_ctx_set_log(ctx, hear_once, &once);
	log_message(ctx, LCP_LOG_WARNING, "one");
	log_message(ctx, LCP_LOG_WARNING, "two");
	is_int(once.count, 1, "a log function may replace itself");
}

static void test_references(void)
{
	struct lcp_ctx *ctx = NULL;

	(void)lcp_ctx_new(NULL, &ctx, NULL);
	ok(lcp_ctx_ref(ctx) == ctx, "a reference is the context itself");
	lcp_ctx_unref(ctx);
	is_int(lcp_ctx_log_level(ctx), LCP_LOG_WARNING, "one of two references keeps it alive");
	lcp_ctx_unref(ctx);
}

static void *use_context(void *userdata)
{
	struct lcp_ctx *ctx = userdata;

	for (int i = 0; i < ROUNDS; i++) {
		lcp_ctx_unref(lcp_ctx_ref(ctx));
		log_message(ctx, LCP_LOG_WARNING, "round %d", i);
	}
	return NULL;
}

static void test_threads(struct lcp_ctx *ctx)
{
	pthread_t threads[THREADS];
	atomic_int heard = 0;
	int started = 0;

	(void)lcp_ctx_set_log(ctx, count_only, &heard);
	while (started < THREADS && pthread_create(&threads[started], NULL, use_context, ctx) == 0)
		started++;
	for (int i = 0; i < started; i++)
		(void)pthread_join(threads[i], NULL);
	is_int(started, THREADS, "threads can share a context");
	is_int(heard, THREADS * ROUNDS, "and each message of each is heard");
}

int main(void)
{
	struct lcp_ctx *ctx = NULL;

	tap_begin();
	is_int(lcp_ctx_new(NULL, &ctx, NULL), 0, "a context can be made");
	test_levels(ctx);
	test_from_within(ctx);
	test_references();
	test_threads(ctx);
	lcp_ctx_unref(ctx);
	return tap_end();
}
