/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory as a walk sees it: the copy of the stack first, copies made before threads stopped, and
 * then the process itself, in blocks that are kept until its threads have run again.
 */
#include "target/unwind_private.h"

#include <string.h>

#include "base/num.h"

static bool copy_word(const struct unwind_copy *copy, uint64_t address, uint64_t *ret)
{
	if (address < copy->address ||
	    !range_fits(address - copy->address, sizeof(*ret), copy->size))
		return false;
	memcpy(ret, copy->bytes + (address - copy->address), sizeof(*ret));
	return true;
}

/* The last copy that begins at or below @address, or NULL. */
static const struct unwind_copy *find_copy(const struct unwind_memory *memory, uint64_t address)
{
	size_t low = 0, high = memory->copy_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memory->copies[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? &memory->copies[low - 1] : NULL;
}

static bool read_block(struct unwind_memory *memory, uint64_t address, uint64_t *ret)
{
	uint64_t start = address & ~(uint64_t)(UNWIND_BLOCK - 1);
	struct unwind_block *block = &memory->blocks[start / UNWIND_BLOCK % UNWIND_BLOCKS];

	if (block->size == 0 || block->address != start) {
		memory->cost += UNWIND_BLOCK_COST;
		block->address = start;
		block->size = memory->target->ops->read_some(memory->target, start, block->bytes,
							     UNWIND_BLOCK);
	}
	if (!range_fits(address - start, sizeof(*ret), block->size))
		return false;
	memcpy(ret, block->bytes + (address - start), sizeof(*ret));
	return true;
}

bool unwind_read(struct unwind_memory *memory, uint64_t address, uint64_t *ret)
{
	const struct unwind_copy *copy;

	if (++memory->reads > UNWIND_READS_MAX || ++memory->cost > UNWIND_COST_MAX)
		return false;
	if (copy_word(&memory->stack, address, ret))
		return true;
	copy = find_copy(memory, address);
	if (copy != NULL && copy_word(copy, address, ret))
		return true;
	return read_block(memory, address, ret);
}

bool unwind_read32(struct unwind_memory *memory, uint64_t address, uint32_t *ret)
{
	uint64_t word;

	if (!unwind_read(memory, address & ~7ull, &word))
		return false;
	*ret = (uint32_t)((address & 4) != 0 ? word >> 32 : word);
	return true;
}
