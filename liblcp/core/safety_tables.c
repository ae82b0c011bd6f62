/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Unwind tables, found and read before threads stop. What cannot be read or is of an unusual form
 * is left out: the unwinder then does not get past the code it is for, which is safe.
 */
#include "core/safety_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"

/* What is read of an object's tables; the unwinder reads the rest when it needs it. */
#define TABLE_MAX (16u << 20)
#define TABLES_MAX (128u << 20)

/* As ld, gold and lld write it: version 1, pointers relative to the place or to the header. */
static const uint8_t header_form[] = { 1, 0x1b, 0x03, 0x3b };

#define HEADER_SIZE 12

/* Where indexes of ours are, for the unwinder: the kernel's half, where no process has anything. */
#define OWN_INDEXES 0xffff800000000000

struct gathering {
	const struct lcp_process *process;
	VEC(struct unwind_table) tables;
	VEC(struct unwind_copy) copies;
	VEC(uint8_t *) bytes;
	uint64_t total; /* bytes of copies */
	uint64_t next_index;
};

static void gathering_fini(struct gathering *gathering)
{
	vec_foreach (&gathering->bytes, bytes)
		free(*bytes);
	vec_fini(&gathering->bytes);
	vec_fini(&gathering->tables);
	vec_fini(&gathering->copies);
}

/* Let the unwinder have @bytes, which are taken over, as what is at @address. */
static int add_copy(struct gathering *gathering, uint64_t address, uint8_t *bytes, size_t size)
{
	struct unwind_copy copy = { address, size, bytes };

	if (vec_push(&gathering->bytes, bytes) < 0) {
		free(bytes);
		return -ENOMEM;
	}
	gathering->total += size;
	return vec_push(&gathering->copies, copy);
}

/*
 * Read what there is from @start to @end, a part of it if it is large. *@ret is NULL if nothing is.
 */
static int read_part(struct gathering *gathering, uint64_t start, uint64_t end, uint8_t **ret,
		     size_t *ret_size)
{
	struct target *target = gathering->process->target;
	size_t size = end - start < TABLE_MAX ? (size_t)(end - start) : TABLE_MAX;

	*ret = NULL;
	*ret_size = 0;
	if (end <= start || gathering->total + size > TABLES_MAX)
		return 0;
	*ret = malloc(size);
	if (*ret == NULL)
		return -ENOMEM;
	*ret_size = size;
	if (target->ops->read(target, start, *ret, size) < 0)
		*ret_size = target->ops->read_some(target, start, *ret, size);
	return 0;
}

static int read_copy(struct gathering *gathering, uint64_t start, uint64_t end)
{
	uint8_t *bytes;
	size_t size;
	int r;

	start &= ~7ull;
	r = read_part(gathering, start, end, &bytes, &size);
	if (r < 0 || bytes == NULL)
		return r;
	return add_copy(gathering, start, bytes, size);
}

static int add_table(struct gathering *gathering, uint64_t start, uint64_t end,
		     const struct unwind_table *table)
{
	struct unwind_table part = *table;

	part.start = start;
	part.end = end;
	return start < end ? vec_push(&gathering->tables, part) : 0;
}

/* What was copied of @table, all of it; NULL if that is not so. */
static const uint8_t *find_copy(const struct gathering *gathering, const struct object_table *table)
{
	for (size_t i = gathering->copies.count; i-- > 0;) {
		const struct unwind_copy *copy = &gathering->copies.items[i];

		if (table->address >= copy->address &&
		    range_fits(table->address - copy->address, table->size, copy->size))
			return copy->bytes + (table->address - copy->address);
	}
	return NULL;
}

/* *@ret of the header; false if it is not as all linkers write it. */
static bool read_header(const struct gathering *gathering, const struct object_table *header,
			struct unwind_table *ret, uint64_t *ret_frames)
{
	struct target *target = gathering->process->target;
	const uint8_t *copy = find_copy(gathering, header);
	uint8_t bytes[HEADER_SIZE];

	if (header->size < HEADER_SIZE || header->address % 4 != 0)
		return false;
	if (copy != NULL)
		memcpy(bytes, copy, sizeof(bytes));
	else if (target->ops->read(target, header->address, bytes, sizeof(bytes)) < 0)
		return false;
	if (memcmp(bytes, header_form, sizeof(header_form)) != 0)
		return false;
	*ret_frames = header->address + 4 + (uint64_t)(int32_t)get_le32(bytes + 4);
	ret->base = header->address;
	ret->index = header->address + HEADER_SIZE;
	ret->count = get_le32(bytes + 8);
	return ret->count <= (header->size - HEADER_SIZE) / sizeof(struct safety_pair);
}

static int add_code(struct gathering *gathering, const struct object *object,
		    const struct unwind_table *table)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < object->segment_count; i++)
		if (object->segments[i].executable)
			r = add_table(gathering, object->segments[i].start, object->segments[i].end,
				      table);
	return r;
}

static int compare_pairs(const void *a, const void *b)
{
	const struct safety_pair *left = a, *right = b;

	return (left->function > right->function) - (left->function < right->function);
}

/* Make an index of the entries in @bytes; both become copies. */
static int index_part(struct gathering *gathering, const struct object *object, uint64_t address,
		      uint8_t *bytes, size_t size)
{
	struct unwind_table table = { .base = address, .index = gathering->next_index };
	struct safety_pairs pairs = { 0 };
	size_t index_size;
	int r = safety_frames_find(object, address, address, bytes, size, &pairs);

	if (r < 0 || pairs.count == 0) {
		free(pairs.items);
		free(bytes);
		return r;
	}
	r = add_copy(gathering, address, bytes, size);
	if (r < 0) {
		free(pairs.items);
		return r;
	}
	qsort(pairs.items, pairs.count, sizeof(*pairs.items), compare_pairs);
	table.count = pairs.count;
	index_size = pairs.count * sizeof(*pairs.items);
	gathering->next_index += index_size;
	r = add_copy(gathering, table.index, (uint8_t *)pairs.items, index_size);
	return r < 0 ? r : add_code(gathering, object, &table);
}

/*
 * The object does not say where its table is, or not in a way we know: it is among what is only
 * read.
 */
static int index_object(struct gathering *gathering, const struct object *object)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < object->segment_count; i++) {
		const struct object_segment *segment = &object->segments[i];
		uint8_t *bytes;
		size_t size;

		if (segment->writable)
			continue;
		r = read_part(gathering, segment->start, segment->end, &bytes, &size);
		if (r == 0 && bytes != NULL)
			r = index_part(gathering, object, segment->start, bytes, size);
	}
	return r;
}

/* The index of the table is copied; of the table itself the unwinder reads what it needs. */
static int add_object(struct gathering *gathering, const struct object *object)
{
	const struct object_table *header = &object->eh_frame_hdr;
	struct unwind_table table = { 0 };
	uint64_t frames;
	int r;

	r = read_copy(gathering, header->address, header->address + header->size);
	if (r < 0)
		return r;
	if (!read_header(gathering, header, &table, &frames))
		return index_object(gathering, object);
	return add_code(gathering, object, &table);
}

static int add_patch(struct gathering *gathering, const struct safety_table *patch)
{
	const struct object_table *parts[] = { &patch->eh_frame_hdr, &patch->eh_frame };
	struct unwind_table table = { 0 };
	uint64_t frames;
	int r = 0;

	if (patch->around.size > 0 && find_copy(gathering, parts[0]) == NULL)
		r = read_copy(gathering, patch->around.address,
			      patch->around.address + patch->around.size);
	if (r < 0 || !read_header(gathering, parts[0], &table, &frames))
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (r == 0 && find_copy(gathering, parts[i]) == NULL)
			r = read_copy(gathering, parts[i]->address,
				      parts[i]->address + parts[i]->size);
	return r < 0 ? r : add_table(gathering, patch->start, patch->end, &table);
}

static int gather(struct gathering *gathering, const struct safety_table *tables, size_t count)
{
	const struct lcp_process *process = gathering->process;
	int r = 0;

	for (size_t i = 0; r == 0 && i < process->object_count; i++)
		r = add_object(gathering, &process->objects[i]);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = add_patch(gathering, &tables[i]);
	return r;
}

int safety_tables_init(struct safety *safety, const struct lcp_process *process,
		       const struct safety_table *tables, size_t count, struct lcp_error **reterr)
{
	cleanup(gathering_fini) struct gathering gathering = {
		.process = process,
		.next_index = OWN_INDEXES,
	};
	int r = gather(&gathering, tables, count);

	if (r < 0)
		return error_set_nomem(reterr);
	r = unwinder_new(safety->arch, gathering.tables.items, gathering.tables.count,
			 gathering.copies.items, gathering.copies.count, &safety->unwinder, reterr);
	if (r < 0)
		return r;
	safety->table_count = gathering.bytes.count;
	safety->tables = take(gathering.bytes.items);
	return 0;
}

void safety_tables_fini(struct safety *safety)
{
	for (size_t i = 0; i < safety->table_count; i++)
		free(safety->tables[i]);
	free(safety->tables);
}
