/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading compile_commands.json.
 */
#include "compdb.h"

#include <errno.h>
#include <string.h>

#include "jsonread.h"

#define RESPONSE_DEPTH_MAX 8

void compdb_fini(struct compdb *compdb)
{
	for (size_t i = 0; i < compdb->count; i++) {
		free(compdb->items[i].directory);
		free(compdb->items[i].path);
		free(compdb->items[i].name);
		words_fini(&compdb->items[i].argv);
	}
	free(compdb->items);
}

/* One word from @at on; behind it. */
static const char *split_one(const char *at, struct text *word)
{
	char quote = '\0';

	for (; *at != '\0' && (quote != '\0' || strchr(" \t\r\n", *at) == NULL); at++) {
		if (*at == quote) {
			quote = '\0';
		} else if (quote == '\0' && (*at == '\'' || *at == '"')) {
			quote = *at;
		} else if (*at == '\\' && quote != '\'' && at[1] != '\0' &&
			   (quote == '\0' || strchr("\"\\$`\n", at[1]) != NULL)) {
			at++;
			if (*at != '\n')
				text_put(word, at, 1);
		} else {
			text_put(word, at, 1);
		}
	}
	return at;
}

void words_split(const char *line, struct words *ret)
{
	for (line += strspn(line, " \t\r\n"); *line != '\0'; line += strspn(line, " \t\r\n")) {
		struct text word = { 0 };

		line = split_one(line, &word);
		words_take(ret, text_take(&word));
	}
}

/* Put @word behind @ret; "@file" is replaced by the words in that file, if there is one. */
static void expand(const char *directory, const char *word, uint32_t depth, struct words *ret)
{
	autofree char *path = word[0] == '@' ? path_from(directory, word + 1) : NULL;
	autotext struct text text = { 0 };
	autowords struct words words = { 0 };

	if (path == NULL || depth == RESPONSE_DEPTH_MAX || read_file(path, &text) < 0) {
		words_add(ret, word);
		return;
	}
	words_split(text.bytes, &words);
	for (size_t i = 0; i < words.count; i++)
		expand(directory, words.items[i], depth + 1, ret);
}

static bool is_launcher(const char *word)
{
	static const char *const launchers[] = { "ccache", "distcc", "sccache", "icecc",
						 "buildcache" };

	for (size_t i = 0; i < sizeof(launchers) / sizeof(launchers[0]); i++)
		if (strcmp(base_name(word), launchers[i]) == 0)
			return true;
	return false;
}

static int read_argv(const struct json_value *entry, struct compdb_unit *unit)
{
	const struct json_value *arguments = jsonread_member(entry, "arguments");
	const struct json_value *command = jsonread_member(entry, "command");
	autowords struct words words = { 0 };
	size_t first = 0;

	if (arguments != NULL && arguments->kind == JSON_ARRAY) {
		for (size_t i = 0; i < arguments->count; i++) {
			if (arguments->items[i].kind != JSON_STRING)
				return -1;
			words_add(&words, arguments->items[i].string);
		}
	} else if (command != NULL && command->kind == JSON_STRING) {
		words_split(command->string, &words);
	}
	while (first + 1 < words.count && is_launcher(words.items[first]))
		first++;
	for (size_t i = first; i < words.count; i++)
		expand(unit->directory, words.items[i], 0, &unit->argv);
	return unit->argv.count > 0 ? 0 : -1;
}

static int read_unit(const char *base, const struct json_value *entry, struct compdb *ret)
{
	const struct json_value *directory = jsonread_member(entry, "directory");
	const struct json_value *file = jsonread_member(entry, "file");
	struct compdb_unit unit = { 0 };
	int r;

	if (file == NULL || file->kind != JSON_STRING || directory == NULL ||
	    directory->kind != JSON_STRING)
		return -1;
	unit.directory = path_from(base, directory->string);
	unit.path = path_real(unit.directory, file->string);
	unit.name = copy_text(file->string);
	r = read_argv(entry, &unit);
	append(ret, unit);
	return r;
}

static int wrong_place(const char *path, const struct text *text, const char *at,
		       struct failure *failure)
{
	uint32_t line = 1;

	for (const char *byte = text->bytes; byte < at; byte++)
		line += *byte == '\n';
	return fail(failure, OUTCOME_MALFORMED, "%s:%u: not JSON", path, line);
}

int compdb_read(const char *path, struct compdb *ret, struct failure *failure)
{
	autofree char *real = path_real(".", path), *base = path_parent(real);
	struct json_value document = { 0 };
	autotext struct text text = { 0 };
	const char *wrong;
	int r;

	r = read_file(path, &text);
	if (r < 0)
		return fail_system(failure, r, path);
	wrong = jsonread_parse(text.bytes, text.bytes + text.size, &document);
	if (wrong != NULL)
		r = wrong_place(path, &text, wrong, failure);
	else if (document.kind != JSON_ARRAY)
		r = fail(failure, OUTCOME_MALFORMED, "%s: not an array of commands", path);
	for (size_t i = 0; r == 0 && i < document.count; i++)
		if (read_unit(base, &document.items[i], ret) < 0)
			r = fail(failure, OUTCOME_MALFORMED,
				 "%s: entry %zu has no directory, file, or command", path, i);
	jsonread_fini(&document);
	return r;
}
