/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/json.h"

#include <inttypes.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

void json_fini(struct json *json)
{
	str_fini(&json->text);
}

/*
 * The size of the UTF-8 sequence that @text begins with, 0 if it does not begin with one. Table 3-7
 * of the Unicode standard: no overlong forms, no surrogates, nothing above U+10FFFF.
 */
static size_t utf8_size(const uint8_t *text)
{
	static const struct {
		uint8_t first, last; /* the leading byte */
		uint8_t low, high; /* the byte after it */
		uint8_t size;
	} rows[] = {
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	if (text[0] < 0x80)
		return 1;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (text[0] < rows[i].first || text[0] > rows[i].last)
			continue;
		if (text[1] < rows[i].low || text[1] > rows[i].high)
			return 0;
		for (size_t k = 2; k < rows[i].size; k++)
			if (text[k] < 0x80 || text[k] > 0xbf)
				return 0;
		return rows[i].size;
	}
	return 0;
}

static void put_char(struct str *to, uint8_t c)
{
	static const char short_escapes[] = "\b\t\n\v\f\r";
	static const char letters[] = "btnufr"; /* \v has none */

	if (c == '"' || c == '\\') {
		str_putc(to, '\\');
		str_putc(to, (char)c);
	} else if (c >= '\b' && c <= '\r' && c != '\v') {
		str_putc(to, '\\');
		str_putc(to, letters[strchr(short_escapes, c) - short_escapes]);
	} else if (c < 0x20 || c == 0x7f) {
		str_printf(to, "\\u%04x", c);
	} else {
		str_putc(to, (char)c);
	}
}

static void put_string(struct str *to, const char *text)
{
	const uint8_t *from = (const uint8_t *)text;

	str_putc(to, '"');
	while (*from != '\0') {
		size_t size = utf8_size(from);

		if (size == 1)
			put_char(to, *from);
		else if (size == 0)
			str_puts(to, REPLACEMENT);
		else
			str_put(to, from, size);
		from += size == 0 ? 1 : size;
	}
	str_putc(to, '"');
}

/* What stands in front of each value: the comma, the key. */
static void begin_value(struct json *json, const char *key)
{
	if (json->need_comma)
		str_putc(&json->text, ',');
	json->need_comma = true;
	if (key != NULL) {
		put_string(&json->text, key);
		str_putc(&json->text, ':');
	}
}

static void begin(struct json *json, const char *key, char bracket)
{
	begin_value(json, key);
	str_putc(&json->text, bracket);
	json->need_comma = false;
}

static void end(struct json *json, char bracket)
{
	str_putc(&json->text, bracket);
	json->need_comma = true;
}

void json_object_begin(struct json *json, const char *key)
{
	begin(json, key, '{');
}

void json_object_end(struct json *json)
{
	end(json, '}');
}

void json_array_begin(struct json *json, const char *key)
{
	begin(json, key, '[');
}

void json_array_end(struct json *json)
{
	end(json, ']');
}

void json_string(struct json *json, const char *key, const char *text)
{
	if (text == NULL) {
		json_null(json, key);
		return;
	}
	begin_value(json, key);
	put_string(&json->text, text);
}

void json_int(struct json *json, const char *key, int64_t value)
{
	begin_value(json, key);
	str_printf(&json->text, "%" PRId64, value);
}

void json_bool(struct json *json, const char *key, bool value)
{
	begin_value(json, key);
	str_puts(&json->text, value ? "true" : "false");
}

void json_null(struct json *json, const char *key)
{
	begin_value(json, key);
	str_puts(&json->text, "null");
}

void json_address(struct json *json, const char *key, uint64_t value)
{
	begin_value(json, key);
	str_printf(&json->text, "\"0x%" PRIx64 "\"", value);
}

void json_counter(struct json *json, const char *key, uint64_t value)
{
	begin_value(json, key);
	str_printf(&json->text, "\"%" PRIu64 "\"", value);
}

void json_hex(struct json *json, const char *key, const void *bytes, size_t size)
{
	begin_value(json, key);
	str_putc(&json->text, '"');
	str_put_hex(&json->text, bytes, size);
	str_putc(&json->text, '"');
}

int json_take(struct json *json, char **ret)
{
	return str_take(&json->text, ret);
}
