/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The vectors are those of FIPS 180-4's example documents ("abc", two blocks, a million times "a")
 * and the empty message; lengths around the block size are compared with sha256sum(1).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/str.h"
#include "tap.h"

static void is_hash(const char *message, size_t times, const char *want, const char *claim)
{
	autostr struct str hex = { 0 };
	uint8_t digest[SHA256_SIZE];
	struct sha256 hash;

	sha256_init(&hash);
	for (size_t i = 0; i < times; i++)
		sha256_update(&hash, message, strlen(message));
	sha256_final(&hash, digest);
	str_put_hex(&hex, digest, sizeof(digest));
	is_text(hex.text, want, claim);
}

static void test_vectors(void)
{
	is_hash("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"nothing");
	is_hash("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		"one block");
	is_hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1", "two blocks");
	is_hash("a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
		"a million letters, one by one");
}

/* What sha256sum says of @size bytes of 'x', or NULL if it is not there. */
static char *ask_sha256sum(size_t size)
{
	char command[128], *hex = calloc(1, 65);
	FILE *pipe;

	(void)snprintf(command, sizeof(command),
		       "head -c %zu /dev/zero | tr '\\0' x | sha256sum 2>/dev/null", size);
	pipe = popen(command, "re");
	if (hex == NULL || pipe == NULL || fread(hex, 1, 64, pipe) != 64) {
		free(hex);
		hex = NULL;
	}
	if (pipe != NULL)
		(void)pclose(pipe);
	return hex;
}

static void test_lengths(void)
{
	static const size_t sizes[] = { 1, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 129, 1000 };
	char message[1000];
	int wrong = 0;

	memset(message, 'x', sizeof(message));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		autofree char *want = ask_sha256sum(sizes[i]);
		autostr struct str hex = { 0 };
		uint8_t digest[SHA256_SIZE];

		sha256(message, sizes[i], digest);
		str_put_hex(&hex, digest, sizeof(digest));
		if (want == NULL || strcmp(hex.text, want) != 0) {
			tap_say("%zu bytes: is %s, sha256sum says %s", sizes[i], hex.text,
				want != NULL ? want : "nothing");
			wrong++;
		}
	}
	is_int(wrong, 0, "messages around the block size agree with sha256sum");
}

int main(void)
{
	tap_begin();
	test_vectors();
	test_lengths();
	return tap_end();
}
