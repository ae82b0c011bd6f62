/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/ledger_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/map.h"
#include "base/num.h"
#include "base/utf8.h"

/* A number of 4 or 8 bytes, little-endian, or bytes: where in what is written, and in memory. */
struct field {
	uint16_t at;
	uint16_t member;
	uint16_t size;
	bool is_number;
};

#define NUMBER(at, type, name)                                          \
	{                                                               \
		at, offsetof(type, name), MEMBER_SIZE(type, name), true \
	}
#define BYTES(at, type, name)                                            \
	{                                                                \
		at, offsetof(type, name), MEMBER_SIZE(type, name), false \
	}
#define TABLE(at, type, name) NUMBER(at, type, name.address), NUMBER((at) + 8, type, name.size)
#define MEMBER_SIZE(type, name) sizeof(((type *)NULL)->name)

static const struct field record_fields[] = {
	NUMBER(8, struct ledger_record, sequence),
	NUMBER(16, struct ledger_record, bias),
	TABLE(24, struct ledger_record, text),
	TABLE(40, struct ledger_record, data),
	TABLE(56, struct ledger_record, eh_frame),
	TABLE(72, struct ledger_record, eh_frame_hdr),
	NUMBER(88, struct ledger_record, frames.object),
	NUMBER(96, struct ledger_record, frames.forget),
	NUMBER(104, struct ledger_record, frames.once),
	NUMBER(112, struct ledger_record, pivot.entry),
	NUMBER(120, struct ledger_record, pivot.size),
	NUMBER(124, struct ledger_record, level),
	BYTES(128, struct ledger_record, pivot.from),
	BYTES(144, struct ledger_record, pivot.to),
	BYTES(160, struct ledger_record, digest),
	NUMBER(192, struct ledger_record, code_size),
	NUMBER(204, struct ledger_record, flags),
};

/* What else is in a record: its magic and the number of its rows; the bytes of its strings. */
#define RECORD_MAGIC 0
#define RECORD_ROW_COUNT 4
#define RECORD_STRINGS 200

#define RECORD_MAGIC_VALUE 0x52504c4cU

static const struct field row_fields[] = {
	NUMBER(0, struct ledger_row, entry),	 NUMBER(8, struct ledger_row, old_size),
	NUMBER(12, struct ledger_row, new_size), NUMBER(16, struct ledger_row, new_address),
	NUMBER(24, struct ledger_row, moved),	 NUMBER(32, struct ledger_row, moved_size),
	NUMBER(36, struct ledger_row, flags),	 NUMBER(40, struct ledger_row, guard),
	NUMBER(48, struct ledger_row, size),	 NUMBER(52, struct ledger_row, name_offset),
	BYTES(56, struct ledger_row, pristine),	 BYTES(72, struct ledger_row, from),
	BYTES(88, struct ledger_row, to),
};

static const struct field slot_fields[] = {
	NUMBER(LEDGER_SLOT_STATE, struct ledger_slot, state),
	NUMBER(LEDGER_SLOT_OFFSET, struct ledger_slot, offset),
	NUMBER(LEDGER_SLOT_BYTES, struct ledger_slot, bytes),
	NUMBER(LEDGER_SLOT_DATA_OFFSET, struct ledger_slot, data_offset),
	NUMBER(LEDGER_SLOT_DATA_BYTES, struct ledger_slot, data_bytes),
	NUMBER(LEDGER_SLOT_KEY, struct ledger_slot, key),
};

static const struct field chunk_fields[] = {
	NUMBER(LEDGER_CHUNK_ADDRESS, struct ledger_chunk, address),
	NUMBER(LEDGER_CHUNK_BYTES, struct ledger_chunk, bytes),
	NUMBER(LEDGER_CHUNK_DATA_BYTES, struct ledger_chunk, data_bytes),
	NUMBER(LEDGER_CHUNK_GENERATION, struct ledger_chunk, generation),
};

/* Pages of code without a file that are looked at: 1 GiB of them take about a tenth of a second. */
#define PAGES_MAX ((uint64_t)1 << 18)
#define PAGE 4096

/* Texts of a record: id, build-id, target, description; then the names of the rows. */
#define STRINGS_MAX ((uint32_t)64 << 20)

#define get_fields(bytes, fields, ret) get_all(bytes, fields, ARRAY_SIZE(fields), ret)
#define put_fields(fields, from, bytes) put_all(fields, ARRAY_SIZE(fields), from, bytes)

static void get_all(const uint8_t *bytes, const struct field *fields, size_t count, void *ret)
{
	for (size_t i = 0; i < count; i++) {
		const uint8_t *at = bytes + fields[i].at;
		uint8_t *member = (uint8_t *)ret + fields[i].member;

		if (!fields[i].is_number)
			memcpy(member, at, fields[i].size);
		else if (fields[i].size == 4)
			*(uint32_t *)(void *)member = get_le32(at);
		else
			*(uint64_t *)(void *)member = get_le64(at);
	}
}

static void put_all(const struct field *fields, size_t count, const void *from, uint8_t *bytes)
{
	for (size_t i = 0; i < count; i++) {
		const uint8_t *member = (const uint8_t *)from + fields[i].member;
		uint8_t *at = bytes + fields[i].at;

		if (!fields[i].is_number)
			memcpy(at, member, fields[i].size);
		else if (fields[i].size == 4)
			put_le32(at, *(const uint32_t *)(const void *)member);
		else
			put_le64(at, *(const uint64_t *)(const void *)member);
	}
}

uint64_t ledger_key(const char *id)
{
	return hash_bytes(0, id, strlen(id));
}

void ledger_record_free(struct ledger_record *record)
{
	if (record == NULL)
		return;
	for (size_t i = 0; record->rows != NULL && i < record->row_count; i++)
		free(record->rows[i].name);
	free(record->rows);
	free(record->id);
	free(record->build_id);
	free(record->target);
	free(record->description);
	free(record);
}

DEFINE_GUARD(record, struct ledger_record *, ledger_record_free);
#define autorecord cleanup(record_guard)

void ledger_fini(struct ledger *ledger)
{
	for (size_t i = 0; i < ledger->count; i++) {
		for (size_t j = 0; ledger->chunks[i].slots != NULL && j < LEDGER_SLOT_COUNT; j++)
			ledger_record_free(ledger->chunks[i].slots[j].record);
		free(ledger->chunks[i].slots);
	}
	free(ledger->chunks);
	*ledger = (struct ledger){ 0 };
}

/*
 * Could a chunk be mapped like this? Nothing else is read: programs that make code have many such.
 */
static bool may_be_chunk(const struct proc_mapping *mapping)
{
	return mapping->readable && mapping->executable && !mapping->writable && !mapping->shared &&
	       mapping->inode == 0 && mapping->end - mapping->start >= LEDGER_HEADER_SIZE;
}

/* A slot lies in its chunk, behind the table, and its data in the chunk's data. */
static bool is_sound_slot(const struct ledger_chunk *chunk, const struct ledger_slot *slot)
{
	return slot->state <= LCP_STATE_REVERTED && slot->offset >= LEDGER_HEADER_SIZE &&
	       slot->offset % LEDGER_ALIGN == 0 &&
	       range_fits(slot->offset, slot->bytes, chunk->bytes) && slot->bytes >= RECORD_SIZE &&
	       range_fits(slot->data_offset, slot->data_bytes, chunk->data_bytes);
}

/* What is no sound slot is free: it is not ours to use, but nothing else can be done with it. */
static void parse_slot(const uint8_t *bytes, const struct ledger_chunk *chunk,
		       struct ledger_slot *ret)
{
	*ret = (struct ledger_slot){ 0 };
	get_fields(bytes, slot_fields, ret);
	if (ret->state != 0 && !is_sound_slot(chunk, ret))
		*ret = (struct ledger_slot){ 0 };
}

static int by_offset(const void *a, const void *b)
{
	const struct ledger_slot *const *x = a, *const *y = b;

	return ((*x)->offset > (*y)->offset) - ((*x)->offset < (*y)->offset);
}

/* Two slots that share bytes were not written by a doctor. */
static bool slots_overlap(const struct ledger_chunk *chunk)
{
	const struct ledger_slot *used[LEDGER_SLOT_COUNT];
	size_t count = 0;

	for (size_t i = 0; i < LEDGER_SLOT_COUNT; i++)
		if (chunk->slots[i].state != 0)
			used[count++] = &chunk->slots[i];
	qsort(used, count, sizeof(used[0]), by_offset);
	for (size_t i = 1; i < count; i++)
		if (used[i]->offset < used[i - 1]->offset + used[i - 1]->bytes)
			return true;
	return false;
}

/* Is it a chunk? Its header says where it is, so a copy of one elsewhere is none. */
static bool parse_header(const uint8_t *bytes, const struct proc_mapping *mapping,
			 struct ledger_chunk *ret)
{
	get_fields(bytes, chunk_fields, ret);
	return memcmp(bytes, LEDGER_MAGIC, strlen(LEDGER_MAGIC)) == 0 &&
	       get_le32(bytes + LEDGER_CHUNK_VERSION) == LEDGER_VERSION &&
	       ret->address >= mapping->start && ret->address < mapping->end &&
	       ret->bytes >= LEDGER_HEADER_SIZE && ret->bytes % PAGE == 0 &&
	       ret->bytes <= mapping->end - ret->address && ret->bytes <= LEDGER_CHUNK_MAX &&
	       ret->data_bytes <= LEDGER_CHUNK_MAX;
}

/*
 * Is what is behind it memory without a file, as far as it says? Giving a chunk back unmaps that
 * too, so a header that was damaged must not make it the program's code.
 */
static bool has_data(const struct lcp_process *process, const struct ledger_chunk *chunk)
{
	uint64_t at = chunk->address + chunk->bytes, end = at + chunk->data_bytes;

	for (size_t i = 0; at < end && i < process->maps.count; i++) {
		const struct proc_mapping *mapping = &process->maps.items[i];

		if (at >= mapping->start && at < mapping->end && !mapping->shared &&
		    mapping->inode == 0)
			at = mapping->end;
	}
	return at >= end;
}

/* 1 if a chunk is at @address, 0 if none is. */
static int read_chunk(const struct lcp_process *process, const struct proc_mapping *mapping,
		      uint64_t address, struct ledger_chunk *ret)
{
	uint8_t bytes[LEDGER_HEADER_SIZE];
	struct target *target = process->target;
	int r;

	/* Most are something else: a look at the beginning tells. */
	r = target->ops->read(target, address, bytes, LEDGER_CHUNK_SLOTS);
	if (r == 0 && memcmp(bytes, LEDGER_MAGIC, strlen(LEDGER_MAGIC)) != 0)
		return 0;
	if (r == 0)
		r = target->ops->read(target, address, bytes, sizeof(bytes));
	if (r < 0)
		return r == -EFAULT ? 0 : r;
	*ret = (struct ledger_chunk){ 0 };
	if (!parse_header(bytes, mapping, ret) || ret->address != address ||
	    !has_data(process, ret))
		return 0;
	ret->slots = calloc(LEDGER_SLOT_COUNT, sizeof(*ret->slots));
	if (ret->slots == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < LEDGER_SLOT_COUNT; i++)
		parse_slot(bytes + LEDGER_CHUNK_SLOTS + i * LEDGER_SLOT_SIZE, ret, &ret->slots[i]);
	if (!slots_overlap(ret))
		return 1;
	free(take(ret->slots));
	return 0;
}

typedef VEC(struct ledger_chunk) chunk_vec;

/*
 * The kernel makes one of mappings that touch: of several chunks, of a chunk and what a doctor left
 * who died right behind mmap(2), of a chunk and code that the program has made. So a chunk may
 * begin at any page. *@pages is how many may still be looked at.
 */
static int read_chunks(const struct lcp_process *process, const struct proc_mapping *mapping,
		       uint64_t *pages, chunk_vec *chunks)
{
	uint64_t address = mapping->start;
	struct ledger_chunk chunk;
	int r;

	while (mapping->end - address >= LEDGER_HEADER_SIZE && *pages > 0 &&
	       chunks->count < LEDGER_CHUNKS_MAX) {
		--*pages;
		r = read_chunk(process, mapping, address, &chunk);
		if (r < 0)
			return r;
		if (r == 0) {
			address += PAGE;
			continue;
		}
		r = vec_push(chunks, chunk);
		if (r < 0) {
			free(chunk.slots);
			return r;
		}
		address += chunk.bytes;
	}
	return 0;
}

int ledger_read(const struct lcp_process *process, struct ledger *ret, struct lcp_error **reterr)
{
	chunk_vec chunks = { 0 };
	uint64_t pages = PAGES_MAX;
	int r = 0;

	for (size_t i = 0; r == 0 && i < process->maps.count; i++)
		if (may_be_chunk(&process->maps.items[i]))
			r = read_chunks(process, &process->maps.items[i], &pages, &chunks);
	*ret = (struct ledger){ chunks.items, chunks.count };
	if (r == 0)
		return 0;
	ledger_fini(ret);
	if (r == -ENOMEM)
		return error_set_nomem(reterr);
	return error_set(reterr, r, "process %d: its ledger cannot be read", process->target->pid);
}

/* The texts of a record, behind its rows; they end in a NUL. */
struct strings {
	const char *bytes;
	uint32_t size;
	uint32_t left; /* what is not taken yet: each has a place of its own */
};

/*
 * The text at @offset, NULL if there is none. If many rows could name the same one, a few megabytes
 * in a process would be terabytes here.
 */
static char *take_text(struct strings *strings, uint32_t offset)
{
	size_t size = offset < strings->size ? strlen(strings->bytes + offset) + 1 : 0;
	char *text = size > 0 && size <= strings->left ? strdup(strings->bytes + offset) : NULL;

	if (text == NULL)
		return NULL;
	strings->left -= (uint32_t)size;
	utf8_make_printable(text);
	return text;
}

/* Is the table, if there is one, within the first one? */
static bool is_within(struct object_table part, struct object_table whole)
{
	return part.size == 0 || (part.address >= whole.address &&
				  range_fits(part.address - whole.address, part.size, whole.size));
}

static bool parse_row(const uint8_t *bytes, struct strings *strings, struct ledger_row *ret)
{
	get_fields(bytes, row_fields, ret);
	ret->name = take_text(strings, ret->name_offset);
	return ret->name != NULL;
}

/* What a row points to lies in the slot. */
static bool is_sound_row(const struct ledger_row *row, struct object_table slot)
{
	struct object_table function = { row->new_address, row->new_size };
	struct object_table moved = { row->moved, row->moved_size };
	struct object_table guard = { row->guard, row->guard != 0 ? ARCH_GUARD_MAX : 0 };
	bool written = row->entry != 0 && (row->flags & LEDGER_ROW_PART) == 0;

	return row->size <= LEDGER_ENTRY_MAX && (row->size > 0) == written &&
	       row->old_size <= INT32_MAX && is_within(function, slot) && is_within(moved, slot) &&
	       is_within(guard, slot);
}

static bool is_sound_record(const struct ledger_record *record, const struct ledger_chunk *chunk,
			    const struct ledger_slot *slot)
{
	struct object_table whole = { record->address, record->bytes };
	struct object_table data = { chunk->address + chunk->bytes + slot->data_offset,
				     slot->data_bytes };
	struct object_table frames = { record->frames.object, LEDGER_FRAMES_SIZE };
	struct object_table once = { record->frames.once, ARCH_ONCE_MAX };

	return is_within(record->text, whole) && record->code_size <= record->text.size &&
	       is_within(record->data, data) && is_within(record->eh_frame, record->text) &&
	       is_within(record->eh_frame_hdr, record->text) &&
	       (frames.address == 0 || (is_within(frames, data) && is_within(once, whole))) &&
	       record->pivot.size <= LEDGER_ENTRY_MAX;
}

/* The names at the front of the strings, one behind the other. */
static bool parse_names(struct strings *strings, struct ledger_record *ret)
{
	char **texts[] = { &ret->id, &ret->build_id, &ret->target, &ret->description };
	uint32_t at = 0;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		*texts[i] = take_text(strings, at);
		if (*texts[i] == NULL)
			return false;
		at += (uint32_t)strlen(strings->bytes + at) + 1;
	}
	return true;
}

static bool parse_record(const uint8_t *bytes, const struct ledger_chunk *chunk,
			 const struct ledger_slot *slot, struct ledger_record *ret)
{
	uint64_t rows = (uint64_t)get_le32(bytes + RECORD_ROW_COUNT) * LEDGER_ROW_SIZE;
	uint32_t size = get_le32(bytes + RECORD_STRINGS);
	struct strings strings = { (const char *)bytes + RECORD_SIZE + rows, size, size };

	get_fields(bytes, record_fields, ret);
	if (size == 0 || strings.bytes[size - 1] != '\0' || !is_sound_record(ret, chunk, slot) ||
	    !parse_names(&strings, ret))
		return false;
	for (size_t i = 0; i < ret->row_count; i++) {
		struct ledger_row *row = &ret->rows[i];

		row->address = ret->address + RECORD_SIZE + i * LEDGER_ROW_SIZE;
		if (!parse_row(bytes + RECORD_SIZE + i * LEDGER_ROW_SIZE, &strings, row) ||
		    !is_sound_row(row, (struct object_table){ ret->address, ret->bytes }))
			return false;
	}
	return true;
}

bool ledger_head_parse(const uint8_t *bytes, const struct ledger_chunk *chunk,
		       const struct ledger_slot *slot, struct ledger_record *ret)
{
	*ret = (struct ledger_record){
		.address = chunk->address + slot->offset,
		.bytes = slot->bytes,
	};
	get_fields(bytes, record_fields, ret);
	return get_le32(bytes + RECORD_MAGIC) == RECORD_MAGIC_VALUE &&
	       is_sound_record(ret, chunk, slot);
}

/* Bytes of the record, as it says itself; 0 if it cannot be so. */
static uint64_t record_extent(const uint8_t *head, const struct ledger_slot *slot)
{
	uint32_t rows = get_le32(head + RECORD_ROW_COUNT);
	uint32_t strings = get_le32(head + RECORD_STRINGS);
	uint64_t size = RECORD_SIZE + (uint64_t)rows * LEDGER_ROW_SIZE + strings;

	if (get_le32(head + RECORD_MAGIC) != RECORD_MAGIC_VALUE || rows > LEDGER_FUNCTIONS_MAX ||
	    strings > STRINGS_MAX || size > slot->bytes)
		return 0;
	return size;
}

int ledger_record(const struct lcp_process *process, const struct ledger_chunk *chunk,
		  struct ledger_slot *slot, struct ledger_record **ret, struct lcp_error **reterr)
{
	autorecord struct ledger_record *record = NULL;
	autofree uint8_t *bytes = NULL;
	uint64_t address = chunk->address + slot->offset, size;
	uint8_t head[RECORD_SIZE];
	int r;

	if (slot->record == NULL) {
		r = process_read(process, address, head, sizeof(head), "the ledger", reterr);
		if (r < 0)
			return r;
		size = record_extent(head, slot);
		record = calloc(1, sizeof(*record));
		bytes = malloc(size + 1);
		if (record == NULL || bytes == NULL)
			return error_set_nomem(reterr);
		record->address = address;
		record->bytes = slot->bytes;
		record->row_count = size > 0 ? get_le32(head + RECORD_ROW_COUNT) : 0;
		record->rows = calloc(record->row_count + 1, sizeof(*record->rows));
		if (record->rows == NULL)
			return error_set_nomem(reterr);
		r = process_read(process, address, bytes, size, "the ledger", reterr);
		if (r < 0)
			return r;
		/* Between the two reads it may have become another one. */
		if (size == 0 || record_extent(bytes, slot) != size ||
		    get_le32(bytes + RECORD_ROW_COUNT) != record->row_count ||
		    !parse_record(bytes, chunk, slot, record))
			return error_set(reterr, -LCP_EFORMAT,
					 "process %d: the ledger at 0x%" PRIx64
					 " contradicts itself",
					 process->target->pid, address);
		slot->record = take(record);
	}
	*ret = slot->record;
	return 0;
}

static uint32_t strings_size(const struct ledger_record *record)
{
	size_t size = strlen(record->id) + strlen(record->build_id) + strlen(record->target) +
		      strlen(record->description) + 4;

	for (size_t i = 0; i < record->row_count; i++)
		size += strlen(record->rows[i].name) + 1;
	return (uint32_t)size;
}

uint64_t ledger_record_size(const struct ledger_record *record)
{
	return RECORD_SIZE + record->row_count * LEDGER_ROW_SIZE + strings_size(record);
}

void ledger_row_put(const struct ledger_row *row, uint8_t *bytes)
{
	put_fields(row_fields, row, bytes);
}

static char *put_text(char *at, const char *text)
{
	size_t size = strlen(text) + 1;

	memcpy(at, text, size);
	return at + size;
}

void ledger_record_put(const struct ledger_record *record, uint8_t *bytes)
{
	char *strings = (char *)bytes + RECORD_SIZE + record->row_count * LEDGER_ROW_SIZE;
	char *at = strings;

	put_le32(bytes + RECORD_MAGIC, RECORD_MAGIC_VALUE);
	put_le32(bytes + RECORD_ROW_COUNT, (uint32_t)record->row_count);
	put_le32(bytes + RECORD_STRINGS, strings_size(record));
	put_fields(record_fields, record, bytes);
	at = put_text(at, record->id);
	at = put_text(at, record->build_id);
	at = put_text(at, record->target);
	at = put_text(at, record->description);
	for (size_t i = 0; i < record->row_count; i++) {
		record->rows[i].name_offset = (uint32_t)(at - strings);
		at = put_text(at, record->rows[i].name);
		ledger_row_put(&record->rows[i], bytes + RECORD_SIZE + i * LEDGER_ROW_SIZE);
	}
}

void ledger_header_put(const struct ledger_chunk *chunk, uint8_t *bytes)
{
	memset(bytes, 0, LEDGER_HEADER_SIZE);
	memcpy(bytes, LEDGER_MAGIC, strlen(LEDGER_MAGIC));
	put_le32(bytes + LEDGER_CHUNK_VERSION, LEDGER_VERSION);
	put_fields(chunk_fields, chunk, bytes);
	memcpy(bytes + LEDGER_CHUNK_NAME, chunk->name, LEDGER_CHUNK_NAME_SIZE);
}

void ledger_slot_put(const struct ledger_slot *slot, uint8_t *bytes)
{
	memset(bytes, 0, LEDGER_SLOT_SIZE);
	put_fields(slot_fields, slot, bytes);
}
