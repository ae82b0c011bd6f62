/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The search goes through code of files and of the vDSO, not through anonymous memory: what a
 * program generates it may overwrite at any time. And it goes from the highest address down: so
 * ld.so comes first, which stays, and libraries that were opened last, which may go, come last.
 */
#include "target/remote_code.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "target/remote_maps.h"

#define BLOCK_SIZE ((size_t)64 << 10)

/* Blocks overlap, so that what lies across their border is found; a multiple of 4: aarch64. */
#define OVERLAP 16

/* A gigabyte of text takes a second or two. */
#define SEARCH_MAX ((uint64_t)1 << 30)

struct search {
	struct target *target;
	struct arch_gadget_at *gadgets;
	uint8_t *block;
	uint64_t searched;
};

static bool is_complete(const struct search *search)
{
	uint32_t wanted = search->target->arch->gadgets_wanted;

	for (int i = 0; i < GADGET_COUNT; i++)
		if ((wanted & 1U << i) != 0 && search->gadgets[i].address == 0)
			return false;
	return true;
}

static void search_block(struct search *search, uint64_t address, size_t size)
{
	for (enum arch_gadget i = 0; i < GADGET_COUNT; i++) {
		struct arch_gadget_at *gadget = &search->gadgets[i];
		int64_t at;

		if (gadget->address != 0)
			continue;
		at = search->target->arch->find_gadget(i, search->block, size);
		if (at < 0 || !range_fits((uint64_t)at, ARCH_GADGET_MAX, size))
			continue;
		gadget->address = address + (uint64_t)at;
		memcpy(gadget->code, search->block + at, ARCH_GADGET_MAX);
	}
}

/* What cannot be read is left out: a page behind the end of its file, the vsyscall page. */
static void search_mapping(struct search *search, const struct remote_mapping *mapping)
{
	uint64_t at = mapping->start;

	while (at < mapping->end && search->searched < SEARCH_MAX && !is_complete(search)) {
		uint64_t left = mapping->end - at;
		size_t size = left < BLOCK_SIZE ? (size_t)left : BLOCK_SIZE;

		size = search->target->ops->read_some(search->target, at, search->block, size);
		search_block(search, at, size);
		search->searched += size;
		if (size <= OVERLAP)
			break;
		at += size - (size < left ? OVERLAP : 0);
	}
}

static bool is_code(const struct remote_mapping *mapping)
{
	return mapping->readable && mapping->executable && !mapping->writable && !mapping->shared &&
	       mapping->name_size > 0 &&
	       (mapping->name[0] != '[' || remote_maps_is_named(mapping, "[vdso]"));
}

int remote_code_find(struct target *target, struct arch_gadget_at *gadgets)
{
	autofree uint8_t *block = malloc(BLOCK_SIZE);
	struct search search = { .target = target, .gadgets = gadgets, .block = block };
	struct remote_mapping mapping;
	autofree char *maps = NULL;
	size_t end;
	int r;

	memset(gadgets, 0, GADGET_COUNT * sizeof(*gadgets));
	if (block == NULL)
		return -ENOMEM;
	r = target->ops->file(target, "maps", &maps, &end);
	if (r < 0)
		return r;
	while (end > 0) {
		const char *before = memrchr(maps, '\n', end - 1);
		size_t start = before == NULL ? 0 : (size_t)(before + 1 - maps);

		if (remote_maps_parse(maps + start, end - start - 1, &mapping) && is_code(&mapping))
			search_mapping(&search, &mapping);
		end = start;
	}
	return 0;
}

bool remote_code_holds(struct target *target, const struct arch_gadget_at *gadgets)
{
	for (int i = 0; i < GADGET_COUNT; i++) {
		uint8_t code[ARCH_GADGET_MAX];

		if (gadgets[i].address == 0)
			continue;
		if (target->ops->read(target, gadgets[i].address, code, sizeof(code)) < 0 ||
		    memcmp(code, gadgets[i].code, sizeof(code)) != 0)
			return false;
	}
	return true;
}
