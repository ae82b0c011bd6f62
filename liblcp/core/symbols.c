/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/symbols.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "core/lookup_parts.h"
#include "core/process_parts.h"
#include "core/symbols_parts.h"

/* Linkers write some ten thousand symbols; no table of an object that is not hostile is larger. */
#define TABLE_MAX ((uint64_t)64 << 20)
/* Of all objects of a process. */
#define TABLES_MAX ((uint64_t)512 << 20)
#define DYNAMIC_MAX 65536
#define NEEDED_MAX 256
#define TEXT_MAX 4096

/* What is read at a time of a chain whose end is not known. */
#define CHAIN_STEP 1024

struct symbol_name symbol_name(const char *name, const char *version)
{
	struct symbol_name ret = { name, version, 5381, 0 };

	for (const unsigned char *at = (const unsigned char *)name; *at != '\0'; at++) {
		ret.gnu_hash = ret.gnu_hash * 33 + *at;
		ret.hash = (ret.hash << 4) + *at;
		ret.hash ^= ret.hash >> 24 & 0xf0;
	}
	ret.hash &= 0x0fffffff;
	return ret;
}

/* Hostile objects may all have the same large tables. */
static bool may_read(const struct lcp_process *process, uint64_t size)
{
	struct process_lookups *lookups = process->lookups;

	if (lookups == NULL)
		return true;
	if (size > TABLES_MAX - lookups->bytes)
		return false;
	lookups->bytes += size;
	return true;
}

int symbols_read(const struct lcp_process *process, const struct object *object, uint64_t address,
		 uint64_t size, const char *what, void *ret, struct lcp_error **reterr)
{
	autoerror struct lcp_error *error = NULL;
	autofree uint8_t *bytes = NULL;
	void **table = ret;
	int r;

	*table = NULL;
	if (size == 0 || size > TABLE_MAX || !process_object_holds(object, address, size) ||
	    !may_read(process, size))
		return 0;
	bytes = malloc(size + 1);
	if (bytes == NULL)
		return error_set_nomem(reterr);
	r = process_read(process, address, bytes, size, what, &error);
	if (process_fails(r) && reterr != NULL)
		*reterr = take(error);
	if (r < 0)
		return process_fails(r) ? r : 0;
	bytes[size] = '\0';
	*table = take(bytes);
	return 0;
}

/*
 * An address of the dynamic section: glibc has added the bias to most of them in place; in musl and
 * the kernel's vdso nobody has. Only one of the two is inside of the object. 0 if none is.
 */
static uint64_t find_address(const struct object *object, uint64_t value)
{
	if (process_object_holds(object, value, 1))
		return value;
	return process_object_holds(object, object->bias + value, 1) ? object->bias + value : 0;
}

static int take_dynamic(const struct object *object, const Elf64_Dyn *entry,
			struct object_symbols *symbols)
{
	uint64_t value = entry->d_un.d_val;

	switch (entry->d_tag) {
	case DT_GNU_HASH:
		symbols->gnu_hash = find_address(object, value);
		break;
	case DT_HASH:
		symbols->hash = find_address(object, value);
		break;
	case DT_SYMTAB:
		symbols->symtab = find_address(object, value);
		break;
	case DT_STRTAB:
		symbols->strtab.address = find_address(object, value);
		break;
	case DT_STRSZ:
		symbols->strtab.size = value;
		break;
	case DT_VERSYM:
		symbols->versym = find_address(object, value);
		break;
	case DT_VERDEF:
		symbols->verdef = find_address(object, value);
		break;
	case DT_VERNEED:
		symbols->verneed = find_address(object, value);
		break;
	case DT_NEEDED:
		return symbols->needed.count < NEEDED_MAX ? vec_push(&symbols->needed, value) : 0;
	default:
		break;
	}
	return 0;
}

static void take_relocs(const struct object *object, const Elf64_Dyn *entry,
			struct object_symbols *symbols)
{
	uint64_t value = entry->d_un.d_val;

	switch (entry->d_tag) {
	case DT_RELA:
		symbols->relocs.address = find_address(object, value);
		break;
	case DT_RELASZ:
		symbols->relocs.size = value;
		break;
	case DT_JMPREL:
		symbols->call_relocs.address = find_address(object, value);
		break;
	case DT_PLTRELSZ:
		symbols->call_relocs.size = value;
		break;
	case DT_SYMBOLIC:
		symbols->is_symbolic = true;
		break;
	case DT_BIND_NOW:
		symbols->binds_now = true;
		break;
	case DT_FLAGS:
		symbols->is_symbolic |= (value & DF_SYMBOLIC) != 0;
		symbols->binds_now |= (value & DF_BIND_NOW) != 0;
		break;
	case DT_FLAGS_1:
		symbols->binds_now |= (value & DF_1_NOW) != 0;
		break;
	case DT_SONAME:
		symbols->soname = value;
		break;
	default:
		break;
	}
}

static int read_dynamic(const struct lcp_process *process, const struct object *object,
			struct object_symbols *symbols, struct lcp_error **reterr)
{
	uint64_t size = object->dynamic.size < DYNAMIC_MAX ? object->dynamic.size : DYNAMIC_MAX;
	autofree Elf64_Dyn *entries = NULL;
	int r;

	r = symbols_read(process, object, object->dynamic.address, size, "the dynamic section",
			 &entries, reterr);
	if (r < 0 || entries == NULL)
		return r;
	for (size_t i = 0; i < size / sizeof(*entries) && entries[i].d_tag != DT_NULL; i++) {
		take_relocs(object, &entries[i], symbols);
		if (take_dynamic(object, &entries[i], symbols) < 0)
			return error_set_nomem(reterr);
	}
	return 0;
}

/* How much of the segment that holds @address is behind it. */
static uint64_t room_at(const struct object *object, uint64_t address)
{
	for (size_t i = 0; i < object->segment_count; i++) {
		const struct object_segment *segment = &object->segments[i];

		if (address >= segment->start && address < segment->end)
			return segment->end - address;
	}
	return 0;
}

/*
 * The chain of a GNU hash table has no size: it ends with the last chain's last word, whose lowest
 * bit is set. @last is the symbol that the last chain begins with.
 */
static int read_chain(const struct lcp_process *process, const struct object *object,
		      uint64_t address, uint32_t last, struct object_symbols *symbols,
		      struct lcp_error **reterr)
{
	uint64_t room = room_at(object, address) / sizeof(uint32_t);
	uint64_t known = last - symbols->chain_first, count = known + CHAIN_STEP;
	int r;

	for (;; known = count, count *= 2) {
		if (count > room)
			count = room;
		free(symbols->chain);
		r = symbols_read(process, object, address, count * sizeof(uint32_t),
				 "the hash table", &symbols->chain, reterr);
		if (r < 0 || symbols->chain == NULL)
			return r;
		for (uint64_t i = known; i < count; i++)
			if ((symbols->chain[i] & 1) != 0) {
				symbols->chain_count = i + 1;
				return 0;
			}
		if (count == room)
			return 0;
	}
}

/*
 * { bucket count, first symbol, how many words of 64 bits a Bloom filter has, its shift }, the
 * filter, buckets, chain.
 */
static int read_gnu_hash(const struct lcp_process *process, const struct object *object,
			 struct object_symbols *symbols, struct lcp_error **reterr)
{
	autofree uint32_t *head = NULL;
	uint64_t buckets;
	uint32_t last = 0;
	int r;

	r = symbols_read(process, object, symbols->gnu_hash, 4 * sizeof(*head), "the hash table",
			 &head, reterr);
	if (r < 0 || head == NULL)
		return r;
	buckets = symbols->gnu_hash + 4 * sizeof(*head) + head[2] * sizeof(uint64_t);
	r = symbols_read(process, object, buckets, head[0] * sizeof(uint32_t), "the hash table",
			 &symbols->buckets, reterr);
	if (r < 0 || symbols->buckets == NULL)
		return r;
	symbols->bucket_count = head[0];
	symbols->chain_first = head[1];
	symbols->is_gnu = true;
	for (size_t i = 0; i < symbols->bucket_count; i++)
		if (symbols->buckets[i] > last)
			last = symbols->buckets[i];
	if (last < symbols->chain_first)
		return 0;
	return read_chain(process, object, buckets + head[0] * sizeof(uint32_t), last, symbols,
			  reterr);
}

/* { bucket count, chain count }, buckets, chain. */
static int read_hash(const struct lcp_process *process, const struct object *object,
		     struct object_symbols *symbols, struct lcp_error **reterr)
{
	autofree uint32_t *head = NULL;
	uint64_t chain;
	int r;

	r = symbols_read(process, object, symbols->hash, 2 * sizeof(*head), "the hash table", &head,
			 reterr);
	if (r < 0 || head == NULL)
		return r;
	chain = symbols->hash + 2 * sizeof(*head) + head[0] * sizeof(uint32_t);
	r = symbols_read(process, object, symbols->hash + 2 * sizeof(*head),
			 head[0] * sizeof(uint32_t), "the hash table", &symbols->buckets, reterr);
	if (r < 0 || symbols->buckets == NULL)
		return r;
	r = symbols_read(process, object, chain, head[1] * sizeof(uint32_t), "the hash table",
			 &symbols->chain, reterr);
	if (r < 0 || symbols->chain == NULL)
		return r;
	symbols->bucket_count = head[0];
	symbols->chain_count = head[1];
	return 0;
}

int symbols_new(const struct lcp_process *process, const struct object *object,
		struct object_symbols **ret, struct lcp_error **reterr)
{
	struct object_symbols *symbols = calloc(1, sizeof(*symbols));
	int r;

	if (symbols == NULL)
		return error_set_nomem(reterr);
	r = read_dynamic(process, object, symbols, reterr);
	if (r == 0 && symbols->gnu_hash != 0)
		r = read_gnu_hash(process, object, symbols, reterr);
	else if (r == 0 && symbols->hash != 0)
		r = read_hash(process, object, symbols, reterr);
	if (r < 0)
		symbols_free(symbols);
	else
		*ret = symbols;
	return r;
}

void symbols_free(struct object_symbols *symbols)
{
	if (symbols == NULL)
		return;
	vec_fini(&symbols->needed);
	vec_fini(&symbols->version_names);
	free(symbols->buckets);
	free(symbols->chain);
	free(symbols->symbols);
	free(symbols->versions);
	free(symbols->strings);
	vec_fini(&symbols->slots);
	free(symbols);
}

int symbols_text(const struct lcp_process *process, const struct object_symbols *symbols,
		 uint64_t offset, char **ret, struct lcp_error **reterr)
{
	struct target *target = process->target;
	char text[TEXT_MAX];
	size_t size;

	*ret = NULL;
	if (symbols->strtab.address == 0 || offset >= symbols->strtab.size)
		return 0;
	size = target->ops->read_some(target, symbols->strtab.address + offset, text, sizeof(text));
	if (memchr(text, '\0', size) == NULL)
		return 0;
	*ret = strdup(text);
	return *ret != NULL ? 0 : error_set_nomem(reterr);
}
