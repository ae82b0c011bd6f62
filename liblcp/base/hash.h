/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SHA-256 (FIPS 180-4), the digest of patch files and of original functions.
 */
#ifndef LCP_BASE_HASH_H
#define LCP_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32
#define SHA256_BLOCK 64

struct sha256 {
	uint32_t state[8];
	uint64_t size; /* bytes taken in so far */
	uint8_t block[SHA256_BLOCK]; /* the last size % SHA256_BLOCK of them */
};

void sha256_init(struct sha256 *hash);
void sha256_update(struct sha256 *hash, const void *bytes, size_t size);
void sha256_final(struct sha256 *hash, uint8_t ret[SHA256_SIZE]);

/* All of it at once. */
void sha256(const void *bytes, size_t size, uint8_t ret[SHA256_SIZE]);

#endif
