/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/json.h"

#include <inttypes.h>
#include <string.h>

#include "base/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

void json_fini(struct json *json)
{
	str_fini(&json->text);
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
	str_putc(to, '"');
	while (*text != '\0') {
		size_t size = utf8_size(text);

		if (size == 1)
			put_char(to, (uint8_t)*text);
		else if (size == 0)
			str_puts(to, REPLACEMENT);
		else
			str_put(to, text, size);
		text += size == 0 ? 1 : size;
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

int json_take(struct json *json, char **ret)
{
	return str_take(&json->text, ret);
}
