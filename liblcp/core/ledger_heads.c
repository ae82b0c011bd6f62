/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Many records at once: a chunk is read in one piece, and of its records only what has a place of
 * its own is looked at. So what thousands of patches cost the next one is a read for each chunk
 * that has changed.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "core/ledger_parts.h"

/*
 * A chunk of small patches is smaller; one that is larger holds few patches, which are read one by
 * one.
 */
#define EXTENT_MAX ((uint64_t)1 << 20)

/* What the last look saw of a chunk, which is so until its generation is another. */
struct seen_chunk {
	uint64_t address;
	uint64_t generation;
	bool oldest[LEDGER_SLOT_COUNT];
};

struct ledger_seen {
	VEC(struct seen_chunk) chunks;
};

uint64_t ledger_extent(const struct ledger_chunk *chunk)
{
	uint64_t extent = 0;

	for (size_t i = 0; i < LEDGER_SLOT_COUNT; i++) {
		const struct ledger_slot *slot = &chunk->slots[i];

		if (slot->state != 0 && (uint64_t)slot->offset + slot->bytes > extent)
			extent = (uint64_t)slot->offset + slot->bytes;
	}
	return extent;
}

/* The chunk as far as it is used; NULL if it is not to be had in one piece. */
static uint8_t *read_all(const struct lcp_process *process, const struct ledger_chunk *chunk,
			 uint64_t extent)
{
	struct target *target = process->target;
	autofree uint8_t *bytes = extent <= EXTENT_MAX ? malloc(extent + 1) : NULL;

	if (bytes == NULL || target->ops->read(target, chunk->address, bytes, extent) < 0)
		return NULL;
	return take(bytes);
}

static bool read_head(const struct lcp_process *process, const struct ledger_chunk *chunk,
		      const struct ledger_slot *slot, const uint8_t *all, struct ledger_record *ret)
{
	struct target *target = process->target;
	uint8_t head[RECORD_SIZE];

	if (all != NULL)
		memcpy(head, all + slot->offset, sizeof(head));
	else if (target->ops->read(target, chunk->address + slot->offset, head, sizeof(head)) < 0)
		return false;
	return ledger_head_parse(head, chunk, slot, ret);
}

struct ledger_record *ledger_heads(const struct lcp_process *process,
				   const struct ledger_chunk *chunk)
{
	autofree uint8_t *all = read_all(process, chunk, ledger_extent(chunk));
	struct ledger_record *heads = calloc(LEDGER_SLOT_COUNT, sizeof(*heads));

	for (size_t i = 0; heads != NULL && i < LEDGER_SLOT_COUNT; i++)
		if (chunk->slots[i].state != 0 &&
		    !read_head(process, chunk, &chunk->slots[i], all, &heads[i]))
			heads[i].address = 0;
	return heads;
}

/* The slot among those before @end that is of the same object as @head; @end if there is none. */
static size_t find_same(const struct ledger_record *heads, const bool *oldest, size_t end)
{
	for (size_t i = 0; i < end; i++)
		if (oldest[i] && heads[i].address != 0 && heads[i].bias == heads[end].bias)
			return i;
	return end;
}

static void find_oldest(const struct ledger_chunk *chunk, const struct ledger_record *heads,
			bool *ret)
{
	for (size_t i = 0; i < LEDGER_SLOT_COUNT; i++) {
		size_t same = i;

		ret[i] = chunk->slots[i].state == LCP_STATE_APPLIED;
		if (ret[i] && heads[i].address != 0)
			same = find_same(heads, ret, i);
		if (same != i)
			ret[heads[i].sequence < heads[same].sequence ? same : i] = false;
	}
}

static struct seen_chunk *find_seen(const struct ledger_seen *seen, uint64_t address)
{
	for (size_t i = 0; i < seen->chunks.count; i++)
		if (seen->chunks.items[i].address == address)
			return &seen->chunks.items[i];
	return NULL;
}

/* Forgetting is right whenever there is no memory. */
static struct seen_chunk *remember(struct lcp_process *process, const struct ledger_chunk *chunk)
{
	struct seen_chunk new = { .address = chunk->address };
	struct seen_chunk *found;

	if (process->ledger_seen == NULL)
		process->ledger_seen = calloc(1, sizeof(*process->ledger_seen));
	if (process->ledger_seen == NULL)
		return NULL;
	found = find_seen(process->ledger_seen, chunk->address);
	if (found == NULL && vec_push(&process->ledger_seen->chunks, new) == 0)
		found = find_seen(process->ledger_seen, chunk->address);
	return found;
}

const bool *ledger_oldest(struct lcp_process *process, const struct ledger_chunk *chunk)
{
	struct seen_chunk *seen = remember(process, chunk);
	autofree struct ledger_record *heads = NULL;

	if (seen == NULL || seen->generation == chunk->generation)
		return seen != NULL ? seen->oldest : NULL;
	heads = ledger_heads(process, chunk);
	if (heads == NULL)
		return NULL;
	find_oldest(chunk, heads, seen->oldest);
	seen->generation = chunk->generation;
	return seen->oldest;
}

void ledger_seen_free(struct ledger_seen *seen)
{
	if (seen == NULL)
		return;
	vec_fini(&seen->chunks);
	free(seen);
}
