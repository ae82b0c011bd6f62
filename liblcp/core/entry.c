/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/entry.h"

#include <string.h>

uint32_t entry_size(const struct arch *arch, const uint8_t *pristine, size_t size)
{
	return arch->landing_pad(pristine, size).size + (uint32_t)arch->branch_size;
}

int entry_branch(const struct arch *arch, const struct ledger_row *row, uint64_t address,
		 const uint8_t *code, size_t code_size, uint8_t *ret)
{
	struct landing_pad pad = arch->landing_pad(row->pristine, row->size);
	uint8_t branch[ARCH_BRANCH_MAX];
	int size;

	memcpy(ret, row->pristine, pad.size);
	if (pad.enter_behind) {
		if (code_size >= pad.size && memcmp(code, row->pristine, pad.size) == 0)
			address += pad.size;
		else
			memcpy(ret, pad.plain, pad.size);
	}
	size = arch->branch(row->entry + pad.size, address, branch);
	if (size < 0 || pad.size + (uint32_t)size != row->size)
		return -ERANGE;
	memcpy(ret + pad.size, branch, (size_t)size);
	return 0;
}

uint64_t entry_target(const struct arch *arch, const struct ledger_row *row, const uint8_t *bytes)
{
	struct landing_pad pad = arch->landing_pad(row->pristine, row->size);

	return arch->branch_target(row->entry + pad.size, bytes + pad.size, row->size - pad.size);
}

uint64_t entry_path(const struct arch *arch, const struct ledger_row *row, const uint8_t *bytes)
{
	if (memcmp(bytes, row->pristine, row->size) == 0)
		return row->moved;
	return entry_target(arch, row, bytes);
}

/*
 * A pad that does work stays at the entry or is replaced there by the plain one, as the version
 * that is entered needs it: what is behind a guard cannot know which, so there is no guard for
 * those.
 */
static int move(const struct arch *arch, const struct ledger_row *row,
		const struct entry_code *code, uint64_t to, uint8_t *ret)
{
	struct landing_pad pad = arch->landing_pad(row->pristine, row->size);
	struct arch_move move = {
		.code = code->bytes,
		.part = code->part,
		.part_size = code->part_size,
		.part_from = code->part_address,
		.may_push = code->may_push,
		.size = row->old_size,
		.from = row->entry,
		.to = to,
		.need = row->size < row->old_size ? row->size : row->old_size,
	};

	return pad.enter_behind ? -ENOTSUP : arch->move(&move, ret);
}

uint32_t entry_moved_size(const struct arch *arch, const struct ledger_row *row,
			  const struct entry_code *code)
{
	uint8_t moved[ARCH_MOVED_MAX];
	int size = move(arch, row, code, row->entry, moved);

	return size > 0 ? (uint32_t)size : 0;
}

int entry_move(const struct arch *arch, const struct ledger_row *row, const struct entry_code *code,
	       uint8_t *ret)
{
	uint8_t moved[ARCH_MOVED_MAX];
	int size = move(arch, row, code, row->moved, moved);

	if (size < 0 || (uint32_t)size > row->moved_size)
		return -ENOTSUP;
	memcpy(ret, moved, (size_t)size);
	return 0;
}
