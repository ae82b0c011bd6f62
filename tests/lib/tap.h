/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * TAP for tests in C. A test's name is its claim:
 *
 *	int main(void)
 *	{
 *		tap_begin();
 *		ok(str.size == 3, "three characters make a size of three");
 *		return tap_end();
 *	}
 *
 * tap_end() adds a claim of its own: that the test left no descriptor open.
 */
#ifndef LCP_TESTS_TAP_H
#define LCP_TESTS_TAP_H

#include <stdbool.h>
#include <stdint.h>

void tap_begin(void);

/* Print the plan and, if claims failed, how many: the exit status of the test. */
int tap_end(void);

/* The claim, and its result, which is returned so that details can be printed. */
bool tap_ok(bool holds, const char *file, int line, const char *claim, ...)
	__attribute__((format(printf, 4, 5)));

/* A line for the reader. */
void tap_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A claim that cannot be tried here, and why. */
void tap_skip(const char *reason, const char *claim);

#define ok(holds, ...) tap_ok((holds), __FILE__, __LINE__, __VA_ARGS__)

bool tap_is_int(int64_t is, int64_t want, const char *file, int line, const char *claim);
bool tap_is_text(const char *is, const char *want, const char *file, int line, const char *claim);
bool tap_is_bytes(const void *is, const void *want, uint64_t size, const char *file, int line,
		  const char *claim);

#define is_int(is, want, claim) \
	tap_is_int((int64_t)(is), (int64_t)(want), __FILE__, __LINE__, (claim))
#define is_text(is, want, claim) tap_is_text((is), (want), __FILE__, __LINE__, (claim))
#define is_bytes(is, want, size, claim) \
	tap_is_bytes((is), (want), (size), __FILE__, __LINE__, (claim))

#endif
