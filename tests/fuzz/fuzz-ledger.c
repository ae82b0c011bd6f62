/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzzer of the ledger as it is read from a process. The input overwrites a sound one, 12 bytes a
 * time: which chunk and when (bits 0-1: chunk, or 3: the code that is patched; bit 2: not at once
 * but when the ledger is being read, before the read that bits 3-7 say), how many bytes of the last
 * eight, an offset of 16 bits, and those eight bytes.
 *
 * What is accepted is looked at, written, and read once more.
 */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/utf8.h"
#include "core/status.h"
#include "fake_memory.h"
#include "fuzz.h"

#define CHANGE_SIZE 12
#define CHUNKS 3

/* A chunk with data, and two that the kernel shows as one mapping. */
static const struct ledger_chunk chunks[CHUNKS] = {
	{ .address = FAKE_BASE + 0x90000, .bytes = 0x10000, .data_bytes = 0x1000, .generation = 7 },
	{ .address = FAKE_BASE + 0xb0000, .bytes = 0x4000, .generation = 1 },
	{ .address = FAKE_BASE + 0xb4000, .bytes = 0x4000, .generation = 1 },
};

static const struct slot {
	unsigned int chunk;
	uint32_t state, offset, bytes;
} slots[] = {
	{ 0, LCP_STATE_APPLIED, LEDGER_HEADER_SIZE, 0x1000 },
	{ 0, LCP_STATE_SWITCHING, LEDGER_HEADER_SIZE + 0x1000, 0x800 },
	{ 0, LCP_STATE_REVERTED, LEDGER_HEADER_SIZE + 0x2000, 0x800 },
	{ 1, LCP_STATE_LOADED, LEDGER_HEADER_SIZE, 0x800 },
	{ 2, LCP_STATE_REVERTING, LEDGER_HEADER_SIZE, 0x1800 },
	{ 2, LCP_STATE_APPLIED, LEDGER_HEADER_SIZE + 0x1800, 0x800 },
};

/* Texts of records, which are no constants. */
static char build_id[] = "00aabbcc"; /* of fake_memory.c's first object */
static char id[] = "id", object_name[] = "0.so", description[] = "what it is for";
static char first[] = "first", second[] = "second";

/* The input as it is used up: what is to be done before read @reads of the ledger. */
static const uint8_t *changes;
static size_t changes_size;
static uint64_t reads;

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void put_rows(uint64_t address, struct ledger_row *rows)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct ledger_row *row = &rows[i];

		*row = (struct ledger_row){
			.entry = fake_address(0) + 0x100 + 0x40 * (uint64_t)i,
			.old_size = 32,
			.new_size = 48,
			.new_address = address + 0x440,
			.moved = address + 0x4c0,
			.moved_size = 8,
			.size = 5,
			.guard = address + 0x480,
			.name = i == 0 ? first : second,
		};
		memset(row->pristine, 0x90, 5);
		memset(row->from, 0x90, 5);
		memset(row->to, 0xe9, 5);
	}
}

/* Sound records with two functions each, with their text 0x400 behind their beginning. */
static void put_record(struct fake *fake, const struct slot *slot)
{
	const struct ledger_chunk *chunk = &chunks[slot->chunk];
	uint64_t address = chunk->address + slot->offset;
	struct ledger_row rows[2];
	struct ledger_record record = {
		.address = address,
		.bytes = slot->bytes,
		.sequence = (uint64_t)(slot - slots) + 1,
		.bias = fake_address(0),
		.text = { address + 0x440, 0x200 },
		.code_size = 0x80,
		.eh_frame = { address + 0x500, 0x40 },
		.eh_frame_hdr = { address + 0x540, 0x20 },
		.pivot = { .entry = fake_address(0) + 0x100, .size = 5 },
		.id = id,
		.build_id = build_id,
		.target = object_name,
		.description = description,
		.rows = rows,
		.row_count = 2,
	};

	memset(record.pivot.from, 0x90, 5);
	memset(record.pivot.to, 0xe9, 5);
	if (slot == slots) {
		record.data = (struct object_table){ chunk->address + chunk->bytes, 0x100 };
		record.frames.object = record.data.address + 0x80;
		record.frames.once = address + 0x600;
	}
	put_rows(address, rows);
	require(ledger_record_size(&record) <= 0x400);
	ledger_record_put(&record, fake_at(fake, address));
}

static struct fake *make(void)
{
	struct fake *fake = fake_new(1);

	for (unsigned int i = 0; i < CHUNKS; i++)
		ledger_header_put(&chunks[i], fake_at(fake, chunks[i].address));
	for (unsigned int i = 0; i < ARRAY_SIZE(slots); i++) {
		const struct slot *slot = &slots[i];
		const struct ledger_slot entry = {
			.state = slot->state,
			.offset = slot->offset,
			.bytes = slot->bytes,
			.data_bytes = slot == slots ? 0x200 : 0,
			.key = ledger_key(id),
		};

		ledger_slot_put(&entry,
				fake_at(fake, chunks[slot->chunk].address + LEDGER_CHUNK_SLOTS +
						      (uint64_t)i * LEDGER_SLOT_SIZE));
		put_record(fake, slot);
	}
	memset(fake_at(fake, fake_address(0) + 0x100), 0xe9, 5);
	memset(fake_at(fake, fake_address(0) + 0x140), 0xe9, 5);
	str_printf(&fake->maps,
		   "%jx-%jx r-xp 00000000 00:00 0\n%jx-%jx rw-p 00000000 00:00 0\n"
		   "%jx-%jx r-xp 00000000 00:00 0\n",
		   (uintmax_t)chunks[0].address, (uintmax_t)chunks[0].address + 0x10000,
		   (uintmax_t)chunks[0].address + 0x10000, (uintmax_t)chunks[0].address + 0x11000,
		   (uintmax_t)chunks[1].address, (uintmax_t)chunks[2].address + 0x4000);
	return fake;
}

static void overwrite(struct fake *fake, const uint8_t *change)
{
	unsigned int which = change[0] & 3;
	uint64_t at = which < CHUNKS ? chunks[which].address : fake_address(0);

	memcpy(fake_at(fake, at + get_le16(change + 2)), change + 4, change[1] % 8 + 1);
}

/* Those that are to be made now: at once, or before a read of the ledger. */
static void make_changes(struct fake *fake, bool at_once, uint64_t read)
{
	for (size_t at = 0; range_fits(at, CHANGE_SIZE, changes_size); at += CHANGE_SIZE) {
		bool is_later = (changes[at] & 4) != 0;

		if (at_once ? !is_later : is_later && changes[at] >> 3 == read)
			overwrite(fake, changes + at);
	}
}

static void before_read(struct fake *fake)
{
	make_changes(fake, false, reads++);
}

static bool lies_in(struct object_table part, uint64_t start, uint64_t size)
{
	return part.size == 0 || (part.address >= start && part.size <= size &&
				  part.address - start <= size - part.size);
}

static void check_row(const struct ledger_record *record, const struct ledger_row *row)
{
	const struct object_table function = { row->new_address, row->new_size };
	const struct object_table guard = { row->guard, ARCH_GUARD_MAX };
	const struct object_table moved = { row->moved, row->moved_size };

	require(row->name != NULL && utf8_is_printable(row->name));
	require(row->size <= LEDGER_ENTRY_MAX);
	require(lies_in(function, record->address, record->bytes));
	require(row->guard == 0 || lies_in(guard, record->address, record->bytes));
	require(lies_in(moved, record->address, record->bytes));
	if (row->size > 0)
		require(ledger_row_of(record, row->entry) != NULL);
}

static void check_record(const struct ledger_chunk *chunk, const struct ledger_slot *slot,
			 const struct ledger_record *record)
{
	const struct object_table frames = { record->frames.object, LEDGER_FRAMES_SIZE };
	const struct object_table once = { record->frames.once, ARCH_ONCE_MAX };
	const char *const texts[] = { record->id, record->build_id, record->target,
				      record->description };

	require(record->address == chunk->address + slot->offset && record->bytes == slot->bytes);
	require(lies_in(record->text, record->address, record->bytes));
	require(lies_in(record->eh_frame, record->text.address, record->text.size));
	require(lies_in(record->eh_frame_hdr, record->text.address, record->text.size));
	require(lies_in(record->data, chunk->address + chunk->bytes, chunk->data_bytes));
	require(record->code_size <= record->text.size);
	require(record->frames.object == 0 ||
		(lies_in(frames, chunk->address + chunk->bytes, chunk->data_bytes) &&
		 lies_in(once, record->address, record->bytes)));
	require(record->pivot.size <= LEDGER_ENTRY_MAX);
	require(record->row_count <= LEDGER_FUNCTIONS_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		require(texts[i] != NULL && utf8_is_printable(texts[i]));
	for (size_t i = 0; i < record->row_count; i++)
		check_row(record, &record->rows[i]);
}

/* Written where it was and read again, it is the same: what was read is no larger than that. */
static void check_written(const struct lcp_process *process, struct fake *fake,
			  const struct ledger_chunk *chunk, const struct ledger_slot *slot,
			  const struct ledger_record *record)
{
	struct ledger_slot again = *slot;
	uint64_t size = ledger_record_size(record);
	struct ledger_record *copy;
	autofree uint8_t *bytes = calloc(1, size), *same = calloc(1, size);

	require(bytes != NULL && same != NULL && size <= slot->bytes);
	ledger_record_put(record, bytes);
	memcpy(fake_at(fake, record->address), bytes, size);
	again.record = NULL;
	fake->before_read = NULL;
	require(ledger_record(process, chunk, &again, &copy, NULL) == 0);
	check_record(chunk, &again, copy);
	require(ledger_record_size(copy) == size);
	ledger_record_put(copy, same);
	require(memcmp(bytes, same, size) == 0);
	ledger_record_free(copy);
	fake->before_read = before_read;
}

static int check_slot(const struct lcp_process *process, struct fake *fake,
		      const struct ledger *ledger, struct ledger_chunk *chunk,
		      struct ledger_slot *slot)
{
	struct ledger_chunk *at = NULL;
	struct ledger_record *record;
	bool is_void;
	int r = ledger_record(process, chunk, slot, &record, NULL);

	require(ledger_slot_at(ledger, chunk->address + slot->offset, &at) == slot && at == chunk);
	require((uint64_t)slot->offset + slot->bytes <= ledger_extent(chunk));
	if (r < 0)
		return r;
	check_record(chunk, slot, record);
	(void)ledger_is_void(process, record, &is_void, NULL);
	check_written(process, fake, chunk, slot, record);
	return 0;
}

/* No slot is the oldest that does not hold an applied record. */
static void check_heads(struct lcp_process *process, const struct ledger_chunk *chunk)
{
	struct ledger_record *heads = ledger_heads(process, chunk);
	const bool *oldest = ledger_oldest(process, chunk);

	require(heads != NULL);
	for (size_t i = 0; i < LEDGER_SLOT_COUNT; i++) {
		const struct ledger_slot *slot = &chunk->slots[i];

		if (slot->state != 0 && heads[i].address != 0)
			require(lies_in(heads[i].text, chunk->address + slot->offset, slot->bytes));
	}
	for (size_t i = 0; oldest != NULL && chunk->generation != 0 && i < LEDGER_SLOT_COUNT; i++)
		require(!oldest[i] || chunk->slots[i].state == LCP_STATE_APPLIED);
	free(heads);
}

static int look(struct lcp_process *process, struct fake *fake)
{
	struct ledger ledger;
	int r = ledger_read(process, &ledger, NULL), one;

	if (r < 0)
		return r;
	require(ledger.count <= CHUNKS);
	for (size_t i = 0; i < ledger.count; i++) {
		struct ledger_chunk *chunk = &ledger.chunks[i];

		check_heads(process, chunk);
		for (size_t j = 0; j < LEDGER_SLOT_COUNT; j++) {
			if (chunk->slots[j].state == 0)
				continue;
			one = check_slot(process, fake, &ledger, chunk, &chunk->slots[j]);
			r = r < 0 ? r : one;
		}
	}
	ledger_fini(&ledger);
	return r;
}

/* The same as those see it who ask. */
static void ask(struct lcp_process *process)
{
	struct lcp_status *status;
	char *json = NULL;

	if (status_read(process, &status, NULL) < 0)
		return;
	require(status_json(status, &json) == 0 && json != NULL);
	free(json);
	status_free(status);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lcp_ctx *ctx = ctx_new(LCP_LOG_ERROR);
	struct lcp_process *process = NULL;
	struct fake *fake = make();

	changes = data;
	changes_size = size;
	require(process_new(ctx, &fake->target, &process, NULL) == 0);
	make_changes(fake, true, 0);
	reads = 0;
	fake->before_read = before_read;
	ask(process);
	reads = 0;
	fuzz_tell(look(process, fake));
	process_free(process);
	ctx_unref(ctx);
	return 0;
}
