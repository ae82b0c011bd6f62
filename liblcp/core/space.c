/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/space.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"

/* The kernel's largest page on the CPUs we know: edges that we compute are multiples of it. */
#define EDGE_ALIGN ((uint64_t)64 << 10)

/* vm.mmap_min_addr of most systems; below it a null pointer may point. */
#define FIRST_ADDRESS ((uint64_t)64 << 10)

/*
 * Programs end there: x86-64 without, aarch64 with 48 bits of addresses. What is above half of all
 * addresses is the kernel's (vsyscall).
 */
#define LAST_ADDRESS ((uint64_t)1 << 47)
#define LAST_ADDRESS_HIGH ((uint64_t)1 << 48)
#define KERNEL_ADDRESS ((uint64_t)1 << 63)

/* The main thread's stack may grow to RLIMIT_STACK, 8 MiB if nobody said otherwise. */
#define STACK_GAP ((uint64_t)16 << 20)

/* Stacks of other threads do not grow: this is for what jumps over their guard page. */
#define GUARDED_GAP ((uint64_t)256 << 10)

/* What the heap may grow by: much, if it can be had. */
#define HEAP_GAP ((uint64_t)1 << 30)
#define HEAP_GAP_LEAST ((uint64_t)64 << 20)

struct search {
	const struct proc_maps *maps;
	const struct space_wish *wish;
	const struct space_range *taken;
	size_t taken_count;
	uint64_t low; /* what is searched: [low, high) */
	uint64_t high;
	VEC(struct space_range) used; /* sorted; may overlap */
};

static void search_fini(struct search *search)
{
	vec_fini(&search->used);
}

static bool is_guard(const struct proc_mapping *mapping)
{
	return !mapping->readable && !mapping->writable && !mapping->executable;
}

static bool is_anonymous(const struct proc_mapping *mapping)
{
	return mapping->inode == 0 && mapping->name[0] != '[' && !mapping->shared;
}

/* How much is left free below mapping @i? */
static uint64_t gap_below(const struct proc_maps *maps, size_t i)
{
	const struct proc_mapping *mapping = &maps->items[i];
	const struct proc_mapping *above = i + 1 < maps->count ? mapping + 1 : NULL;

	if (strcmp(mapping->name, "[stack]") == 0)
		return STACK_GAP;
	if (is_guard(mapping) && above != NULL && above->start == mapping->end && above->readable &&
	    above->writable && is_anonymous(above))
		return GUARDED_GAP;
	return 0;
}

static uint64_t minus(uint64_t address, uint64_t size)
{
	return address > size ? address - size : 0;
}

static uint64_t plus(uint64_t address, uint64_t size)
{
	uint64_t sum;

	return add_u64(address, size, &sum) ? sum : UINT64_MAX;
}

static int compare_ranges(const void *left, const void *right)
{
	const struct space_range *a = left, *b = right;

	return (a->start > b->start) - (a->start < b->start);
}

/*
 * What the heap, which grows by brk(2), has or may get if at most @gap is left to it: nothing
 * behind what stands in its way already. Empty if nobody knows where it is.
 */
static struct space_range heap_range(const struct search *search, uint64_t gap)
{
	const struct proc_maps *maps = search->maps;
	struct space_range range = { search->wish->heap_start, search->wish->heap_start };
	uint64_t end;

	for (size_t i = 0; i < maps->count; i++) {
		if (strcmp(maps->items[i].name, "[heap]") != 0)
			continue;
		if (range.start == 0)
			range.start = maps->items[i].start;
		if (maps->items[i].end > range.end)
			range.end = maps->items[i].end;
	}
	if (range.start == 0)
		return range;
	end = plus(range.end, gap + EDGE_ALIGN - 1) & ~(EDGE_ALIGN - 1);
	for (size_t i = maps->count; i-- > 0;)
		if (maps->items[i].start >= range.end && maps->items[i].start < end)
			end = maps->items[i].start;
	return (struct space_range){ range.start & ~(EDGE_ALIGN - 1), end };
}

/*
 * List what cannot be had: mappings with their gaps, what is taken, the heap with @heap_gap, and
 * the object with the holes in it, which the dynamic linker gives back as a whole.
 */
static int list_used(struct search *search, uint64_t heap_gap)
{
	const struct space_wish *wish = search->wish;
	int r;

	search->used.count = 0;
	r = vec_push(&search->used, ((struct space_range){ wish->start, wish->end }));
	if (r == 0)
		r = vec_push(&search->used, heap_range(search, heap_gap));
	for (size_t i = 0; i < search->taken_count && r == 0; i++)
		r = vec_push(&search->used, search->taken[i]);
	for (size_t i = 0; i < search->maps->count && r == 0; i++) {
		const struct proc_mapping *mapping = &search->maps->items[i];
		uint64_t start = minus(mapping->start, gap_below(search->maps, i));

		r = vec_push(&search->used, ((struct space_range){ start, mapping->end }));
	}
	if (r == 0)
		qsort(search->used.items, search->used.count, sizeof(*search->used.items),
		      compare_ranges);
	return r;
}

/*
 * What is in reach of all of the object, and not too high. A process with mappings above what is
 * the end on x86-64 is one on a CPU that has more.
 */
static void find_limits(struct search *search)
{
	const struct space_wish *wish = search->wish;
	uint64_t high = LAST_ADDRESS - EDGE_ALIGN;

	for (size_t i = 0; i < search->maps->count; i++)
		if (search->maps->items[i].end > LAST_ADDRESS &&
		    search->maps->items[i].end < KERNEL_ADDRESS)
			high = LAST_ADDRESS_HIGH - EDGE_ALIGN;
	if (plus(wish->start, wish->reach) < high)
		high = plus(wish->start, wish->reach) & ~(EDGE_ALIGN - 1);
	if (wish->below != 0 && wish->below < high)
		high = wish->below;
	search->high = high;

	search->low = minus(wish->end, wish->reach) + EDGE_ALIGN - 1;
	search->low &= ~(EDGE_ALIGN - 1);
	if (search->low < FIRST_ADDRESS)
		search->low = FIRST_ADDRESS;
}

struct best {
	uint64_t address; /* 0: there is none */
	uint64_t distance;
};

/*
 * Look at the hole [@start, @end): is it better than what was found? Better is nearer to the
 * object, or with @highest higher: farther from the heap.
 */
static void try_hole(const struct search *search, uint64_t start, uint64_t end, bool highest,
		     struct best *best)
{
	const struct space_wish *wish = search->wish;
	bool above = start >= wish->end;
	uint64_t address, distance;

	start = start < search->low ? search->low : start;
	end = end > search->high ? search->high : end;
	if (start >= end || end - start < wish->size)
		return;
	address = above && !highest ? start : end - wish->size;
	distance = above ? address - wish->end : wish->start - (address + wish->size);
	if (best->address != 0 && (highest ? address < best->address : distance >= best->distance))
		return;
	*best = (struct best){ address, distance };
}

/* The best hole in what is not used: its address, 0 if there is none. */
static uint64_t find_hole(const struct search *search, bool highest)
{
	struct best best = { 0 };
	uint64_t at = 0;

	for (size_t i = 0; i < search->used.count; i++) {
		const struct space_range *used = &search->used.items[i];

		if (used->start > at)
			try_hole(search, at, used->start, highest, &best);
		if (used->end > at)
			at = used->end;
	}
	try_hole(search, at, UINT64_MAX, highest, &best);
	return best.address;
}

/*
 * First with all that the heap should have. If that leaves nothing, what is found lies in it, and
 * the highest place leaves it most.
 */
static int search_run(struct search *search, uint64_t *ret)
{
	int r;

	find_limits(search);
	r = list_used(search, HEAP_GAP);
	if (r < 0)
		return r;
	*ret = find_hole(search, false);
	if (*ret != 0)
		return 0;
	r = list_used(search, HEAP_GAP_LEAST);
	if (r < 0)
		return r;
	*ret = find_hole(search, true);
	return 0;
}

int space_find(const struct proc_maps *maps, const struct space_wish *wish,
	       const struct space_range *taken, size_t taken_count, uint64_t *ret,
	       struct lcp_error **reterr)
{
	struct search search cleanup(search_fini) = {
		.maps = maps,
		.wish = wish,
		.taken = taken,
		.taken_count = taken_count,
	};
	uint64_t found = 0;

	if (wish->size == 0 || wish->start > wish->end)
		return error_set(reterr, -EINVAL, "room of %" PRIu64 " bytes was asked for",
				 wish->size);
	if (search_run(&search, &found) < 0)
		return error_set_nomem(reterr);
	if (found == 0)
		return error_set(reterr, -LCP_ENOROOM,
				 "no %" PRIu64 " bytes are free within 0x%" PRIx64 " of 0x%" PRIx64
				 "-0x%" PRIx64 "%s",
				 wish->size, wish->reach, wish->start, wish->end,
				 wish->below != 0 ? " at addresses low enough" : "");
	*ret = found;
	return 0;
}
