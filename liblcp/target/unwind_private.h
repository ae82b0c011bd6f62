/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the parts of the unwinder share: memory as a walk sees it (unwind_memory.c), tables that are
 * looked at before libunwind gets to see them (unwind_verify.c), the walk itself (unwind.c).
 */
#ifndef LCP_TARGET_UNWIND_PRIVATE_H
#define LCP_TARGET_UNWIND_PRIVATE_H

#include "target/unwind.h"

/*
 * Blocks of memory that is in no copy: other stacks, tables too large to be read in advance. Small
 * ones, since what is read of tables is here and there.
 */
#define UNWIND_BLOCK 1024
#define UNWIND_BLOCKS 64

/* Words that finding one frame may read: ten times what the longest tables known need. */
#define UNWIND_READS_MAX 16384

/*
 * What all walks may cost until memory is forgotten: some hundred times what those of a thousand
 * threads do. A word that has to be read from the process costs as much as so many others.
 */
#define UNWIND_COST_MAX (1u << 26)
#define UNWIND_BLOCK_COST 128

struct unwind_block {
	uint64_t address;
	size_t size; /* 0: nothing is in it */
	uint8_t bytes[UNWIND_BLOCK];
};

struct unwind_memory {
	struct target *target;
	struct unwind_copy stack;
	struct unwind_copy *copies; /* by address */
	size_t copy_count;
	struct unwind_block blocks[UNWIND_BLOCKS];
	unsigned int reads; /* for this frame */
	uint64_t cost; /* of all walks */
};

/* The aligned word at @address; false if it cannot be read, or too much was. */
bool unwind_read(struct unwind_memory *memory, uint64_t address, uint64_t *ret);

/* 32 bits at an address that is a multiple of 4. */
bool unwind_read32(struct unwind_memory *memory, uint64_t address, uint32_t *ret);

/*
 * Can libunwind be given the entry of .eh_frame at @address? It takes register numbers and
 * operators as they come (1.6.2: DW_CFA_register and the return address column index arrays,
 * DW_OP_div divides).
 */
bool unwind_verify(struct unwind_memory *memory, const struct arch *arch, uint64_t address);

#endif
