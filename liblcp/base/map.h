/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Map from names to numbers. Names are slices that belong to somebody else and must stay; numbers
 * are indices into the caller's own array. Nothing is ever removed.
 */
#ifndef LCP_BASE_MAP_H
#define LCP_BASE_MAP_H

#include <stdint.h>

#include "base/slice.h"

struct map_entry {
	const char *name;
	uint32_t size;
	uint32_t value; /* + 1; 0 in a free entry */
};

struct map {
	struct map_entry *entries; /* a power of two of them, at most three quarters in use */
	size_t room;
	size_t count;
};

void map_fini(struct map *map);

/* A 64-bit hash of @size bytes; @seed tells hashes of one kind from those of another. */
uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t size);

/* The same for one number. */
uint64_t hash_number(uint64_t seed, uint64_t number);

/* The number of @name, or -1. */
int64_t map_get(const struct map *map, struct slice name);

/* Give @name a number; one it has already is replaced. 0 or -ENOMEM. */
int map_set(struct map *map, struct slice name, uint32_t value);

#endif
