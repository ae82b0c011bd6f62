/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/status.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/num.h"

void status_free(struct lcp_status *status)
{
	if (status == NULL)
		return;
	ledger_fini(&status->ledger);
	free(status->patches);
	free(status);
}

/* The pivot's bytes decide while a switch is half-made. */
static int is_in_force(const struct lcp_process *process, uint32_t state,
		       const struct ledger_record *record, bool *ret, struct lcp_error **reterr)
{
	const struct ledger_pivot *pivot = &record->pivot;
	uint8_t there[LEDGER_ENTRY_MAX];
	bool committed, is_void;
	int r;

	*ret = false;
	if (state == LCP_STATE_APPLIED) {
		r = ledger_is_void(process, record, &is_void, reterr);
		*ret = r == 0 && !is_void;
		return r;
	}
	if ((state != LCP_STATE_SWITCHING && state != LCP_STATE_REVERTING) || pivot->size == 0)
		return 0;
	r = process_read(process, pivot->entry, there, pivot->size, record->id, reterr);
	if (r < 0)
		return r;
	committed = memcmp(there, pivot->to, pivot->size) == 0;
	*ret = committed == (state == LCP_STATE_SWITCHING);
	return 0;
}

static int add(const struct lcp_process *process, struct lcp_status *status,
	       struct ledger_chunk *chunk, struct ledger_slot *slot, struct lcp_error **reterr)
{
	struct status_patch *patch = &status->patches[status->patch_count];
	int r;

	r = ledger_record(process, chunk, slot, &patch->record, reterr);
	if (r == 0)
		r = is_in_force(process, slot->state, patch->record, &patch->in_force, reterr);
	if (r < 0)
		return r;
	patch->state = slot->state;
	patch->memory = (uint64_t)slot->bytes + slot->data_bytes;
	status->patch_count++;
	return 0;
}

static int by_sequence(const void *a, const void *b)
{
	const struct status_patch *x = a, *y = b;

	return (x->record->sequence > y->record->sequence) -
	       (x->record->sequence < y->record->sequence);
}

static size_t count_slots(const struct ledger *ledger)
{
	size_t count = 0;

	for (size_t i = 0; i < ledger->count; i++)
		for (size_t j = 0; j < LEDGER_SLOT_COUNT; j++)
			count += ledger->chunks[i].slots[j].state != 0;
	return count;
}

static int read_patches(const struct lcp_process *process, struct lcp_status *status,
			struct lcp_error **reterr)
{
	size_t count = count_slots(&status->ledger);
	int r = 0;

	status->patches = calloc(count + 1, sizeof(*status->patches));
	if (status->patches == NULL)
		return error_set_nomem(reterr);
	for (size_t i = 0; i < status->ledger.count; i++) {
		struct ledger_chunk *chunk = &status->ledger.chunks[i];

		for (size_t j = 0; r == 0 && j < LEDGER_SLOT_COUNT; j++)
			if (chunk->slots[j].state != 0)
				r = add(process, status, chunk, &chunk->slots[j], reterr);
	}
	if (r == 0)
		qsort(status->patches, status->patch_count, sizeof(*status->patches), by_sequence);
	return r;
}

/* A doctor may be at work meanwhile: what contradicts itself is read again. */
#define READS_MAX 8

static int read_once(struct lcp_process *process, struct lcp_status **ret,
		     struct lcp_error **reterr)
{
	autostatus_patches struct lcp_status *status = calloc(1, sizeof(*status));
	int r;

	if (status == NULL)
		return error_set_nomem(reterr);
	status->pid = process->target->pid;
	status->start_time = process->target->start_time;
	r = process_refresh(process, reterr);
	if (r == 0)
		r = ledger_read(process, &status->ledger, reterr);
	if (r == 0)
		r = read_patches(process, status, reterr);
	if (r == 0)
		*ret = take(status);
	return r;
}

int status_read(struct lcp_process *process, struct lcp_status **ret, struct lcp_error **reterr)
{
	for (int i = 1; i < READS_MAX; i++) {
		autoerror struct lcp_error *error = NULL;
		int r = read_once(process, ret, &error);

		if (r == 0 || r == -ENOMEM || r == -EPERM || r == -LCP_EGONE) {
			if (reterr != NULL && r < 0)
				*reterr = take(error);
			return r;
		}
	}
	return read_once(process, ret, reterr);
}

const char *status_state_name(uint32_t state)
{
	static const char *const names[] = {
		[LCP_STATE_LOADED] = "loaded",	   [LCP_STATE_SWITCHING] = "switching",
		[LCP_STATE_APPLIED] = "applied",   [LCP_STATE_REVERTING] = "reverting",
		[LCP_STATE_REVERTED] = "reverted",
	};

	return state < ARRAY_SIZE(names) ? names[state] : NULL;
}

static void put_function(const struct ledger_row *row, struct json *json)
{
	json_object_begin(json, NULL);
	json_string(json, "name", row->name);
	json_address(json, "entry", row->entry);
	json_int(json, "old_size", row->old_size);
	json_address(json, "address", row->new_address);
	json_int(json, "size", row->new_size);
	json_object_end(json);
}

static void put_patch(const struct status_patch *patch, struct json *json)
{
	const struct ledger_record *record = patch->record;

	json_object_begin(json, NULL);
	json_string(json, "id", record->id);
	json_int(json, "level", record->level);
	json_string(json, "state", status_state_name(patch->state));
	json_bool(json, "in_force", patch->in_force);
	json_string(json, "build_id", record->build_id);
	json_string(json, "object", record->target);
	json_string(json, "description", record->description);
	json_address(json, "address", record->text.address);
	json_counter(json, "size", record->text.size);
	json_counter(json, "memory", patch->memory);
	json_array_begin(json, "functions");
	for (size_t i = 0; i < record->row_count; i++)
		put_function(&record->rows[i], json);
	json_array_end(json);
	json_object_end(json);
}

int status_json(const struct lcp_status *status, char **ret)
{
	autojson struct json json = { 0 };

	json_object_begin(&json, NULL);
	json_int(&json, "pid", status->pid);
	json_counter(&json, "start_time", status->start_time);
	json_array_begin(&json, "patches");
	for (size_t i = 0; i < status->patch_count; i++)
		put_patch(&status->patches[i], &json);
	json_array_end(&json);
	json_object_end(&json);
	return json_take(&json, ret);
}
