/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "tap.h"

static void test_message(void)
{
	autoerror struct lcp_error *error = NULL;

	is_int(error_set(&error, -LCP_EFORMAT, "record %d runs past the end", 2), -LCP_EFORMAT,
	       "the code comes back");
	is_text(error->message, "record 2 runs past the end", "the message is formatted");
	is_int(error->code, -LCP_EFORMAT, "the object knows the code");
	is_int(error->saved_errno, 0, "no errno is made up");
	ok(error->path == NULL, "nor a path");
}

static void test_errno_and_path(void)
{
	autoerror struct lcp_error *error = NULL;

	is_int(error_set_errno(&error, ENOENT, "cannot open"), -ENOENT, "errno gives the code");
	is_int(error_add_path(&error, -ENOENT, "/no/such/file"), -ENOENT, "a path can be added");
	is_int(error->saved_errno, ENOENT, "errno is kept");
	is_text(error->path, "/no/such/file", "the path is kept");
	is_text(error->message, "cannot open", "and so is the message");
	(void)error_add_path(&error, -ENOENT, "/another");
	is_text(error->path, "/another", "a path can be replaced");
}

static void test_hostile_names(void)
{
	autoerror struct lcp_error *error = NULL;

	(void)error_set(&error, -LCP_EFORMAT, "section '%s'", "\x1b[2J\n\x7fx\xc3\xa4");
	is_text(error->message, "section '?[2J??x\xc3\xa4'",
		"control characters of a name do not get into a message");
	error_free(take(error));
	(void)error_set(&error, -LCP_EFORMAT, "'%s'", "\xc2\x9b\xff");
	is_text(error->message, "'\?\?\?'", "nor do those beyond ASCII, nor what is not UTF-8");
	error_free(take(error));
	(void)error_set(&error, -LCP_EFORMAT, "%0900d", 0);
	is_int(strlen(error->message), 500, "nor does a name make it long");
}

static void test_nobody_asks(void)
{
	is_int(error_set(NULL, -EINVAL, "nobody reads this"), -EINVAL,
	       "without a place for the object there is only the code");
	is_int(error_add_path(NULL, -EINVAL, "/x"), -EINVAL, "and no path either");
	is_int(error_set_nomem(NULL), -ENOMEM, "running out of memory needs no object");
}

static void test_out_of_memory(void)
{
	struct lcp_error *error = NULL;

	is_int(error_set_nomem(&error), -ENOMEM, "running out of memory has a code");
	is_text(error->message, "out of memory", "and an object that needs none");
	is_int(error_add_path(&error, -ENOMEM, "/x"), -ENOMEM, "to which no path is added");
	ok(error->path == NULL, "since nothing may write to it");
	error_free(error);
	error_free(NULL);
	is_text(error->message, "out of memory", "freeing it does no harm");
}

static void test_names(void)
{
	is_text(error_name(-LCP_EFORMAT), "LCP_EFORMAT", "our codes have names");
	is_text(error_name(LCP_EINTEGRITY), "LCP_EINTEGRITY", "of either sign");
	is_text(error_name(-LCP_EUNSUPPORTED), "LCP_EUNSUPPORTED", "all of them");
	is_text(error_name(-ENOENT), "ENOENT", "those of errno have theirs");
	is_text(error_name(4999), "UNKNOWN", "other numbers have none");
	is_text(error_name(0), "UNKNOWN", "success has none");
	is_text(error_name(INT_MIN), "UNKNOWN", "not even the smallest");
}

static void test_json(void)
{
	autoerror struct lcp_error *error = NULL;
	autofree char *json = NULL, *with_path = NULL;

	(void)error_set(&error, -LCP_EFORMAT, "section '%s' is odd", ".text");
	is_int(error_json(error, &json), 0, "an error can be written as JSON");
	is_text(json,
		"{\"code\":-5001,\"name\":\"LCP_EFORMAT\",\"message\":\"section '.text' is odd\","
		"\"errno\":null,\"path\":null,\"blockers\":[]}",
		"with all its parts");
	error->saved_errno = EACCES;
	(void)error_add_path(&error, 0, "/x");
	is_int(error_json(error, &with_path), 0, "and again");
	is_text(with_path,
		"{\"code\":-5001,\"name\":\"LCP_EFORMAT\",\"message\":\"section '.text' is odd\","
		"\"errno\":13,\"path\":\"/x\",\"blockers\":[]}",
		"with errno and path");
}

static struct error_blocker *one_blocker(void)
{
	struct error_blocker *blocker = calloc(1, sizeof(*blocker));

	blocker->tid = 7;
	blocker->pc = 0x1234;
	blocker->function = strdup("parse");
	blocker->frames = calloc(1, sizeof(*blocker->frames));
	blocker->frames[0] = strdup("/bin/server+0x12");
	blocker->frame_count = 1;
	return blocker;
}

static void test_blockers(void)
{
	autoerror struct lcp_error *error = NULL;
	struct lcp_error *no_memory = NULL;
	autofree char *json = NULL;

	(void)error_set(&error, -LCP_EINUSE, "in use");
	error_add_blockers(&error, one_blocker(), 1);
	(void)error_set_nomem(&no_memory);
	error_add_blockers(&no_memory, one_blocker(), 1);
	error_add_blockers(NULL, one_blocker(), 1);
	ok(no_memory->blocker_count == 0, "an error without memory has no blockers");
	is_int(error_json(error, &json), 0, "an error with blockers can be written");
	ok(strstr(json, "\"blockers\":[{\"tid\":7,\"pc\":\"0x1234\",\"function\":\"parse\","
			"\"frames\":[\"/bin/server+0x12\"]}]") != NULL,
	   "thread, place, function and frames are in it");
}

int main(void)
{
	tap_begin();
	test_message();
	test_errno_and_path();
	test_hostile_names();
	test_nobody_asks();
	test_out_of_memory();
	test_names();
	test_json();
	test_blockers();
	return tap_end();
}
