/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * JSON writer: a document is written from front to back, values as they come.
 *
 *	json_object_begin(&json, NULL);
 *	json_string(&json, "id", id);
 *	json_object_end(&json);
 *	return json_take(&json, ret);
 *
 * In an object each value has a @key, in an array and at the top it is NULL. Addresses and 64-bit
 * counters are written as strings (json_address, json_counter), since most readers cut numbers to
 * 53 bits. Bytes that are not UTF-8 become U+FFFD, so that the document always parses.
 */
#ifndef LCP_BASE_JSON_H
#define LCP_BASE_JSON_H

#include <stdint.h>

#include "base/cleanup.h"
#include "base/str.h"

struct json {
	struct str text;
	bool need_comma;
};

void json_fini(struct json *json);

#define autojson cleanup(json_fini)

void json_object_begin(struct json *json, const char *key);
void json_object_end(struct json *json);
void json_array_begin(struct json *json, const char *key);
void json_array_end(struct json *json);

/* A @text of NULL is written as null. */
void json_string(struct json *json, const char *key, const char *text);
void json_int(struct json *json, const char *key, int64_t value);
void json_bool(struct json *json, const char *key, bool value);
void json_null(struct json *json, const char *key);

/* "0x4011c0" */
void json_address(struct json *json, const char *key, uint64_t value);

/* "18446744073709551615" */
void json_counter(struct json *json, const char *key, uint64_t value);

/* End writing; see str_take(). */
int json_take(struct json *json, char **ret);

#endif
