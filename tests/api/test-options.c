/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Option structs of every length, through the one function that takes them in and through the
 * door.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <lcp/lcp.h>

#include "base/error.h"
#include "base/options.h"
#include "tap.h"

/* What the library knows, and what a program of a later version would pass. */
struct known {
	uint32_t size;
	uint32_t first;
	uint64_t second;
};

#define FIRST_SIZE 8

struct longer {
	struct known known;
	uint64_t third;
};

static void test_none(void)
{
	struct known ours = { .first = 99 };

	is_int(options_take_in(NULL, &ours, sizeof(ours), FIRST_SIZE, NULL), 0, "NULL is taken in");
	ok(ours.first == 0 && ours.second == 0, "and means all defaults");
	is_int(ours.size, sizeof(ours), "the size is ours");
}

static void test_equal(void)
{
	const struct known given = { .size = sizeof(given), .first = 1, .second = 2 };
	struct known ours;

	is_int(options_take_in(&given, &ours, sizeof(ours), FIRST_SIZE, NULL), 0,
	       "equal length is taken in");
	ok(ours.first == 1 && ours.second == 2, "with all its members");
}

static void test_shorter(void)
{
	const struct known given = { .size = 8, .first = 1, .second = 2 };
	struct known ours = { .second = 99 };

	is_int(options_take_in(&given, &ours, sizeof(ours), FIRST_SIZE, NULL), 0,
	       "a shorter one is taken in");
	ok(ours.first == 1 && ours.second == 0, "what it does not know gets the default");
	is_int(ours.size, sizeof(ours), "the size is ours");
}

static void test_longer(void)
{
	struct longer given = { .known = { .size = sizeof(given), .first = 1, .second = 2 } };
	autoerror struct lcp_error *error = NULL;
	struct known ours;

	is_int(options_take_in(&given, &ours, sizeof(ours), FIRST_SIZE, NULL), 0,
	       "a longer one with a zero tail is taken in");
	ok(ours.first == 1 && ours.second == 2, "with what we know of it");

	given.third = (uint64_t)1 << 56;
	is_int(options_take_in(&given, &ours, sizeof(ours), FIRST_SIZE, &error), -E2BIG,
	       "a longer one with something in its tail is refused");
	is_text(error->message, "options: byte 23 is set, but this version knows only 16",
		"and the message says what");
}

static void test_too_short(void)
{
	autoerror struct lcp_error *error = NULL, *larger = NULL;
	struct known given = { .size = 7 }, ours;

	is_int(options_take_in(&given, &ours, sizeof(ours), FIRST_SIZE, &error), -EINVAL,
	       "one too short for a member is refused");
	is_text(error->message, "options: size 7 is too small", "and the message says so");
	given.size = 0;
	is_int(options_take_in(&given, &ours, sizeof(ours), FIRST_SIZE, NULL), -EINVAL,
	       "one without a size is refused");
	given.size = UINT32_MAX;
	is_int(options_take_in(&given, &ours, sizeof(ours), FIRST_SIZE, &larger), -E2BIG,
	       "a size that nobody can mean is refused, unread");
	is_text(larger->message, "options: size 4294967295 is too large", "with a message");
}

static void test_door(void)
{
	struct {
		struct lcp_ctx_options known;
		uint32_t tail;
	} options = { .known = { .size = sizeof(options), .log_level = LCP_LOG_DEBUG } };
	struct lcp_ctx *ctx = NULL;

	is_int(lcp_ctx_new(&options.known, &ctx, NULL), 0,
	       "a program newer than the library works");
	is_int(lcp_ctx_log_level(ctx), LCP_LOG_DEBUG, "and its options count");
	lcp_ctx_unref(ctx);

	ctx = NULL;
	options.tail = 1;
	is_int(lcp_ctx_new(&options.known, &ctx, NULL), -E2BIG,
	       "unless it asks for what the library does not have");
	ok(ctx == NULL, "and then nothing is written");
}

static void test_layout(void)
{
	is_int(sizeof(struct lcp_ctx_options), 8, "struct lcp_ctx_options has 8 bytes");
	is_int(sizeof(struct lcp_kpatch_load_options), 16,
	       "struct lcp_kpatch_load_options has 16 bytes");
	is_int(offsetof(struct lcp_ctx_options, log_level), 4, "log_level is at 4");
	is_int(offsetof(struct lcp_kpatch_load_options, flags), 4, "flags is at 4");
	is_int(offsetof(struct lcp_kpatch_load_options, max_size), 8, "max_size is at 8");
	is_int(sizeof(struct lcp_process_attach_options), 8,
	       "struct lcp_process_attach_options has 8 bytes");
	is_int(sizeof(struct lcp_apply_options), 24, "struct lcp_apply_options has 24 bytes");
	is_int(offsetof(struct lcp_apply_options, flags), 4, "flags is at 4");
	is_int(offsetof(struct lcp_apply_options, timeout_ms), 8, "timeout_ms is at 8");
	is_int(offsetof(struct lcp_apply_options, attempts), 12, "attempts is at 12");
	is_int(offsetof(struct lcp_apply_options, stop_limit_us), 16, "stop_limit_us is at 16");
	is_int(offsetof(struct lcp_apply_options, reserved), 20, "reserved is at 20");
}

int main(void)
{
	tap_begin();
	test_none();
	test_equal();
	test_shorter();
	test_longer();
	test_too_short();
	test_door();
	test_layout();
	return tap_end();
}
