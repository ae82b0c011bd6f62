/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Numbers from files and from other processes: sums that may not wrap, ranges that may not leave
 * their container, integers in little-endian bytes of any alignment.
 */
#ifndef LCP_BASE_NUM_H
#define LCP_BASE_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* *ret = a + b; false if that wraps, and then *ret is not to be used. */
static inline bool add_u64(uint64_t a, uint64_t b, uint64_t *ret)
{
	return !__builtin_add_overflow(a, b, ret);
}

static inline bool mul_u64(uint64_t a, uint64_t b, uint64_t *ret)
{
	return !__builtin_mul_overflow(a, b, ret);
}

static inline bool mul_size(size_t a, size_t b, size_t *ret)
{
	return !__builtin_mul_overflow(a, b, ret);
}

/* Do @size bytes at @offset lie within the first @room bytes? */
static inline bool range_fits(uint64_t offset, uint64_t size, uint64_t room)
{
	return offset <= room && size <= room - offset;
}

static inline bool is_power_of_two(uint64_t value)
{
	return value != 0 && (value & (value - 1)) == 0;
}

/* *ret = @value rounded up to a multiple of @align, a power of two; false if that wraps. */
static inline bool align_up(uint64_t value, uint64_t align, uint64_t *ret)
{
	if (!add_u64(value, align - 1, ret))
		return false;
	*ret &= ~(align - 1);
	return true;
}

/* Does @value survive being cut to @bits bits, as a signed or as an unsigned number? */
static inline bool fits_signed(int64_t value, unsigned int bits)
{
	int64_t edge;

	if (bits >= 64)
		return true;
	edge = (int64_t)1 << (bits - 1);
	return value >= -edge && value < edge;
}

static inline bool fits_unsigned(uint64_t value, unsigned int bits)
{
	return bits >= 64 || value >> bits == 0;
}

#define DEFINE_LITTLE_ENDIAN(bits)                                                           \
	static inline uint##bits##_t get_le##bits(const void *from)                          \
	{                                                                                    \
		uint##bits##_t value = 0;                                                    \
		const uint8_t *bytes = from;                                                 \
                                                                                             \
		for (unsigned int i = 0; i < bits / 8; i++)                                  \
			value = (uint##bits##_t)(value | (uint##bits##_t)bytes[i] << 8 * i); \
		return value;                                                                \
	}                                                                                    \
                                                                                             \
	static inline void put_le##bits(void *to, uint##bits##_t value)                      \
	{                                                                                    \
		uint8_t *bytes = to;                                                         \
                                                                                             \
		for (unsigned int i = 0; i < bits / 8; i++)                                  \
			bytes[i] = (uint8_t)(value >> 8 * i);                                \
	}                                                                                    \
	struct little_endian_needs_a_semicolon

DEFINE_LITTLE_ENDIAN(16);
DEFINE_LITTLE_ENDIAN(32);
DEFINE_LITTLE_ENDIAN(64);

#endif
