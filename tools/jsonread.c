/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A recursive reader. Depth is limited, so that a file cannot exhaust the stack.
 */
#include "jsonread.h"

#include <string.h>

#define DEPTH_MAX 64

struct json_reader {
	const char *at;
	const char *end;
	uint32_t depth;
};

static bool read_value(struct json_reader *reader, struct json_value *ret);

void jsonread_fini(struct json_value *value)
{
	for (size_t i = 0; i < value->count; i++)
		jsonread_fini(&value->items[i]);
	free(value->items);
	free(value->name);
	free(value->string);
	*value = (struct json_value){ 0 };
}

static void skip_blanks(struct json_reader *reader)
{
	while (reader->at < reader->end && strchr(" \t\r\n", *reader->at) != NULL &&
	       *reader->at != '\0')
		reader->at++;
}

static bool read_mark(struct json_reader *reader, char mark)
{
	skip_blanks(reader);
	if (reader->at >= reader->end || *reader->at != mark)
		return false;
	reader->at++;
	return true;
}

static bool read_hex(struct json_reader *reader, uint32_t *ret)
{
	*ret = 0;
	for (int i = 0; i < 4; i++, reader->at++) {
		static const char digits[] = "0123456789abcdef";
		const char *found;

		if (reader->at >= reader->end || *reader->at == '\0')
			return false;
		found = strchr(digits, *reader->at | (*reader->at >= 'A' ? 0x20 : 0));
		if (found == NULL)
			return false;
		*ret = *ret * 16 + (uint32_t)(found - digits);
	}
	return true;
}

static void put_utf8(struct text *text, uint32_t code)
{
	char bytes[4];
	size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const unsigned char leads[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (size_t i = size - 1; i > 0; i--, code >>= 6)
		bytes[i] = (char)(0x80 | (code & 0x3f));
	bytes[0] = (char)(leads[size] | code);
	text_put(text, bytes, size);
}

/* What follows "\u": two of them may make one character. */
static bool read_unicode(struct json_reader *reader, struct text *text)
{
	uint32_t code, low;

	if (!read_hex(reader, &code) || code == 0 || (code >= 0xdc00 && code <= 0xdfff))
		return false;
	if (code >= 0xd800 && code <= 0xdbff) {
		if (reader->end - reader->at < 2 || reader->at[0] != '\\' || reader->at[1] != 'u')
			return false;
		reader->at += 2;
		if (!read_hex(reader, &low) || low < 0xdc00 || low > 0xdfff)
			return false;
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
	}
	put_utf8(text, code);
	return true;
}

static bool read_escape(struct json_reader *reader, struct text *text)
{
	static const char escapes[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
	char mark;

	if (reader->at >= reader->end)
		return false;
	mark = *reader->at++;
	if (mark == 'u')
		return read_unicode(reader, text);
	for (const char *at = escapes; *at != '\0'; at += 2)
		if (*at == mark) {
			text_put(text, at + 1, 1);
			return true;
		}
	reader->at--;
	return false;
}

static bool read_string(struct json_reader *reader, char **ret)
{
	autotext struct text text = { 0 };

	if (!read_mark(reader, '"'))
		return false;
	while (reader->at < reader->end && *reader->at != '"') {
		if ((unsigned char)*reader->at < 0x20)
			return false;
		if (*reader->at == '\\') {
			reader->at++;
			if (!read_escape(reader, &text))
				return false;
		} else {
			text_put(&text, reader->at++, 1);
		}
	}
	if (!read_mark(reader, '"'))
		return false;
	*ret = text_take(&text);
	return true;
}

static size_t digits_at(const struct json_reader *reader)
{
	return strspn(reader->at, "0123456789");
}

static bool read_number(struct json_reader *reader, struct json_value *ret)
{
	const char *begin = reader->at;
	size_t digits;

	reader->at += *reader->at == '-';
	digits = digits_at(reader);
	if (digits == 0 || (digits > 1 && *reader->at == '0'))
		return false;
	reader->at += digits;
	if (*reader->at == '.') {
		reader->at++;
		if ((digits = digits_at(reader)) == 0)
			return false;
		reader->at += digits;
	}
	if (*reader->at == 'e' || *reader->at == 'E') {
		reader->at++;
		reader->at += *reader->at == '+' || *reader->at == '-';
		if ((digits = digits_at(reader)) == 0)
			return false;
		reader->at += digits;
	}
	ret->kind = JSON_NUMBER;
	ret->string = copy_bytes(begin, (size_t)(reader->at - begin));
	return true;
}

static bool read_word(struct json_reader *reader, struct json_value *ret)
{
	static const struct {
		const char *word;
		enum json_kind kind;
	} words[] = { { "null", JSON_NULL }, { "false", JSON_FALSE }, { "true", JSON_TRUE } };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (begins_with(reader->at, words[i].word)) {
			reader->at += strlen(words[i].word);
			ret->kind = words[i].kind;
			return true;
		}
	return false;
}

static bool read_members(struct json_reader *reader, struct json_value *ret, char end)
{
	reader->at++;
	if (read_mark(reader, end))
		return true;
	do {
		struct json_value empty = { 0 }, *item;

		append(ret, empty);
		item = &ret->items[ret->count - 1];
		if (ret->kind == JSON_OBJECT &&
		    (!read_string(reader, &item->name) || !read_mark(reader, ':')))
			return false;
		if (!read_value(reader, item))
			return false;
	} while (read_mark(reader, ','));
	return read_mark(reader, end);
}

static bool read_value(struct json_reader *reader, struct json_value *ret)
{
	bool r;

	skip_blanks(reader);
	if (reader->at >= reader->end || reader->depth == DEPTH_MAX)
		return false;
	switch (*reader->at) {
	case '{':
	case '[':
		ret->kind = *reader->at == '{' ? JSON_OBJECT : JSON_ARRAY;
		reader->depth++;
		r = read_members(reader, ret, *reader->at == '{' ? '}' : ']');
		reader->depth--;
		return r;
	case '"':
		ret->kind = JSON_STRING;
		return read_string(reader, &ret->string);
	case '-':
	case '0' ... '9':
		return read_number(reader, ret);
	default:
		return read_word(reader, ret);
	}
}

const char *jsonread_parse(const char *text, const char *end, struct json_value *ret)
{
	struct json_reader reader = { .at = text, .end = end };

	if (!read_value(&reader, ret))
		return reader.at;
	skip_blanks(&reader);
	return reader.at == end ? NULL : reader.at;
}

const struct json_value *jsonread_member(const struct json_value *object, const char *name)
{
	for (size_t i = 0; object->kind == JSON_OBJECT && i < object->count; i++)
		if (strcmp(object->items[i].name, name) == 0)
			return &object->items[i];
	return NULL;
}
