/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the tools share that has nothing to do with patches: memory, text, lists of words, paths,
 * files as a whole.
 *
 * A tool that runs out of memory says so and ends: nothing of its state is worth more than that.
 */
#ifndef TOOLS_UTIL_H
#define TOOLS_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

static inline void free_guard(void *pointer)
{
	free(*(void **)pointer);
}

static inline void close_guard(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

#define autofree __attribute__((cleanup(free_guard)))
#define autoclose __attribute__((cleanup(close_guard)))

/* Give a guarded pointer away: its value; the variable no longer holds it. */
#define take(pointer)                                   \
	({                                              \
		__typeof__(pointer) taken_ = (pointer); \
		(pointer) = NULL;                       \
		taken_;                                 \
	})

/* These do not fail. */
void *grow(void *items, size_t *room, size_t count, size_t item_size);
void *zalloc(size_t count, size_t item_size);
char *copy_text(const char *text);
char *copy_bytes(const char *bytes, size_t size);
char *format_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Append to an array of @items, @count and @room. */
#define append(array, item)                                                           \
	do {                                                                          \
		(array)->items = grow((array)->items, &(array)->room, (array)->count, \
				      sizeof(*(array)->items));                       \
		(array)->items[(array)->count++] = (item);                            \
	} while (0)

/* Text that grows; always NUL-terminated once something was put into it. */
struct text {
	char *bytes;
	size_t size; /* without the NUL */
	size_t room;
};

void text_fini(struct text *text);

#define autotext __attribute__((cleanup(text_fini)))

void text_put(struct text *text, const char *bytes, size_t size);
void text_puts(struct text *text, const char *more);
void text_printf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A string of JSON with its quotes; null for NULL. What is not UTF-8 becomes U+FFFD. */
void text_json(struct text *text, const char *string);

/* The text, "" if it is empty; the caller frees it. */
char *text_take(struct text *text);

/* A list of strings that it owns, ended by NULL as an argv is. */
struct words {
	char **items;
	size_t count;
	size_t room;
};

void words_fini(struct words *words);

#define autowords __attribute__((cleanup(words_fini)))

void words_take(struct words *words, char *word);
void words_add(struct words *words, const char *word);
bool words_have(const struct words *words, const char *word);

bool begins_with(const char *text, const char *prefix);
bool ends_with(const char *text, const char *suffix);
const char *base_name(const char *path);

/*
 * @name as seen from @directory, without ".", "//" and "..": names are not looked up, so that a
 * file that does not exist has a path too.
 */
char *path_from(const char *directory, const char *name);

/*
 * The same with symbolic links followed as far as the path exists; @directory is absolute or ".".
 */
char *path_real(const char *directory, const char *name);

/* The directory that @path is in; "/" for "/". */
char *path_parent(const char *path);

/* Is @path @directory or below it? */
bool path_below(const char *path, const char *directory);

/* 0 or a negative errno. */
int read_file(const char *path, struct text *ret);
int write_file(const char *path, const void *bytes, size_t size);

#endif
