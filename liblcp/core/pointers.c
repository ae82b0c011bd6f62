/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/pointers.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/num.h"

#define PAGE 4096u
#define BLOCK (256u << 10)

/* Pages that cannot be read, in memory that should be. */
#define GAPS_MAX 65536

/* What is in front of @end. */
static void add_span(struct safety_watch *watch, uint64_t start, uint64_t end)
{
	if (end > start)
		watch->spans[watch->span_count++] = (struct safety_span){ start, end - 1 };
}

/*
 * A pointer to the end of something counts, too: code, constants and data end before the part of
 * the record does that they are in (core/image_layout.c), so that such a pointer is none to what
 * libgcc knows, which is behind them.
 */
void pointers_init(struct pointers *ret, const struct ledger_chunk *chunk,
		   const struct ledger_slot *slot, const struct ledger_record *record)
{
	uint64_t end = record->text.address + record->text.size;

	*ret = (struct pointers){
		.record = record->address,
		.sequence = record->sequence,
		.own = { chunk->address + chunk->bytes + slot->data_offset, slot->data_bytes },
		.watch = { .name = record->id,
			   .code_start = record->text.address,
			   .code_size = (size_t)record->code_size },
	};
	if (record->eh_frame.size > 0)
		end = record->eh_frame.address;
	add_span(&ret->watch, record->text.address, end);
	add_span(&ret->watch, record->data.address, record->data.address + record->data.size);
}

void pointers_fini(struct pointers *pointers)
{
	free(pointers->code);
}

/* The look at all memory. */
struct look {
	const struct lcp_process *process;
	struct pointers *items;
	size_t count;
	uint64_t lowest, room; /* all spans are within */
	const struct proc_mapping *mapping;
	bool guarded; /* nothing that can be touched is right below the mapping */
	uint8_t *buffer;
	size_t gaps;
	uint64_t bytes;
};

static void keep(const struct look *look, struct pointers *pointers, uint64_t address)
{
	pointers->kept = true;
	log_debug(look->process->ctx,
		  "process %d: the memory of patch '%s' stays, 0x%" PRIx64 " points to it",
		  look->process->target->pid, pointers->watch.name, address);
}

static bool points_to(const struct pointers *pointers, uint64_t word)
{
	for (size_t i = 0; i < pointers->watch.span_count; i++)
		if (word >= pointers->watch.spans[i].first && word <= pointers->watch.spans[i].last)
			return true;
	return false;
}

/* Only the stack of a thread, below what is in use of it, holds words that mean nothing. */
static bool may_be_stack(const struct look *look)
{
	return look->guarded && look->mapping->inode == 0 &&
	       strcmp(look->mapping->name, "[heap]") != 0;
}

static void note(const struct look *look, struct pointers *pointers, uint64_t address)
{
	struct safety_watch *watch = &pointers->watch;

	if (pointers->kept || address - pointers->own.address < pointers->own.size)
		return;
	if (!may_be_stack(look) || watch->place_count == POINTERS_PLACES_MAX) {
		keep(look, pointers, address);
		return;
	}
	pointers->places[watch->place_count++] = (struct safety_place){
		.address = address,
		.start = look->mapping->start,
		.end = look->mapping->end,
	};
}

static void look_at_block(const struct look *look, uint64_t address, size_t size)
{
	uint64_t mask = look->process->target->arch->return_mask;

	for (size_t i = 0; range_fits(i, sizeof(uint64_t), size); i += sizeof(uint64_t)) {
		uint64_t word;

		memcpy(&word, look->buffer + i, sizeof(word));
		word &= mask;
		if (word - look->lowest > look->room)
			continue;
		for (size_t j = 0; j < look->count; j++)
			if (points_to(&look->items[j], word))
				note(look, &look->items[j], address + i);
	}
}

static int look_at_mapping(struct look *look)
{
	struct target *target = look->process->target;
	uint64_t at = look->mapping->start, end = look->mapping->end;

	while (at < end) {
		size_t want = end - at < BLOCK ? (size_t)(end - at) : BLOCK;
		size_t got = target->ops->read_some(target, at, look->buffer, want);

		if (got < want && (++look->gaps > GAPS_MAX || target->ops->alive(target) < 0))
			return -LCP_EGONE;
		look->bytes += got;
		look_at_block(look, at, got);
		at += got < want ? (got | (PAGE - 1)) + 1 : got;
	}
	return 0;
}

static bool is_looked_at(const struct proc_mapping *mapping)
{
	return mapping->readable && mapping->writable && !mapping->shared;
}

static bool is_too_much(const struct lcp_process *process)
{
	uint64_t total = 0;

	for (size_t i = 0; i < process->maps.count; i++)
		if (is_looked_at(&process->maps.items[i]))
			total += process->maps.items[i].end - process->maps.items[i].start;
	return total > POINTERS_MEMORY_MAX;
}

static void keep_all(struct look *look, const char *why)
{
	log_debug(look->process->ctx, "process %d: the memory of patches that are out stays: %s",
		  look->process->target->pid, why);
	for (size_t i = 0; i < look->count; i++)
		look->items[i].kept = true;
}

/* The kernel keeps a gap below "[stack]" by itself. */
static bool is_guarded(const struct proc_maps *maps, size_t index)
{
	const struct proc_mapping *mapping = &maps->items[index], *below = mapping - 1;

	return strcmp(mapping->name, "[stack]") == 0 ||
	       (index > 0 && below->end == mapping->start && !below->readable && !below->writable &&
		!below->executable);
}

static void look_at_all(struct look *look)
{
	const struct proc_maps *maps = &look->process->maps;

	for (size_t i = 0; i < maps->count; i++) {
		look->mapping = &maps->items[i];
		look->guarded = is_guarded(maps, i);
		if (is_looked_at(look->mapping) && look_at_mapping(look) < 0) {
			keep_all(look, "not all of the process's memory can be read");
			return;
		}
	}
}

static void measure(struct look *look)
{
	uint64_t highest = 0;

	look->lowest = UINT64_MAX;
	for (size_t i = 0; i < look->count; i++) {
		struct safety_watch *watch = &look->items[i].watch;

		watch->places = look->items[i].places;
		for (size_t j = 0; j < watch->span_count; j++) {
			if (watch->spans[j].first < look->lowest)
				look->lowest = watch->spans[j].first;
			if (watch->spans[j].last > highest)
				highest = watch->spans[j].last;
		}
	}
	look->room = highest - look->lowest;
}

static int read_code(const struct lcp_process *process, struct pointers *pointers,
		     struct lcp_error **reterr)
{
	struct safety_watch *watch = &pointers->watch;

	pointers->code = malloc(watch->code_size + 1);
	if (pointers->code == NULL)
		return error_set_nomem(reterr);
	watch->code = pointers->code;
	return process_read(process, watch->code_start, pointers->code, watch->code_size,
			    watch->name, reterr);
}

int pointers_find(const struct lcp_process *process, struct pointers *items, size_t count,
		  uint64_t *ret_bytes, struct lcp_error **reterr)
{
	autofree uint8_t *buffer = malloc(BLOCK);
	struct look look = {
		.process = process,
		.items = items,
		.count = count,
		.buffer = buffer,
	};

	if (buffer == NULL)
		return error_set_nomem(reterr);
	for (size_t i = 0; i < count; i++) {
		int r = read_code(process, &items[i], reterr);

		if (r < 0)
			return r;
	}
	measure(&look);
	if (is_too_much(process))
		keep_all(&look, "there is more than 1 GiB to look through for pointers to it");
	else
		look_at_all(&look);
	*ret_bytes = look.bytes;
	return 0;
}
