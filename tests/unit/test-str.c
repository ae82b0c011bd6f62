/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"
#include "base/vec.h"
#include "tap.h"

static void test_building(void)
{
	struct str str = { 0 };
	autofree char *text = NULL;

	str_puts(&str, "pid ");
	str_printf(&str, "%d, %s", 42, "thread");
	str_putc(&str, ' ');
	str_put_hex(&str, "\x00\x7f\xff", 3);
	is_int(str_take(&str, &text), 0, "a built string can be taken");
	is_text(text, "pid 42, thread 007fff", "it holds what was put into it");
	ok(str.text == NULL && str.size == 0, "and the builder is empty again");
}

static void test_growing(void)
{
	autostr struct str str = { 0 };

	for (int i = 0; i < 100000; i++)
		str_putc(&str, (char)('a' + i % 26));
	is_int(str.size, 100000, "100000 characters are 100000 bytes");
	ok(strlen(str.text) == 100000 && str.text[99999] == 'a' + 99999 % 26,
	   "all of them are there");
}

static void test_empty(void)
{
	struct str str = { 0 };
	autofree char *text = NULL;

	is_int(str_take(&str, &text), 0, "an empty string can be taken");
	is_text(text, "", "and is not NULL");
}

static void test_failure(void)
{
	struct str str = { 0 };
	char *text = NULL;

	str_puts(&str, "begin");
	str_put(&str, "", SIZE_MAX / 2);
	ok(str.failed, "more than memory can hold is refused");
	str_puts(&str, "more");
	is_int(str_take(&str, &text), -ENOMEM, "the failure sticks until the string is taken");
	ok(text == NULL, "and nothing is given then");
}

static void test_vec(void)
{
	VEC(int) numbers = { 0 };
	int sum = 0, r = 0;

	for (int i = 0; i < 1000; i++)
		r |= vec_push(&numbers, i);
	is_int(r, 0, "a thousand numbers can be pushed");
	vec_foreach (&numbers, number)
		sum += *number;
	is_int(sum, 499500, "and all of them are visited");
	vec_fini(&numbers);
	ok(numbers.items == NULL && numbers.count == 0, "a vector can be emptied");
	vec_foreach (&numbers, number)
		sum = 0;
	is_int(sum, 499500, "an empty one has nothing to visit");
}

static void test_vec_overflow(void)
{
	size_t room = 0;

	ok(vec_grow(NULL, &room, 0, SIZE_MAX / 4) == NULL,
	   "items whose sizes do not add up are refused");
	is_int(room, 0, "and the vector is as before");
}

int main(void)
{
	tap_begin();
	test_building();
	test_growing();
	test_empty();
	test_failure();
	test_vec();
	test_vec_overflow();
	return tap_end();
}
