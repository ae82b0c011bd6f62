/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the parts of ledger.c share: what every record begins with.
 */
#ifndef LCP_CORE_LEDGER_PARTS_H
#define LCP_CORE_LEDGER_PARTS_H

#include "core/ledger.h"

#define RECORD_SIZE 208

/* The first RECORD_SIZE bytes of the record in @slot: false if they contradict themselves. */
bool ledger_head_parse(const uint8_t *bytes, const struct ledger_chunk *chunk,
		       const struct ledger_slot *slot, struct ledger_record *ret);

#endif
