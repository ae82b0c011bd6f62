/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Words, exit codes, messages, the progress bar.
 */
#include "output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BAR_WIDTH 40

static const struct {
	const char *word;
	int exit;
} outcomes[] = {
	[OUTCOME_BUILT] = { "built", EXIT_DONE },
	[OUTCOME_INTACT] = { "intact", EXIT_DONE },
	[OUTCOME_WELL_FORMED] = { "well-formed", EXIT_DONE },
	[OUTCOME_FITS] = { "fits", EXIT_DONE },
	[OUTCOME_LOADED] = { "loaded", EXIT_DONE },
	[OUTCOME_APPLIED] = { "applied", EXIT_DONE },
	[OUTCOME_ALREADY_APPLIED] = { "already-applied", EXIT_DONE },
	[OUTCOME_APPLICABLE] = { "applicable", EXIT_DONE },
	[OUTCOME_REVERTED] = { "reverted", EXIT_DONE },
	[OUTCOME_PATCHED] = { "patched", EXIT_DONE },
	[OUTCOME_UNPATCHED] = { "unpatched", EXIT_DONE },
	[OUTCOME_REFUSED] = { "refused", EXIT_ERROR },
	[OUTCOME_NO_EFFECT] = { "no-effect", EXIT_ERROR },
	[OUTCOME_MISMATCH] = { "mismatch", EXIT_ERROR },
	[OUTCOME_UNRESOLVED] = { "unresolved", EXIT_ERROR },
	[OUTCOME_ASSEMBLER_FAILED] = { "assembler-failed", EXIT_ERROR },
	[OUTCOME_COMPILER_FAILED] = { "compiler-failed", EXIT_ERROR },
	[OUTCOME_DOES_NOT_APPLY] = { "does-not-apply", EXIT_ERROR },
	[OUTCOME_UNKNOWN_UNIT] = { "unknown-unit", EXIT_ERROR },
	[OUTCOME_MALFORMED] = { "malformed", EXIT_ERROR },
	[OUTCOME_NO_ROOM] = { "no-room", EXIT_ERROR },
	[OUTCOME_CONFLICT] = { "conflict", EXIT_ERROR },
	[OUTCOME_GONE] = { "gone", EXIT_ERROR },
	[OUTCOME_INTERRUPTED] = { "interrupted", EXIT_ERROR },
	[OUTCOME_FAILED] = { "failed", EXIT_ERROR },
	[OUTCOME_NOT_APPLICABLE] = { "not-applicable", EXIT_NONE },
	[OUTCOME_NOT_APPLIED] = { "not-applied", EXIT_NONE },
	[OUTCOME_BUSY] = { "busy", EXIT_BUSY },
	[OUTCOME_LOCKED] = { "locked", EXIT_BUSY },
	[OUTCOME_TRACED] = { "traced", EXIT_BUSY },
	[OUTCOME_NOT_STOPPED] = { "not-stopped", EXIT_BUSY },
	[OUTCOME_NO_THREAD] = { "no-thread", EXIT_BUSY },
	[OUTCOME_NOT_PERMITTED] = { "not-permitted", EXIT_PERMISSION },
	[OUTCOME_DAMAGED] = { "damaged", EXIT_INTEGRITY },
	[OUTCOME_NO_DIGEST] = { "no-digest", EXIT_INTEGRITY },
	[OUTCOME_HALF_CHANGED] = { "half-changed", EXIT_INTEGRITY },
	[OUTCOME_UNSUPPORTED] = { "unsupported", EXIT_UNSUPPORTED },
};

void output_init(struct output *output)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	bool dumb = term == NULL || strcmp(term, "dumb") == 0;

	*output = (struct output){
		.colour = (no_color == NULL || *no_color == '\0') && !dumb && isatty(STDOUT_FILENO),
		.progress = !dumb && isatty(STDERR_FILENO),
	};
}

const char *outcome_word(enum outcome outcome)
{
	return outcomes[outcome].word;
}

int outcome_exit(enum outcome outcome)
{
	return outcomes[outcome].exit;
}

enum outcome outcome_of_code(int32_t code)
{
	static const struct {
		int32_t code;
		enum outcome outcome;
	} known[] = {
		{ LCP_EREFUSED, OUTCOME_REFUSED },
		{ LCP_ENOEFFECT, OUTCOME_NO_EFFECT },
		{ LCP_EMISMATCH, OUTCOME_MISMATCH },
		{ LCP_ESYMBOL, OUTCOME_UNRESOLVED },
		{ LCP_EASSEMBLER, OUTCOME_ASSEMBLER_FAILED },
		{ LCP_EFORMAT, OUTCOME_MALFORMED },
		{ LCP_EINTEGRITY, OUTCOME_DAMAGED },
		{ LCP_EUNSUPPORTED, OUTCOME_UNSUPPORTED },
		{ LCP_EINUSE, OUTCOME_BUSY },
		{ LCP_ENOROOM, OUTCOME_NO_ROOM },
		{ LCP_EDAMAGED, OUTCOME_HALF_CHANGED },
		{ LCP_ETRACED, OUTCOME_TRACED },
		{ LCP_ELOCKED, OUTCOME_LOCKED },
		{ LCP_EGONE, OUTCOME_GONE },
		{ LCP_ECONFLICT, OUTCOME_CONFLICT },
		{ LCP_ENOOBJECT, OUTCOME_NOT_APPLICABLE },
		{ LCP_ENOTAPPLIED, OUTCOME_NOT_APPLIED },
		{ LCP_ESTOP, OUTCOME_NOT_STOPPED },
		{ LCP_EBORROW, OUTCOME_NO_THREAD },
		{ LCP_EINTERRUPTED, OUTCOME_INTERRUPTED },
		{ ESRCH, OUTCOME_GONE },
		{ EACCES, OUTCOME_NOT_PERMITTED },
		{ EPERM, OUTCOME_NOT_PERMITTED },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].code == (code < 0 ? -code : code))
			return known[i].outcome;
	return OUTCOME_FAILED;
}

char *outcome_painted(const struct output *output, enum outcome outcome)
{
	if (!output->colour)
		return copy_text(outcome_word(outcome));
	return format_text("\033[1;%dm%s\033[0m", outcome_exit(outcome) == EXIT_DONE ? 32 : 31,
			   outcome_word(outcome));
}

void failure_fini(struct failure *failure)
{
	free(failure->message);
	free(failure->json);
	free(failure->details);
	*failure = (struct failure){ 0 };
}

/* Names as in lcp_error_json(). What a tool found has neither code nor name. */
static char *failure_json(int error, const char *message, const char *path)
{
	struct text json = { 0 };

	text_puts(&json, "{\"code\":");
	if (error != 0)
		text_printf(&json, "%d", -error);
	else
		text_puts(&json, "null");
	text_puts(&json, ",\"name\":");
	text_json(&json, error != 0 ? lcp_error_name(error) : NULL);
	text_puts(&json, ",\"message\":");
	text_json(&json, message);
	text_puts(&json, ",\"errno\":");
	if (error != 0)
		text_printf(&json, "%d", error);
	else
		text_puts(&json, "null");
	text_puts(&json, ",\"path\":");
	text_json(&json, path);
	text_puts(&json, "}");
	return text_take(&json);
}

int fail(struct failure *failure, enum outcome outcome, const char *format, ...)
{
	va_list args;

	if (failure->message != NULL)
		return -1;
	failure->outcome = outcome;
	va_start(args, format);
	if (vasprintf(&failure->message, format, args) < 0)
		failure->message = copy_text("out of memory");
	va_end(args);
	failure->json = failure_json(0, failure->message, NULL);
	return -1;
}

int fail_system(struct failure *failure, int error, const char *path)
{
	error = error < 0 ? -error : error;
	if (failure->message != NULL)
		return -1;
	failure->outcome = outcome_of_code(error);
	failure->message = format_text("%s: %s", path, strerror(error));
	failure->json = failure_json(error, failure->message, path);
	return -1;
}

/* Who was in the way: "    thread 12 in f, at 0x401136", and frames behind it. */
static char *blockers_text(const struct lcp_error *error)
{
	struct text text = { 0 };

	for (uint32_t i = 0; i < lcp_error_blocker_count(error); i++) {
		int32_t tid = lcp_error_blocker_tid(error, i);
		const char *function = lcp_error_blocker_function(error, i), *frame;

		text_puts(&text, text.size > 0 ? "\n    " : "    ");
		if (tid != 0)
			text_printf(&text, "thread %d", tid);
		else
			text_puts(&text, "a suspended context");
		text_printf(&text, " in %s, at 0x%" PRIx64, function != NULL ? function : "?",
			    lcp_error_blocker_pc(error, i));
		for (uint32_t j = 0; (frame = lcp_error_blocker_frame(error, i, j)) != NULL; j++)
			text_printf(&text, "\n        %s", frame);
	}
	return text.size > 0 ? text_take(&text) : NULL;
}

int fail_reason(struct failure *failure, const struct lcp_error *error)
{
	char *json = NULL;

	if (failure->message != NULL)
		return -1;
	failure->outcome = outcome_of_code(lcp_error_code(error));
	failure->message = copy_text(error != NULL ? lcp_error_message(error) : "out of memory");
	failure->details = blockers_text(error);
	if (error != NULL && lcp_error_json(error, &json) == 0)
		failure->json = copy_text(json);
	else
		failure->json = failure_json(ENOMEM, failure->message, NULL);
	lcp_string_free(json);
	return -1;
}

int fail_library(struct failure *failure, struct lcp_error *error)
{
	(void)fail_reason(failure, error);
	lcp_error_free(error);
	return -1;
}

void say(const struct output *output, const char *format, ...)
{
	va_list args;

	if (output->quiet)
		return;
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	(void)fputc('\n', stderr);
}

void say_more(const struct output *output, const char *format, ...)
{
	va_list args;

	if (output->quiet || !output->verbose)
		return;
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	(void)fputc('\n', stderr);
}

void complain(const char *format, ...)
{
	va_list args;

	(void)fputs("lcp: ", stderr);
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	(void)fputc('\n', stderr);
}

void output_progress(const struct output *output, const char *what, uint32_t done, uint32_t total)
{
	static const char full[] = "########################################";
	int width = total > 0 ? (int)((uint64_t)done * BAR_WIDTH / total) : BAR_WIDTH;

	if (!output->progress || output->quiet || total < 2)
		return;
	if (done >= total)
		(void)fputs("\r\033[K", stderr);
	else
		(void)fprintf(stderr, "\r%-10s [%.*s%*s] %u/%u", what, width, full,
			      BAR_WIDTH - width, "", done, total);
	(void)fflush(stderr);
}

static void take_log(void *userdata, int32_t level, const char *message)
{
	const struct output *output = userdata;

	if (level <= LCP_LOG_WARNING)
		say(output, "lcp: %s", message);
	else
		say_more(output, "%s", message);
}

struct lcp_ctx *output_context(const struct output *output)
{
	const struct lcp_ctx_options options = {
		.size = sizeof(options),
		.log_level = output->verbose ? LCP_LOG_DEBUG : LCP_LOG_WARNING,
	};
	struct lcp_ctx *ctx;

	if (lcp_ctx_new(&options, &ctx, NULL) < 0) {
		complain("out of memory");
		return NULL;
	}
	(void)lcp_ctx_set_log(ctx, take_log, (void *)(uintptr_t)output);
	return ctx;
}

void output_version(const struct output *output)
{
	autofree char *tool = format_text("%d.%d.%d", LCP_VERSION_MAJOR, LCP_VERSION_MINOR,
					  LCP_VERSION_PATCH);
	autofree char *abi = format_text("liblcp.so.%d", LCP_VERSION_MAJOR);

	if (output->json)
		printf("{\"tool\":\"%s\",\"library\":\"%s\",\"abi\":\"%s\",\"features\":["
		       "\"apply\",\"build\",\"compdb\",\"json\"]}\n",
		       tool, lcp_version(), abi);
	else
		printf("lcp %s\nlibrary %s\nabi %s\nfeatures apply build compdb json\n", tool,
		       lcp_version(), abi);
}

int output_end(int status)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return status;
	complain("standard output: %s", strerror(errno));
	return EXIT_ERROR;
}
