/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reader of words: takes text of /proc apart, line by line and word by word. Of the first thing
 * that is wrong it remembers what and why, and does nothing from then on: a parser reads a line as
 * a whole and asks once.
 */
#ifndef LCP_FORMAT_PROCFS_WORDS_H
#define LCP_FORMAT_PROCFS_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lcp/error.h>

struct words {
	const char *file; /* "maps" */
	size_t line; /* counted from 1 */
	const char *at;
	const char *end; /* of the line, without its line end */
	const char *what; /* is wrong, once something is: "the offset" */
	const char *wrong; /* NULL; or why: "is no number" */
};

void words_fail(struct words *words, const char *what, const char *wrong);

/* 0, or the error that sticks. */
int words_check(const struct words *words, struct lcp_error **reterr);

/*
 * Put the next line of the text that ends at @end into @words; false at the end. A line without a
 * line end was cut, one with a NUL was never written by the kernel.
 */
bool words_next_line(struct words *words, const char *end);
bool words_is_char(const struct words *words, char c);

/* The next character is @c. */
void words_char(struct words *words, char c, const char *what, const char *wrong);
void words_skip_blanks(struct words *words);
uint64_t words_number(struct words *words, unsigned int base, uint64_t max, const char *what);

/* A number that stands alone: behind it are a blank or the end of the line. */
uint64_t words_field(struct words *words, unsigned int base, uint64_t max, const char *what);
uint32_t words_u32(struct words *words, const char *what);
int32_t words_i32(struct words *words, const char *what);

/* One of the two characters: is it @set? */
bool words_flag(struct words *words, char set, char clear);

/* One letter, as in "State:	R (running)". */
char words_state(struct words *words);

/* Decimal, with a sign if it is below 0. */
int32_t words_signed(struct words *words, const char *what);
void words_skip_fields(struct words *words, unsigned int count);

#endif
