/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the CPUs share with each other and with nobody else: whether a relocated value fits its
 * field, how it is stored where the place is plain data, and the search for gadgets.
 */
#ifndef LCP_ARCH_COMMON_H
#define LCP_ARCH_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/arch.h"
#include "base/num.h"

/* How the CPU, or whoever reads the data, extends a cut value: the value has to survive that. */
enum reloc_check {
	RELOC_SIGNED,
	RELOC_UNSIGNED,
	RELOC_EITHER, /* nobody knows */
};

/* Does @value fit @bits bits? With 0 bits it may be cut, so it always does. */
static inline bool reloc_fits(uint64_t value, unsigned int bits, enum reloc_check check)
{
	if (bits == 0 || bits >= 64)
		return true;
	if (check != RELOC_SIGNED && fits_unsigned(value, bits))
		return true;
	return check != RELOC_UNSIGNED && fits_signed((int64_t)value, bits);
}

/* Store the low @size bytes of @value: 0, 1, 2, 4 or 8. */
static inline void reloc_put_data(uint8_t *bytes, unsigned int size, uint64_t value)
{
	for (unsigned int i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
}

/* Bytes to be found in code; size 0 where a CPU has no such gadget. */
struct gadget {
	uint8_t size;
	uint8_t any; /* index of the byte that may be any; 0 if there is none */
	uint8_t rare; /* index of the byte that is looked for first */
	uint8_t code[ARCH_GADGET_MAX];
};

/* Where in @code, at a multiple of @align, @gadget first stands, or -1. */
int64_t gadget_find(const struct gadget *gadget, size_t align, const uint8_t *code, size_t size);

#endif
