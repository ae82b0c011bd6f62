/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tap.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int claims, failures, descriptors_at_begin;

/* How many descriptors are open, without the one that counts them. */
static int open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = -1;

	if (dir == NULL)
		return 0;
	for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
		count += entry->d_name[0] != '.';
	(void)closedir(dir);
	return count;
}

void tap_begin(void)
{
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	descriptors_at_begin = open_descriptors();
	printf("TAP version 13\n# descriptors open at the beginning: %d\n", descriptors_at_begin);
}

int tap_end(void)
{
	is_int(open_descriptors(), descriptors_at_begin, "the test leaves no descriptor open");
	printf("1..%d\n", claims);
	if (failures > 0)
		printf("# %d of %d claims do not hold\n", failures, claims);
	return failures > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

bool tap_ok(bool holds, const char *file, int line, const char *claim, ...)
{
	va_list args;

	printf("%s %d - ", holds ? "ok" : "not ok", ++claims);
	va_start(args, claim);
	vprintf(claim, args);
	va_end(args);
	printf("\n");
	if (!holds) {
		failures++;
		printf("# at %s:%d\n", file, line);
	}
	return holds;
}

void tap_say(const char *format, ...)
{
	va_list args;

	printf("# ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

void tap_skip(const char *reason, const char *claim)
{
	printf("ok %d - %s # SKIP %s\n", ++claims, claim, reason);
}

bool tap_is_int(int64_t is, int64_t want, const char *file, int line, const char *claim)
{
	if (!tap_ok(is == want, file, line, "%s", claim))
		tap_say("is %" PRId64 " (0x%" PRIx64 "), not %" PRId64 " (0x%" PRIx64 ")", is,
			(uint64_t)is, want, (uint64_t)want);
	return is == want;
}

bool tap_is_text(const char *is, const char *want, const char *file, int line, const char *claim)
{
	bool same = is == want || (is != NULL && want != NULL && strcmp(is, want) == 0);

	if (!tap_ok(same, file, line, "%s", claim))
		tap_say("is \"%s\", not \"%s\"", is ? is : "(null)", want ? want : "(null)");
	return same;
}

static void say_bytes(const char *word, const uint8_t *bytes, uint64_t size)
{
	printf("# %s", word);
	for (uint64_t i = 0; i < size; i++)
		printf(" %02x", bytes[i]);
	printf("\n");
}

bool tap_is_bytes(const void *is, const void *want, uint64_t size, const char *file, int line,
		  const char *claim)
{
	bool same = memcmp(is, want, size) == 0;

	if (!tap_ok(same, file, line, "%s", claim)) {
		say_bytes("is  ", is, size);
		say_bytes("want", want, size);
	}
	return same;
}
