/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory, text, words, paths, files.
 */
#include "util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define FIRST_ROOM 16

static void *check(void *memory)
{
	static const char message[] = "lcp: out of memory\n";

	if (memory != NULL)
		return memory;
	if (write(STDERR_FILENO, message, sizeof(message) - 1) < 0)
		_exit(1);
	_exit(1);
}

void *grow(void *items, size_t *room, size_t count, size_t item_size)
{
	if (count < *room)
		return items;
	*room = *room == 0 ? FIRST_ROOM : *room * 2;
	return check(reallocarray(items, *room, item_size));
}

void *zalloc(size_t count, size_t item_size)
{
	return check(calloc(count == 0 ? 1 : count, item_size));
}

char *copy_bytes(const char *bytes, size_t size)
{
	char *copy = check(malloc(size + 1));

	memcpy(copy, bytes, size);
	copy[size] = '\0';
	return copy;
}

char *copy_text(const char *text)
{
	return copy_bytes(text, strlen(text));
}

char *format_text(const char *format, ...)
{
	va_list args;
	char *text;
	int size;

	va_start(args, format);
	size = vasprintf(&text, format, args);
	va_end(args);
	return check(size < 0 ? NULL : text);
}

void text_fini(struct text *text)
{
	free(text->bytes);
	*text = (struct text){ 0 };
}

void text_put(struct text *text, const char *bytes, size_t size)
{
	if (size >= text->room - text->size) {
		text->room = (text->size + size + FIRST_ROOM) * 2;
		text->bytes = check(realloc(text->bytes, text->room));
	}
	if (size > 0)
		memcpy(text->bytes + text->size, bytes, size);
	text->size += size;
	text->bytes[text->size] = '\0';
}

void text_puts(struct text *text, const char *more)
{
	text_put(text, more, strlen(more));
}

void text_printf(struct text *text, const char *format, ...)
{
	autofree char *more = NULL;
	va_list args;
	int size;

	va_start(args, format);
	size = vasprintf(&more, format, args);
	va_end(args);
	check(size < 0 ? NULL : more);
	text_put(text, more, (size_t)size);
}

/* Bytes of the UTF-8 character at @at; 0 if there is none. */
static size_t utf8_length(const unsigned char *at)
{
	static const struct {
		unsigned char mask, lead, low, high; /* low and high: of the second byte */
		size_t length;
	} kinds[] = {
		{ 0xff, 0xe0, 0xa0, 0xbf, 3 }, { 0xff, 0xed, 0x80, 0x9f, 3 },
		{ 0xff, 0xf0, 0x90, 0xbf, 4 }, { 0xff, 0xf4, 0x80, 0x8f, 4 },
		{ 0xfe, 0xc0, 1, 0, 2 },       { 0xe0, 0xc0, 0x80, 0xbf, 2 },
		{ 0xf0, 0xe0, 0x80, 0xbf, 3 }, { 0xfc, 0xf0, 0x80, 0xbf, 4 },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if ((at[0] & kinds[i].mask) != kinds[i].lead)
			continue;
		if (at[1] < kinds[i].low || at[1] > kinds[i].high)
			return 0;
		for (size_t k = 2; k < kinds[i].length; k++)
			if ((at[k] & 0xc0) != 0x80)
				return 0;
		return kinds[i].length;
	}
	return 0;
}

void text_json(struct text *text, const char *string)
{
	const unsigned char *at = (const unsigned char *)string;

	if (string == NULL) {
		text_puts(text, "null");
		return;
	}
	text_puts(text, "\"");
	while (*at != '\0') {
		size_t length = 1;

		if (*at == '"' || *at == '\\')
			text_printf(text, "\\%c", *at);
		else if (*at < 0x20 || *at == 0x7f)
			text_printf(text, "\\u%04x", *at);
		else if (*at < 0x80)
			text_put(text, (const char *)at, 1);
		else if ((length = utf8_length(at)) > 0)
			text_put(text, (const char *)at, length);
		else
			text_puts(text, "\xef\xbf\xbd");
		at += length > 0 ? length : 1;
	}
	text_puts(text, "\"");
}

char *text_take(struct text *text)
{
	text_put(text, "", 0);
	text->size = text->room = 0;
	return take(text->bytes);
}

void words_fini(struct words *words)
{
	for (size_t i = 0; i < words->count; i++)
		free(words->items[i]);
	free(words->items);
	*words = (struct words){ 0 };
}

void words_take(struct words *words, char *word)
{
	append(words, word);
	words->items = grow(words->items, &words->room, words->count, sizeof(*words->items));
	words->items[words->count] = NULL;
}

void words_add(struct words *words, const char *word)
{
	words_take(words, copy_text(word));
}

bool words_have(const struct words *words, const char *word)
{
	for (size_t i = 0; i < words->count; i++)
		if (strcmp(words->items[i], word) == 0)
			return true;
	return false;
}

bool begins_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool ends_with(const char *text, const char *suffix)
{
	size_t size = strlen(text), wanted = strlen(suffix);

	return size >= wanted && strcmp(text + size - wanted, suffix) == 0;
}

const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

char *path_from(const char *directory, const char *name)
{
	autofree char *whole = name[0] == '/' ? copy_text(name)
					      : format_text("%s/%s", directory, name);
	struct text path = { 0 };
	const char *at = whole;

	while (*at != '\0') {
		size_t length = strcspn(at, "/");

		if (length == 2 && at[0] == '.' && at[1] == '.') {
			while (path.size > 0 && path.bytes[path.size - 1] != '/')
				path.size--;
			path.size -= path.size > 0;
		} else if (length > 0 && (length > 1 || at[0] != '.')) {
			text_put(&path, "/", 1);
			text_put(&path, at, length);
		}
		at += length + (at[length] == '/');
	}
	if (path.size == 0)
		text_put(&path, "/", 1);
	path.bytes[path.size] = '\0';
	return text_take(&path);
}

char *path_real(const char *directory, const char *name)
{
	autofree char *whole = name[0] == '/' ? copy_text(name)
					      : format_text("%s/%s", directory, name);
	autofree char *path = path_from(directory, name);
	autofree char *parent = NULL, *real_parent = NULL;
	char *real = realpath(whole, NULL);

	if (real != NULL)
		return real;
	if (strcmp(path, "/") == 0)
		return take(path);
	parent = path_parent(path);
	real_parent = path_real("/", parent);
	return path_from(real_parent, base_name(path));
}

char *path_parent(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return copy_text(".");
	return slash == path ? copy_text("/") : copy_bytes(path, (size_t)(slash - path));
}

bool path_below(const char *path, const char *directory)
{
	size_t size = strlen(directory);

	if (strcmp(directory, "/") == 0)
		return true;
	return strncmp(path, directory, size) == 0 && (path[size] == '/' || path[size] == '\0');
}

int read_file(const char *path, struct text *ret)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	char buffer[65536];
	ssize_t size;

	if (fd < 0)
		return -errno;
	text_put(ret, "", 0);
	while ((size = read(fd, buffer, sizeof(buffer))) != 0) {
		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0)
			return -errno;
		text_put(ret, buffer, (size_t)size);
	}
	return 0;
}

int write_file(const char *path, const void *bytes, size_t size)
{
	autoclose int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	const char *at = bytes;

	if (fd < 0)
		return -errno;
	while (size > 0) {
		ssize_t written = write(fd, at, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		at += written;
		size -= (size_t)written;
	}
	return 0;
}
