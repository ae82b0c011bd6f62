/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a dead doctor left: a switch that is half-made, patches that are loaded and not applied,
 * memory that was not given back.
 *
 * A half-made switch is finished if its pivot was written and undone otherwise: neither changes
 * what the process runs, since guards see to that meanwhile.
 *
 * And what a living one left: a patch that hands out addresses is taken out first, and its memory
 * given back in a step of its own, if nothing points to it then. That is looked into by
 * lcp_revert() and by whoever has just replaced such a patch, not by each call that comes later.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "core/apply.h"

/* Which slots take part in a step: 1, 0, or an error. */
typedef int (*is_meant_fn)(struct plan *plan, struct ledger_chunk *chunk, struct ledger_slot *slot,
			   struct lcp_error **reterr);

static int is_half_made(struct plan *plan, struct ledger_chunk *chunk, struct ledger_slot *slot,
			struct lcp_error **reterr)
{
	(void)plan;
	(void)chunk;
	(void)reterr;
	return slot->state == LCP_STATE_SWITCHING || slot->state == LCP_STATE_REVERTING;
}

/* Was the pivot written? */
static int was_committed(const struct plan *plan, const struct ledger_record *record, bool *ret,
			 struct lcp_error **reterr)
{
	const struct ledger_pivot *pivot = &record->pivot;
	uint8_t there[LEDGER_ENTRY_MAX];
	int r;

	*ret = true;
	if (pivot->size == 0)
		return 0;
	r = process_read(plan->process, pivot->entry, there, pivot->size, record->id, reterr);
	if (r < 0)
		return r;
	*ret = memcmp(there, pivot->to, pivot->size) == 0;
	if (*ret || memcmp(there, pivot->from, pivot->size) == 0)
		return 0;
	return error_set(reterr, -LCP_ECONFLICT,
			 "patch '%s' is half applied, and what is at 0x%" PRIx64
			 " was changed by something else",
			 record->id, pivot->entry);
}

/* From where the entry is to where it belongs. */
static int settle_row(struct plan *plan, struct ledger_row *row, bool committed,
		      struct lcp_error **reterr)
{
	uint8_t there[LEDGER_ENTRY_MAX], guarded[LEDGER_ENTRY_MAX];
	const struct arch *arch = plan->process->target->arch;
	int r;

	if (row->size == 0 || memcmp(row->from, row->to, row->size) == 0)
		return 0;
	r = process_read(plan->process, row->entry, there, row->size, row->name, reterr);
	if (r < 0)
		return r;
	if (memcmp(there, row->from, row->size) != 0 && memcmp(there, row->to, row->size) != 0 &&
	    (row->guard == 0 || entry_branch(arch, row, row->guard, NULL, 0, guarded) < 0 ||
	     memcmp(there, guarded, row->size) != 0))
		return error_set(reterr, -LCP_ECONFLICT,
				 "function '%s' at 0x%" PRIx64
				 ": its entry was changed by something else",
				 row->name, row->entry);
	if (!committed)
		memcpy(row->to, row->from, row->size);
	memcpy(row->from, there, row->size);
	return plan_clear(plan, row->entry, row->entry + row->size, true, row->name, reterr);
}

/* Let a half-made record take part: its entries go where its pivot says. */
static int join(struct plan *plan, struct ledger_chunk *chunk, struct ledger_slot *slot,
		struct lcp_error **reterr)
{
	struct plan_part part = { .chunk = chunk, .slot = slot, .before = slot->state };
	bool committed = false;
	int r;

	r = ledger_record(plan->process, chunk, slot, &part.record, reterr);
	if (r == 0)
		r = was_committed(plan, part.record, &committed, reterr);
	if (r < 0)
		return r;
	part.during = slot->state;
	part.after = slot->state == LCP_STATE_SWITCHING
			     ? (committed ? LCP_STATE_APPLIED : LCP_STATE_LOADED)
			     : (committed ? LCP_STATE_REVERTED : LCP_STATE_APPLIED);
	for (size_t i = 0; r == 0 && i < part.record->row_count; i++)
		r = settle_row(plan, &part.record->rows[i], committed, reterr);
	return r < 0 ? r : plan_join(plan, &part, reterr);
}

/* 1 if addresses of what is in the record of @slot may be anywhere. */
static int hands_out(const struct plan *plan, const struct ledger_chunk *chunk,
		     struct ledger_slot *slot, struct lcp_error **reterr)
{
	struct ledger_record *record;
	int r = ledger_record(plan->process, chunk, slot, &record, reterr);

	return r < 0 ? r : (record->flags & LEDGER_RECORD_HANDS_OUT) != 0;
}

static int is_left_over(struct plan *plan, struct ledger_chunk *chunk, struct ledger_slot *slot,
			struct lcp_error **reterr)
{
	struct ledger_record *record;
	bool is_void;
	int r;

	if (slot->state == LCP_STATE_REVERTED) {
		r = hands_out(plan, chunk, slot, reterr);
		return r < 0 ? r : r == 0;
	}
	if (slot->state != LCP_STATE_APPLIED)
		return slot->state == LCP_STATE_LOADED;
	r = ledger_record(plan->process, chunk, slot, &record, reterr);
	if (r == 0)
		r = ledger_is_void(plan->process, record, &is_void, reterr);
	return r < 0 ? r : is_void;
}

/* The record that plan->settings->pointers is about. */
static int is_pointers_own(struct plan *plan, struct ledger_chunk *chunk, struct ledger_slot *slot,
			   struct lcp_error **reterr)
{
	const struct pointers *pointers = plan->settings->pointers;
	struct ledger_record *record;
	int r;

	if (slot->state != LCP_STATE_REVERTED || chunk->address + slot->offset != pointers->record)
		return 0;
	r = ledger_record(plan->process, chunk, slot, &record, reterr);
	return r < 0 ? r : record->sequence == pointers->sequence;
}

/* Memory that nobody needs, if nobody is in it either. */
static int join_left_over(struct plan *plan, struct ledger_chunk *chunk, struct ledger_slot *slot,
			  struct lcp_error **reterr)
{
	struct plan_part part = {
		.chunk = chunk,
		.slot = slot,
		.before = slot->state,
		.during = slot->state,
		.after = slot->state == LCP_STATE_LOADED ? slot->state : LCP_STATE_REVERTED,
	};
	int r;

	r = ledger_record(plan->process, chunk, slot, &part.record, reterr);
	if (r < 0)
		return r;
	for (size_t i = 0; i < part.record->row_count; i++)
		memcpy(part.record->rows[i].from, part.record->rows[i].to, LEDGER_ENTRY_MAX);
	/* One whose object was closed may have handed out addresses to others. */
	part.stays = slot->state != LCP_STATE_LOADED && plan->settings->pointers == NULL &&
		     (part.record->flags & LEDGER_RECORD_HANDS_OUT) != 0;
	r = plan_clear_record(plan, part.record, reterr);
	return r < 0 ? r : plan_join(plan, &part, reterr);
}

typedef int (*join_fn)(struct plan *plan, struct ledger_chunk *chunk, struct ledger_slot *slot,
		       struct lcp_error **reterr);

static int join_if(struct plan *plan, struct ledger_chunk *chunk, struct ledger_slot *slot,
		   is_meant_fn is_meant, join_fn join_slot, struct lcp_error **reterr)
{
	int r = slot->state != 0 ? is_meant(plan, chunk, slot, reterr) : 0;

	return r == 1 ? join_slot(plan, chunk, slot, reterr) : r;
}

static int join_all(struct plan *plan, is_meant_fn is_meant, join_fn join_slot,
		    struct lcp_error **reterr)
{
	int r = 0;

	for (size_t i = 0; i < plan->ledger.count; i++) {
		struct ledger_chunk *chunk = &plan->ledger.chunks[i];

		for (size_t j = 0; r == 0 && j < LEDGER_SLOT_COUNT; j++)
			r = join_if(plan, chunk, &chunk->slots[j], is_meant, join_slot, reterr);
	}
	return r;
}

static bool is_empty(const struct ledger_chunk *chunk)
{
	for (size_t i = 0; i < LEDGER_SLOT_COUNT; i++)
		if (chunk->slots[i].state != 0)
			return false;
	return true;
}

/* A doctor died between mapping a chunk and putting something into it. */
static int unmap_empty(struct plan *plan, struct lcp_error **reterr)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->ledger.count; i++)
		if (is_empty(&plan->ledger.chunks[i]))
			r = plan_unmap(plan, &plan->ledger.chunks[i], reterr);
	return r;
}

/* 1 if something was done, 0 if there was nothing to do. */
static int run(struct lcp_process *process, const struct plan_settings *settings,
	       is_meant_fn is_meant, join_fn join_slot, struct lcp_report *report,
	       struct lcp_error **reterr)
{
	autoplan struct plan plan = { 0 };
	int r;

	r = plan_init(&plan, process, settings, reterr);
	if (r == 0)
		r = join_all(&plan, is_meant, join_slot, reterr);
	if (r == 0)
		r = unmap_empty(&plan, reterr);
	if (r < 0 || (plan.parts.count == 0 && plan.surgery.after.unmaps.count == 0))
		return r;
	r = plan_seal(&plan, reterr);
	if (r == 0)
		r = plan_run(&plan, report, reterr);
	return r < 0 ? r : 1;
}

/*
 * Is an object closed whose patches are in @chunk? Its oldest patch tells: if that one is still in
 * place, the object has not been closed since, and all others are younger.
 */
static bool has_void(struct plan *plan, struct ledger_chunk *chunk)
{
	const bool *oldest = ledger_oldest(plan->process, chunk);
	bool found = false;

	for (size_t i = 0; !found && i < LEDGER_SLOT_COUNT; i++)
		if (chunk->slots[i].state == LCP_STATE_APPLIED && (oldest == NULL || oldest[i]))
			found = is_left_over(plan, chunk, &chunk->slots[i], NULL) != 0;
	return found;
}

/* Is there anything to do in @chunk? What cannot be told is. */
static bool is_due_in(struct plan *plan, struct ledger_chunk *chunk)
{
	if (is_empty(chunk))
		return true;
	for (size_t i = 0; i < LEDGER_SLOT_COUNT; i++)
		if (chunk->slots[i].state != 0 && chunk->slots[i].state != LCP_STATE_APPLIED &&
		    is_left_over(plan, chunk, &chunk->slots[i], NULL) +
				    is_half_made(plan, chunk, &chunk->slots[i], NULL) !=
			    0)
			return true;
	return has_void(plan, chunk);
}

static bool is_due(struct plan *plan)
{
	bool due = false;

	for (size_t i = 0; !due && i < plan->ledger.count; i++)
		due = is_due_in(plan, &plan->ledger.chunks[i]);
	return due;
}

/* What is half-made first, since it leaves something over. */
static int recover_once(struct lcp_process *process, const struct plan_settings *settings,
			struct lcp_report *report, struct lcp_error **reterr)
{
	struct plan_settings keep = *settings, once = *settings;
	autoerror struct lcp_error *unimportant = NULL;
	int r, left;

	/* Memory is given back by the second step, which looks whether somebody is in it. */
	keep.flags = (settings->flags & LCP_APPLY_SCAN_ALL) | LCP_APPLY_ENTRY_ONLY;
	r = run(process, &keep, is_half_made, join, report, reterr);
	if (r < 0)
		return r;
	once.attempts = 1;
	once.flags &= LCP_APPLY_SCAN_ALL;
	left = run(process, &once, is_left_over, join_left_over, report, &unimportant);
	if (left == -LCP_EINUSE)
		log_debug(process->ctx, "process %d: memory of patches is still in use",
			  process->target->pid);
	return left == -EAGAIN || left == -EFAULT ? left : r == 1 || left == 1;
}

static int recover_all(struct lcp_process *process, const struct plan_settings *settings,
		       struct lcp_report *report, struct lcp_error **reterr)
{
	autoplans struct apply_plans plans = { .settings = settings };
	struct lcp_error *error;
	int r;

	do {
		error = NULL;
		r = recover_once(process, settings, report, &error);
	} while (apply_again(process, &plans, &r, error, reterr));
	return r;
}

int recover(struct plan *plan, struct lcp_process *process, const struct plan_settings *settings,
	    struct lcp_report *report, struct lcp_error **reterr)
{
	int r;

	r = plan_init(plan, process, settings, reterr);
	if (r < 0 || (settings->flags & LCP_APPLY_DRY_RUN) != 0 || !is_due(plan))
		return r;
	plan_fini(plan);
	*plan = (struct plan){ 0 };
	r = recover_all(process, settings, report, reterr);
	return r < 0 ? r : plan_init(plan, process, settings, reterr);
}

typedef VEC(struct pointers) pointers_vec;

static void pointers_vec_fini(pointers_vec *items)
{
	vec_foreach (items, item)
		pointers_fini(item);
	vec_fini(items);
}

/* Records that are out, whose memory is there because something may point to it. */
static int list_kept(struct plan *plan, pointers_vec *ret, uint64_t *ret_bytes,
		     struct lcp_error **reterr)
{
	int r = 0;

	*ret_bytes = 0;
	for (size_t i = 0; i < plan->ledger.count * LEDGER_SLOT_COUNT && r >= 0; i++) {
		struct ledger_chunk *chunk = &plan->ledger.chunks[i / LEDGER_SLOT_COUNT];
		struct ledger_slot *slot = &chunk->slots[i % LEDGER_SLOT_COUNT];
		struct pointers item;

		if (slot->state != LCP_STATE_REVERTED)
			continue;
		r = hands_out(plan, chunk, slot, reterr);
		if (r != 1)
			continue;
		pointers_init(&item, chunk, slot, slot->record);
		*ret_bytes += slot->bytes + slot->data_bytes;
		if (ret != NULL && vec_push(ret, item) < 0)
			r = error_set_nomem(reterr);
	}
	return r < 0 ? r : 0;
}

/* Look at the process once, and list them; then whether anything points to them. */
static int look_for_pointers(struct lcp_process *process, const struct plan_settings *settings,
			     pointers_vec *ret, struct lcp_report *report)
{
	autoplan struct plan plan = { 0 };
	uint64_t bytes;
	int r;

	r = plan_init(&plan, process, settings, NULL);
	if (r == 0)
		r = list_kept(&plan, ret, &bytes, NULL);
	if (r < 0 || ret->count == 0)
		return r;
	r = pointers_find(process, ret->items, ret->count, &bytes, NULL);
	report->searched_bytes += bytes;
	/* The names were the plan's. */
	vec_foreach (ret, item)
		item->watch.name = "a patch that is out";
	return r;
}

bool recover_is_kept(struct plan *plan)
{
	uint64_t bytes;

	return list_kept(plan, NULL, &bytes, NULL) < 0 || bytes > 0;
}

/*
 * Each in a plan of its own, so that one that is in use does not keep the others. What cannot be
 * done now is left to the next call.
 */
void recover_kept(struct lcp_process *process, const struct plan_settings *settings,
		  struct lcp_report *report)
{
	cleanup(pointers_vec_fini) pointers_vec items = { 0 };
	autoresult struct lcp_report *unimportant = calloc(1, sizeof(*unimportant));
	autoplan struct plan plan = { 0 };

	if ((settings->flags & LCP_APPLY_DRY_RUN) != 0 || unimportant == NULL ||
	    look_for_pointers(process, settings, &items, report) < 0)
		return;
	vec_foreach (&items, item) {
		autoerror struct lcp_error *error = NULL;
		struct plan_settings once = *settings;

		once.attempts = 1;
		once.flags &= LCP_APPLY_SCAN_ALL;
		once.pointers = item;
		if (!item->kept &&
		    run(process, &once, is_pointers_own, join_left_over, unimportant, &error) < 0)
			log_debug(process->ctx, "memory of a patch that is out stays: %s",
				  error != NULL ? error->message : "the process has changed");
	}
	if (items.count > 0 && plan_init(&plan, process, settings, NULL) == 0)
		(void)list_kept(&plan, NULL, &report->kept, NULL);
}
