/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A piece of text that belongs to somebody else, without a NUL at its end.
 */
#ifndef LCP_BASE_SLICE_H
#define LCP_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
	const char *text;
	size_t size;
};

#define SLICE(literal) ((struct slice){ (literal), sizeof(literal) - 1 })

/* For printf: "%.*s". */
#define SLICE_ARG(slice) (int)(slice).size, (slice).text

static inline bool slice_equals(struct slice a, struct slice b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.text, b.text, a.size) == 0);
}

static inline bool slice_begins(struct slice slice, struct slice prefix)
{
	return slice.size >= prefix.size && memcmp(slice.text, prefix.text, prefix.size) == 0;
}

static inline bool slice_ends(struct slice slice, struct slice tail)
{
	return slice.size >= tail.size &&
	       memcmp(slice.text + slice.size - tail.size, tail.text, tail.size) == 0;
}

/* What is left of @slice without its first @count characters, at most all of them. */
static inline struct slice slice_skip(struct slice slice, size_t count)
{
	if (count > slice.size)
		count = slice.size;
	return (struct slice){ slice.text + count, slice.size - count };
}

static inline bool slice_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static inline struct slice slice_trim(struct slice slice)
{
	while (slice.size > 0 && slice_is_blank(*slice.text))
		slice = slice_skip(slice, 1);
	while (slice.size > 0 && slice_is_blank(slice.text[slice.size - 1]))
		slice.size--;
	return slice;
}

/* Cut off the part before the first @separator, which is dropped: "a, b" leaves " b". */
static inline struct slice slice_cut(struct slice *rest, char separator)
{
	const char *at = rest->size > 0 ? memchr(rest->text, separator, rest->size) : NULL;
	struct slice part = *rest;

	if (at == NULL) {
		*rest = slice_skip(*rest, rest->size);
		return part;
	}
	part.size = (size_t)(at - rest->text);
	*rest = slice_skip(*rest, part.size + 1);
	return part;
}

#endif
