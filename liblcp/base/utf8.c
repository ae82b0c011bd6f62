/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/utf8.h"

#include <stdint.h>

/* Table 3-7 of the Unicode standard: no overlong forms, no surrogates, nothing above U+10FFFF. */
size_t utf8_size(const char *string)
{
	const uint8_t *text = (const uint8_t *)string;
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

/* C0, DEL, and C1 (U+0080 to U+009F), which terminals obey too. */
static bool is_control(const char *text, size_t size)
{
	const uint8_t *bytes = (const uint8_t *)text;

	if (size == 1)
		return bytes[0] < ' ' || bytes[0] == 0x7f;
	return size == 2 && bytes[0] == 0xc2 && bytes[1] < 0xa0;
}

bool utf8_is_printable(const char *text)
{
	while (*text != '\0') {
		size_t size = utf8_size(text);

		if (size == 0 || is_control(text, size))
			return false;
		text += size;
	}
	return true;
}

void utf8_make_printable(char *text)
{
	while (*text != '\0') {
		size_t size = utf8_size(text);

		if (size != 0 && !is_control(text, size)) {
			text += size;
			continue;
		}
		*text++ = '?';
		for (; size > 1; size--)
			*text++ = '?';
	}
}
