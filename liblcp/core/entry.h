/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is written at a function's entry: its landing pad and a branch. Pure functions on bytes.
 */
#ifndef LCP_CORE_ENTRY_H
#define LCP_CORE_ENTRY_H

#include <lcp/error.h>

#include "core/ledger.h"

/* How many bytes are written at an entry whose own bytes are @pristine. */
uint32_t entry_size(const struct arch *arch, const uint8_t *pristine, size_t size);

/*
 * The @row->size bytes that lead from its entry to @address, where @code (@code_size bytes of it)
 * stands. 0, or -ERANGE.
 */
int entry_branch(const struct arch *arch, const struct ledger_row *row, uint64_t address,
		 const uint8_t *code, size_t code_size, uint8_t *ret);

/* Where @bytes at its entry lead: 0 if they are no branch. */
uint64_t entry_target(const struct arch *arch, const struct ledger_row *row, const uint8_t *bytes);

/*
 * The code that takes the place of @row's function behind its entry while @bytes are what should be
 * there: its beginning, moved, or where they lead; 0 if it has none.
 */
uint64_t entry_path(const struct arch *arch, const struct ledger_row *row, const uint8_t *bytes);

/* A function as the object has it. */
struct entry_code {
	const uint8_t *bytes;
	const uint8_t *part; /* its cold part, or NULL */
	uint32_t part_size;
	uint64_t part_address;
	bool may_push; /* see struct arch_move */
};

/*
 * Room that the moved beginning of the function at @row's entry takes; 0 if it cannot be moved, for
 * then no guard can lead to it.
 */
uint32_t entry_moved_size(const struct arch *arch, const struct ledger_row *row,
			  const struct entry_code *code);

/* Write it to @ret, to stand at @row->moved. -ENOTSUP, or if it takes other room than it has. */
int entry_move(const struct arch *arch, const struct ledger_row *row, const struct entry_code *code,
	       uint8_t *ret);

#endif
