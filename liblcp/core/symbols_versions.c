/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names of symbol versions (LSB, "Symbol Versioning"): records in memory that lead to one another
 * by distances. How large they are together nobody says, so a block is read, and a larger one if
 * they lead out of it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "core/process_parts.h"
#include "core/symbols_parts.h"

#define BLOCK_FIRST ((size_t)4096)
#define BLOCK_MAX ((size_t)1 << 20)

/* Numbers have 15 bits, so there are no more records than that. */
#define RECORDS_MAX 32768

struct block {
	const uint8_t *bytes;
	size_t size;
	size_t records; /* read so far */
	struct object_symbols *symbols;
};

/* Copy a record; false if the block ends in front of its end, or there are too many. */
static bool read_record(struct block *block, uint64_t at, void *ret, size_t size)
{
	if (block->records == RECORDS_MAX || !range_fits(at, size, block->size))
		return false;
	block->records++;
	memcpy(ret, block->bytes + at, size);
	return true;
}

static int set_name(struct object_symbols *symbols, uint16_t number, uint32_t name)
{
	number &= VERSION_NUMBER;
	while (symbols->version_names.count <= number)
		if (vec_push(&symbols->version_names, 0) < 0)
			return -ENOMEM;
	if (name < symbols->strings_size)
		symbols->version_names.items[number] = name;
	return 0;
}

/* 0; -EFAULT if the records lead out of the block. */
static int take_defined(struct block *block)
{
	Elf64_Verdaux name;
	Elf64_Verdef version;
	uint64_t at = 0;
	int r;

	do {
		if (!read_record(block, at, &version, sizeof(version)) ||
		    !read_record(block, at + version.vd_aux, &name, sizeof(name)))
			return -EFAULT;
		/* The base version is the name of the object. */
		r = set_name(block->symbols, version.vd_ndx,
			     (version.vd_flags & VER_FLG_BASE) != 0 ? 0 : name.vda_name);
		if (r < 0)
			return r;
		at += version.vd_next;
	} while (version.vd_next != 0);
	return 0;
}

static int take_needed(struct block *block)
{
	uint64_t at = 0, aux;
	Elf64_Verneed object;
	Elf64_Vernaux version;
	int r;

	do {
		if (!read_record(block, at, &object, sizeof(object)))
			return -EFAULT;
		aux = at + object.vn_aux;
		do {
			if (!read_record(block, aux, &version, sizeof(version)))
				return -EFAULT;
			r = set_name(block->symbols, version.vna_other, version.vna_name);
			if (r < 0)
				return r;
			aux += version.vna_next;
		} while (version.vna_next != 0);
		at += object.vn_next;
	} while (object.vn_next != 0);
	return 0;
}

/* Read the records at @address, with as large a block as they need. */
static int read_records(const struct lcp_process *process, uint64_t address,
			struct object_symbols *symbols, int (*take_records)(struct block *block))
{
	struct target *target = process->target;
	int r = address != 0 ? -EFAULT : 0;

	for (size_t room = BLOCK_FIRST; r == -EFAULT && room <= BLOCK_MAX; room *= 4) {
		autofree uint8_t *bytes = malloc(room);
		struct block block = { .bytes = bytes, .symbols = symbols };

		if (bytes == NULL)
			return -ENOMEM;
		block.size = target->ops->read_some(target, address, bytes, room);
		r = take_records(&block);
		if (block.size < room)
			break;
	}
	return r;
}

int symbols_read_versions(const struct lcp_process *process, struct object_symbols *symbols,
			  struct lcp_error **reterr)
{
	if (symbols->versions == NULL)
		return 0;
	if (read_records(process, symbols->verdef, symbols, take_defined) == -ENOMEM ||
	    read_records(process, symbols->verneed, symbols, take_needed) == -ENOMEM)
		return error_set_nomem(reterr);
	return 0;
}

const char *symbols_version(const struct object_symbols *symbols, size_t index)
{
	uint16_t number;

	if (symbols->versions == NULL || index >= symbols->symbol_count)
		return NULL;
	number = symbols->versions[index] & VERSION_NUMBER;
	if (number >= symbols->version_names.count || symbols->version_names.items[number] == 0)
		return NULL;
	return symbols->strings + symbols->version_names.items[number];
}
