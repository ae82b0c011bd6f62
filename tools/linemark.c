/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Placing #line directives. One pass over the patched text with the state of a lexer at the
 * beginning of each line.
 */
#include "linemark.h"

#include <ctype.h>
#include <string.h>

/* Where the lexer is between two characters. */
enum place {
	IN_CODE,
	IN_COMMENT, /* between slash-star and star-slash */
	IN_LINE_COMMENT, /* ends with the line, unless that is continued */
	IN_RAW_STRING,
	IN_QUOTES, /* of a string or a character, which a backslash may continue */
};

struct lexer {
	enum place place;
	bool continued; /* the line before ends with a backslash */
	bool directive; /* it is one of the preprocessor's */
	uint32_t parens; /* that are open: the arguments of a macro may be between them */
	uint32_t depth; /* of conditionals */
	char quote; /* that ends IN_QUOTES */
	char raw_end[20]; /* )delimiter" */
};

struct marker {
	struct lexer lexer;
	bool moved; /* lines have other numbers than they should: a directive is wanted */
	bool repeat; /* one was placed at a depth of conditionals where it may be skipped */
	uint32_t repeat_depth;
	bool branch_ended; /* the line before ended the branch of one */
};

static bool may_stand_here(const struct lexer *lexer)
{
	return lexer->place == IN_CODE && !lexer->continued && lexer->parens == 0;
}

/* Does R"delimiter( stand at @at? Then take the end that it waits for. */
static size_t enter_raw_string(struct lexer *lexer, const char *begin, const char *at,
			       const char *end)
{
	size_t length = 0;

	if (at >= end || *at != '"' || at == begin || at[-1] != 'R')
		return 0;
	/* Only R, LR, uR, u8R and UR; FOOR"x" is a macro and a string. */
	if (at - begin >= 2 && (isalnum((unsigned char)at[-2]) || at[-2] == '_') &&
	    strchr("LuU8", at[-2]) == NULL)
		return 0;
	while (at + 1 + length < end && at[1 + length] != '(')
		if (++length > 16)
			return 0;
	if (at + 1 + length >= end)
		return 0;
	lexer->raw_end[0] = ')';
	memcpy(lexer->raw_end + 1, at + 1, length);
	lexer->raw_end[1 + length] = '"';
	lexer->raw_end[2 + length] = '\0';
	lexer->place = IN_RAW_STRING;
	return length + 2;
}

/* Behind the string or character that @at is in, or at the end of the line. */
static const char *skip_quoted(struct lexer *lexer, const char *at, const char *end)
{
	while (at < end && *at != lexer->quote)
		at += *at == '\\' && at + 1 < end ? 2 : 1;
	if (at == end)
		return end;
	lexer->place = IN_CODE;
	return at + 1;
}

static const char *find_end(const char *at, const char *end, const char *mark)
{
	const char *found = memmem(at, (size_t)(end - at), mark, strlen(mark));

	return found != NULL ? found + strlen(mark) : NULL;
}

/* One step of the lexer within a line, from @at: behind what it looked at. */
static const char *step(struct lexer *lexer, const char *begin, const char *at, const char *end)
{
	const char *closed;
	size_t raw;

	if (lexer->place == IN_COMMENT || lexer->place == IN_RAW_STRING) {
		closed = find_end(at, end, lexer->place == IN_COMMENT ? "*/" : lexer->raw_end);
		if (closed != NULL)
			lexer->place = IN_CODE;
		return closed != NULL ? closed : end;
	}
	if (lexer->place == IN_QUOTES)
		return skip_quoted(lexer, at, end);
	if (*at == '/' && at + 1 < end && at[1] == '*') {
		lexer->place = IN_COMMENT;
		return at + 2;
	}
	if (*at == '/' && at + 1 < end && at[1] == '/') {
		lexer->place = IN_LINE_COMMENT;
		return end;
	}
	raw = enter_raw_string(lexer, begin, at, end);
	if (raw > 0)
		return at + raw;
	/* In C++14 1'000 is a number. */
	if (*at == '"' || (*at == '\'' && (at == begin || !isxdigit((unsigned char)at[-1])))) {
		lexer->place = IN_QUOTES;
		lexer->quote = *at;
		return at + 1;
	}
	if (*at == '(' && !lexer->directive)
		lexer->parens++;
	if (*at == ')' && !lexer->directive && lexer->parens > 0)
		lexer->parens--;
	return at + 1;
}

/* A conditional: +1 if it opens, -1 if it ends, 2 if another branch begins, 0 if it is none. */
static int conditional(const char *at, const char *end)
{
	static const struct {
		const char *word;
		int kind;
	} words[] = { { "ifdef", 1 },	 { "ifndef", 1 }, { "if", 1 },	 { "elifdef", 2 },
		      { "elifndef", 2 }, { "elif", 2 },	  { "else", 2 }, { "endif", -1 } };

	while (at < end && isblank((unsigned char)*at))
		at++;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t size = strlen(words[i].word);

		if ((size_t)(end - at) >= size && strncmp(at, words[i].word, size) == 0 &&
		    (at + size == end || !(isalnum((unsigned char)at[size]) || at[size] == '_')))
			return words[i].kind;
	}
	return 0;
}

static void follow_conditional(struct marker *marker, const char *at, const char *end)
{
	struct lexer *lexer = &marker->lexer;
	int kind = conditional(at, end);

	if (kind == 1) {
		lexer->depth++;
		return;
	}
	/* The end of the branch that the last directive stands in, or of one around it. */
	if (kind != 0 && marker->repeat && lexer->depth <= marker->repeat_depth)
		marker->branch_ended = true;
	if (kind == -1 && lexer->depth > 0)
		lexer->depth--;
}

static void lex_line(struct marker *marker, const char *begin, const char *end)
{
	struct lexer *lexer = &marker->lexer;
	const char *at = begin;

	if (end > begin && end[-1] == '\r')
		end--;
	if (!lexer->continued && lexer->place == IN_CODE) {
		while (at < end && isblank((unsigned char)*at))
			at++;
		lexer->directive = at < end && *at == '#';
		if (lexer->directive)
			follow_conditional(marker, at + 1, end);
		/*
		 * Branches of conditionals may open a parenthesis twice; functions set it right.
		 */
		if (begin < end && (*begin == '}' || *begin == '{'))
			lexer->parens = 0;
	}
	while (at < end && lexer->place != IN_LINE_COMMENT)
		at = step(lexer, begin, at, end);
	lexer->continued = end > begin && end[-1] == '\\' && lexer->place != IN_RAW_STRING;
	if ((lexer->place == IN_LINE_COMMENT || lexer->place == IN_QUOTES) && !lexer->continued)
		lexer->place = IN_CODE;
}

static bool wants_directive(const struct marker *marker)
{
	return (marker->moved || marker->branch_ended) && may_stand_here(&marker->lexer);
}

static void place_directive(struct marker *marker, uint32_t number, struct text *ret)
{
	text_printf(ret, "#line %u\n", number);
	marker->moved = false;
	marker->branch_ended = false;
	marker->repeat = marker->lexer.depth > 0;
	marker->repeat_depth = marker->lexer.depth;
}

void linemark(const struct changed_file *file, struct text *ret)
{
	const char *at = file->content.bytes, *end = at + file->content.size;
	struct marker marker = { 0 };
	uint32_t expected = 1; /* what the compiler takes the number of the line for */

	text_put(ret, "", 0);
	for (size_t i = 0; i < file->line_count; i++) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		const char *next = stop != NULL ? stop + 1 : end;
		uint32_t origin = file->origin[i];

		if (file->existed && origin != 0) {
			marker.moved = marker.moved || origin != expected;
			if (wants_directive(&marker))
				place_directive(&marker, origin, ret);
			expected = origin;
		}
		lex_line(&marker, at, stop != NULL ? stop : end);
		text_put(ret, at, (size_t)(next - at));
		expected++;
		at = next;
	}
}
