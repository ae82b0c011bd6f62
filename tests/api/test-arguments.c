/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each public function with arguments that it must refuse, or with NULL where it must do nothing.
 * tests/api/check-symbols sees to it that none is missing here.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <lcp/lcp.h>

#include "tap.h"

static void test_version(void)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%d.%d.%d", LCP_VERSION_MAJOR, LCP_VERSION_MINOR,
		       LCP_VERSION_PATCH);
	is_text(lcp_version(), text, "lcp_version is that of the headers");
	is_int(lcp_version_number(),
	       LCP_VERSION_MAJOR * 65536 + LCP_VERSION_MINOR * 256 + LCP_VERSION_PATCH,
	       "and so is lcp_version_number");
}

static void test_error(void)
{
	char *text = (char *)"untouched";

	lcp_error_free(NULL);
	lcp_string_free(NULL);
	is_int(lcp_error_code(NULL), 0, "lcp_error_code of NULL is 0");
	is_int(lcp_error_errno(NULL), 0, "lcp_error_errno of NULL is 0");
	ok(lcp_error_message(NULL) == NULL, "lcp_error_message of NULL is NULL");
	ok(lcp_error_path(NULL) == NULL, "lcp_error_path of NULL is NULL");
	is_int(lcp_error_json(NULL, &text), -EINVAL, "lcp_error_json of NULL is refused");
	is_text(text, "untouched", "and *ret is not written");
	ok(lcp_error_blocker_count(NULL) == 0 && lcp_error_blocker_tid(NULL, 0) == 0 &&
		   lcp_error_blocker_pc(NULL, 0) == 0 &&
		   lcp_error_blocker_function(NULL, 0) == NULL &&
		   lcp_error_blocker_frame(NULL, 0, 0) == NULL,
	   "NULL has no blockers");
	is_text(lcp_error_name(12345), "UNKNOWN", "lcp_error_name knows what it does not know");
	is_text(lcp_error_name(-EINVAL), "EINVAL", "and what it knows");
}

static void refuses_new(const struct lcp_ctx_options *options, struct lcp_ctx **ret, int code,
			const char *message)
{
	struct lcp_error *error = NULL;

	is_int(lcp_ctx_new(options, ret, &error), code, message);
	is_text(lcp_error_message(error), message, "lcp_ctx_new says why");
	is_int(lcp_error_code(error), code, "with the same code");
	lcp_error_free(error);
}

static void test_context(void)
{
	struct lcp_ctx_options options = { .size = sizeof(options), .log_level = 5 };
	struct lcp_ctx *ctx = NULL;

	refuses_new(NULL, NULL, -EINVAL, "lcp_ctx_new: ret is NULL");
	refuses_new(&options, &ctx, -EINVAL, "options: log level 5 is out of range");
	ok(ctx == NULL, "lcp_ctx_new writes nothing on failure");
	ok(lcp_ctx_ref(NULL) == NULL, "lcp_ctx_ref of NULL is NULL");
	lcp_ctx_unref(NULL);
	is_int(lcp_ctx_set_log(NULL, NULL, NULL), -EINVAL, "lcp_ctx_set_log of NULL is refused");
	is_int(lcp_ctx_set_log_level(NULL, 1), -EINVAL, "lcp_ctx_set_log_level of NULL is refused");
	is_int(lcp_ctx_log_level(NULL), 0, "lcp_ctx_log_level of NULL is 0");

	is_int(lcp_ctx_new(NULL, &ctx, NULL), 0, "lcp_ctx_new needs no options");
	is_int(lcp_ctx_log_level(ctx), LCP_LOG_WARNING, "and warns by default");
	is_int(lcp_ctx_set_log_level(ctx, 0), -EINVAL, "lcp_ctx_set_log_level refuses 0");
	is_int(lcp_ctx_set_log_level(ctx, 5), -EINVAL, "and what is above LCP_LOG_DEBUG");
	lcp_ctx_unref(ctx);
}

static void refuses(int r, struct lcp_error **error, int code, const char *message)
{
	is_int(r, code, message);
	is_text(lcp_error_message(*error), message, "and the message names it");
	lcp_error_free(*error);
	*error = NULL;
}

static void test_load(struct lcp_ctx *ctx)
{
	struct lcp_kpatch_load_options options = { .size = sizeof(options), .flags = 2 };
	struct lcp_kpatch *patch = NULL;
	struct lcp_error *error = NULL;

	refuses(lcp_kpatch_load(NULL, "x", NULL, &patch, &error), &error, -EINVAL,
		"lcp_kpatch_load: ctx is NULL");
	refuses(lcp_kpatch_load(ctx, NULL, NULL, &patch, &error), &error, -EINVAL,
		"lcp_kpatch_load: path is NULL");
	refuses(lcp_kpatch_load(ctx, "x", NULL, NULL, &error), &error, -EINVAL,
		"lcp_kpatch_load: ret is NULL");
	refuses(lcp_kpatch_load(ctx, "x", &options, &patch, &error), &error, -EINVAL,
		"options: flags 0x2 are not all known");
	refuses(lcp_kpatch_load_fd(NULL, 0, NULL, &patch, &error), &error, -EINVAL,
		"lcp_kpatch_load_fd: ctx is NULL");
	refuses(lcp_kpatch_load_fd(ctx, 0, NULL, NULL, &error), &error, -EINVAL,
		"lcp_kpatch_load_fd: ret is NULL");
	refuses(lcp_kpatch_load_fd(ctx, -1, NULL, &patch, &error), &error, -EBADF,
		"cannot stat: Bad file descriptor");
	refuses(lcp_kpatch_load_mem(NULL, "x", 1, NULL, &patch, &error), &error, -EINVAL,
		"lcp_kpatch_load_mem: ctx is NULL");
	refuses(lcp_kpatch_load_mem(ctx, NULL, 1, NULL, &patch, &error), &error, -EINVAL,
		"lcp_kpatch_load_mem: data is NULL");
	refuses(lcp_kpatch_load_mem(ctx, "x", 1, NULL, NULL, &error), &error, -EINVAL,
		"lcp_kpatch_load_mem: ret is NULL");
	refuses(lcp_kpatch_load_mem(ctx, "", 0, NULL, &patch, &error), &error, -LCP_EFORMAT,
		"not a patch file: it does not begin with KPATCH1");
	ok(patch == NULL, "loading writes nothing on failure");
}

static void test_getters(void)
{
	char *text = (char *)"untouched";

	ok(lcp_kpatch_ref(NULL) == NULL, "lcp_kpatch_ref of NULL is NULL");
	lcp_kpatch_unref(NULL);
	ok(lcp_kpatch_data(NULL) == NULL, "lcp_kpatch_data of NULL is NULL");
	is_int(lcp_kpatch_verify(NULL, "/bin/true", NULL), -EINVAL,
	       "lcp_kpatch_verify of NULL is refused");
	is_int(lcp_kpatch_json(NULL, &text), -EINVAL, "lcp_kpatch_json of NULL is refused");
	is_text(text, "untouched", "and *ret is not written");
	ok(lcp_kpatch_format(NULL) == 0 && lcp_kpatch_level(NULL) == 0 &&
		   lcp_kpatch_build_time(NULL) == 0 && lcp_kpatch_size(NULL) == 0 &&
		   lcp_kpatch_text_size(NULL) == 0 && lcp_kpatch_data_size(NULL) == 0,
	   "numbers of NULL are 0");
	ok(lcp_kpatch_id(NULL) == NULL && lcp_kpatch_target(NULL) == NULL &&
		   lcp_kpatch_build_id(NULL) == NULL && lcp_kpatch_description(NULL) == NULL &&
		   lcp_kpatch_builder(NULL) == NULL && lcp_kpatch_arch(NULL) == NULL &&
		   lcp_kpatch_digest(NULL) == NULL,
	   "strings of NULL are NULL");
	ok(lcp_kpatch_cve_count(NULL) == 0 && lcp_kpatch_cve(NULL, 0) == NULL,
	   "NULL has no CVE names");
	ok(lcp_kpatch_function_count(NULL) == 0 && lcp_kpatch_function_name(NULL, 0) == NULL &&
		   lcp_kpatch_function_unit(NULL, 0) == NULL &&
		   lcp_kpatch_function_old_address(NULL, 0) == 0 &&
		   lcp_kpatch_function_old_size(NULL, 0) == 0 &&
		   lcp_kpatch_function_new_size(NULL, 0) == 0,
	   "nor functions");
	ok(lcp_kpatch_symbol_count(NULL) == 0 && lcp_kpatch_symbol_name(NULL, 0) == NULL &&
		   lcp_kpatch_symbol_version(NULL, 0) == NULL &&
		   lcp_kpatch_symbol_class(NULL, 0) == 0,
	   "nor symbols");
}

static void test_process(struct lcp_ctx *ctx)
{
	struct lcp_process_attach_options options = { .size = sizeof(options), .flags = 2 };
	struct lcp_process *process = NULL;
	struct lcp_error *error = NULL;
	char *text = (char *)"untouched";

	refuses(lcp_process_attach(NULL, 1, NULL, &process, &error), &error, -EINVAL,
		"lcp_process_attach: ctx is NULL");
	refuses(lcp_process_attach(ctx, 1, NULL, NULL, &error), &error, -EINVAL,
		"lcp_process_attach: ret is NULL");
	refuses(lcp_process_attach(ctx, 0, NULL, &process, &error), &error, -EINVAL,
		"0 is no process id");
	refuses(lcp_process_attach(ctx, 1, &options, &process, &error), &error, -EINVAL,
		"options: flags 0x2 are not all known");
	ok(process == NULL, "lcp_process_attach writes nothing on failure");
	lcp_process_detach(NULL);
	ok(lcp_process_pid(NULL) == 0 && lcp_process_start_time(NULL) == 0 &&
		   lcp_process_path(NULL) == NULL,
	   "NULL is no process");
	ok(lcp_process_object_count(NULL) == 0 && lcp_process_object_name(NULL, 0) == NULL &&
		   lcp_process_object_build_id(NULL, 0) == NULL &&
		   lcp_process_object_base(NULL, 0) == 0,
	   "and has no objects");
	is_int(lcp_process_json(NULL, &text), -EINVAL, "lcp_process_json of NULL is refused");
	is_text(text, "untouched", "and *ret is not written");
}

/* A process that cannot be patched by whoever patches, but can be looked at: this one. */
static struct lcp_process *attach_self(struct lcp_ctx *ctx)
{
	struct lcp_process *process = NULL;

	is_int(lcp_process_attach(ctx, getpid(), NULL, &process, NULL), 0,
	       "a process may look at itself");
	return process;
}

static void test_apply_arguments(struct lcp_process *process)
{
	struct lcp_kpatch *none[] = { NULL };
	struct lcp_report *report = NULL;
	struct lcp_error *error = NULL;

	refuses(lcp_apply(NULL, none, 1, NULL, &report, &error), &error, -EINVAL,
		"lcp_apply: process is NULL");
	refuses(lcp_apply(process, NULL, 1, NULL, &report, &error), &error, -EINVAL,
		"lcp_apply: patches is NULL");
	refuses(lcp_apply(process, none, 0, NULL, &report, &error), &error, -EINVAL,
		"lcp_apply: count is 0");
	refuses(lcp_apply(process, none, 65537, NULL, &report, &error), &error, -EINVAL,
		"lcp_apply: count is 65537");
	refuses(lcp_apply(process, none, 1, NULL, &report, &error), &error, -EINVAL,
		"lcp_apply: patch 0 is NULL");
	refuses(lcp_process_check(NULL, none, 1, NULL, &report, &error), &error, -EINVAL,
		"lcp_process_check: process is NULL");
	refuses(lcp_process_check(process, none, 1, NULL, NULL, &error), &error, -EINVAL,
		"lcp_process_check: ret is NULL");
	refuses(lcp_process_check(process, none, 1, NULL, &report, &error), &error, -EINVAL,
		"lcp_process_check: patch 0 is NULL");
	ok(report == NULL, "nothing is written on failure");
}

static void test_apply_options(struct lcp_process *process)
{
	struct lcp_apply_options options = { .size = sizeof(options), .flags = 8 };
	struct lcp_report *report = NULL;
	struct lcp_error *error = NULL;

	refuses(lcp_revert(process, "x", &options, &report, &error), &error, -EINVAL,
		"options: flags 0x8 are not all known");
	options.flags = 0;
	options.reserved = 1;
	refuses(lcp_revert(process, "x", &options, &report, &error), &error, -EINVAL,
		"options: reserved is not 0");
	options.size = 23;
	refuses(lcp_revert(process, "x", &options, &report, &error), &error, -EINVAL,
		"options: size 23 is too small");
	refuses(lcp_revert(NULL, "x", NULL, &report, &error), &error, -EINVAL,
		"lcp_revert: process is NULL");
	refuses(lcp_revert(process, NULL, NULL, &report, &error), &error, -EINVAL,
		"lcp_revert: id is NULL");
	is_int(lcp_revert(process, "x", NULL, &report, &error), -LCP_ENOTAPPLIED,
	       "a patch that is not there is not reverted");
	lcp_error_free(error);
	ok(report == NULL, "nothing is written on failure");
}

static void test_apply_report(void)
{
	char *text = (char *)"untouched";

	lcp_report_free(NULL);
	ok(lcp_report_outcome(NULL) == 0 && lcp_report_stop_ns(NULL) == 0 &&
		   lcp_report_attempts(NULL) == 0 && lcp_report_function_count(NULL) == 0 &&
		   lcp_report_unguarded(NULL) == 0 && lcp_report_memory(NULL) == 0 &&
		   lcp_report_kept(NULL) == 0 && lcp_report_threads(NULL) == 0,
	   "NULL is no report");
	ok(lcp_report_reason_count(NULL) == 0 && lcp_report_reason(NULL, 0) == NULL,
	   "and has no reasons");
	is_int(lcp_report_json(NULL, &text), -EINVAL, "lcp_report_json of NULL is refused");
	is_text(text, "untouched", "and *ret is not written");
}

/* Of a status without a patch 0, or of NULL. */
static void has_no_patch(const struct lcp_status *status, const char *what)
{
	is_int(lcp_status_patch_count(status), 0, what);
	ok(lcp_status_patch_id(status, 0) == NULL && lcp_status_patch_level(status, 0) == 0 &&
		   lcp_status_patch_state(status, 0) == 0 &&
		   lcp_status_patch_in_force(status, 0) == 0 &&
		   lcp_status_patch_build_id(status, 0) == NULL &&
		   lcp_status_patch_object(status, 0) == NULL,
	   "patch 0 is none");
	ok(lcp_status_unwind_address(status, 0) == 0 && lcp_status_unwind_size(status, 0) == 0,
	   "and has no unwind table");
	ok(lcp_status_function_count(status, 0) == 0 &&
		   lcp_status_function_name(status, 0, 0) == NULL &&
		   lcp_status_function_address(status, 0, 0) == 0 &&
		   lcp_status_function_size(status, 0, 0) == 0,
	   "nor functions");
}

static void test_query(struct lcp_process *process)
{
	struct lcp_status *status = NULL;
	struct lcp_error *error = NULL;
	char *text = (char *)"untouched";

	refuses(lcp_query(NULL, &status, &error), &error, -EINVAL, "lcp_query: process is NULL");
	refuses(lcp_query(process, NULL, &error), &error, -EINVAL, "lcp_query: ret is NULL");
	refuses(lcp_query_json(NULL, &text, &error), &error, -EINVAL,
		"lcp_query_json: process is NULL");
	refuses(lcp_query_json(process, NULL, &error), &error, -EINVAL,
		"lcp_query_json: ret is NULL");
	is_int(lcp_status_json(NULL, &text), -EINVAL, "lcp_status_json of NULL is refused");
	is_text(text, "untouched", "and *ret is not written");
	lcp_status_free(NULL);
	has_no_patch(NULL, "NULL is no status");
	is_int(lcp_query(process, &status, NULL), 0, "a process may query itself");
	has_no_patch(status, "it holds no patch");
	is_int(lcp_status_json(status, NULL), -EINVAL, "lcp_status_json wants to write something");
	lcp_status_free(status);
}

static void test_apply(struct lcp_ctx *ctx)
{
	struct lcp_process *process = attach_self(ctx);

	test_apply_arguments(process);
	test_apply_options(process);
	test_apply_report();
	test_query(process);
	lcp_process_detach(process);
}

static void test_build_new(struct lcp_ctx *ctx)
{
	struct lcp_build *build = NULL;
	struct lcp_error *error = NULL;

	refuses(lcp_build_new(NULL, "/bin/true", "X", &build, &error), &error, -EINVAL,
		"lcp_build_new: ctx is NULL");
	refuses(lcp_build_new(ctx, NULL, "X", &build, &error), &error, -EINVAL,
		"lcp_build_new: object is NULL");
	refuses(lcp_build_new(ctx, "/bin/true", NULL, &build, &error), &error, -EINVAL,
		"lcp_build_new: id is NULL");
	refuses(lcp_build_new(ctx, "/bin/true", "X", NULL, &error), &error, -EINVAL,
		"lcp_build_new: ret is NULL");
	refuses(lcp_build_new(ctx, "/bin/true", "a b", &build, &error), &error, -EINVAL,
		"'a b' is no id for a patch");
	ok(build == NULL, "lcp_build_new writes nothing on failure");
}

static void test_build_inputs(struct lcp_build *build)
{
	struct lcp_error *error = NULL;

	refuses(lcp_build_add_asm(NULL, "a.s", "b.s", &error), &error, -EINVAL,
		"lcp_build_add_asm: build is NULL");
	refuses(lcp_build_add_asm(build, "a.s", NULL, &error), &error, -EINVAL,
		"lcp_build_add_asm: patched is NULL");
	refuses(lcp_build_set_debug_file(NULL, "x", &error), &error, -EINVAL,
		"lcp_build_set_debug_file: build is NULL");
	refuses(lcp_build_set_description(NULL, "x", &error), &error, -EINVAL,
		"lcp_build_set_description: build is NULL");
	refuses(lcp_build_set_description(build, "a\nb", &error), &error, -EINVAL,
		"lcp_build_set_description: text is not printable UTF-8");
	refuses(lcp_build_add_cve(NULL, "x", &error), &error, -EINVAL,
		"lcp_build_add_cve: build is NULL");
	refuses(lcp_build_add_cve(build, NULL, &error), &error, -EINVAL,
		"lcp_build_add_cve: name is NULL");
	refuses(lcp_build_add_cve(build, "", &error), &error, -EINVAL,
		"lcp_build_add_cve: name is empty");
	refuses(lcp_build_add_assembler_arg(NULL, "as", &error), &error, -EINVAL,
		"lcp_build_add_assembler_arg: build is NULL");
	refuses(lcp_build_add_assembler_arg(build, NULL, &error), &error, -EINVAL,
		"lcp_build_add_assembler_arg: arg is NULL");
	is_int(lcp_build_set_level(NULL, 1), -EINVAL, "lcp_build_set_level of NULL is refused");
	is_int(lcp_build_set_jobs(NULL, 1), -EINVAL, "lcp_build_set_jobs of NULL is refused");
	is_int(lcp_build_set_jobs(build, 1025), -EINVAL, "and more than 1024");
	is_int(lcp_build_set_flags(NULL, 0), -EINVAL, "lcp_build_set_flags of NULL is refused");
	is_int(lcp_build_set_flags(build, 2), -EINVAL, "and a flag that is unknown");
	is_int(lcp_build_set_progress(NULL, NULL, NULL), -EINVAL,
	       "lcp_build_set_progress of NULL is refused");
}

static void test_build_run(struct lcp_build *build)
{
	struct lcp_build_report *report = NULL;
	struct lcp_kpatch *patch = NULL;
	struct lcp_error *error = NULL;

	refuses(lcp_patch_build_from_asm(NULL, &patch, &error), &error, -EINVAL,
		"lcp_patch_build_from_asm: build is NULL");
	refuses(lcp_patch_build_from_asm(build, NULL, &error), &error, -EINVAL,
		"lcp_patch_build_from_asm: ret is NULL");
	refuses(lcp_patch_build_from_asm(build, &patch, &error), &error, -EINVAL,
		"no assembler files were given");
	refuses(lcp_build_get_report(NULL, &report, &error), &error, -EINVAL,
		"lcp_build_get_report: build is NULL");
	refuses(lcp_build_get_report(build, NULL, &error), &error, -EINVAL,
		"lcp_build_get_report: ret is NULL");
	refuses(lcp_build_get_report(build, &report, &error), &error, -ENOENT,
		"there is no report, or it was handed out");
}

static void test_build(struct lcp_ctx *ctx)
{
	struct lcp_build *build = NULL;

	test_process(ctx);
	test_apply(ctx);
	test_build_new(ctx);
	lcp_build_free(NULL);
	is_int(lcp_build_new(ctx, "/bin/true", "X", &build, NULL), 0, "a build");
	test_build_inputs(build);
	test_build_run(build);
	lcp_build_free(build);
}

static void test_report(void)
{
	char *text = NULL;

	lcp_build_report_free(NULL);
	is_int(lcp_build_report_count(NULL, LCP_REPORT_FUNCTION), 0,
	       "a report of NULL has nothing");
	ok(lcp_build_report_symbol(NULL, 1, 0) == NULL, "no symbol");
	ok(lcp_build_report_unit(NULL, 1, 0) == NULL, "no unit");
	ok(lcp_build_report_reason(NULL, 1, 0) == NULL, "no reason");
	ok(lcp_build_report_old_location(NULL, 1, 0) == NULL, "no place in the original");
	ok(lcp_build_report_new_location(NULL, 1, 0) == NULL, "nor in the patched unit");
	ok(lcp_build_report_old_statement(NULL, 1, 0) == NULL, "no statement");
	ok(lcp_build_report_new_statement(NULL, 1, 0) == NULL, "of either");
	is_int(lcp_build_report_json(NULL, &text), -EINVAL,
	       "lcp_build_report_json of NULL is refused");
}

static void test_gensrc(struct lcp_ctx *ctx)
{
	struct lcp_classic_gensrc_options options = { .size = sizeof(options), .flags = 128 };
	struct lcp_bytes *bytes = NULL;
	struct lcp_error *error = NULL;

	refuses(lcp_classic_gensrc(NULL, "", 0, "", 0, NULL, &bytes, &error), &error, -EINVAL,
		"lcp_classic_gensrc: ctx is NULL");
	refuses(lcp_classic_gensrc(ctx, NULL, 0, "", 0, NULL, &bytes, &error), &error, -EINVAL,
		"lcp_classic_gensrc: original is NULL");
	refuses(lcp_classic_gensrc(ctx, "", 0, "", 0, NULL, NULL, &error), &error, -EINVAL,
		"lcp_classic_gensrc: ret is NULL");
	refuses(lcp_classic_gensrc(ctx, "", 0, "", 0, &options, &bytes, &error), &error, -EINVAL,
		"options: flags 0x80 are not all known");
	refuses(lcp_classic_gensrc(ctx, "", 1, "", 0, NULL, &bytes, &error), &error, -LCP_EFORMAT,
		"original: not a text");
	ok(bytes == NULL, "nothing is written on failure");
	ok(lcp_bytes_data(NULL) == NULL && lcp_bytes_size(NULL) == 0, "NULL has no bytes");
	lcp_bytes_free(NULL);

	is_int(lcp_classic_gensrc(ctx, "", 0, "", 0, NULL, &bytes, NULL), 0,
	       "two empty texts are compared");
	is_text(lcp_bytes_data(bytes), "", "and give an empty text");
	lcp_bytes_free(bytes);
}

static void test_classic(struct lcp_ctx *ctx)
{
	struct lcp_bytes *bytes = NULL;
	struct lcp_error *error = NULL;

	refuses(lcp_classic_strip(NULL, "", 0, &bytes, &error), &error, -EINVAL,
		"lcp_classic_strip: ctx is NULL");
	refuses(lcp_classic_strip(ctx, NULL, 0, &bytes, &error), &error, -EINVAL,
		"lcp_classic_strip: linked is NULL");
	refuses(lcp_classic_strip(ctx, "", 0, NULL, &error), &error, -EINVAL,
		"lcp_classic_strip: ret is NULL");
	refuses(lcp_classic_rel_fixup(NULL, "", 0, "", 0, &bytes, &error), &error, -EINVAL,
		"lcp_classic_rel_fixup: ctx is NULL");
	refuses(lcp_classic_rel_fixup(ctx, NULL, 0, "", 0, &bytes, &error), &error, -EINVAL,
		"lcp_classic_rel_fixup: original is NULL");
	refuses(lcp_classic_rel_fixup(ctx, "", 0, NULL, 0, &bytes, &error), &error, -EINVAL,
		"lcp_classic_rel_fixup: patch is NULL");
	refuses(lcp_classic_undo_link(ctx, "", 0, "", 0, NULL, &error), &error, -EINVAL,
		"lcp_classic_undo_link: ret is NULL");
	refuses(lcp_classic_make(ctx, NULL, 0, "ab", NULL, 0, &bytes, &error), &error, -EINVAL,
		"lcp_classic_make: object is NULL");
	refuses(lcp_classic_make(ctx, "", 0, NULL, NULL, 0, &bytes, &error), &error, -EINVAL,
		"lcp_classic_make: build_id is NULL");
	refuses(lcp_classic_make(NULL, "", 0, "ab", NULL, 0, &bytes, &error), &error, -EINVAL,
		"lcp_classic_make: ctx is NULL");
	refuses(lcp_classic_make(ctx, "", 0, "xy", NULL, 0, &bytes, &error), &error, -EINVAL,
		"'xy' is no build-id");
	refuses(lcp_classic_make(ctx, "", 0, "ab", "12345678", 0, &bytes, &error), &error, -EINVAL,
		"'12345678' is no id for a patch: it has 1 to 7 characters");
	ok(bytes == NULL, "no step writes on failure");
}

int main(void)
{
	struct lcp_ctx *ctx = NULL;

	tap_begin();
	test_version();
	test_error();
	test_context();
	is_int(lcp_ctx_new(NULL, &ctx, NULL), 0, "a context for the rest");
	test_load(ctx);
	test_getters();
	test_build(ctx);
	test_report();
	test_gensrc(ctx);
	test_classic(ctx);
	lcp_ctx_unref(ctx);
	return tap_end();
}
