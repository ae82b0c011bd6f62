/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A reader of unified diffs. Between the parts of files anything may stand, such as a message;
 * within a hunk every line counts.
 */
#include "difffile.h"

#include <stdio.h>
#include <string.h>

struct reader {
	struct diff *diff;
	struct failure *failure;
	const char *at; /* NULL at the end */
	uint32_t line; /* of @at, from 1 */
	uint32_t strip;
};

void diff_fini(struct diff *diff)
{
	for (size_t i = 0; i < diff->count; i++) {
		struct diff_file *file = &diff->items[i];

		for (size_t k = 0; k < file->hunks.count; k++)
			free(file->hunks.items[k].lines.items);
		free(file->hunks.items);
		free(file->old_name);
		free(file->new_name);
	}
	free(diff->items);
	text_fini(&diff->text);
}

static int wrong(struct reader *reader, const char *what)
{
	return fail(reader->failure, OUTCOME_DOES_NOT_APPLY, "%s:%u: %s", reader->diff->path,
		    reader->line, what);
}

static const char *line_end(const char *at)
{
	const char *end = strchr(at, '\n');

	return end != NULL ? end : at + strlen(at);
}

static void next_line(struct reader *reader)
{
	const char *end = line_end(reader->at);

	reader->line++;
	reader->at = *end == '\n' && end[1] != '\0' ? end + 1 : NULL;
}

static bool at_line(const struct reader *reader, const char *prefix)
{
	return reader->at != NULL && begins_with(reader->at, prefix);
}

/* A name that git put in quotes, as in C. */
static char *unquote(const char *at)
{
	static const char escapes[] = "a\ab\bt\tn\nv\vf\fr\r\"\"\\\\";
	struct text name = { 0 };

	for (at++; *at != '"' && *at != '\n' && *at != '\0'; at++) {
		char byte = *at;

		if (*at == '\\' && at[1] >= '0' && at[1] <= '3') {
			autofree char *digits = copy_bytes(at + 1, 3);

			byte = (char)strtoul(digits, NULL, 8);
			at += strlen(digits);
		} else if (*at == '\\' && at[1] != '\0') {
			const char *escape = strchr(escapes, *++at);

			byte = escape != NULL ? escape[1] : *at;
		}
		text_put(&name, &byte, 1);
	}
	return text_take(&name);
}

/* The name behind "--- " or "+++ ": NULL, with success, for /dev/null. */
static int read_name(struct reader *reader, char **ret)
{
	const char *at = reader->at + 4, *end = line_end(at);
	autofree char *name = NULL;
	const char *rest;

	if (*at == '"') {
		name = unquote(at);
	} else {
		name = copy_bytes(at, (size_t)(end - at));
		/* A time stamp stands behind a tab. */
		name[strcspn(name, "\t\r")] = '\0';
	}
	*ret = NULL;
	if (strcmp(name, "/dev/null") == 0)
		return 0;

	rest = name;
	for (uint32_t i = 0; i < reader->strip; i++) {
		rest = strchr(rest, '/');
		if (rest == NULL)
			return wrong(reader, "the name has fewer parts than are to be left out: "
					     "see --strip");
		rest += strspn(rest, "/");
	}
	if (*rest == '\0')
		return wrong(reader, "a file without a name");
	*ret = copy_text(rest);
	return 0;
}

/* "12,7" or "12", which means "12,1". */
static bool read_range(const char **at, uint32_t *start, uint32_t *count)
{
	char *end;

	if (**at < '0' || **at > '9')
		return false;
	*start = (uint32_t)strtoul(*at, &end, 10);
	*count = 1;
	if (*end == ',')
		*count = (uint32_t)strtoul(end + 1, &end, 10);
	*at = end;
	return true;
}

static bool read_hunk_head(const char *at, struct hunk *hunk)
{
	uint32_t new_start;

	if (!begins_with(at, "@@ -"))
		return false;
	at += 4;
	if (!read_range(&at, &hunk->old_start, &hunk->old_count) || !begins_with(at, " +"))
		return false;
	at += 2;
	return read_range(&at, &new_start, &hunk->new_count) && begins_with(at, " @@");
}

static int read_hunk_line(struct reader *reader, struct hunk *hunk, uint32_t *old_left,
			  uint32_t *new_left)
{
	const char *end;
	struct diff_line line = { .mark = ' ', .newline = true };

	if (reader->at == NULL)
		return wrong(reader, "the hunk is cut short");
	end = line_end(reader->at);
	/* Mailers take the blank of an empty line away. */
	if (end != reader->at && !(end == reader->at + 1 && *reader->at == '\r')) {
		line.mark = *reader->at;
		line.bytes = reader->at + 1;
	} else {
		line.bytes = reader->at;
	}
	line.size = (size_t)(end - line.bytes);
	if (strchr(" +-", line.mark) == NULL || (line.mark != '+' && *old_left == 0) ||
	    (line.mark != '-' && *new_left == 0))
		return wrong(reader, "the hunk does not have the lines that its head says");
	*old_left -= line.mark != '+';
	*new_left -= line.mark != '-';
	next_line(reader);
	if (at_line(reader, "\\ ")) {
		line.newline = false;
		next_line(reader);
	}
	append(&hunk->lines, line);
	return 0;
}

static int read_hunks(struct reader *reader, struct diff_file *file)
{
	while (at_line(reader, "@@")) {
		struct hunk hunk = { 0 };
		uint32_t old_left, new_left;

		if (!read_hunk_head(reader->at, &hunk))
			return wrong(reader, "not a hunk of a unified diff");
		old_left = hunk.old_count;
		new_left = hunk.new_count;
		next_line(reader);
		append(&file->hunks, hunk);
		while (old_left > 0 || new_left > 0)
			if (read_hunk_line(reader, &file->hunks.items[file->hunks.count - 1],
					   &old_left, &new_left) < 0)
				return -1;
		/* "-- " begins a mailer's signature, "--- " the next file. */
		if (at_line(reader, "+") || (at_line(reader, "-") && !at_line(reader, "--")))
			return wrong(reader, "the hunk has more lines than its head says");
	}
	if (file->hunks.count == 0)
		return wrong(reader, "a file without hunks");
	return 0;
}

static int read_file_diff(struct reader *reader)
{
	struct diff_file file = { 0 };
	int r;

	r = read_name(reader, &file.old_name);
	next_line(reader);
	if (r == 0)
		r = read_name(reader, &file.new_name);
	next_line(reader);
	append(reader->diff, file);
	if (r < 0)
		return r;
	if (file.old_name == NULL && file.new_name == NULL)
		return wrong(reader, "neither file has a name");
	return read_hunks(reader, &reader->diff->items[reader->diff->count - 1]);
}

static bool is_file_head(const struct reader *reader)
{
	return at_line(reader, "--- ") && begins_with(line_end(reader->at), "\n+++ ");
}

int diff_read(const char *path, uint32_t strip, struct diff *ret, struct failure *failure)
{
	struct reader reader = { .diff = ret, .failure = failure, .line = 1, .strip = strip };
	int r;

	ret->path = path;
	r = read_file(path, &ret->text);
	if (r < 0)
		return fail_system(failure, r, path);
	if (memchr(ret->text.bytes, '\0', ret->text.size) != NULL)
		return fail(failure, OUTCOME_DOES_NOT_APPLY, "%s: not a text", path);

	reader.at = ret->text.size > 0 ? ret->text.bytes : NULL;
	while (reader.at != NULL) {
		if (is_file_head(&reader)) {
			if (read_file_diff(&reader) < 0)
				return -1;
			continue;
		}
		if (at_line(&reader, "GIT binary patch") || at_line(&reader, "Binary files "))
			return wrong(&reader, "a change of a binary file");
		if (at_line(&reader, "rename from ") || at_line(&reader, "copy from "))
			return wrong(&reader, "a file that is renamed or copied");
		if (at_line(&reader, "@@ -"))
			return wrong(&reader, "a hunk, but of which file?");
		next_line(&reader);
	}
	if (ret->count == 0)
		return fail(failure, OUTCOME_DOES_NOT_APPLY, "%s: no unified diff", path);
	return 0;
}
