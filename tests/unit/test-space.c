/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where room is found in processes made up: cases with the answer expected, and processes by
 * chance, where a search that tries every place must find nothing better.
 */
#include "core/space.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "tap.h"

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)
#define PAGE (4 * KIB)
#define ROOM (256 * KIB)
#define REACH (2 * GIB - 16 * MIB)
#define MAPPINGS_MAX 64

/* A process whose memory is written down by hand. */
struct made {
	struct proc_mapping items[MAPPINGS_MAX];
	struct proc_maps maps;
	struct space_wish wish;
	struct space_range taken[4];
	size_t taken_count;
};

/* One for which room for an object at [@start, @end) is wished. */
static void made_init(struct made *made, uint64_t start, uint64_t end)
{
	*made = (struct made){ .wish = { ROOM, REACH, start, end, 0, 0 } };
	made->maps.items = made->items;
}

/* @kind is "r-x", "rw-" and so on, as in /proc/PID/maps. */
static void map(struct made *made, uint64_t start, uint64_t end, const char *kind, const char *name)
{
	made->items[made->maps.count++] = (struct proc_mapping){
		.start = start,
		.end = end,
		.inode = name[0] == '/',
		.readable = kind[0] == 'r',
		.writable = kind[1] == 'w',
		.executable = kind[2] == 'x',
		.name = name,
	};
}

static void take_range(struct made *made, uint64_t start, uint64_t end)
{
	made->taken[made->taken_count++] = (struct space_range){ start, end };
}

/* Where room is found, 0 if nowhere. */
static uint64_t find(const struct made *made)
{
	autoerror struct lcp_error *error = NULL;
	uint64_t found = 0;
	int r;

	r = space_find(&made->maps, &made->wish, made->taken, made->taken_count, &found, &error);
	if (r == 0)
		return found;
	ok(r == -LCP_ENOROOM && found == 0 && strstr(error->message, "bytes are free") != NULL,
	   "without room the error says so");
	return 0;
}

#define LIB UINT64_C(0x7f0000000000)

static void test_nearest(void)
{
	struct made made;

	made_init(&made, LIB, LIB + MIB);
	map(&made, LIB, LIB + MIB, "r-x", "/lib");
	is_int(find(&made), LIB - ROOM, "below and above are equally near: below");
	map(&made, LIB + 3 * MIB, LIB + 4 * MIB, "r-x", "/other");
	take_range(&made, LIB - ROOM, LIB - PAGE);
	is_int(find(&made), LIB + MIB, "what is taken is not free");
	take_range(&made, LIB + MIB, LIB + 3 * MIB - ROOM);
	is_int(find(&made), LIB - 2 * ROOM, "the next place below is nearer than the next above");
	take_range(&made, LIB - GIB, LIB);
	is_int(find(&made), LIB + 3 * MIB - ROOM, "a hole that fits exactly is taken");
	made.wish.size += PAGE;
	is_int(find(&made), LIB + 4 * MIB, "one that is a page too small is not");

	made_init(&made, LIB, LIB + 4 * MIB);
	map(&made, LIB, LIB + MIB, "r-x", "/lib");
	map(&made, LIB + 2 * MIB, LIB + 4 * MIB, "rw-", "/lib");
	take_range(&made, LIB - GIB, LIB);
	is_int(find(&made), LIB + 4 * MIB, "a hole in the object is part of it");
}

static void test_reach(void)
{
	struct made made;

	made_init(&made, LIB, LIB + 16 * MIB);
	map(&made, LIB - 64 * MIB, LIB + 16 * MIB + 64 * MIB, "r-x", "/lib");
	made.wish.reach = 64 * MIB;
	is_int(find(&made), 0, "what is behind the reach is not found");
	made.wish.reach = 80 * MIB;
	is_int(find(&made), 0, "nor what is in reach of a part of the object");
	made.wish.reach = 80 * MIB + ROOM;
	is_int(find(&made), LIB - 64 * MIB - ROOM, "the whole object has to be in reach");
	made.wish.reach = UINT64_MAX;
	is_int(find(&made), LIB - 64 * MIB - ROOM, "a reach without end does not wrap");
	made.wish.size = UINT64_MAX & ~(PAGE - 1);
	is_int(find(&made), 0, "nor does a size");
}

static void test_edges(void)
{
	struct made made;

	made_init(&made, 4 * MIB, 5 * MIB);
	map(&made, 512 * KIB, 5 * MIB, "r-x", "/program");
	made.wish.size = 448 * KIB;
	take_range(&made, 5 * MIB, 64 * GIB);
	is_int(find(&made), 64 * KIB, "room may begin at 64 KiB");
	made.wish.size += PAGE;
	is_int(find(&made), 0, "but not below");

	made_init(&made, ((uint64_t)1 << 47) - 2 * MIB, ((uint64_t)1 << 47) - MIB);
	map(&made, made.wish.start - 4 * GIB, made.wish.end, "r-x", "/lib");
	map(&made, UINT64_C(0xffffffffff600000), UINT64_C(0xffffffffff601000), "--x", "[vsyscall]");
	made.wish.size = MIB - 64 * KIB;
	is_int(find(&made), made.wish.end, "room may be near the end of all addresses");
	made.wish.size += PAGE;
	is_int(find(&made), 0, "but not at it");

	made_init(&made, UINT64_C(0xffff80000000), UINT64_C(0xffff80100000));
	map(&made, made.wish.start, made.wish.end, "r-x", "/lib");
	is_int(find(&made), made.wish.start - ROOM, "aarch64 has higher addresses");

	made_init(&made, 0, 0);
	made.wish.size = 0;
	is_int(space_find(&made.maps, &made.wish, NULL, 0, &(uint64_t){ 0 }, NULL), -EINVAL,
	       "no room is nothing to ask for");
}

static void test_stacks(void)
{
	struct made made;

	made_init(&made, LIB, LIB + MIB);
	take_range(&made, LIB - 4 * GIB, LIB);
	map(&made, LIB, LIB + MIB, "r-x", "/lib");
	map(&made, LIB + 17 * MIB, LIB + 18 * MIB, "rw-", "[stack]");
	made.wish.size = 64 * KIB;
	is_int(find(&made), LIB + 18 * MIB, "16 MiB below the stack are its own");
	made.items[1].start += 64 * KIB;
	is_int(find(&made), LIB + MIB, "what is below them is free");

	made_init(&made, LIB, LIB + MIB);
	take_range(&made, LIB - 4 * GIB, LIB);
	map(&made, LIB, LIB + MIB, "r-x", "/lib");
	map(&made, LIB + 2 * MIB, LIB + 2 * MIB + PAGE, "---", "");
	map(&made, LIB + 2 * MIB + PAGE, LIB + 4 * MIB, "rw-", "");
	made.wish.size = MIB;
	is_int(find(&made), LIB + 4 * MIB, "a guard page of a thread keeps a gap below it");
	made.wish.size = MIB - 256 * KIB;
	is_int(find(&made), LIB + MIB, "of 256 KiB");
	made.wish.size = MIB;
	made.items[2].name = "/file";
	made.items[2].inode = 1;
	is_int(find(&made), LIB + MIB, "other mappings do not");
}

#define PROGRAM UINT64_C(0x555555554000)

static void test_heap(void)
{
	struct made made;
	uint64_t heap = PROGRAM + 16 * MIB;

	made_init(&made, PROGRAM, PROGRAM + MIB);
	take_range(&made, PROGRAM - 4 * GIB, heap);
	map(&made, PROGRAM, PROGRAM + MIB, "r-x", "/program");
	map(&made, heap, heap + MIB, "rw-", "[heap]");
	is_int(find(&made), (heap + MIB + GIB + 64 * KIB - 1) & ~(64 * KIB - 1),
	       "1 GiB is left to the heap");
	made.wish.heap_start = heap - MIB + 100;
	is_int(find(&made), (heap + MIB + GIB + 64 * KIB - 1) & ~(64 * KIB - 1),
	       "where it begins does not matter then");
	made.maps.count = 1;
	is_int(find(&made), (heap - MIB + GIB + 64 * KIB) & ~(64 * KIB - 1),
	       "but if there is none yet");
	made.wish.heap_start = 0;
	is_int(find(&made), heap, "without a heap there is no gap");

	made.maps.count = 2;
	made.wish.reach = 512 * MIB;
	is_int(find(&made), (PROGRAM + 512 * MIB - ROOM) & ~(64 * KIB - 1),
	       "if that is too far, as much is left as can be");
	made.wish.reach = 81 * MIB;
	is_int(find(&made), 0, "but not less than 64 MiB");
	made.wish.reach = REACH;
	map(&made, heap + 2 * MIB, heap + 3 * MIB, "r--", "/file");
	is_int(find(&made), heap + 3 * MIB, "behind what the heap cannot pass nothing is left");
}

/* A program at a fixed address: all it refers to has to be below 2 GiB. */
static void test_below(void)
{
	struct made made;

	made_init(&made, 4 * MIB, 6 * MIB);
	map(&made, 4 * MIB, 6 * MIB, "r-x", "/program");
	made.wish.below = 2 * GIB;
	made.wish.reach = 4 * GIB;
	made.wish.heap_start = 20 * MIB;
	is_int(find(&made), 4 * MIB - ROOM, "there may be room below the program");
	take_range(&made, 0, 4 * MIB);
	is_int(find(&made), 6 * MIB, "or in front of its heap");
	take_range(&made, 6 * MIB, 20 * MIB);
	is_int(find(&made), GIB + 20 * MIB, "or behind it");
	take_range(&made, GIB, 2 * GIB - 64 * KIB);
	made.wish.size = 64 * KIB;
	is_int(find(&made), 2 * GIB - 64 * KIB, "as long as it is below");
	take_range(&made, 80 * MIB, 2 * GIB);
	is_int(find(&made), 0, "if nothing is left there, there is no room");
}

/* By chance: numbers that are the same in every run. */
static uint64_t chance(uint64_t *state, uint64_t below)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (*state >> 33) % below;
}

/* Is [@at, @at + size) of nobody, by the rules and nothing clever? */
static bool is_free(const struct made *made, uint64_t at, uint64_t heap_gap)
{
	uint64_t end = at + made->wish.size, heap_end = made->wish.heap_start;
	bool in_way = false;

	if (at < 64 * KIB || end > ((uint64_t)1 << 47) - 64 * KIB ||
	    (at < made->wish.end && end > made->wish.start))
		return false;
	if (made->wish.end - at > made->wish.reach && made->wish.end > at)
		return false;
	if (end > made->wish.start && end - made->wish.start > made->wish.reach)
		return false;
	for (size_t i = 0; i < made->taken_count; i++)
		if (at < made->taken[i].end && end > made->taken[i].start)
			return false;
	for (size_t i = 0; i < made->maps.count; i++) {
		const struct proc_mapping *mapping = &made->items[i];
		uint64_t start = mapping->start;

		if (strcmp(mapping->name, "[stack]") == 0)
			start -= 16 * MIB;
		if (strcmp(mapping->name, "[heap]") == 0)
			heap_end = mapping->end;
		if (at < mapping->end && end > start)
			return false;
	}
	for (size_t i = 0; i < made->maps.count; i++)
		in_way = in_way || (made->items[i].start >= heap_end && made->items[i].start < end);
	return in_way || end <= made->wish.heap_start || at >= heap_end + heap_gap;
}

static uint64_t distance(const struct made *made, uint64_t at)
{
	return at >= made->wish.end ? at - made->wish.end
				    : made->wish.start - (at + made->wish.size);
}

/* A crowd around an object, in a window of some hundred MiB. */
static void make_by_chance(struct made *made, uint64_t *state)
{
	uint64_t at = LIB;
	size_t count = 4 + chance(state, 24), ours = chance(state, count),
	       heap = chance(state, count);

	made_init(made, 0, 0);
	made->wish.heap_start = LIB - 64 * KIB;
	for (size_t i = 0; i < count; i++) {
		uint64_t size = (1 + chance(state, 64)) * 64 * KIB;

		at += chance(state, 3) * chance(state, 40) * 64 * KIB;
		map(made, at, at + size, "rw-",
		    i == heap ? "[heap]" : (chance(state, 8) == 0 ? "[stack]" : "/file"));
		if (i == heap)
			made->wish.heap_start = at;
		if (i == ours) {
			made->wish.start = at;
			made->wish.end = at + size;
		}
		at += size;
	}
	take_range(made, LIB - 4 * GIB, LIB - chance(state, 64) * 64 * KIB);
	take_range(made, at + chance(state, 64) * 64 * KIB, at + 4 * GIB);
	made->wish.size = (1 + chance(state, 32)) * 64 * KIB;
	made->wish.reach = (16 + chance(state, 1024)) * 64 * KIB;
}

/* Where room should be found, by trying every place; 0 if nowhere. */
static uint64_t find_slowly(const struct made *made)
{
	uint64_t first = LIB - 8 * MIB, last = LIB + 256 * MIB, best = 0;

	for (uint64_t at = first; at < last; at += 64 * KIB)
		if (is_free(made, at, GIB) &&
		    (best == 0 || distance(made, at) < distance(made, best)))
			best = at;
	for (uint64_t at = last; at > first && best == 0; at -= 64 * KIB)
		if (is_free(made, at, 64 * MIB))
			best = at;
	return best;
}

static void test_by_chance(void)
{
	uint64_t state = 1;
	size_t wrong = 0, found_count = 0, none_count = 0;

	for (size_t i = 0; i < 2000; i++) {
		struct made made;
		uint64_t found = 0, best;
		int r;

		make_by_chance(&made, &state);
		best = find_slowly(&made);
		r = space_find(&made.maps, &made.wish, made.taken, made.taken_count, &found, NULL);
		wrong += best == 0 ? r != -LCP_ENOROOM : r != 0 || found != best;
		found_count += best != 0;
		none_count += best == 0;
	}
	is_int(wrong, 0, "what is found is free, in reach, and nothing is nearer");
	ok(found_count > 500 && none_count > 100, "there was room in %zu processes, none in %zu",
	   found_count, none_count);
}

int main(void)
{
	tap_begin();
	test_nearest();
	test_reach();
	test_edges();
	test_stacks();
	test_heap();
	test_below();
	test_by_chance();
	return tap_end();
}
