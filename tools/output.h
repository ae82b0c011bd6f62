/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How lcp speaks: results on standard output, everything else on standard error; one word for each
 * outcome; exit codes.
 *
 * Colour and progress are for terminals only, and colour not where NO_COLOR is set.
 */
#ifndef TOOLS_OUTPUT_H
#define TOOLS_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include <lcp/lcp.h>

#include "util.h"

/* Exit codes. */
#define EXIT_DONE 0
#define EXIT_ERROR 1
#define EXIT_USAGE 2
#define EXIT_SOME 3 /* processes failed */
#define EXIT_NONE 4 /* matched */
#define EXIT_BUSY 5 /* try again */
#define EXIT_PERMISSION 6
#define EXIT_INTEGRITY 7
#define EXIT_UNSUPPORTED 8

enum outcome {
	OUTCOME_BUILT,
	OUTCOME_INTACT,
	OUTCOME_WELL_FORMED,
	OUTCOME_FITS,
	OUTCOME_LOADED,
	OUTCOME_APPLIED,
	OUTCOME_ALREADY_APPLIED,
	OUTCOME_APPLICABLE,
	OUTCOME_REVERTED,
	OUTCOME_PATCHED,
	OUTCOME_UNPATCHED,
	OUTCOME_REFUSED,
	OUTCOME_NO_EFFECT,
	OUTCOME_MISMATCH,
	OUTCOME_UNRESOLVED,
	OUTCOME_ASSEMBLER_FAILED,
	OUTCOME_COMPILER_FAILED,
	OUTCOME_DOES_NOT_APPLY,
	OUTCOME_UNKNOWN_UNIT,
	OUTCOME_MALFORMED,
	OUTCOME_NO_ROOM,
	OUTCOME_CONFLICT,
	OUTCOME_GONE,
	OUTCOME_INTERRUPTED,
	OUTCOME_FAILED,
	OUTCOME_NOT_APPLICABLE,
	OUTCOME_NOT_APPLIED,
	OUTCOME_BUSY,
	OUTCOME_LOCKED,
	OUTCOME_TRACED,
	OUTCOME_NOT_STOPPED,
	OUTCOME_NO_THREAD,
	OUTCOME_NOT_PERMITTED,
	OUTCOME_DAMAGED,
	OUTCOME_NO_DIGEST,
	OUTCOME_HALF_CHANGED,
	OUTCOME_UNSUPPORTED,
};

struct output {
	bool json;
	bool quiet;
	bool verbose;
	bool colour; /* on standard output */
	bool progress; /* on standard error */
};

void output_init(struct output *output);
void output_version(const struct output *output);

const char *outcome_word(enum outcome outcome);
int outcome_exit(enum outcome outcome);

/* The outcome that a code of the library stands for. */
enum outcome outcome_of_code(int32_t code);

/* The word, coloured by whether it is what was wanted. The caller frees it. */
char *outcome_painted(const struct output *output, enum outcome outcome);

/* A failure: of the library, or found by a tool. */
struct failure {
	enum outcome outcome;
	char *message; /* NULL while nothing failed */
	char *json; /* an object with the names of lcp_error_json() */
	char *details; /* lines that go with the message, without the last line end; NULL: none */
};

void failure_fini(struct failure *failure);

/* These return -1. The first failure stays. */
int fail(struct failure *failure, enum outcome outcome, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int fail_system(struct failure *failure, int error, const char *path);
int fail_library(struct failure *failure, struct lcp_error *error);

/* The same of an error that belongs to something else. */
int fail_reason(struct failure *failure, const struct lcp_error *error);

/* Messages on standard error. say() is for what helps, complain() for what is wrong. */
void say(const struct output *output, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void say_more(const struct output *output, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A bar on standard error while long work goes on; @done == @total ends it. */
void output_progress(const struct output *output, const char *what, uint32_t done, uint32_t total);

/* A context whose log goes to standard error; NULL, with a message, without memory. */
struct lcp_ctx *output_context(const struct output *output);

/* End: was all that was printed written? Otherwise the status cannot be @status. */
int output_end(int status);

#endif
