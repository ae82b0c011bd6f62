/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAP_FIRST_ROOM 64

/* Odd constants with bits all over: Knuth's golden ratio, and a prime of xxHash's kind. */
#define MIX_A UINT64_C(0x9e3779b97f4a7c15)
#define MIX_B UINT64_C(0xd6e8feb86659fd93)

void map_fini(struct map *map)
{
	free(map->entries);
	*map = (struct map){ 0 };
}

uint64_t hash_number(uint64_t seed, uint64_t number)
{
	uint64_t hash = (seed ^ number) * MIX_A;

	hash = (hash ^ hash >> 32) * MIX_B;
	return hash ^ hash >> 29;
}

uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t size)
{
	const char *from = bytes;
	uint64_t word;

	seed = hash_number(seed, size);
	for (; size >= sizeof(word); size -= sizeof(word), from += sizeof(word)) {
		memcpy(&word, from, sizeof(word));
		seed = hash_number(seed, word);
	}
	if (size == 0)
		return seed;
	word = 0;
	memcpy(&word, from, size);
	return hash_number(seed, word);
}

/* The entry that holds @name, or the free one where it would go. */
static struct map_entry *find(const struct map *map, struct slice name)
{
	size_t mask = map->room - 1;
	size_t at = hash_bytes(0, name.text, name.size) & mask;

	for (;; at = (at + 1) & mask) {
		struct map_entry *entry = &map->entries[at];

		if (entry->value == 0 ||
		    slice_equals((struct slice){ entry->name, entry->size }, name))
			return entry;
	}
}

int64_t map_get(const struct map *map, struct slice name)
{
	return map->count == 0 ? -1 : (int64_t)find(map, name)->value - 1;
}

static int grow(struct map *map)
{
	struct map larger = { .room = map->room == 0 ? MAP_FIRST_ROOM : map->room * 2 };

	larger.entries = calloc(larger.room, sizeof(*larger.entries));
	if (larger.entries == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < map->room; i++) {
		const struct map_entry *entry = &map->entries[i];

		if (entry->value != 0)
			*find(&larger, (struct slice){ entry->name, entry->size }) = *entry;
	}
	larger.count = map->count;
	free(map->entries);
	*map = larger;
	return 0;
}

int map_set(struct map *map, struct slice name, uint32_t value)
{
	struct map_entry *entry;

	if (map->count >= map->room / 4 * 3 && grow(map) < 0)
		return -ENOMEM;
	entry = find(map, name);
	map->count += entry->value == 0;
	*entry = (struct map_entry){ name.text, (uint32_t)name.size, value + 1 };
	return 0;
}
