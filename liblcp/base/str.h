/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * String builder: bytes appended to one growing buffer that is always NUL-terminated.
 *
 * Errors stick: once memory has run out nothing more is appended, and str_take() says so. So a
 * caller appends as much as it likes and looks once.
 */
#ifndef LCP_BASE_STR_H
#define LCP_BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct str {
	char *text; /* NULL while nothing was appended */
	size_t size; /* without the NUL */
	size_t room;
	bool failed;
};

void str_fini(struct str *str);

#define autostr cleanup(str_fini)

void str_put(struct str *str, const void *bytes, size_t size);
void str_puts(struct str *str, const char *text);
void str_putc(struct str *str, char c);

/* Lower-case hexadecimal digits of @bytes, first byte first. */
void str_put_hex(struct str *str, const void *bytes, size_t size);

void str_printf(struct str *str, const char *format, ...) __attribute__((format(printf, 2, 3)));
void str_vprintf(struct str *str, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

/*
 * End building: the text goes to the caller, who frees it, and @str is empty again. Text of size 0
 * is "", never NULL. 0 or -ENOMEM.
 */
int str_take(struct str *str, char **ret);

#endif
