/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/hash.h"

#include <string.h>

/* FIPS 180-4, 4.2.2: the first 32 bits of the fractional parts of the cube roots of primes. */
static const uint32_t round_constants[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

void sha256_init(struct sha256 *hash)
{
	/* 5.3.3: the first 32 bits of the fractional parts of the square roots of primes. */
	*hash = (struct sha256){
		.state = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c,
			   0x1f83d9ab, 0x5be0cd19 },
	};
}

static uint32_t rotate(uint32_t word, unsigned int by)
{
	return word >> by | word << (32 - by);
}

static uint32_t get_be32(const uint8_t *from)
{
	return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static void put_be32(uint8_t *to, uint32_t value)
{
	for (unsigned int i = 0; i < 4; i++)
		to[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* 6.2.2, step 1: spread the 16 words of a block over 64. */
static void schedule(const uint8_t block[SHA256_BLOCK], uint32_t words[64])
{
	for (size_t t = 0; t < 16; t++)
		words[t] = get_be32(block + 4 * t);
	for (size_t t = 16; t < 64; t++) {
		uint32_t a = words[t - 15], b = words[t - 2];

		words[t] = words[t - 16] + words[t - 7] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) +
			   (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
	}
}

/* 6.2.2, steps 2 to 4, with the standard's names. */
static void compress(struct sha256 *hash, const uint8_t block[SHA256_BLOCK])
{
	uint32_t *state = hash->state;
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
	uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
	uint32_t words[64];

	schedule(block, words);
	for (size_t t = 0; t < 64; t++) {
		uint32_t t1 = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
			      ((e & f) ^ (~e & g)) + round_constants[t] + words[t];
		uint32_t t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +
			      ((a & b) ^ (a & c) ^ (b & c));

		h = g;
		g = f;
		f = e;
		e = d + t1;
		d = c;
		c = b;
		b = a;
		a = t1 + t2;
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
	state[5] += f;
	state[6] += g;
	state[7] += h;
}

void sha256_update(struct sha256 *hash, const void *bytes, size_t size)
{
	const uint8_t *from = bytes;
	size_t held = hash->size % SHA256_BLOCK;

	hash->size += size;
	while (held + size >= SHA256_BLOCK) {
		size_t part = SHA256_BLOCK - held;

		if (held == 0) {
			compress(hash, from);
		} else {
			memcpy(hash->block + held, from, part);
			compress(hash, hash->block);
		}
		from += part;
		size -= part;
		held = 0;
	}
	if (size > 0)
		memcpy(hash->block + held, from, size);
}

void sha256_final(struct sha256 *hash, uint8_t ret[SHA256_SIZE])
{
	static const uint8_t padding[SHA256_BLOCK] = { 0x80 };
	uint64_t bits = hash->size * 8;
	size_t held = hash->size % SHA256_BLOCK;
	uint8_t length[8];

	put_be32(length, (uint32_t)(bits >> 32));
	put_be32(length + 4, (uint32_t)bits);
	sha256_update(hash, padding, (held < 56 ? 56 : 120) - held);
	sha256_update(hash, length, sizeof(length));
	for (size_t i = 0; i < 8; i++)
		put_be32(ret + 4 * i, hash->state[i]);
}

void sha256(const void *bytes, size_t size, uint8_t ret[SHA256_SIZE])
{
	struct sha256 hash;

	sha256_init(&hash);
	sha256_update(&hash, bytes, size);
	sha256_final(&hash, ret);
}
