/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * .eh_frame of programs that do not say where it is. Without PT_GNU_EH_FRAME, which gcc leaves out
 * of static programs, only section headers tell, and they are not in memory. So it is known by its
 * form: a chain of entries, each of which says how long it is, that begins with a CIE.
 */
#include "core/safety_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"

/* Pointers are relative to themselves or absolute (LSB 10.5). */
#define ENCODING_ABSOLUTE8 0x00
#define ENCODING_ABSOLUTE4 0x03
#define ENCODING_RELATIVE4 0x1b

#define CIE_MIN 12
#define CIE_MAX 1024
#define LETTERS 9 /* where its augmentation is */
#define LETTERS_MAX 8

/* Bytes of the process, and a CIE in them. */
struct chain {
	const struct object *object;
	uint64_t base;
	uint64_t address;
	const uint8_t *bytes;
	size_t size;
};

static size_t skip_leb(const uint8_t *bytes, size_t at, size_t size)
{
	while (at < size && (bytes[at] & 0x80) != 0)
		at++;
	return at + 1;
}

/* The size of the CIE at @offset, in full; 0 if there is none of the kind that compilers write. */
static size_t cie_size(const struct chain *chain, size_t offset)
{
	const uint8_t *bytes = chain->bytes + offset;
	size_t room = chain->size - offset, size;

	if (room < CIE_MIN)
		return 0;
	size = (size_t)get_le32(bytes) + 4;
	if (size < CIE_MIN || size > CIE_MAX || size > room || get_le32(bytes + 4) != 0 ||
	    (bytes[8] != 1 && bytes[8] != 3) || bytes[LETTERS] != 'z')
		return 0;
	return size;
}

/* How the CIE at @offset says that its FDEs encode pointers; -1 if it does not, or is no CIE. */
static int cie_encoding(const struct chain *chain, size_t offset)
{
	const uint8_t *bytes = chain->bytes + offset;
	size_t size = cie_size(chain, offset), at, length;

	if (size == 0)
		return -1;
	length = strnlen((const char *)bytes + LETTERS, size - LETTERS);
	if (length >= LETTERS_MAX || length == size - LETTERS)
		return -1;
	at = LETTERS + length + 1;
	/* Alignment of code, of data, return address, size of what follows. */
	for (int i = 0; i < 4; i++)
		at = skip_leb(bytes, at, size);
	for (size_t i = 1; i < length && at < size; i++) {
		char letter = (char)bytes[LETTERS + i];

		if (letter == 'R')
			return bytes[at];
		if (letter == 'P') /* a pointer of 4 or 8 bytes behind its encoding */
			at += (bytes[at] & 7) == 3 ? 5 : 9;
		else if (letter == 'L')
			at++;
		else if (letter != 'S' && letter != 'B')
			return -1;
	}
	return -1;
}

static bool is_code(const struct object *object, uint64_t address)
{
	for (size_t i = 0; i < object->segment_count; i++)
		if (object->segments[i].executable && address >= object->segments[i].start &&
		    address < object->segments[i].end)
			return true;
	return false;
}

/* Where the function of the FDE at @offset begins; false if that is no code of the object. */
static bool fde_function(const struct chain *chain, size_t offset, uint64_t *ret)
{
	const uint8_t *bytes = chain->bytes + offset;
	size_t size = (size_t)get_le32(bytes) + 4, distance = get_le32(bytes + 4);
	uint64_t place = chain->address + offset + 8;
	int encoding;

	if (distance > offset + 4)
		return false;
	encoding = cie_encoding(chain, offset + 4 - distance);
	if (encoding == ENCODING_RELATIVE4 && size >= 16)
		*ret = place + (uint64_t)(int32_t)get_le32(bytes + 8);
	else if (encoding == ENCODING_ABSOLUTE4 && size >= 16)
		*ret = get_le32(bytes + 8);
	else if (encoding == ENCODING_ABSOLUTE8 && size >= 24)
		*ret = get_le64(bytes + 8);
	else
		return false;
	return is_code(chain->object, *ret);
}

static int append(const struct chain *chain, uint64_t function, size_t offset,
		  struct safety_pairs *ret)
{
	int64_t from = (int64_t)(function - chain->base);
	int64_t entry = (int64_t)(chain->address + offset - chain->base);
	struct safety_pair pair = { (int32_t)from, (int32_t)entry };

	if (!fits_signed(from, 32) || !fits_signed(entry, 32))
		return 0;
	return vec_push(ret, pair);
}

/* Follow the chain that begins with the CIE at *@offset, and leave *@offset behind it. */
static int follow(const struct chain *chain, size_t *offset, struct safety_pairs *ret)
{
	int r = 0;

	while (r == 0 && range_fits(*offset, CIE_MIN, chain->size)) {
		size_t size = get_le32(chain->bytes + *offset);
		uint64_t function;

		if (size < 8 || !range_fits(*offset + 4, size, chain->size))
			break;
		if (get_le32(chain->bytes + *offset + 4) == 0) {
			if (cie_encoding(chain, *offset) < 0)
				break;
		} else if (fde_function(chain, *offset, &function)) {
			r = append(chain, function, *offset, ret);
		}
		*offset += size + 4;
	}
	return r;
}

int safety_frames_find(const struct object *object, uint64_t base, uint64_t address,
		       const uint8_t *bytes, size_t size, struct safety_pairs *ret)
{
	struct chain chain = { object, base, address, bytes, size };
	size_t offset = 0;
	int r = 0;

	while (r == 0 && range_fits(offset, CIE_MIN, size)) {
		if (get_le32(bytes + offset + 4) == 0 && cie_encoding(&chain, offset) >= 0)
			r = follow(&chain, &offset, ret);
		else
			offset += 4;
	}
	return r;
}
