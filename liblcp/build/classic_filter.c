/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The filter of assembler text: leaves out lines and sections that are for debuggers and unwinders.
 *
 * It works line by line on what compilers write, one statement a line, and keeps what it leaves in
 * as it is, byte by byte.
 */
#include "build/classic.h"

#include <string.h>

#define DEPTH_MAX 32

struct filter {
	uint32_t flags;
	bool dropping; /* the section that the line stands in is left out */
	bool was_dropping; /* the one before it, for .previous */
	bool stack[DEPTH_MAX]; /* of .pushsection */
	size_t depth;
};

static struct slice first_word(struct slice *line)
{
	struct slice rest = slice_trim(*line);
	size_t size = 0;

	while (size < rest.size && !slice_is_blank(rest.text[size]))
		size++;
	*line = slice_trim(slice_skip(rest, size));
	return (struct slice){ rest.text, size };
}

static bool is_dropped_section(const struct filter *filter, struct slice name)
{
	if (name.size > 0 && *name.text == '"')
		name = slice_skip(name, 1);
	if (slice_begins(name, SLICE(".debug_")) || slice_begins(name, SLICE(".zdebug_")) ||
	    slice_begins(name, SLICE(".stab")))
		return filter->flags & LCP_GENSRC_FILTER_DEBUG;
	if (slice_begins(name, SLICE(".eh_frame")))
		return filter->flags & LCP_GENSRC_FILTER_EH_FRAME;
	if (slice_begins(name, SLICE(".gcc_except_table")))
		return filter->flags & LCP_GENSRC_FILTER_EXCEPT_TABLE;
	return false;
}

static void enter(struct filter *filter, bool dropping)
{
	filter->was_dropping = filter->dropping;
	filter->dropping = dropping;
}

/* Does the line lead to another section? Then *@ret says whether it is left out itself. */
static bool changes_section(struct filter *filter, struct slice word, struct slice operands,
			    bool *ret)
{
	bool from = filter->dropping;

	if (slice_equals(word, SLICE(".text")) || slice_equals(word, SLICE(".data")) ||
	    slice_equals(word, SLICE(".bss"))) {
		enter(filter, false);
		*ret = false;
	} else if (slice_equals(word, SLICE(".section"))) {
		enter(filter, is_dropped_section(filter, slice_trim(slice_cut(&operands, ','))));
		*ret = filter->dropping;
	} else if (slice_equals(word, SLICE(".previous"))) {
		/* Between a section left out and another the text never left the other. */
		enter(filter, filter->was_dropping);
		*ret = from || filter->dropping;
	} else if (slice_equals(word, SLICE(".pushsection")) && filter->depth < DEPTH_MAX) {
		filter->stack[filter->depth++] = from;
		enter(filter, is_dropped_section(filter, slice_trim(slice_cut(&operands, ','))));
		*ret = filter->dropping;
	} else if (slice_equals(word, SLICE(".popsection")) && filter->depth > 0) {
		enter(filter, filter->stack[--filter->depth]);
		*ret = from;
	} else {
		return false;
	}
	return true;
}

/* .file 1 "foo.c" is for .loc; .file "foo.c" names the unit. */
static bool is_numbered_file(struct slice word, struct slice operands)
{
	return slice_equals(word, SLICE(".file")) && operands.size > 0 && *operands.text != '"';
}

static bool is_dropped_directive(const struct filter *filter, struct slice word,
				 struct slice operands)
{
	if ((filter->flags & LCP_GENSRC_FILTER_DEBUG) &&
	    (slice_equals(word, SLICE(".loc")) || is_numbered_file(word, operands)))
		return true;
	if ((filter->flags & LCP_GENSRC_FILTER_EXCEPT_TABLE) &&
	    (slice_equals(word, SLICE(".cfi_lsda")) ||
	     slice_equals(word, SLICE(".cfi_personality"))))
		return true;
	return (filter->flags & LCP_GENSRC_FILTER_CFI) && slice_begins(word, SLICE(".cfi_"));
}

static bool is_dropped(struct filter *filter, struct slice line)
{
	struct slice word = first_word(&line);
	bool dropped;

	if (changes_section(filter, word, line, &dropped))
		return dropped;
	return filter->dropping || is_dropped_directive(filter, word, line);
}

void classic_filter(struct slice text, uint32_t flags, struct str *ret)
{
	struct filter filter = { .flags = flags };

	while (text.size > 0) {
		const char *begin = text.text;
		struct slice line = slice_cut(&text, '\n');

		if (!is_dropped(&filter, line))
			str_put(ret, begin, (size_t)(text.text - begin));
		else if (flags & LCP_GENSRC_FILTER_NEWLINES)
			str_putc(ret, '\n');
	}
}
