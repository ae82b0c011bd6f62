/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A patch made up for tests: for x86-64, for a program that does not exist, with something of
 * everything that a patch file can hold.
 */
#ifndef LCP_TESTS_SAMPLE_H
#define LCP_TESTS_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lcp/kpatch.h>

#define SAMPLE_ID "sample-0001"
#define SAMPLE_BUILD_ID "8f2c41d07e9ba356c8101b7d94e5fa2360bd8e17"
#define SAMPLE_TARGET "sample-server"
#define SAMPLE_CVE "CVE-0000-0001"
#define SAMPLE_SYMBOLS 8

/* Functions enough for a file of about 20 kB. */
#define SAMPLE_FUNCTIONS 35

/*
 * Make the sample with that many functions, the last of which is new, in our own format; the
 * caller frees *@ret. A test that cannot make it ends here.
 */
void sample_make(size_t functions, uint8_t **ret, size_t *ret_size);

/* The same in a classic format: LCP_FORMAT_LIBCARE or LCP_FORMAT_LIBCAREPLUS. */
void sample_make_classic(size_t functions, uint32_t format, uint8_t **ret, size_t *ret_size);

/*
 * Make the digest right again after a change, in a copy: *@ret is the caller's. false if the file
 * is too broken to find its digest.
 */
bool sample_sign(const uint8_t *file, size_t size, uint8_t **ret);

#endif
