/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Unwind tables made up for tests: .eh_frame and the header that leads to it, byte by byte, wrong
 * ones too. Instructions are given as they are encoded (DWARF 7.24).
 */
#ifndef LCP_TESTS_CFI_MAKE_H
#define LCP_TESTS_CFI_MAKE_H

#include <stddef.h>
#include <stdint.h>

#define CFI_ENTRIES_MAX 16

struct cfi {
	uint64_t address; /* of the bytes: .eh_frame */
	uint8_t bytes[2048];
	size_t size;
	size_t cie; /* the last one */
	uint64_t functions[CFI_ENTRIES_MAX]; /* of its FDEs */
	uint64_t entries[CFI_ENTRIES_MAX];
	size_t count;
};

void cfi_init(struct cfi *cfi, uint64_t address);

/*
 * A CIE: its augmentation (NULL: "zR"; others have a byte of data, too), the register that is the
 * return address, instructions behind the usual ones: CFA is rsp + 8, the return address below it.
 */
void cfi_cie(struct cfi *cfi, const char *letters, uint8_t column, const uint8_t *code,
	     size_t size);

/* An FDE of that CIE. */
void cfi_fde(struct cfi *cfi, uint64_t function, uint32_t function_size, const uint8_t *code,
	     size_t size);

/* A zero word, which ends .eh_frame. */
void cfi_end(struct cfi *cfi);

/* Write .eh_frame_hdr for @address: its size. FDEs were added by address. */
size_t cfi_header(const struct cfi *cfi, uint64_t address, uint8_t *ret);

#endif
