/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/room.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define PAGE ((uint64_t)4096)

/* Of a chunk's data the first bytes stay free: 0 is no offset. */
#define DATA_START LEDGER_ALIGN

static uint64_t aligned(uint64_t value, uint64_t align)
{
	return (value + align - 1) & ~(align - 1);
}

/* How far code of ours may be from code of the object. */
static uint64_t reach_of(const struct plan *plan)
{
	const struct arch *arch = plan->process->target->arch;
	int64_t ahead = arch->branch_reach_ahead, back = -arch->branch_reach_back;

	return (uint64_t)(ahead < back ? ahead : back) & ~(PAGE - 1);
}

static bool is_in_reach(const struct plan *plan, const struct room_wish *wish,
			const struct ledger_chunk *chunk)
{
	uint64_t end = chunk->address + chunk->bytes + chunk->data_bytes;
	uint64_t lowest = chunk->address < wish->object->start ? chunk->address
							       : wish->object->start;
	uint64_t highest = end > wish->object->end ? end : wish->object->end;

	return highest - lowest <= reach_of(plan) && (!wish->below_2g || end <= (uint64_t)1 << 31);
}

struct span {
	uint64_t start;
	uint64_t end;
};

static int by_start(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/* The first gap of @size bytes between spans, from @start on and up to @end; 0 if there is none. */
static uint64_t find_gap(struct span *spans, size_t count, uint64_t start, uint64_t end,
			 uint64_t size)
{
	uint64_t at = start;

	qsort(spans, count, sizeof(spans[0]), by_start);
	for (size_t i = 0; i <= count; i++) {
		uint64_t limit = i < count ? spans[i].start : end;

		if (limit >= at && limit - at >= size)
			return at;
		if (i < count && spans[i].end > at)
			at = aligned(spans[i].end, LEDGER_ALIGN);
	}
	return 0;
}

static struct ledger_slot *take_slot(const struct room_wish *wish, const struct ledger_chunk *chunk)
{
	struct span text[LEDGER_SLOT_COUNT], data[LEDGER_SLOT_COUNT];
	struct ledger_slot *found = NULL;
	size_t text_count = 0, data_count = 0;
	uint64_t offset, data_offset = 0;

	for (size_t i = LEDGER_SLOT_COUNT; i-- > 0;) {
		struct ledger_slot *slot = &chunk->slots[i];

		if (slot->state == 0)
			found = slot;
		else
			text[text_count++] = (struct span){ slot->offset,
							    slot->offset + slot->bytes };
		if (slot->state != 0 && slot->data_bytes > 0)
			data[data_count++] = (struct span){ slot->data_offset,
							    slot->data_offset + slot->data_bytes };
	}
	offset = find_gap(text, text_count, LEDGER_HEADER_SIZE, chunk->bytes, wish->bytes);
	if (wish->data_bytes > 0)
		data_offset = find_gap(data, data_count, DATA_START, chunk->data_bytes,
				       wish->data_bytes);
	if (found == NULL || offset == 0 || (wish->data_bytes > 0 && data_offset == 0))
		return NULL;
	*found = (struct ledger_slot){
		.state = LCP_STATE_LOADED,
		.offset = (uint32_t)offset,
		.bytes = (uint32_t)wish->bytes,
		.data_offset = (uint32_t)data_offset,
		.data_bytes = (uint32_t)wish->data_bytes,
	};
	return found;
}

/* Where the heap begins; 0 if that cannot be seen. */
static uint64_t heap_start(struct target *target)
{
	autostat struct proc_stat stat = { 0 };
	autofree char *text = NULL;
	size_t size;

	if (target->ops->file(target, "stat", &text, &size) < 0 ||
	    proc_stat_parse(text, size, &stat, NULL) < 0)
		return 0;
	return stat.start_brk;
}

/* "lcp:ID"; the kernel takes printable ASCII, and not all of that (PR_SET_VMA(2const)). */
static void name_chunk(struct ledger_chunk *chunk, const char *id)
{
	(void)snprintf(chunk->name, sizeof(chunk->name), "lcp:%s", id);
	for (char *at = chunk->name; *at != '\0'; at++)
		if (*at <= ' ' || *at > '~' || strchr("\\`$[]", *at) != NULL)
			*at = '_';
}

/* A chunk that has room for the wish at least. */
static int new_chunk(struct plan *plan, const struct room_wish *wish, struct ledger_chunk **ret,
		     struct lcp_error **reterr)
{
	struct ledger_chunk *chunk = plan_alloc(plan, sizeof(*chunk));
	struct space_wish space = {
		.reach = reach_of(plan),
		.start = wish->object->start,
		.end = wish->object->end,
		.below = wish->below_2g ? (uint64_t)1 << 31 : 0,
		.heap_start = heap_start(plan->process->target),
	};
	int r;

	if (chunk == NULL)
		return error_set_nomem(reterr);
	chunk->bytes = aligned(LEDGER_HEADER_SIZE + wish->bytes, PAGE);
	/* Most patches bring no data, and memory for it costs another call in the process. */
	if (wish->data_bytes > 0)
		chunk->data_bytes = aligned(DATA_START + wish->data_bytes, PAGE);
	if (chunk->bytes < LEDGER_CHUNK_SIZE)
		chunk->bytes = LEDGER_CHUNK_SIZE;
	if (wish->data_bytes > 0 && chunk->data_bytes < LEDGER_DATA_SIZE)
		chunk->data_bytes = LEDGER_DATA_SIZE;
	/* Nobody takes it for one that was here before and is gone. */
	chunk->generation = plan->process->target->ops->now(plan->process->target);
	name_chunk(chunk, wish->id);
	chunk->slots = plan_alloc(plan, LEDGER_SLOT_COUNT * sizeof(*chunk->slots));
	if (chunk->slots == NULL)
		return error_set_nomem(reterr);
	space.size = chunk->bytes + chunk->data_bytes;
	r = plan_find_space(plan, &space, &chunk->address, reterr);
	if (r < 0)
		return r;
	*ret = chunk;
	return plan_map(plan, chunk, reterr);
}

int room_find(struct plan *plan, const struct room_wish *wish, struct ledger_chunk **ret_chunk,
	      struct ledger_slot **ret, struct lcp_error **reterr)
{
	int r;

	if (wish->bytes > LEDGER_CHUNK_MAX / 2 || wish->data_bytes > LEDGER_CHUNK_MAX / 2)
		return error_set(reterr, -LCP_ENOROOM, "the patch is too large");
	for (size_t i = 0; i < plan->ledger.count; i++) {
		*ret_chunk = &plan->ledger.chunks[i];
		*ret = is_in_reach(plan, wish, *ret_chunk) ? take_slot(wish, *ret_chunk) : NULL;
		if (*ret != NULL)
			return 0;
	}
	vec_foreach (&plan->new_chunks, chunk) {
		*ret_chunk = *chunk;
		*ret = is_in_reach(plan, wish, *ret_chunk) ? take_slot(wish, *ret_chunk) : NULL;
		if (*ret != NULL)
			return 0;
	}
	r = new_chunk(plan, wish, ret_chunk, reterr);
	if (r == 0)
		*ret = take_slot(wish, *ret_chunk);
	return r;
}
