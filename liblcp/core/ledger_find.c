/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looking things up in a ledger that was read.
 */
#include <string.h>

#include "core/ledger.h"

struct ledger_slot *ledger_slot_at(const struct ledger *ledger, uint64_t address,
				   struct ledger_chunk **ret_chunk)
{
	for (size_t i = 0; i < ledger->count; i++) {
		struct ledger_chunk *chunk = &ledger->chunks[i];

		if (address < chunk->address || address - chunk->address >= chunk->bytes)
			continue;
		for (size_t j = 0; j < LEDGER_SLOT_COUNT; j++) {
			struct ledger_slot *slot = &chunk->slots[j];

			if (slot->state == 0 || address - chunk->address < slot->offset ||
			    address - chunk->address - slot->offset >= slot->bytes)
				continue;
			*ret_chunk = chunk;
			return slot;
		}
	}
	return NULL;
}

struct ledger_row *ledger_row_of(const struct ledger_record *record, uint64_t entry)
{
	for (size_t i = 0; i < record->row_count; i++)
		if (record->rows[i].entry == entry && record->rows[i].size > 0)
			return &record->rows[i];
	return NULL;
}

uint64_t ledger_slot_address(const struct ledger_chunk *chunk, const struct ledger_slot *slot)
{
	return chunk->address + LEDGER_CHUNK_SLOTS +
	       (uint64_t)(slot - chunk->slots) * LEDGER_SLOT_SIZE;
}

int ledger_is_void(const struct lcp_process *process, const struct ledger_record *record, bool *ret,
		   struct lcp_error **reterr)
{
	*ret = false;
	for (size_t i = 0; i < record->row_count; i++) {
		const struct ledger_row *row = &record->rows[i];
		const struct object *object = process_object_at(process, row->entry);
		uint8_t there[LEDGER_ENTRY_MAX];
		int r;

		if (row->size == 0)
			continue;
		*ret = object == NULL || object->build_id == NULL || object->bias != record->bias ||
		       strcmp(object->build_id, record->build_id) != 0;
		if (*ret)
			return 0;
		r = process_read(process, row->entry, there, row->size, row->name, reterr);
		if (r < 0)
			return r;
		/* One that leads elsewhere may lead into the record's memory. */
		*ret = memcmp(there, row->pristine, row->size) == 0;
		if (!*ret)
			return 0;
	}
	return 0;
}
