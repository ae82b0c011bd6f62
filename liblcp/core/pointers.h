/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who may still use what is in a patch that is out: a text of it that a variable points to, a
 * function of it that is somebody's callback. All writable private memory of the process is looked
 * through for words that point into the record; registers and stacks are looked at by the safety
 * check, when threads stand still.
 *
 * The process runs meanwhile. No code of the record does, so nobody gets hold of new addresses; but
 * a word that moves from where was not looked yet to where was is not seen. Nor is one that is
 * encoded, not aligned, shared with other processes, or known to the kernel only.
 */
#ifndef LCP_CORE_POINTERS_H
#define LCP_CORE_POINTERS_H

#include "core/ledger.h"
#include "core/safety.h"

/* Of a process with more memory than this it is not looked through: about 0.3 s. */
#define POINTERS_MEMORY_MAX ((uint64_t)1 << 30)

#define POINTERS_PLACES_MAX 64

/* One record that is out, and where words are that point into it. */
struct pointers {
	uint64_t record; /* its address */
	uint64_t sequence;
	struct object_table own; /* its data: what points from there is of no interest */
	struct safety_watch watch;
	struct safety_place places[POINTERS_PLACES_MAX];
	uint8_t *code; /* what watch.code is */
	bool kept; /* it is certain that its memory has to stay */
};

/* The record of @slot: what points to libgcc's table of it does not count, libgcc forgets it. */
void pointers_init(struct pointers *ret, const struct ledger_chunk *chunk,
		   const struct ledger_slot *slot, const struct ledger_record *record);

void pointers_fini(struct pointers *pointers);

/*
 * Look for the words of @count records at once. *@ret_bytes were looked at. 0, -ENOMEM, and
 * what reading the code of the records gives.
 */
int pointers_find(const struct lcp_process *process, struct pointers *items, size_t count,
		  uint64_t *ret_bytes, struct lcp_error **reterr);

#endif
