/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Applying unified diffs to files in memory, and keeping account of where each line came from.
 */
#include "changes.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

struct line {
	const char *bytes;
	size_t size; /* without the newline */
	bool newline;
	bool add_return; /* the file has line ends of Windows, the patch has not */
	uint32_t origin;
};

struct lines {
	struct line *items;
	size_t count;
	size_t room;
};

void changes_fini(struct changes *changes)
{
	for (size_t i = 0; i < changes->count; i++) {
		free(changes->items[i].path);
		free(changes->items[i].name);
		free(changes->items[i].origin);
		text_fini(&changes->items[i].original);
		text_fini(&changes->items[i].content);
	}
	free(changes->items);
}

const struct changed_file *changes_find(const struct changes *changes, const char *path)
{
	for (size_t i = 0; i < changes->count; i++)
		if (strcmp(changes->items[i].path, path) == 0)
			return &changes->items[i];
	return NULL;
}

static bool is_there(const struct changes *changes, const char *root, const char *name)
{
	autofree char *path = path_real(root, name);
	const struct changed_file *file = changes_find(changes, path);
	struct stat status;

	return file != NULL ? file->exists : stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

/*
 * The file a part of a diff is about. diff -u may have been given "x.c.orig" and "x.c", so both
 * names are tried; NULL if neither is there.
 */
static const char *name_of(const struct changes *changes, const struct diff_file *part,
			   const char *root)
{
	if (part->old_name == NULL)
		return part->new_name;
	if (part->new_name != NULL && is_there(changes, root, part->new_name))
		return part->new_name;
	return is_there(changes, root, part->old_name) ? part->old_name : NULL;
}

/* A later part may need a file that an earlier one brings. */
static bool is_brought(const struct diff *diff, size_t before, const char *name)
{
	for (size_t i = 0; i < before; i++)
		if (diff->items[i].old_name == NULL && strcmp(diff->items[i].new_name, name) == 0)
			return true;
	return false;
}

bool changes_fit(const struct changes *changes, const struct diff *diff, const char *root)
{
	for (size_t i = 0; i < diff->count; i++) {
		const struct diff_file *part = &diff->items[i];

		if (name_of(changes, part, root) == NULL && !is_brought(diff, i, part->old_name))
			return false;
	}
	return true;
}

static void split(const struct changed_file *file, struct lines *ret)
{
	const char *at = file->content.bytes, *end = at + file->content.size;

	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		const struct line line = {
			.bytes = at,
			.size = (size_t)((stop != NULL ? stop : end) - at),
			.newline = stop != NULL,
			.origin = file->origin[ret->count],
		};

		append(ret, line);
		at = stop != NULL ? stop + 1 : end;
	}
}

static void join(struct changed_file *file, const struct lines *lines)
{
	struct text content = { 0 };

	free(file->origin);
	file->origin = zalloc(lines->count, sizeof(*file->origin));
	file->line_count = lines->count;
	text_put(&content, "", 0);
	for (size_t i = 0; i < lines->count; i++) {
		text_put(&content, lines->items[i].bytes, lines->items[i].size);
		if (lines->items[i].newline)
			text_puts(&content, lines->items[i].add_return ? "\r\n" : "\n");
		file->origin[i] = lines->items[i].origin;
	}
	text_fini(&file->content);
	file->content = content;
}

static size_t without_return(const char *bytes, size_t size)
{
	return size > 0 && bytes[size - 1] == '\r' ? size - 1 : size;
}

/* Line ends of Windows may be in the file only, or in the patch only. */
static bool same_line(const struct line *line, const struct diff_line *wanted)
{
	size_t size = without_return(line->bytes, line->size);

	return line->newline == wanted->newline &&
	       size == without_return(wanted->bytes, wanted->size) &&
	       memcmp(line->bytes, wanted->bytes, size) == 0;
}

static bool fits_at(const struct lines *lines, const struct hunk *hunk, size_t at)
{
	if (at > lines->count || hunk->old_count > lines->count - at)
		return false;
	for (size_t i = 0; i < hunk->lines.count; i++) {
		if (hunk->lines.items[i].mark == '+')
			continue;
		if (!same_line(&lines->items[at++], &hunk->lines.items[i]))
			return false;
	}
	return true;
}

/*
 * The place nearest to @wanted, not before @floor, at which the hunk fits; false if there is
 * none.
 */
static bool find_place(const struct lines *lines, const struct hunk *hunk, size_t floor,
		       size_t wanted, size_t *ret)
{
	for (size_t distance = 0; distance <= lines->count; distance++) {
		if (fits_at(lines, hunk, wanted + distance) && wanted + distance >= floor) {
			*ret = wanted + distance;
			return true;
		}
		if (distance <= wanted && wanted - distance >= floor &&
		    fits_at(lines, hunk, wanted - distance)) {
			*ret = wanted - distance;
			return true;
		}
	}
	return false;
}

/* Put what the hunk makes of the lines at @at behind @ret. Returns how many lines that used up. */
static size_t apply_hunk(const struct lines *lines, const struct hunk *hunk, size_t at,
			 struct lines *ret)
{
	bool returns = lines->count > 0 && lines->items[0].size > 0 &&
		       lines->items[0].bytes[lines->items[0].size - 1] == '\r';
	size_t from = at;

	for (size_t i = 0; i < hunk->lines.count; i++) {
		const struct diff_line *made = &hunk->lines.items[i];
		struct line line = { .bytes = made->bytes,
				     .size = made->size,
				     .newline = made->newline };

		if (made->mark != '+') {
			if (made->mark == ' ')
				append(ret, lines->items[at]);
			at++;
			continue;
		}
		if (lines->count > 0 && !returns)
			line.size = without_return(made->bytes, made->size);
		line.add_return = returns && without_return(made->bytes, made->size) == made->size;
		append(ret, line);
	}
	return at - from;
}

static int apply_hunks(struct changed_file *file, const struct diff *diff,
		       const struct diff_file *part, const struct output *output,
		       struct failure *failure)
{
	struct lines lines = { 0 }, made = { 0 };
	size_t done = 0, at = 0;
	int64_t moved = 0;
	int r = 0;

	split(file, &lines);
	for (size_t i = 0; i < part->hunks.count && r == 0; i++) {
		const struct hunk *hunk = &part->hunks.items[i];
		/* A hunk that takes no lines stands behind the line that its head names. */
		int64_t wanted = (int64_t)hunk->old_start - (hunk->old_count > 0) + moved;

		if (!find_place(&lines, hunk, done, wanted > 0 ? (size_t)wanted : 0, &at)) {
			r = fail(failure, OUTCOME_DOES_NOT_APPLY,
				 "%s: hunk %zu of %s (line %u) does not apply to %s", diff->path,
				 i + 1, file->name, hunk->old_start, file->path);
			break;
		}
		if ((int64_t)at != wanted)
			say(output, "%s: hunk %zu of %s applies %+lld lines from where it should",
			    diff->path, i + 1, file->name,
			    (long long)((int64_t)at - wanted + moved));
		moved += (int64_t)at - wanted;
		for (; done < at; done++)
			append(&made, lines.items[done]);
		done += apply_hunk(&lines, hunk, at, &made);
	}
	for (; done < lines.count && r == 0; done++)
		append(&made, lines.items[done]);
	if (r == 0)
		join(file, &made);
	free(lines.items);
	free(made.items);
	return r;
}

/* The file as it is on disk becomes one of @changes. */
static int open_file(struct changes *changes, const char *path, const char *name,
		     struct changed_file **ret, struct failure *failure)
{
	struct changed_file file = { .mode = 0644 };
	struct stat status;
	int r;

	if (stat(path, &status) == 0) {
		r = read_file(path, &file.original);
		if (r < 0) {
			text_fini(&file.original);
			return fail_system(failure, r, path);
		}
		file.existed = file.exists = true;
		file.modified = status.st_mtim;
		file.mode = status.st_mode & 0777;
		text_put(&file.content, file.original.bytes, file.original.size);
	} else if (errno != ENOENT && errno != ENOTDIR) {
		return fail_system(failure, errno, path);
	} else {
		text_put(&file.content, "", 0);
		(void)clock_gettime(CLOCK_REALTIME, &file.modified);
	}
	for (size_t i = 0; i < file.content.size; i++)
		file.line_count += file.content.bytes[i] == '\n' || i + 1 == file.content.size;
	file.origin = zalloc(file.line_count, sizeof(*file.origin));
	for (size_t i = 0; i < file.line_count; i++)
		file.origin[i] = (uint32_t)i + 1;
	file.path = copy_text(path);
	file.name = copy_text(name);
	append(changes, file);
	*ret = &changes->items[changes->count - 1];
	return 0;
}

static int apply_part(struct changes *changes, const struct diff *diff,
		      const struct diff_file *part, const char *root, const struct output *output,
		      struct failure *failure)
{
	const char *name = name_of(changes, part, root);
	autofree char *path = name != NULL ? path_real(root, name) : NULL;
	struct changed_file *file;

	if (name == NULL)
		return fail(failure, OUTCOME_DOES_NOT_APPLY, "%s: there is no %s in %s", diff->path,
			    part->old_name, root);
	if (!path_below(path, root))
		return fail(failure, OUTCOME_DOES_NOT_APPLY, "%s: %s is outside of %s", diff->path,
			    name, root);
	file = (struct changed_file *)(uintptr_t)changes_find(changes, path);
	if (file == NULL && open_file(changes, path, name, &file, failure) < 0)
		return -1;
	if (part->old_name == NULL && file->exists)
		return fail(failure, OUTCOME_DOES_NOT_APPLY, "%s: %s is there already", diff->path,
			    path);
	if (apply_hunks(file, diff, part, output, failure) < 0)
		return -1;
	file->exists = part->new_name != NULL;
	if (!file->exists && file->content.size > 0)
		return fail(failure, OUTCOME_DOES_NOT_APPLY,
			    "%s: %s is to be removed, but has more in it", diff->path, path);
	return 0;
}

int changes_apply(struct changes *changes, const struct diff *diff, const char *root,
		  const struct output *output, struct failure *failure)
{
	for (size_t i = 0; i < diff->count; i++)
		if (apply_part(changes, diff, &diff->items[i], root, output, failure) < 0)
			return -1;
	return 0;
}
