/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/plan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "base/str.h"
#include "core/frames.h"

int plan_init(struct plan *plan, struct lcp_process *process, const struct plan_settings *settings,
	      struct lcp_error **reterr)
{
	int r;

	*plan = (struct plan){ .process = process, .settings = settings };
	plan->surgery.target = process->target;
	plan->surgery.deadline = settings->deadline;
	plan->surgery.attempts_max = settings->attempts;
	plan->surgery.stop_limit_ns = settings->stop_limit_ns;
	plan->surgery.dry_run = (settings->flags & LCP_APPLY_DRY_RUN) != 0;
	r = process_refresh(process, reterr);
	return r < 0 ? r : ledger_read(process, &plan->ledger, reterr);
}

void plan_fini(struct plan *plan)
{
	surgery_fini(&plan->surgery);
	safety_free(plan->safety);
	ledger_fini(&plan->ledger);
	vec_foreach (&plan->buffers, buffer)
		free(*buffer);
	vec_fini(&plan->buffers);
	vec_fini(&plan->new_chunks);
	vec_fini(&plan->parts);
	vec_fini(&plan->ranges);
	vec_fini(&plan->tables);
}

void *plan_alloc(struct plan *plan, size_t size)
{
	void *buffer = calloc(1, size > 0 ? size : 1);

	if (buffer != NULL && vec_push(&plan->buffers, buffer) < 0) {
		free(buffer);
		return NULL;
	}
	return buffer;
}

int plan_find_space(struct plan *plan, const struct space_wish *wish, uint64_t *ret,
		    struct lcp_error **reterr)
{
	struct space_range *taken = plan_alloc(plan, plan->new_chunks.count * sizeof(*taken));

	if (taken == NULL)
		return error_set_nomem(reterr);
	for (size_t i = 0; i < plan->new_chunks.count; i++) {
		const struct ledger_chunk *chunk = plan->new_chunks.items[i];

		taken[i].start = chunk->address;
		taken[i].end = chunk->address + chunk->bytes + chunk->data_bytes;
	}
	return space_find(&plan->process->maps, wish, taken, plan->new_chunks.count, ret, reterr);
}

int plan_map(struct plan *plan, struct ledger_chunk *chunk, struct lcp_error **reterr)
{
	uint8_t *header = plan_alloc(plan, LEDGER_HEADER_SIZE);
	struct surgery_map map = {
		.address = chunk->address,
		.size = chunk->bytes + chunk->data_bytes,
		.data_size = chunk->data_bytes,
		.header = header,
		.header_size = LEDGER_CHUNK_SLOTS, /* the slots are zero */
	};

	if (header == NULL)
		return error_set_nomem(reterr);
	ledger_header_put(chunk, header);
	if (vec_push(&plan->surgery.maps, map) < 0 || vec_push(&plan->new_chunks, chunk) < 0)
		return error_set_nomem(reterr);
	return 0;
}

int plan_join(struct plan *plan, const struct plan_part *part, struct lcp_error **reterr)
{
	return vec_push(&plan->parts, *part) < 0 ? error_set_nomem(reterr) : 0;
}

int plan_clear(struct plan *plan, uint64_t start, uint64_t end, bool bytes_only, const char *name,
	       struct lcp_error **reterr)
{
	struct safety_range range = { start, end, bytes_only, name };

	if (start >= end)
		return 0;
	return vec_push(&plan->ranges, range) < 0 ? error_set_nomem(reterr) : 0;
}

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

/*
 * The best pivot: one that could not have a guard, since the pivot needs none; then one whose bytes
 * lie in one page, since the kernel writes those as a whole even if the writer is killed meanwhile
 * (access_remote_vm() goes by pages and looks for fatal signals in between).
 */
static const struct ledger_row *choose_pivot(const struct plan *plan)
{
	const struct arch *arch = plan->process->target->arch;
	const struct ledger_row *best = NULL;
	int best_rank = -1;

	vec_foreach (&plan->parts, part) {
		for (size_t i = 0; i < part->record->row_count; i++) {
			const struct ledger_row *row = &part->record->rows[i];
			int rank = (may_have_guard(arch, row) ? 0 : 2) +
				   (crosses_page(row) ? 0 : 1);

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

/* The table of a chunk once more, with another generation. */
static int write_generation(struct plan *plan, struct surgery_unload *unload,
			    const struct ledger_chunk *chunk, uint64_t generation,
			    struct lcp_error **reterr)
{
	uint8_t *bytes = plan_alloc(plan, 8);

	if (bytes == NULL)
		return error_set_nomem(reterr);
	put_le64(bytes, generation);
	return add_write(plan, unload, chunk->address + LEDGER_CHUNK_GENERATION, bytes, 8, reterr);
}

static bool is_new_chunk(const struct plan *plan, const struct ledger_chunk *chunk)
{
	vec_foreach (&plan->surgery.maps, map)
		if (map->address == chunk->address)
			return true;
	return false;
}

/* Make the new record known: it gets its slot. */
static int publish(struct plan *plan, const struct plan_part *part, struct lcp_error **reterr)
{
	uint8_t *slot = plan_alloc(plan, LEDGER_SLOT_SIZE);
	int r;

	if (slot == NULL)
		return error_set_nomem(reterr);
	ledger_slot_put(part->slot, slot);
	r = write_generation(plan, NULL, part->chunk, part->chunk->generation + 1, reterr);
	if (r < 0)
		return r;
	return add_write(plan, NULL, ledger_slot_address(part->chunk, part->slot), slot,
			 LEDGER_SLOT_SIZE, reterr);
}

/* The plan rests on the chunk's table and on the state of the slot. */
static int expect_chunk(struct plan *plan, const struct ledger_chunk *chunk, bool gets_slot,
			struct lcp_error **reterr)
{
	uint8_t *bytes = plan_alloc(plan, 16);
	struct surgery_expect expect = {
		.address = chunk->address + LEDGER_CHUNK_GENERATION,
		.size = 8,
		.bytes = bytes,
		.loaded = bytes + (gets_slot ? 8 : 0),
	};

	if (bytes == NULL)
		return error_set_nomem(reterr);
	put_le64(bytes, chunk->generation);
	put_le64(bytes + 8, chunk->generation + 1);
	vec_foreach (&plan->surgery.expects, other)
		if (other->address == expect.address) {
			if (gets_slot)
				other->loaded = expect.loaded;
			return 0;
		}
	return vec_push(&plan->surgery.expects, expect) < 0 ? error_set_nomem(reterr) : 0;
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
	struct surgery_expect expect = { state, 4, bytes, bytes };
	int r;

	if (bytes == NULL)
		return error_set_nomem(reterr);
	if (is_new_chunk(plan, part->chunk))
		return 0;
	r = expect_chunk(plan, part->chunk, part->is_new, reterr);
	if (r < 0 || part->is_new)
		return r;
	put_le32(bytes, part->before);
	return vec_push(&plan->surgery.expects, expect) < 0 ? error_set_nomem(reterr) : 0;
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
	int r;

	if (nothing == NULL)
		return error_set_nomem(reterr);
	if (is_unmapped(unload, chunk))
		return 0;
	if (chunk_ends(plan, chunk, undo))
		return vec_push(&unload->unmaps, memory) < 0 ? error_set_nomem(reterr) : 0;
	r = write_generation(plan, unload, chunk, chunk->generation + 2, reterr);
	if (r < 0)
		return r;
	return add_write(plan, unload, ledger_slot_address(chunk, part->slot), nothing,
			 LEDGER_SLOT_SIZE, reterr);
}

/*
 * A record that goes away is forgotten by libgcc first. Where that is in doubt, or not done yet by
 * a thread that a dead doctor had borrowed, its memory stays, or nobody may be in libgcc.
 */
static int forget_frames(struct plan *plan, struct plan_part *part, struct lcp_error **reterr)
{
	enum frames_state state;
	struct frames frames;
	int r;

	if (part->is_new || part->record->frames.object == 0 || !is_given_back(plan, part, false))
		return 0;
	r = frames_find(plan->process, true, &frames, reterr);
	if (r == 0)
		r = frames_state(plan->process, &frames, part->record, &state, reterr);
	if (r < 0)
		return r;
	part->stays = state == FRAMES_DOUBT;
	if (state == FRAMES_NONE)
		return plan_clear(plan, frames.avoid[0].start, frames.avoid[0].end, false, "libgcc",
				  reterr);
	if (state == FRAMES_KNOWN &&
	    vec_push(&plan->surgery.after.frames, frames_call(&frames, part->record)) < 0)
		return error_set_nomem(reterr);
	return 0;
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
	r = forget_frames(plan, part, reterr);
	if (r == 0)
		r = expect_part(plan, part, reterr);
	if (r == 0)
		r = write_record(plan, part, reterr);
	if (r == 0 && is_given_back(plan, part, false))
		r = give_back(plan, &plan->surgery.after, part, false, reterr);
	if (r == 0 && is_given_back(plan, part, true))
		r = give_back(plan, &plan->surgery.undo, part, true, reterr);
	return r;
}

int plan_seal(struct plan *plan, struct lcp_error **reterr)
{
	const struct ledger_row *pivot = choose_pivot(plan);
	int r = 0;

	if (pivot != NULL)
		r = add_changes(plan, pivot, reterr);
	vec_foreach (&plan->parts, part) {
		if (pivot != NULL)
			set_pivot(part->record, pivot);
		if (r == 0)
			r = seal_part(plan, part, reterr);
	}
	vec_foreach (&plan->parts, part)
		if (r == 0 && part->is_new)
			r = publish(plan, part, reterr);
	return r;
}

static char *frame_text(const struct lcp_process *process, uint64_t pc)
{
	const struct object *object = process_object_at(process, pc);
	autostr struct str text = { 0 };
	char *ret = NULL;

	if (object != NULL)
		str_printf(&text, "%s+0x%" PRIx64, object->path, pc - object->bias);
	else
		str_printf(&text, "0x%" PRIx64, pc);
	return str_take(&text, &ret) == 0 ? ret : NULL;
}

static int copy_blocker(const struct lcp_process *process, const struct safety_blocker *from,
			struct error_blocker *ret)
{
	*ret = (struct error_blocker){
		.tid = from->tid,
		.pc = from->pc,
		.function = strdup(from->name),
		.frames = calloc(from->frame_count + 1, sizeof(*ret->frames)),
	};
	if (ret->function == NULL || ret->frames == NULL)
		return -ENOMEM;
	while (ret->frame_count < from->frame_count) {
		char *text = frame_text(process, from->frames[ret->frame_count]);

		if (text == NULL)
			return -ENOMEM;
		ret->frames[ret->frame_count++] = text;
	}
	return 0;
}

/* The error that names who is in the way. */
static int in_use(const struct plan *plan, struct lcp_error **reterr)
{
	const struct lcp_process *process = plan->process;
	struct error_blocker *blockers;
	size_t count;
	const struct safety_blocker *found = safety_blockers(plan->safety, &count);
	int r = 0;

	if (count == 0)
		return error_set(reterr, -LCP_EINUSE, "process %d: functions are in use",
				 process->target->pid);
	if (found->tid != 0)
		(void)error_set(reterr, -LCP_EINUSE, "process %d: thread %d %s function '%s'%s",
				process->target->pid, found->tid,
				found->certain ? "is in" : "may return into", found->name,
				count > 1 ? ", and it is not the only one" : "");
	else
		(void)error_set(reterr, -LCP_EINUSE,
				"process %d: a suspended context is in function '%s'",
				process->target->pid, found->name);
	blockers = calloc(count, sizeof(*blockers));
	if (blockers == NULL)
		return -LCP_EINUSE;
	for (size_t i = 0; i < count && r == 0; i++)
		r = copy_blocker(process, &found[i], &blockers[i]);
	error_add_blockers(reterr, blockers, count);
	return -LCP_EINUSE;
}

static void tell(const struct plan *plan, struct lcp_report *report)
{
	const struct surgery *surgery = &plan->surgery;
	const struct safety_counts *counts = safety_counts(plan->safety);

	report->attempts += surgery->attempts;
	report->stop_ns = surgery->stop_ns;
	report->threads = (uint32_t)surgery->thread_count;
	report->stack_bytes += counts->stack_bytes;
	report->unwound += counts->unwound;
	report->scanned_bytes += counts->memory_bytes;
	if (!surgery->switched)
		return;
	report->functions += (uint32_t)surgery->changes.count;
	vec_foreach (&surgery->maps, map)
		report->memory += map->size;
}

static int run(void *surgery)
{
	return surgery_run(surgery);
}

static uint32_t safety_flags(const struct plan *plan)
{
	return (plan->settings->flags & LCP_APPLY_SCAN_ALL ? SAFETY_SCAN_ALL : 0) |
	       (plan->settings->flags & LCP_APPLY_ENTRY_ONLY ? SAFETY_NO_STACKS : 0);
}

int plan_run(struct plan *plan, struct lcp_report *report, struct lcp_error **reterr)
{
	struct target *target = plan->process->target;
	int r;

	r = safety_new(plan->process, plan->ranges.items, plan->ranges.count, plan->tables.items,
		       plan->tables.count, safety_flags(plan), &plan->safety, reterr);
	if (r < 0)
		return r;
	plan->surgery.safety = plan->safety;
	r = target->ops->operate(target, run, &plan->surgery);
	tell(plan, report);
	if (r == -LCP_EINUSE)
		return in_use(plan, reterr);
	if (r < 0 && r != -EAGAIN)
		return target_take_fault(target, r, reterr);
	return r;
}
