/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>

#include "base/json.h"
#include "tap.h"

static void is_json_string(const char *text, const char *want, const char *claim)
{
	autojson struct json json = { 0 };
	autofree char *is = NULL;

	json_string(&json, NULL, text);
	(void)json_take(&json, &is);
	is_text(is, want, claim);
}

static void test_document(void)
{
	autojson struct json json = { 0 };
	autofree char *text = NULL;

	json_object_begin(&json, NULL);
	json_string(&json, "name", "x");
	json_array_begin(&json, "list");
	json_int(&json, NULL, -1);
	json_bool(&json, NULL, true);
	json_bool(&json, NULL, false);
	json_null(&json, NULL);
	json_object_begin(&json, NULL);
	json_object_end(&json);
	json_array_begin(&json, NULL);
	json_array_end(&json);
	json_array_end(&json);
	json_address(&json, "address", UINT64_MAX);
	json_counter(&json, "counter", UINT64_MAX);
	json_object_end(&json);
	is_int(json_take(&json, &text), 0, "a document can be taken");
	is_text(text,
		"{\"name\":\"x\",\"list\":[-1,true,false,null,{},[]],\"address\":\"0xffffffffffffffff\","
		"\"counter\":\"18446744073709551615\"}",
		"commas stand between values and nowhere else");
}

static void test_escapes(void)
{
	is_json_string("a\"b\\c/", "\"a\\\"b\\\\c/\"", "quotes and backslashes are escaped");
	is_json_string("\b\t\n\f\r", "\"\\b\\t\\n\\f\\r\"", "short escapes are used");
	is_json_string("\x01\v\x1f\x7f", "\"\\u0001\\u000b\\u001f\\u007f\"",
		       "other control characters are written by number");
	is_json_string(NULL, "null", "no string is null");
	is_json_string("", "\"\"", "an empty one is empty");
}

static void test_utf8(void)
{
	is_json_string("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
		       "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"", "UTF-8 is passed on");
	is_json_string("a\xff\x62", "\"a\xef\xbf\xbd\x62\"", "a stray byte is replaced");
	is_json_string("\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\"", "a cut sequence is replaced");
	is_json_string("\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\"", "an overlong form is replaced");
	is_json_string("\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"",
		       "a surrogate is replaced");
	is_json_string("\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"",
		       "what is beyond Unicode is replaced");
}

int main(void)
{
	tap_begin();
	test_document();
	test_escapes();
	test_utf8();
	return tap_end();
}
