/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From rows of the ledger that are to change to a surgery: which entry is the pivot, the guards of
 * the others, what is written where, what the plan rests on, and what is given back in the end.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "core/frames.h"
#include "core/plan.h"

static bool is_change(const struct ledger_row *row)
{
	return row->size > 0 && memcmp(row->from, row->to, row->size) != 0;
}

/* What a guard needs to know of the pivot: four bytes that the write changes. */
struct watch {
	uint64_t address;
	uint32_t value;
};

static struct watch watch_pivot(const struct ledger_row *pivot)
{
	uint32_t at = 0;

	while (at + 4 < pivot->size && memcmp(pivot->from + at, pivot->to + at, 4) == 0)
		at++;
	return (struct watch){ pivot->entry + at, get_le32(pivot->from + at) };
}

/* Put the guard of @row where @code is, and the branch that leads to it into @ret. */
static bool make_guard(const struct arch *arch, const struct ledger_row *row,
		       const struct watch *watch, uint8_t *code, uint8_t *ret)
{
	struct arch_guard guard = {
		.at = row->guard,
		.watch = watch->address,
		.value = watch->value,
		.before = entry_path(arch, row, row->from),
		.after = entry_path(arch, row, row->to),
	};

	if (row->guard == 0 || guard.before == 0 || guard.after == 0)
		return false;
	return arch->guard(&guard, code) >= 0 &&
	       entry_branch(arch, row, row->guard, NULL, 0, ret) == 0;
}

/* Could it have one, whichever entry is the pivot? */
static bool may_have_guard(const struct arch *arch, const struct ledger_row *row)
{
	return row->guard != 0 && entry_path(arch, row, row->from) != 0 &&
	       entry_path(arch, row, row->to) != 0;
}

static bool crosses_page(const struct ledger_row *row)
{
	return (row->entry & 0xfff) + row->size > 0x1000;
}

/* Guards read the pivot, as long as a switch is half made: the program itself is not unloaded. */
static bool is_in_program(const struct plan *plan, const struct ledger_row *row)
{
	const struct object *object = process_object_at(plan->process, row->entry);

	return object != NULL && object->is_program;
}

/*
 * The best pivot: one that could not have a guard, since the pivot needs none; then one whose bytes
 * lie in one page, since the kernel writes those as a whole even if the writer is killed meanwhile
 * (access_remote_vm() goes by pages and looks for fatal signals in between); then one that stays.
 */
static const struct ledger_row *choose_pivot(const struct plan *plan)
{
	const struct arch *arch = plan->process->target->arch;
	const struct ledger_row *best = NULL;
	int best_rank = -1;

	vec_foreach (&plan->parts, part) {
		for (size_t i = 0; i < part->record->row_count; i++) {
			const struct ledger_row *row = &part->record->rows[i];
			int rank = (may_have_guard(arch, row) ? 0 : 4) +
				   (crosses_page(row) ? 0 : 2) + (is_in_program(plan, row) ? 1 : 0);

			if (is_change(row) && rank > best_rank) {
				best = row;
				best_rank = rank;
			}
		}
	}
	return best;
}

static int add_write(struct plan *plan, struct surgery_unload *unload, uint64_t address,
		     const uint8_t *bytes, size_t size, struct lcp_error **reterr)
{
	struct surgery_write write = { address, bytes, size };

	if ((unload != NULL ? vec_push(&unload->writes, write)
			    : vec_push(&plan->surgery.writes, write)) < 0)
		return error_set_nomem(reterr);
	return 0;
}

/* Where the guard's code is put together: in the bytes of a new record, or by itself. */
static uint8_t *guard_room(struct plan *plan, const struct plan_part *part,
			   const struct ledger_row *row)
{
	if (part->is_new && row->guard != 0)
		return part->bytes + (row->guard - part->record->address);
	return plan_alloc(plan, ARCH_GUARD_MAX);
}

static int add_change(struct plan *plan, const struct plan_part *part, const struct ledger_row *row,
		      const struct watch *watch, struct lcp_error **reterr)
{
	struct surgery_change change = { .entry = row->entry, .size = row->size };
	uint8_t *code = guard_room(plan, part, row);

	if (code == NULL)
		return error_set_nomem(reterr);
	memcpy(change.from, row->from, row->size);
	memcpy(change.to, row->to, row->size);
	change.has_guard = watch != NULL && part->has_journal &&
			   make_guard(plan->process->target->arch, row, watch, code,
				      change.guarded);
	if (vec_push(&plan->surgery.changes, change) < 0)
		return error_set_nomem(reterr);
	if (!change.has_guard || part->is_new)
		return 0;
	return add_write(plan, NULL, row->guard, code, ARCH_GUARD_MAX, reterr);
}

/* Changes in the order in which they are made, the pivot first. */
static int add_changes(struct plan *plan, const struct ledger_row *pivot, struct lcp_error **reterr)
{
	struct watch watch = watch_pivot(pivot);
	int r = 0;

	vec_foreach (&plan->parts, part)
		for (size_t i = 0; r == 0 && i < part->record->row_count; i++)
			if (&part->record->rows[i] == pivot)
				r = add_change(plan, part, pivot, NULL, reterr);
	vec_foreach (&plan->parts, part) {
		for (size_t i = 0; r == 0 && i < part->record->row_count; i++) {
			const struct ledger_row *row = &part->record->rows[i];

			if (row != pivot && is_change(row))
				r = add_change(plan, part, row, &watch, reterr);
		}
	}
	return r;
}

static void set_pivot(struct ledger_record *record, const struct ledger_row *pivot)
{
	record->pivot = (struct ledger_pivot){ .entry = pivot->entry, .size = pivot->size };
	memcpy(record->pivot.from, pivot->from, pivot->size);
	memcpy(record->pivot.to, pivot->to, pivot->size);
}

/* The record as it will be in the process, and what goes with it. */
static int write_record(struct plan *plan, struct plan_part *part, struct lcp_error **reterr)
{
	int r;

	if (!part->has_journal)
		return 0;
	if (!part->is_new) {
		part->size = ledger_record_size(part->record);
		part->bytes = plan_alloc(plan, part->size);
		if (part->bytes == NULL)
			return error_set_nomem(reterr);
	}
	ledger_record_put(part->record, part->bytes);
	if (part->data.size > 0) {
		r = add_write(plan, NULL, part->data.address, part->data_bytes, part->data.size,
			      reterr);
		if (r < 0)
			return r;
	}
	return add_write(plan, NULL, part->record->address, part->bytes, part->size, reterr);
}

static bool is_new_chunk(const struct plan *plan, const struct ledger_chunk *chunk)
{
	vec_foreach (&plan->surgery.maps, map)
		if (map->address == chunk->address)
			return true;
	return false;
}

/* A generation of @chunk's table, so many behind the one that was read. */
static int add_stamp(struct plan *plan, const struct ledger_chunk *chunk, uint64_t behind,
		     struct surgery_write *ret, struct lcp_error **reterr)
{
	uint8_t *bytes = plan_alloc(plan, 8);

	if (bytes == NULL)
		return error_set_nomem(reterr);
	put_le64(bytes, chunk->generation + behind);
	*ret = (struct surgery_write){ chunk->address + LEDGER_CHUNK_GENERATION, bytes, 8 };
	return 0;
}

/* Make the new record known: it gets its slot, whose state comes when all else is there. */
static int publish(struct plan *plan, const struct plan_part *part, struct lcp_error **reterr)
{
	uint64_t address = ledger_slot_address(part->chunk, part->slot);
	uint8_t *slot = plan_alloc(plan, LEDGER_SLOT_SIZE);
	int r;

	if (slot == NULL)
		return error_set_nomem(reterr);
	ledger_slot_put(part->slot, slot);
	r = add_write(plan, NULL, address + LEDGER_SLOT_OFFSET, slot + LEDGER_SLOT_OFFSET,
		      LEDGER_SLOT_SIZE - LEDGER_SLOT_OFFSET, reterr);
	return r < 0 ? r
		     : add_write(plan, NULL, address + LEDGER_SLOT_STATE, slot + LEDGER_SLOT_STATE,
				 LEDGER_SLOT_OFFSET, reterr);
}

static int add_expect(struct plan *plan, struct surgery_expect expect, struct lcp_error **reterr)
{
	return vec_push(&plan->surgery.expects, expect) < 0 ? error_set_nomem(reterr) : 0;
}

/*
 * The plan rests on all objects: symbols were looked up in them, and a library that was closed may
 * have left its place to another one, or to a newer build of itself.
 */
static int expect_objects(struct plan *plan, struct lcp_error **reterr)
{
	const struct lcp_process *process = plan->process;
	int r = 0;

	for (size_t i = 0; r == 0 && i < process->object_count; i++) {
		const struct object *object = &process->objects[i];
		struct surgery_expect expect = {
			.address = object->identity.address,
			.size = object->identity.size,
			.bytes = object->identity_bytes,
			.loaded = object->identity_bytes,
		};

		vec_foreach (&plan->surgery.changes, change)
			expect.stopped = expect.stopped || (change->entry >= object->start &&
							    change->entry < object->end);
		if (expect.size > 0)
			r = add_expect(plan, expect, reterr);
	}
	return r;
}

/* The plan rests on the chunk's table, that is on its generation. */
static int expect_chunk(struct plan *plan, const struct ledger_chunk *chunk, bool changes,
			struct lcp_error **reterr)
{
	struct surgery_write read = { 0 }, written = { 0 };
	struct surgery_expect expect;
	int r;

	vec_foreach (&plan->surgery.expects, other)
		if (other->address == chunk->address + LEDGER_CHUNK_GENERATION)
			return 0;
	r = add_stamp(plan, chunk, 0, &read, reterr);
	if (r == 0)
		r = add_stamp(plan, chunk, changes, &written, reterr);
	if (r < 0)
		return r;
	expect = (struct surgery_expect){
		.address = read.address,
		.size = read.size,
		.bytes = is_new_chunk(plan, chunk) ? NULL : read.bytes,
		.loaded = written.bytes,
	};
	if (vec_push(&plan->surgery.expects, expect) < 0 ||
	    (changes && vec_push(&plan->surgery.writes, written) < 0))
		return error_set_nomem(reterr);
	return 0;
}

/*
 * The beginning of a new record holds the time when it was made: what another doctor has put there
 * differs.
 */
static int expect_record(struct plan *plan, const struct plan_part *part, struct lcp_error **reterr)
{
	struct surgery_expect expect = {
		.address = part->record->address,
		.size = LEDGER_ENTRY_MAX,
		.loaded = part->bytes,
		.stopped = true,
	};

	return add_expect(plan, expect, reterr);
}

int plan_unmap(struct plan *plan, const struct ledger_chunk *chunk, struct lcp_error **reterr)
{
	struct object_table memory = { chunk->address, chunk->bytes + chunk->data_bytes };

	if (vec_push(&plan->surgery.after.unmaps, memory) < 0)
		return error_set_nomem(reterr);
	return expect_chunk(plan, chunk, false, reterr);
}

static int expect_part(struct plan *plan, const struct plan_part *part, struct lcp_error **reterr)
{
	uint64_t state = ledger_slot_address(part->chunk, part->slot) + LEDGER_SLOT_STATE;
	uint8_t *bytes = plan_alloc(plan, 4);
	struct surgery_expect expect = {
		.address = state,
		.size = 4,
		.bytes = part->is_new ? NULL : bytes,
		.loaded = bytes,
		.stopped = true,
	};
	int r;

	if (bytes == NULL)
		return error_set_nomem(reterr);
	put_le32(bytes, part->before);
	r = add_expect(plan, expect, reterr);
	return r < 0 || !part->is_new ? r : expect_record(plan, part, reterr);
}

/* Is the slot one of those that are given back when the switch is done, or undone? */
static bool is_given_back(const struct plan *plan, const struct plan_part *part, bool undo)
{
	if (undo)
		return part->is_new;
	return (part->after == LCP_STATE_REVERTED || part->after == LCP_STATE_LOADED) &&
	       !part->stays && (plan->settings->flags & LCP_APPLY_ENTRY_ONLY) == 0;
}

/* Is all that @chunk holds given back? */
static bool chunk_ends(const struct plan *plan, const struct ledger_chunk *chunk, bool undo)
{
	size_t used = 0, ends = 0;

	for (size_t i = 0; i < LEDGER_SLOT_COUNT; i++)
		used += chunk->slots[i].state != 0;
	vec_foreach (&plan->parts, part)
		ends += part->chunk == chunk && is_given_back(plan, part, undo);
	return used == ends;
}

static bool is_unmapped(const struct surgery_unload *unload, const struct ledger_chunk *chunk)
{
	vec_foreach (&unload->unmaps, unmap)
		if (unmap->address == chunk->address)
			return true;
	return false;
}

static int give_back(struct plan *plan, struct surgery_unload *unload, const struct plan_part *part,
		     bool undo, struct lcp_error **reterr)
{
	struct ledger_chunk *chunk = part->chunk;
	struct object_table memory = { chunk->address, chunk->bytes + chunk->data_bytes };
	uint8_t *nothing = plan_alloc(plan, LEDGER_SLOT_SIZE);

	if (nothing == NULL)
		return error_set_nomem(reterr);
	if (is_unmapped(unload, chunk))
		return 0;
	if (chunk_ends(plan, chunk, undo))
		return vec_push(&unload->unmaps, memory) < 0 ? error_set_nomem(reterr) : 0;
	return add_write(plan, unload, ledger_slot_address(chunk, part->slot), nothing,
			 LEDGER_SLOT_SIZE, reterr);
}

/*
 * The words of a record's frames, and the ground for a plan that they are so: what a doctor who is
 * at work meanwhile has told libgcc, or made it forget before he died, is seen when the process is
 * held.
 */
static int read_frames(struct plan *plan, const struct ledger_record *record, const uint8_t **ret,
		       struct lcp_error **reterr)
{
	uint8_t *words = plan_alloc(plan, FRAMES_WORDS_SIZE);
	const struct surgery_expect expect = {
		.address = record->frames.object + LEDGER_FRAMES_TELL,
		.size = FRAMES_WORDS_SIZE,
		.bytes = words,
		.loaded = words,
		.stopped = true,
	};
	int r;

	if (words == NULL)
		return error_set_nomem(reterr);
	*ret = words;
	r = process_read(plan->process, expect.address, words, expect.size, record->id, reterr);
	return r < 0 ? r : add_expect(plan, expect, reterr);
}

/*
 * A record that goes away is forgotten by libgcc first. A thread that a dead doctor had borrowed
 * may still be about to tell libgcc of what was only loaded, or to make it forget what was: then
 * nobody may be in libgcc, nor, as everywhere in the record, on the way there.
 */
static int forget_frames(struct plan *plan, struct plan_part *part, struct lcp_error **reterr)
{
	const uint8_t *words = NULL;
	struct frames frames;
	bool known;
	int r;

	if (part->is_new || part->record->frames.object == 0 || !is_given_back(plan, part, false))
		return 0;
	r = frames_find(plan->process, true, &frames, reterr);
	if (r == 0)
		r = read_frames(plan, part->record, &words, reterr);
	if (r < 0)
		return r;
	known = frames_known(&frames, part->record, words);
	if (!known || part->before == LCP_STATE_LOADED)
		r = plan_clear(plan, frames.avoid[0].start, frames.avoid[0].end, false, "libgcc",
			       reterr);
	if (r == 0 && known &&
	    vec_push(&plan->surgery.after.frames, frames_call(&frames, part->record)) < 0)
		return error_set_nomem(reterr);
	return r;
}

static int seal_part(struct plan *plan, struct plan_part *part, struct lcp_error **reterr)
{
	struct surgery_mark mark = {
		.address = ledger_slot_address(part->chunk, part->slot) + LEDGER_SLOT_STATE,
		.before = part->before,
		.during = part->during,
		.after = part->after,
	};
	int r;

	if (vec_push(&plan->surgery.marks, mark) < 0)
		return error_set_nomem(reterr);
	r = expect_part(plan, part, reterr);
	if (r == 0)
		r = write_record(plan, part, reterr);
	if (r == 0 && is_given_back(plan, part, false))
		r = give_back(plan, &plan->surgery.after, part, false, reterr);
	if (r == 0 && is_given_back(plan, part, true))
		r = give_back(plan, &plan->surgery.undo, part, true, reterr);
	return r;
}

/* With more patches than this their unwind tables are not all read each time. */
#define TABLES_MAX 256

static int add_table(struct plan *plan, const struct ledger_chunk *chunk,
		     const struct ledger_record *record, struct lcp_error **reterr)
{
	struct safety_table table = {
		.start = record->text.address,
		.end = record->text.address + record->text.size,
		.eh_frame_hdr = record->eh_frame_hdr,
		.eh_frame = record->eh_frame,
		.around = { chunk->address, ledger_extent(chunk) },
	};

	if (record->address == 0 || table.eh_frame_hdr.size == 0 ||
	    plan->tables.count >= TABLES_MAX)
		return 0;
	return vec_push(&plan->tables, table) < 0 ? error_set_nomem(reterr) : 0;
}

static int add_tables_of(struct plan *plan, const struct ledger_chunk *chunk,
			 struct lcp_error **reterr)
{
	autofree struct ledger_record *heads = ledger_heads(plan->process, chunk);
	int r = 0;

	if (heads == NULL)
		return error_set_nomem(reterr);
	for (size_t i = 0; r == 0 && i < LEDGER_SLOT_COUNT; i++)
		if (chunk->slots[i].state > LCP_STATE_LOADED)
			r = add_table(plan, chunk, &heads[i], reterr);
	return r;
}

/* Unwind tables of all patches: frames of any of them may be on a stack. */
static int add_tables(struct plan *plan, struct lcp_error **reterr)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->ledger.count && plan->tables.count < TABLES_MAX; i++)
		r = add_tables_of(plan, &plan->ledger.chunks[i], reterr);
	return r;
}

/*
 * Chunks get another generation before they are changed, and one more when all is done: what was
 * read meanwhile, tables, records or entries, is no ground for a plan.
 */
static int open_chunks(struct plan *plan, struct lcp_error **reterr)
{
	int r = 0;

	vec_foreach (&plan->parts, part)
		if (r == 0)
			r = expect_chunk(plan, part->chunk, true, reterr);
	return r;
}

static int close_chunks(struct plan *plan, struct surgery_unload *unload, struct lcp_error **reterr)
{
	vec_foreach (&plan->parts, part) {
		struct surgery_write stamp;
		int r = add_stamp(plan, part->chunk, 2, &stamp, reterr);

		if (r < 0)
			return r;
		if (!is_unmapped(unload, part->chunk) && vec_push(&unload->stamps, stamp) < 0)
			return error_set_nomem(reterr);
	}
	return 0;
}

int plan_seal(struct plan *plan, struct lcp_error **reterr)
{
	const struct ledger_row *pivot = choose_pivot(plan);
	int r;

	r = add_tables(plan, reterr);
	if (r == 0)
		r = open_chunks(plan, reterr);
	if (r == 0 && pivot != NULL)
		r = add_changes(plan, pivot, reterr);
	if (r == 0)
		r = expect_objects(plan, reterr);
	vec_foreach (&plan->parts, part)
		if (r == 0)
			r = forget_frames(plan, part, reterr);
	vec_foreach (&plan->parts, part) {
		if (pivot != NULL)
			set_pivot(part->record, pivot);
		if (r == 0)
			r = seal_part(plan, part, reterr);
	}
	vec_foreach (&plan->parts, part)
		if (r == 0 && part->is_new)
			r = publish(plan, part, reterr);
	if (r == 0)
		r = close_chunks(plan, &plan->surgery.after, reterr);
	return r == 0 ? close_chunks(plan, &plan->surgery.undo, reterr) : r;
}
