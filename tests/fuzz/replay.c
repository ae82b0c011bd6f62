/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Feed the files of a seed corpus to a fuzzing entry point: each as it is, cut in the middle, and
 * with a byte changed here and there. This is what make check does where there is no libFuzzer.
 *
 * A seed whose name begins with "bad-" must be refused as it is, any other accepted. Whatever is
 * accepted must keep its promises: the entry point ends the program if it does not.
 *
 *	fuzz-NAME DIRECTORY
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "fuzz.h"
#include "tap.h"

/* So many single bytes of each file are changed, spread over it. */
#define CHANGES 200

/* No entry point says so: it said nothing. */
#define UNTOLD 1

static int outcome;

void fuzz_tell(int r)
{
	outcome = r;
}

static bool read_file(const char *path, struct str *to)
{
	FILE *file = fopen(path, "re");
	char part[4096];
	size_t n;

	if (file == NULL)
		return false;
	while ((n = fread(part, 1, sizeof(part), file)) > 0)
		str_put(to, part, n);
	(void)fclose(file);
	return !to->failed;
}

/* In a block of its own size, so that a sanitiser sees what is read beyond. */
static int feed(const char *bytes, size_t size, size_t change)
{
	autofree uint8_t *copy = malloc(size == 0 ? 1 : size);

	if (copy == NULL)
		abort();
	memcpy(copy, bytes, size);
	if (change < size)
		copy[change] ^= (uint8_t)(1 + change % 255);
	outcome = UNTOLD;
	(void)LLVMFuzzerTestOneInput(copy, size);
	return outcome;
}

static void replay(const char *directory, const char *name)
{
	bool bad = strncmp(name, "bad-", 4) == 0;
	autostr struct str path = { 0 }, bytes = { 0 };
	size_t step;
	int r;

	str_printf(&path, "%s/%s", directory, name);
	if (!read_file(path.text, &bytes)) {
		ok(false, "%s can be read", path.text);
		return;
	}
	str_puts(&bytes, "");
	step = bytes.size / CHANGES + 1;
	r = feed(bytes.text, bytes.size, SIZE_MAX);
	if (r == UNTOLD)
		tap_skip("the entry point does not tell", "the seed is accepted or refused");
	else
		ok(bad ? r < 0 : r == 0, "%s is %s: %s", name, bad ? "refused" : "accepted",
		   error_name(r));
	(void)feed(bytes.text, bytes.size / 2, SIZE_MAX);
	for (size_t at = 0; at < bytes.size; at += step)
		(void)feed(bytes.text, bytes.size, at);
}

int main(int argc, char **argv)
{
	struct dirent **names;
	int count, files = 0;

	if (argc != 2) {
		(void)fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
		return 2;
	}
	tap_begin();
	count = scandir(argv[1], &names, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		if (names[i]->d_name[0] != '.') {
			replay(argv[1], names[i]->d_name);
			files++;
		}
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	ok(files > 0, "the corpus in %s has files: %d", argv[1], files);
	return tap_end();
}
