/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/procfs_words.h"

#include <string.h>

#include "base/error.h"
#include "base/num.h"

void words_fail(struct words *words, const char *what, const char *wrong)
{
	if (words->wrong != NULL)
		return;
	words->what = what;
	words->wrong = wrong;
}

int words_check(const struct words *words, struct lcp_error **reterr)
{
	if (words->wrong == NULL)
		return 0;
	return error_set(reterr, -LCP_EFORMAT, "%s: line %zu: %s %s", words->file, words->line,
			 words->what, words->wrong);
}

bool words_next_line(struct words *words, const char *end)
{
	const char *begin = words->end, *newline;

	if (words->line > 0)
		begin++; /* over the line end */
	if (begin == end)
		return false;
	words->line++;
	words->at = begin;
	newline = memchr(begin, '\n', (size_t)(end - begin));
	if (newline == NULL)
		words_fail(words, "the text", "is cut off: it does not end with a line end");
	words->end = newline != NULL ? newline : end;
	if (memchr(begin, '\0', (size_t)(words->end - begin)) != NULL)
		words_fail(words, "the text", "holds a NUL");
	return true;
}

bool words_is_char(const struct words *words, char c)
{
	return words->wrong == NULL && words->at < words->end && *words->at == c;
}

void words_char(struct words *words, char c, const char *what, const char *wrong)
{
	if (words_is_char(words, c))
		words->at++;
	else
		words_fail(words, what, wrong);
}

void words_skip_blanks(struct words *words)
{
	while (words_is_char(words, ' ') || words_is_char(words, '\t'))
		words->at++;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

uint64_t words_number(struct words *words, unsigned int base, uint64_t max, const char *what)
{
	const char *begin = words->at;
	uint64_t value = 0;

	if (words->wrong != NULL)
		return 0;
	for (; words->at < words->end; words->at++) {
		unsigned int digit = (unsigned int)digit_value(*words->at);

		if (digit >= base)
			break;
		if (!mul_u64(value, base, &value) || !add_u64(value, digit, &value) ||
		    value > max) {
			words_fail(words, what, "is too large");
			return 0;
		}
	}
	if (words->at == begin)
		words_fail(words, what, "is no number");
	return value;
}

uint64_t words_field(struct words *words, unsigned int base, uint64_t max, const char *what)
{
	uint64_t value;

	words_skip_blanks(words);
	value = words_number(words, base, max, what);
	if (words->at < words->end && !words_is_char(words, ' ') && !words_is_char(words, '\t'))
		words_fail(words, what, "is no number");
	return value;
}

uint32_t words_u32(struct words *words, const char *what)
{
	return (uint32_t)words_field(words, 10, UINT32_MAX, what);
}

int32_t words_i32(struct words *words, const char *what)
{
	return (int32_t)words_field(words, 10, INT32_MAX, what);
}

bool words_flag(struct words *words, char set, char clear)
{
	if (words_is_char(words, set)) {
		words->at++;
		return true;
	}
	words_char(words, clear, "the permissions", "are not as in \"r-xp\"");
	return false;
}

char words_state(struct words *words)
{
	char state = '\0';

	words_skip_blanks(words);
	if (words->at < words->end)
		state = *words->at;
	if ((state < 'A' || state > 'Z') && (state < 'a' || state > 'z')) {
		words_fail(words, "the state", "is no letter");
		return '\0';
	}
	words->at++;
	if (words->at < words->end && !words_is_char(words, ' '))
		words_fail(words, "the state", "is more than a letter");
	return state;
}

int32_t words_signed(struct words *words, const char *what)
{
	int32_t value;

	words_skip_blanks(words);
	if (!words_is_char(words, '-'))
		return words_i32(words, what);
	words->at++;
	value = words_i32(words, what);
	return -value;
}

void words_skip_fields(struct words *words, unsigned int count)
{
	while (count-- > 0) {
		words_skip_blanks(words);
		if (words_is_char(words, '-'))
			words->at++;
		(void)words_field(words, 10, UINT64_MAX, "a field");
	}
}
