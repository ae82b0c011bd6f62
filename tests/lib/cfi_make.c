/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cfi_make.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"

static void put(struct cfi *cfi, const void *bytes, size_t size)
{
	if (size > sizeof(cfi->bytes) - cfi->size)
		abort();
	if (size > 0)
		memcpy(cfi->bytes + cfi->size, bytes, size);
	cfi->size += size;
}

static void put_byte(struct cfi *cfi, uint8_t byte)
{
	put(cfi, &byte, 1);
}

static void put_32(struct cfi *cfi, uint32_t value)
{
	uint8_t bytes[4];

	put_le32(bytes, value);
	put(cfi, bytes, sizeof(bytes));
}

/* Fill up to a multiple of 8 with DW_CFA_nop, and write the size of the entry at @start. */
static void close_entry(struct cfi *cfi, size_t start)
{
	while ((cfi->size - start) % 8 != 0)
		put_byte(cfi, 0);
	put_le32(cfi->bytes + start, (uint32_t)(cfi->size - start - 4));
}

void cfi_init(struct cfi *cfi, uint64_t address)
{
	memset(cfi, 0, sizeof(*cfi));
	cfi->address = address;
}

void cfi_cie(struct cfi *cfi, const char *letters, uint8_t column, const uint8_t *code, size_t size)
{
	/* DW_CFA_def_cfa rsp, 8; DW_CFA_offset rip at CFA - 8 */
	static const uint8_t usual[] = { 0x0c, 7, 8, 0x80 | 16, 1 };

	if (letters == NULL)
		letters = "zR";
	cfi->cie = cfi->size;
	put_32(cfi, 0);
	put_32(cfi, 0);
	put_byte(cfi, 1); /* version */
	put(cfi, letters, strlen(letters) + 1);
	put_byte(cfi, 1); /* alignment of code */
	put_byte(cfi, 0x78); /* of data: -8 */
	put_byte(cfi, column);
	put_byte(cfi, 1); /* bytes of augmentation data */
	put_byte(cfi, 0x1b); /* pointers: 32 bits, relative */
	put(cfi, usual, sizeof(usual));
	put(cfi, code, size);
	close_entry(cfi, cfi->cie);
}

void cfi_fde(struct cfi *cfi, uint64_t function, uint32_t function_size, const uint8_t *code,
	     size_t size)
{
	size_t start = cfi->size;

	if (cfi->count == CFI_ENTRIES_MAX)
		abort();
	cfi->functions[cfi->count] = function;
	cfi->entries[cfi->count++] = cfi->address + start;
	put_32(cfi, 0);
	put_32(cfi, (uint32_t)(cfi->size - cfi->cie));
	put_32(cfi, (uint32_t)(function - (cfi->address + cfi->size)));
	put_32(cfi, function_size);
	put_byte(cfi, 0); /* no augmentation data */
	put(cfi, code, size);
	close_entry(cfi, start);
}

void cfi_end(struct cfi *cfi)
{
	put_32(cfi, 0);
}

size_t cfi_header(const struct cfi *cfi, uint64_t address, uint8_t *ret)
{
	static const uint8_t form[] = { 1, 0x1b, 0x03, 0x3b };

	memcpy(ret, form, sizeof(form));
	put_le32(ret + 4, (uint32_t)(cfi->address - (address + 4)));
	put_le32(ret + 8, (uint32_t)cfi->count);
	for (size_t i = 0; i < cfi->count; i++) {
		put_le32(ret + 12 + 8 * i, (uint32_t)(cfi->functions[i] - address));
		put_le32(ret + 16 + 8 * i, (uint32_t)(cfi->entries[i] - address));
	}
	return 12 + 8 * cfi->count;
}
