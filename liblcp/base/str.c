/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/str.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"

#define STR_FIRST_ROOM 64

void str_fini(struct str *str)
{
	free(str->text);
	*str = (struct str){ 0 };
}

/* Make room for @size bytes and the NUL behind what there is. */
static bool reserve(struct str *str, size_t size)
{
	size_t room = str->room == 0 ? STR_FIRST_ROOM : str->room;
	char *text;

	if (str->failed || size >= SIZE_MAX / 2 - str->size) {
		str->failed = true;
		return false;
	}
	while (room - str->size <= size)
		room *= 2;
	if (room == str->room)
		return true;

	text = realloc(str->text, room);
	if (text == NULL) {
		str->failed = true;
		return false;
	}
	str->text = text;
	str->room = room;
	return true;
}

void str_put(struct str *str, const void *bytes, size_t size)
{
	if (!reserve(str, size))
		return;
	if (size > 0)
		memcpy(str->text + str->size, bytes, size);
	str->size += size;
	str->text[str->size] = '\0';
}

void str_puts(struct str *str, const char *text)
{
	str_put(str, text, strlen(text));
}

void str_putc(struct str *str, char c)
{
	str_put(str, &c, 1);
}

void str_put_hex(struct str *str, const void *bytes, size_t size)
{
	static const char digits[16] = "0123456789abcdef";
	const uint8_t *from = bytes;

	for (size_t i = 0; i < size; i++) {
		str_putc(str, digits[from[i] >> 4]);
		str_putc(str, digits[from[i] & 15]);
	}
}

void str_vprintf(struct str *str, const char *format, va_list args)
{
	va_list again;
	int size;

	va_copy(again, args);
	size = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (size < 0)
		str->failed = true;
	else if (reserve(str, (size_t)size)) {
		(void)vsnprintf(str->text + str->size, (size_t)size + 1, format, args);
		str->size += (size_t)size;
	}
}

void str_printf(struct str *str, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	str_vprintf(str, format, args);
	va_end(args);
}

int str_take(struct str *str, char **ret)
{
	reserve(str, 0);
	if (str->failed) {
		str_fini(str);
		return -ENOMEM;
	}
	str->text[str->size] = '\0';
	*ret = take(str->text);
	str_fini(str);
	return 0;
}
