/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/apply.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/num.h"

/* The first bytes of code at @address, for a branch that goes there. */
static int branch_to(const struct plan *plan, const struct ledger_row *row, uint64_t address,
		     uint8_t *ret, struct lcp_error **reterr)
{
	const struct lcp_process *process = plan->process;
	uint8_t code[LEDGER_ENTRY_MAX];
	int r;

	r = process_read(process, address, code, sizeof(code), row->name, reterr);
	if (r < 0)
		return r;
	r = entry_branch(process->target->arch, row, address, code, sizeof(code), ret);
	return r < 0 ? error_set(reterr, -LCP_ENOROOM,
				 "function '%s' at 0x%" PRIx64 " does not reach 0x%" PRIx64,
				 row->name, row->entry, address)
		     : 0;
}

/* The newest row for that entry of the records in force, @but aside; *@ret is NULL without one. */
static int newest_row(struct plan *plan, const struct ledger_record *but, uint64_t entry,
		      struct ledger_row **ret, struct lcp_error **reterr)
{
	uint64_t newest = 0;

	*ret = NULL;
	for (size_t i = 0; i < plan->ledger.count; i++) {
		struct ledger_chunk *chunk = &plan->ledger.chunks[i];

		for (size_t j = 0; j < LEDGER_SLOT_COUNT; j++) {
			struct ledger_record *record;
			struct ledger_row *row;
			int r;

			if (chunk->slots[j].state != LCP_STATE_APPLIED)
				continue;
			r = ledger_record(plan->process, chunk, &chunk->slots[j], &record, reterr);
			if (r < 0)
				return r;
			row = ledger_row_of(record, entry);
			if (record == but || row == NULL || record->sequence < newest)
				continue;
			newest = record->sequence;
			*ret = row;
		}
	}
	return 0;
}

int apply_below(struct plan *plan, const struct ledger_record *but, const struct ledger_row *row,
		uint8_t *ret, struct lcp_error **reterr)
{
	struct ledger_row *below = NULL;
	int r = 0;

	if (row->flags & LEDGER_ROW_STACKED)
		r = newest_row(plan, but, row->entry, &below, reterr);
	if (r < 0)
		return r;
	if (below != NULL)
		return branch_to(plan, row, below->new_address, ret, reterr);
	memcpy(ret, row->pristine, row->size);
	return 0;
}

/* Does the entry lead to this row now? Otherwise a newer patch is on the function. */
static int remove_row(struct plan *plan, const struct ledger_record *record, struct ledger_row *row,
		      struct lcp_error **reterr)
{
	uint8_t mine[LEDGER_ENTRY_MAX], there[LEDGER_ENTRY_MAX];
	struct ledger_chunk *chunk;
	uint64_t target;
	int r;

	r = process_read(plan->process, row->entry, there, row->size, row->name, reterr);
	if (r == 0)
		r = branch_to(plan, row, row->new_address, mine, reterr);
	if (r < 0)
		return r;
	memcpy(row->from, there, row->size);
	memcpy(row->to, there, row->size);
	if (memcmp(there, mine, row->size) == 0)
		return apply_below(plan, record, row, row->to, reterr);
	target = entry_target(plan->process->target->arch, row, there);
	if (target != 0 && ledger_slot_at(&plan->ledger, target, &chunk) != NULL)
		return 0;
	return error_set(reterr, -LCP_ECONFLICT,
			 "function '%s' at 0x%" PRIx64 ": its entry was changed by something else",
			 row->name, row->entry);
}

/* Nobody may be in code that goes, nor at bytes that are overwritten. */
static int clear_row(struct plan *plan, const struct ledger_row *row, struct lcp_error **reterr)
{
	int r;

	r = plan_clear(plan, row->entry, row->entry + row->size, true, row->name, reterr);
	if (r == 0 && (plan->settings->flags & LCP_APPLY_ENTRY_ONLY) == 0)
		r = plan_clear(plan, row->new_address, row->new_address + row->new_size, false,
			       row->name, reterr);
	return r;
}

int apply_remove(struct plan *plan, struct ledger_chunk *chunk, struct ledger_slot *slot,
		 const struct ledger_record *instead, struct lcp_error **reterr)
{
	struct plan_part part = {
		.record = slot->record,
		.chunk = chunk,
		.slot = slot,
		.has_journal = true,
		.before = LCP_STATE_APPLIED,
		.during = LCP_STATE_REVERTING,
		.after = LCP_STATE_REVERTED,
		/* As long as its code runs it hands out addresses: they are looked for later. */
		.stays = (slot->record->flags & LEDGER_RECORD_HANDS_OUT) != 0,
	};
	struct ledger_record *record = slot->record;
	int r = 0;

	for (size_t i = 0; r == 0 && i < record->row_count; i++) {
		struct ledger_row *row = &record->rows[i];

		memset(row->from, 0, sizeof(row->from));
		memset(row->to, 0, sizeof(row->to));
		if (row->size > 0 &&
		    (instead == NULL || ledger_row_of(instead, row->entry) == NULL))
			r = remove_row(plan, record, row, reterr);
		if (r == 0)
			r = clear_row(plan, row, reterr);
	}
	if (r == 0 && (plan->settings->flags & LCP_APPLY_ENTRY_ONLY) == 0)
		r = plan_clear_record(plan, record, reterr);
	return r < 0 ? r : plan_join(plan, &part, reterr);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* Is it what lcp_revert() was asked for? */
static bool is_meant(const struct ledger_record *record, const char *id)
{
	return strcmp(record->id, id) == 0 || strcmp(record->build_id, id) == 0 ||
	       strcmp(record->target, id) == 0 || strcmp(base_name(record->target), id) == 0;
}

/* All records that are meant; *@ret_count of them. */
static int find_parts(struct plan *plan, const char *id, size_t *ret_count,
		      struct lcp_error **reterr)
{
	int r;

	*ret_count = 0;
	for (size_t i = 0; i < plan->ledger.count; i++) {
		struct ledger_chunk *chunk = &plan->ledger.chunks[i];

		for (size_t j = 0; j < LEDGER_SLOT_COUNT; j++) {
			struct ledger_record *record;

			if (chunk->slots[j].state != LCP_STATE_APPLIED)
				continue;
			r = ledger_record(plan->process, chunk, &chunk->slots[j], &record, reterr);
			if (r < 0)
				return r;
			if (!is_meant(record, id))
				continue;
			/* Those that go are not below one another. */
			chunk->slots[j].state = LCP_STATE_REVERTING;
			++*ret_count;
		}
	}
	return 0;
}

static int remove_parts(struct plan *plan, struct lcp_error **reterr)
{
	int r = 0;

	for (size_t i = 0; i < plan->ledger.count; i++) {
		struct ledger_chunk *chunk = &plan->ledger.chunks[i];

		for (size_t j = 0; r == 0 && j < LEDGER_SLOT_COUNT; j++)
			if (chunk->slots[j].state == LCP_STATE_REVERTING)
				r = apply_remove(plan, chunk, &chunk->slots[j], NULL, reterr);
	}
	return r;
}

/* The same entry in several records that go: the one it leads to changes it. */
static int revert_once(struct lcp_process *process, const char *id,
		       const struct plan_settings *settings, struct lcp_report *report,
		       struct lcp_error **reterr)
{
	autoplan struct plan plan = { 0 };
	size_t count;
	int r;

	r = recover(&plan, process, settings, report, reterr);
	if (r == 0) {
		report->leaves = report->leaves || recover_is_kept(&plan);
		r = find_parts(&plan, id, &count, reterr);
	}
	if (r == 0 && count == 0)
		return error_set(reterr, -LCP_ENOTAPPLIED, "process %d holds no patch '%s'",
				 process->target->pid, id);
	if (r == 0)
		r = remove_parts(&plan, reterr);
	if (r == 0)
		r = plan_seal(&plan, reterr);
	if (r == 0)
		r = plan_run(&plan, report, reterr);
	return r;
}

int revert(struct lcp_process *process, const char *id, const struct lcp_apply_options *options,
	   struct lcp_report **ret, struct lcp_error **reterr)
{
	autoresult struct lcp_report *report = calloc(1, sizeof(*report));
	struct plan_settings settings;
	autoplans struct apply_plans plans = { .settings = &settings };
	struct lcp_error *error;
	int r;

	if (report == NULL)
		return error_set_nomem(reterr);
	apply_settings(process, options, &settings);
	do {
		error = NULL;
		r = revert_once(process, id, &settings, report, &error);
		if (r < 0)
			process_doubt(process);
	} while (apply_again(process, &plans, &r, error, reterr));
	/* Also if this one was taken out before: that is how its memory can be asked for again. */
	if (report->leaves && (r == 0 || r == -LCP_ENOTAPPLIED))
		recover_kept(process, &settings, report);
	if (r < 0)
		return r;
	report->outcome = (settings.flags & LCP_APPLY_DRY_RUN) != 0 ? LCP_OUTCOME_APPLICABLE
								    : LCP_OUTCOME_REVERTED;
	log_debug(process->ctx, "process %d: reverted '%s', stopped for %" PRIu64 " ns",
		  process->target->pid, id, report->stop_ns);
	if (ret != NULL)
		*ret = take(report);
	return 0;
}
