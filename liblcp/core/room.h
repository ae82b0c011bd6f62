/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Room for a record and its patch: in a chunk that the process has already, or in a new one.
 */
#ifndef LCP_CORE_ROOM_H
#define LCP_CORE_ROOM_H

#include "core/plan.h"

struct room_wish {
	const struct object *object; /* whose code has to reach it */
	uint64_t bytes; /* of the slot */
	uint64_t data_bytes; /* of its writable data; 0: none */
	bool below_2g;
	const char *id; /* of the patch: a new chunk is named after it */
};

/* Take a slot: it is marked as used. A new chunk becomes part of the plan. */
int room_find(struct plan *plan, const struct room_wish *wish, struct ledger_chunk **ret_chunk,
	      struct ledger_slot **ret, struct lcp_error **reterr);

#endif
