/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Text from files that somebody else made: is it UTF-8, and does it do no harm on a terminal?
 */
#ifndef LCP_BASE_UTF8_H
#define LCP_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* The size of the UTF-8 sequence that @text, which ends with NUL, begins with; 0 if it is none. */
size_t utf8_size(const char *text);

/* UTF-8 without control characters? */
bool utf8_is_printable(const char *text);

/* Overwrite with '?' whatever is not. */
void utf8_make_printable(char *text);

#endif
