/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Images of patches made by hand, at addresses made up, for a process that answers as a test wants:
 * what looks symbols up and reads memory is replaced by made-image.c, so programs that link it test
 * what makes images, and nothing below it.
 *
 *	automade struct made made;
 *
 *	made_init(&made, &arch_x86_64);
 *	made_reloc(&made, R_X86_64_PLT32, FAR, -4);
 *	is_int(made_make(&made), 0, "an image is made");
 *	is_int(made_target(&made, 0), ..., "the first relocation leads there");
 */
#ifndef LCP_TESTS_MADE_IMAGE_H
#define LCP_TESTS_MADE_IMAGE_H

#include "core/image.h"

#define BIAS UINT64_C(0x7f1200000000)
#define TEXT_AT (BIAS + 0x100000)
#define DATA_AT (BIAS + 0x200000)

/* Where things are in the process. */
#define NEAR_FUNCTION (BIAS + 0x300010)
#define FAR_FUNCTION UINT64_C(0x5555aaaa0000)
#define FAR_DATA UINT64_C(0x5555aaab0000)
#define RESOLVER (BIAS + 0x4000)
#define RESOLVED (BIAS + 0x5000)
#define SLOT_CONTENT (BIAS + 0x6000)
#define BLOCK_FROM_THREAD ((uint64_t)-256)
#define OTHER_FROM_THREAD ((uint64_t)-4096)
#define MODULE 3
#define OTHER_MODULE 7

extern const struct object made_object;

/* How the process answers. */
extern bool made_resolver_was_called;
extern struct lookup_tls made_block; /* of the object */
extern int made_lookups; /* how often it was asked for a name */

/* A patch: code, constants, data, zeroes, and in some tests an unwind table. */
enum {
	NO_SECTION,
	TEXT,
	RODATA,
	DATA,
	BSS,
	UNWIND,
	SECTIONS,
};

enum {
	NO_SYMBOL,
	IN_TEXT, /* 16 bytes behind its beginning */
	IN_RODATA,
	IN_DATA,
	IN_BSS,
	IN_OBJECT,
	INDIRECT,
	BOUND_SLOT,
	BOUND_PLT,
	NEAR,
	FAR,
	FAR_VARIABLE,
	WEAK,
	MISSING,
	ABSOLUTE,
	THREAD, /* of the object */
	THREAD_SLOT, /* of another one */
	THREAD_PAIR,
	SYMBOLS,
};

#define TEXT_SIZE 256
#define RELOCS_MAX 16

/* A patch, and the image of it. */
struct made {
	struct kpatch_section sections[SECTIONS];
	struct kpatch_symbol symbols[SYMBOLS];
	struct kpatch_reloc relocs[RELOCS_MAX]; /* of the code */
	struct kpatch_reloc unwind_relocs[2];
	struct kpatch_function functions[2];
	struct lcp_kpatch patch;
	struct image_size size;
	struct image image;
	struct lcp_error *error;
};

void made_init(struct made *made, const struct arch *arch);
void made_fini(struct made *made);

#define automade cleanup(made_fini)

/* Add a relocation of the code. Each has a place of 16 bytes, in turn. */
void made_reloc(struct made *made, uint32_t type, uint32_t symbol, int64_t addend);
uint64_t made_place(size_t number);

/* Make the image at the usual addresses, or others: what measuring or making it returned. */
int made_make(struct made *made);
int made_make_at(struct made *made, uint64_t text_address, uint64_t data_address);

/* Bytes of the image; a test that asks for what it does not hold ends here. */
const uint8_t *made_bytes(const struct made *made, uint64_t address, size_t size);
uint64_t made_word(const struct made *made, uint64_t address);

/* What the 32 bits of relocation @number are, and where they lead from the instruction's end. */
uint64_t made_number(const struct made *made, size_t number);
uint64_t made_target(const struct made *made, size_t number);

/* Has it failed with a message that has these words? */
bool made_failed(const struct made *made, const char *words);

#endif
