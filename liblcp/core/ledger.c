/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/ledger_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/map.h"
#include "base/num.h"
#include "base/utf8.h"

/* Of a record: offsets. */
#define RECORD_MAGIC 0
#define RECORD_ROW_COUNT 4
#define RECORD_SEQUENCE 8
#define RECORD_BIAS 16
#define RECORD_TEXT 24 /* address, size; so are the next three */
#define RECORD_DATA 40
#define RECORD_EH_FRAME 56
#define RECORD_EH_FRAME_HDR 72
#define RECORD_FRAMES_OBJECT 88
#define RECORD_FRAMES_FORGET 96
#define RECORD_FRAMES_ONCE 104
#define RECORD_PIVOT_ENTRY 112
#define RECORD_PIVOT_SIZE 120
#define RECORD_LEVEL 124
#define RECORD_PIVOT_FROM 128
#define RECORD_PIVOT_TO 144
#define RECORD_DIGEST 160
#define RECORD_CODE_SIZE 192
#define RECORD_STRINGS 200 /* bytes of them */
#define RECORD_FLAGS 204

#define RECORD_MAGIC_VALUE 0x52504c4cU

/* Of a row: offsets. */
#define ROW_ENTRY 0
#define ROW_OLD_SIZE 8
#define ROW_NEW_SIZE 12
#define ROW_NEW_ADDRESS 16
#define ROW_MOVED 24
#define ROW_MOVED_SIZE 32
#define ROW_FLAGS 36
#define ROW_GUARD 40
#define ROW_BYTES 48
#define ROW_NAME 52 /* offset in the strings */
#define ROW_PRISTINE 56
#define ROW_FROM 72
#define ROW_TO 88

/* Pages of code without a file that are looked at: 1 GiB of them take about a tenth of a second. */
#define PAGES_MAX ((uint64_t)1 << 18)
#define PAGE 4096

/* Texts of a record: id, build-id, target, description; then the names of the rows. */
#define STRINGS_MAX ((uint32_t)64 << 20)

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
	*ret = (struct ledger_slot){
		.state = get_le32(bytes + LEDGER_SLOT_STATE),
		.offset = get_le32(bytes + LEDGER_SLOT_OFFSET),
		.bytes = get_le32(bytes + LEDGER_SLOT_BYTES),
		.data_offset = get_le32(bytes + LEDGER_SLOT_DATA_OFFSET),
		.data_bytes = get_le32(bytes + LEDGER_SLOT_DATA_BYTES),
		.key = get_le64(bytes + LEDGER_SLOT_KEY),
	};
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
	ret->address = get_le64(bytes + LEDGER_CHUNK_ADDRESS);
	ret->bytes = get_le64(bytes + LEDGER_CHUNK_BYTES);
	ret->data_bytes = get_le64(bytes + LEDGER_CHUNK_DATA_BYTES);
	ret->generation = get_le64(bytes + LEDGER_CHUNK_GENERATION);
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

static struct object_table get_table(const uint8_t *bytes)
{
	return (struct object_table){ get_le64(bytes), get_le64(bytes + 8) };
}

static void put_table(uint8_t *bytes, struct object_table table)
{
	put_le64(bytes, table.address);
	put_le64(bytes + 8, table.size);
}

/* Is the table, if there is one, within the first one? */
static bool is_within(struct object_table part, struct object_table whole)
{
	return part.size == 0 || (part.address >= whole.address &&
				  range_fits(part.address - whole.address, part.size, whole.size));
}

static bool parse_row(const uint8_t *bytes, struct strings *strings, struct ledger_row *ret)
{
	ret->entry = get_le64(bytes + ROW_ENTRY);
	ret->old_size = get_le32(bytes + ROW_OLD_SIZE);
	ret->new_size = get_le32(bytes + ROW_NEW_SIZE);
	ret->new_address = get_le64(bytes + ROW_NEW_ADDRESS);
	ret->moved = get_le64(bytes + ROW_MOVED);
	ret->moved_size = get_le32(bytes + ROW_MOVED_SIZE);
	ret->flags = get_le32(bytes + ROW_FLAGS);
	ret->guard = get_le64(bytes + ROW_GUARD);
	ret->size = get_le32(bytes + ROW_BYTES);
	memcpy(ret->pristine, bytes + ROW_PRISTINE, sizeof(ret->pristine));
	memcpy(ret->from, bytes + ROW_FROM, sizeof(ret->from));
	memcpy(ret->to, bytes + ROW_TO, sizeof(ret->to));
	ret->name = take_text(strings, get_le32(bytes + ROW_NAME));
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

static void parse_fields(const uint8_t *bytes, struct ledger_record *ret)
{
	ret->sequence = get_le64(bytes + RECORD_SEQUENCE);
	ret->bias = get_le64(bytes + RECORD_BIAS);
	ret->text = get_table(bytes + RECORD_TEXT);
	ret->data = get_table(bytes + RECORD_DATA);
	ret->eh_frame = get_table(bytes + RECORD_EH_FRAME);
	ret->eh_frame_hdr = get_table(bytes + RECORD_EH_FRAME_HDR);
	ret->frames.object = get_le64(bytes + RECORD_FRAMES_OBJECT);
	ret->frames.forget = get_le64(bytes + RECORD_FRAMES_FORGET);
	ret->frames.once = get_le64(bytes + RECORD_FRAMES_ONCE);
	ret->pivot.entry = get_le64(bytes + RECORD_PIVOT_ENTRY);
	ret->pivot.size = get_le32(bytes + RECORD_PIVOT_SIZE);
	memcpy(ret->pivot.from, bytes + RECORD_PIVOT_FROM, LEDGER_ENTRY_MAX);
	memcpy(ret->pivot.to, bytes + RECORD_PIVOT_TO, LEDGER_ENTRY_MAX);
	ret->level = get_le32(bytes + RECORD_LEVEL);
	memcpy(ret->digest, bytes + RECORD_DIGEST, SHA256_SIZE);
	ret->code_size = get_le64(bytes + RECORD_CODE_SIZE);
	ret->flags = get_le32(bytes + RECORD_FLAGS);
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

	parse_fields(bytes, ret);
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
	parse_fields(bytes, ret);
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
	put_le64(bytes + ROW_ENTRY, row->entry);
	put_le32(bytes + ROW_OLD_SIZE, row->old_size);
	put_le32(bytes + ROW_NEW_SIZE, row->new_size);
	put_le64(bytes + ROW_NEW_ADDRESS, row->new_address);
	put_le64(bytes + ROW_MOVED, row->moved);
	put_le32(bytes + ROW_MOVED_SIZE, row->moved_size);
	put_le32(bytes + ROW_FLAGS, row->flags);
	put_le64(bytes + ROW_GUARD, row->guard);
	put_le32(bytes + ROW_BYTES, row->size);
	put_le32(bytes + ROW_NAME, row->name_offset);
	memcpy(bytes + ROW_PRISTINE, row->pristine, LEDGER_ENTRY_MAX);
	memcpy(bytes + ROW_FROM, row->from, LEDGER_ENTRY_MAX);
	memcpy(bytes + ROW_TO, row->to, LEDGER_ENTRY_MAX);
}

static char *put_text(char *at, const char *text)
{
	size_t size = strlen(text) + 1;

	memcpy(at, text, size);
	return at + size;
}

static void put_head(const struct ledger_record *record, uint8_t *bytes)
{
	put_le32(bytes + RECORD_MAGIC, RECORD_MAGIC_VALUE);
	put_le32(bytes + RECORD_ROW_COUNT, (uint32_t)record->row_count);
	put_le64(bytes + RECORD_SEQUENCE, record->sequence);
	put_le64(bytes + RECORD_BIAS, record->bias);
	put_table(bytes + RECORD_TEXT, record->text);
	put_table(bytes + RECORD_DATA, record->data);
	put_table(bytes + RECORD_EH_FRAME, record->eh_frame);
	put_table(bytes + RECORD_EH_FRAME_HDR, record->eh_frame_hdr);
	put_le64(bytes + RECORD_FRAMES_OBJECT, record->frames.object);
	put_le64(bytes + RECORD_FRAMES_FORGET, record->frames.forget);
	put_le64(bytes + RECORD_FRAMES_ONCE, record->frames.once);
	put_le64(bytes + RECORD_PIVOT_ENTRY, record->pivot.entry);
	put_le32(bytes + RECORD_PIVOT_SIZE, record->pivot.size);
	memcpy(bytes + RECORD_PIVOT_FROM, record->pivot.from, LEDGER_ENTRY_MAX);
	memcpy(bytes + RECORD_PIVOT_TO, record->pivot.to, LEDGER_ENTRY_MAX);
	put_le32(bytes + RECORD_LEVEL, record->level);
	memcpy(bytes + RECORD_DIGEST, record->digest, SHA256_SIZE);
	put_le64(bytes + RECORD_CODE_SIZE, record->code_size);
	put_le32(bytes + RECORD_STRINGS, strings_size(record));
	put_le32(bytes + RECORD_FLAGS, record->flags);
}

void ledger_record_put(const struct ledger_record *record, uint8_t *bytes)
{
	char *strings = (char *)bytes + RECORD_SIZE + record->row_count * LEDGER_ROW_SIZE;
	char *at = strings;

	put_head(record, bytes);
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
	put_le64(bytes + LEDGER_CHUNK_ADDRESS, chunk->address);
	put_le64(bytes + LEDGER_CHUNK_BYTES, chunk->bytes);
	put_le64(bytes + LEDGER_CHUNK_DATA_BYTES, chunk->data_bytes);
	put_le64(bytes + LEDGER_CHUNK_GENERATION, chunk->generation);
	memcpy(bytes + LEDGER_CHUNK_NAME, chunk->name, LEDGER_CHUNK_NAME_SIZE);
}

void ledger_slot_put(const struct ledger_slot *slot, uint8_t *bytes)
{
	memset(bytes, 0, LEDGER_SLOT_SIZE);
	put_le32(bytes + LEDGER_SLOT_STATE, slot->state);
	put_le32(bytes + LEDGER_SLOT_OFFSET, slot->offset);
	put_le32(bytes + LEDGER_SLOT_BYTES, slot->bytes);
	put_le32(bytes + LEDGER_SLOT_DATA_OFFSET, slot->data_offset);
	put_le32(bytes + LEDGER_SLOT_DATA_BYTES, slot->data_bytes);
	put_le64(bytes + LEDGER_SLOT_KEY, slot->key);
}
