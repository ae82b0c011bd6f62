/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For tests in shell: is standard input one JSON document, and what is in it?
 *
 *	lcp info --json FILE | json-get patches.0.outcome
 *
 * Prints the value at the path, or with a trailing dot the names (or, of an array, the number) of
 * what is there. The status is 1 if it is no JSON, 2 if there is no such value.
 */
#include <stdio.h>
#include <string.h>

#include "jsonread.h"

static const struct json_value *step_into(const struct json_value *value, const char *name)
{
	if (value->kind == JSON_ARRAY) {
		size_t index = strtoul(name, NULL, 10);

		return index < value->count ? &value->items[index] : NULL;
	}
	return jsonread_member(value, name);
}

static void print_children(const struct json_value *value)
{
	if (value->kind == JSON_ARRAY)
		printf("%zu", value->count);
	for (size_t i = 0; value->kind == JSON_OBJECT && i < value->count; i++)
		printf("%s%s", i > 0 ? " " : "", value->items[i].name);
	printf("\n");
}

static void print_value(const struct json_value *value)
{
	static const char *const words[] = {
		[JSON_NULL] = "null",	[JSON_FALSE] = "false",	  [JSON_TRUE] = "true",
		[JSON_ARRAY] = "array", [JSON_OBJECT] = "object",
	};

	puts(value->string != NULL ? value->string : words[value->kind]);
}

int main(int argc, char **argv)
{
	const struct json_value *value;
	struct json_value document = { 0 };
	autotext struct text text = { 0 };
	bool children = false;
	int status = 0;

	if (read_file("/dev/stdin", &text) < 0 ||
	    jsonread_parse(text.bytes, text.bytes + text.size, &document) != NULL) {
		jsonread_fini(&document);
		return 1;
	}
	value = &document;
	for (char *name = argc > 1 ? argv[1] : NULL; name != NULL && value != NULL;) {
		char *dot = strchr(name, '.');

		if (dot != NULL)
			*dot = '\0';
		if (*name == '\0')
			children = true;
		else
			value = step_into(value, name);
		name = dot != NULL ? dot + 1 : NULL;
	}
	if (value == NULL)
		status = 2;
	else if (children)
		print_children(value);
	else if (argc > 1)
		print_value(value);
	jsonread_fini(&document);
	return status;
}
