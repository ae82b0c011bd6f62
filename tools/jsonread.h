/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading JSON: strict (RFC 8259), the whole document at once, as a tree.
 */
#ifndef TOOLS_JSONREAD_H
#define TOOLS_JSONREAD_H

#include "util.h"

enum json_kind {
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

struct json_value {
	enum json_kind kind;
	char *name; /* in an object */
	char *string; /* of a string; a number as it was written */
	struct json_value *items; /* of an array or an object */
	size_t count;
	size_t room;
};

void jsonread_fini(struct json_value *value);

/* The first byte that is wrong, or NULL. @text ends with a NUL and may hold none before. */
const char *jsonread_parse(const char *text, const char *end, struct json_value *ret);

/* The member of an object, or NULL. */
const struct json_value *jsonread_member(const struct json_value *object, const char *name);

#endif
