/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/apply.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/log.h"
#include "core/fit.h"

#define TIMEOUT_MS 5000
#define MS_NS ((uint64_t)1000000)

/* Pauses between plans of two doctors who wait for the same threads. */
#define PAUSE_FIRST_NS MS_NS
#define PAUSE_MAX_NS (100 * MS_NS)

void apply_settings(const struct lcp_process *process, const struct lcp_apply_options *options,
		    struct plan_settings *ret)
{
	uint32_t timeout = options->timeout_ms != 0 ? options->timeout_ms : TIMEOUT_MS;

	*ret = (struct plan_settings){
		.flags = options->flags,
		.attempts = (options->flags & LCP_APPLY_DRY_RUN) != 0 ? 1 : options->attempts,
		.deadline = process->target->ops->now(process->target) + timeout * MS_NS,
		.stop_limit_ns = (uint64_t)options->stop_limit_us * 1000,
	};
}

/* The patch with that id that is in force on that object; *@ret is NULL if there is none. */
static int find_applied(struct plan *plan, const struct lcp_kpatch *patch,
			const struct object *object, struct ledger_chunk **ret_chunk,
			struct ledger_slot **ret, struct lcp_error **reterr)
{
	uint64_t key = ledger_key(fit_id(patch));
	int r;

	*ret = NULL;
	for (size_t i = 0; i < plan->ledger.count; i++) {
		struct ledger_chunk *chunk = &plan->ledger.chunks[i];

		for (size_t j = 0; j < LEDGER_SLOT_COUNT; j++) {
			struct ledger_slot *slot = &chunk->slots[j];
			struct ledger_record *record;
			bool is_void = false;

			if (slot->state != LCP_STATE_APPLIED || slot->key != key)
				continue;
			r = ledger_record(plan->process, chunk, slot, &record, reterr);
			if (r == 0)
				r = ledger_is_void(plan->process, record, &is_void, reterr);
			if (r < 0)
				return r;
			if (is_void || strcmp(record->id, fit_id(patch)) != 0 ||
			    record->bias != object->bias)
				continue;
			*ret = slot;
			*ret_chunk = chunk;
			return 0;
		}
	}
	return 0;
}

/*
 * Is the patch applied already? 1; 0 if it is new or of a higher level; an error if it cannot be.
 */
static int compare_applied(const struct lcp_kpatch *patch, const struct ledger_record *applied,
			   struct lcp_error **reterr)
{
	uint8_t digest[SHA256_SIZE];

	sha256(patch->data, patch->size, digest);
	if (memcmp(digest, applied->digest, SHA256_SIZE) == 0)
		return 1;
	if (patch->level > applied->level)
		return 0;
	if (patch->level < applied->level)
		return error_set(reterr, -LCP_ECONFLICT,
				 "patch '%s' is applied with level %" PRIu32
				 ", which is above %" PRIu32,
				 applied->id, applied->level, patch->level);
	return error_set(reterr, -LCP_ECONFLICT,
			 "another patch with the id '%s' and level %" PRIu32 " is applied",
			 applied->id, applied->level);
}

/* Two patches of one call on one function: the later one is what its entry leads to. */
static void yield_to(const struct plan *plan, struct ledger_record *later)
{
	vec_foreach (&plan->parts, part) {
		if (!part->is_new || part->record == later)
			continue;
		for (size_t i = 0; i < later->row_count; i++) {
			struct ledger_row *mine = &later->rows[i];
			struct ledger_row *row = mine->size > 0
							 ? ledger_row_of(part->record, mine->entry)
							 : NULL;

			if (row == NULL)
				continue;
			memcpy(row->to, row->from, sizeof(row->to));
			mine->flags |= LEDGER_ROW_STACKED;
			if (later->sequence <= part->record->sequence)
				later->sequence = part->record->sequence + 1;
		}
	}
}

/* 1 if there is nothing to do. The old level, if there is one, is taken out in the same switch. */
static int add_fit(struct plan *plan, struct fit *fit, uint64_t sequence, struct lcp_error **reterr)
{
	struct ledger_chunk *chunk = NULL;
	struct ledger_slot *applied;
	int r;

	r = find_applied(plan, fit->patch, fit->object, &chunk, &applied, reterr);
	if (r == 0 && applied != NULL)
		r = compare_applied(fit->patch, applied->record, reterr);
	if (r != 0)
		return r;
	r = fit_make(plan, fit, sequence, reterr);
	if (r == 0)
		yield_to(plan, fit->record);
	if (r < 0 || applied == NULL)
		return r;
	applied->state = LCP_STATE_REVERTING;
	return apply_remove(plan, chunk, applied, fit->record, reterr);
}

typedef VEC(struct fit) fit_vec;

/* One for each object that the patch is for. */
static int find_objects(const struct plan *plan, const struct lcp_kpatch *patch, fit_vec *fits,
			struct lcp_error **reterr)
{
	const struct object *object = NULL;
	size_t before = fits->count;

	if (patch->arch != plan->process->target->arch)
		return error_set(reterr, -LCP_EUNSUPPORTED, "patch '%s' is for %s, not for %s",
				 fit_id(patch), patch->arch->name,
				 plan->process->target->arch->name);
	while ((object = process_object_by_build_id(plan->process, patch->build_id, object)) !=
	       NULL) {
		struct fit fit = { .patch = patch, .object = object };

		if (vec_push(fits, fit) < 0)
			return error_set_nomem(reterr);
	}
	if (fits->count > before)
		return 0;
	return error_set(reterr, -LCP_ENOOBJECT,
			 "process %d: no object has the build-id %s that patch '%s' is for",
			 plan->process->target->pid, patch->build_id, fit_id(patch));
}

static void fits_fini(fit_vec *fits)
{
	vec_foreach (fits, fit)
		fit_fini(fit);
	vec_fini(fits);
}

static uint64_t sequence_now(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_REALTIME, &time);
	return (uint64_t)time.tv_sec * 1000000000U + (uint64_t)time.tv_nsec;
}

/* 0: done; 1: nothing to do; -EAGAIN: once more. */
static int apply_once(struct lcp_process *process, struct lcp_kpatch *const *patches, size_t count,
		      const struct plan_settings *settings, struct lcp_report *report,
		      struct lcp_error **reterr)
{
	autoplan struct plan plan = { 0 };
	cleanup(fits_fini) fit_vec fits = { 0 };
	uint64_t sequence = sequence_now();
	bool nothing = true;
	int r;

	r = recover(&plan, process, settings, report, reterr);
	plan.reasons = settings->all_reasons ? report : NULL;
	for (size_t i = 0; r == 0 && i < count; i++)
		r = find_objects(&plan, patches[i], &fits, reterr);
	if (r < 0)
		return r;
	vec_foreach (&fits, fit) {
		r = add_fit(&plan, fit, sequence++, reterr);
		if (r < 0)
			return r;
		nothing = nothing && r == 1;
	}
	if (nothing)
		return 1;
	r = plan_seal(&plan, reterr);
	return r < 0 ? r : plan_run(&plan, report, reterr);
}

void apply_plans_fini(struct apply_plans *plans)
{
	error_free(plans->in_use);
}

/*
 * The plan is out of date: note why, and wait if it is because two doctors wait. False if it is too
 * late.
 */
static bool try_on(const struct lcp_process *process, struct apply_plans *plans,
		   struct lcp_error **error)
{
	const struct target_ops *ops = process->target->ops;

	plans->count++;
	if (*error != NULL && (*error)->code == -LCP_EINUSE) {
		error_free(plans->in_use);
		plans->in_use = *error;
		*error = NULL;
		plans->count = 0;
	}
	if (plans->in_use == NULL)
		return plans->count < PLANS_MAX;
	plans->pause = plans->pause == 0 ? PAUSE_FIRST_NS : 2 * plans->pause;
	if (plans->pause > PAUSE_MAX_NS)
		plans->pause = PAUSE_MAX_NS;
	if (plans->count >= PLANS_MAX ||
	    ops->now(process->target) + plans->pause >= plans->settings->deadline)
		return false;
	ops->sleep(process->target, plans->pause);
	return true;
}

bool apply_again(const struct lcp_process *process, struct apply_plans *plans, int *r,
		 struct lcp_error *error, struct lcp_error **reterr)
{
	bool gone = *r == -EAGAIN || *r == -EFAULT;
	bool again = (gone || *r == -LCP_EFORMAT) && try_on(process, plans, &error);

	/* Threads were in the way, and then somebody else was: it is the threads that matter. */
	if (!again && plans->in_use != NULL && (gone || *r == -LCP_ELOCKED)) {
		error_free(error);
		error = take(plans->in_use);
		*r = -LCP_EINUSE;
		gone = false;
	}
	if (*r < 0 && !again && !gone && reterr != NULL)
		*reterr = error;
	else
		error_free(error);
	if (gone && !again)
		*r = error_set(reterr, -LCP_ECONFLICT,
			       "process %d changes faster than a plan can be made",
			       process->target->pid);
	return again;
}

static int apply_until(struct lcp_process *process, struct lcp_kpatch *const *patches, size_t count,
		       const struct plan_settings *settings, struct lcp_report *report,
		       struct lcp_error **reterr)
{
	autoplans struct apply_plans plans = { .settings = settings };
	struct lcp_error *error;
	int r;

	do {
		error = NULL;
		r = apply_once(process, patches, count, settings, report, &error);
		if (r < 0)
			process_doubt(process);
	} while (apply_again(process, &plans, &r, error, reterr));
	return r;
}

int apply(struct lcp_process *process, struct lcp_kpatch *const *patches, size_t count,
	  const struct lcp_apply_options *options, struct lcp_report **ret,
	  struct lcp_error **reterr)
{
	autoresult struct lcp_report *report = calloc(1, sizeof(*report));
	struct plan_settings settings;
	int r;

	if (report == NULL)
		return error_set_nomem(reterr);
	apply_settings(process, options, &settings);
	r = apply_until(process, patches, count, &settings, report, reterr);
	if (r < 0)
		return r;
	if (report->leaves)
		recover_kept(process, &settings, report);
	report->outcome = r == 1				      ? LCP_OUTCOME_ALREADY_APPLIED
			  : (settings.flags & LCP_APPLY_DRY_RUN) != 0 ? LCP_OUTCOME_APPLICABLE
								      : LCP_OUTCOME_APPLIED;
	log_debug(process->ctx, "process %d: %s, stopped for %" PRIu64 " ns", process->target->pid,
		  result_outcome_name(report->outcome), report->stop_ns);
	if (ret != NULL)
		*ret = take(report);
	return 0;
}

/* What has nothing to do with whether the patches fit ends a check; the rest is a reason. */
static bool is_reason(int r)
{
	return r != -ENOMEM && r != -EPERM && r != -LCP_EGONE;
}

int apply_check(struct lcp_process *process, struct lcp_kpatch *const *patches, size_t count,
		const struct lcp_apply_options *options, struct lcp_report **ret,
		struct lcp_error **reterr)
{
	autoresult struct lcp_report *report = calloc(1, sizeof(*report));
	struct plan_settings settings;
	bool already = true;

	if (report == NULL)
		return error_set_nomem(reterr);
	apply_settings(process, options, &settings);
	settings.flags |= LCP_APPLY_DRY_RUN;
	settings.attempts = 1;
	settings.all_reasons = true;
	for (size_t i = 0; i < count; i++) {
		autoerror struct lcp_error *error = NULL;
		int r = apply_until(process, &patches[i], 1, &settings, report, &error);

		already = already && r == 1;
		if (r >= 0)
			continue;
		if (!is_reason(r) || vec_push(&report->reasons, error) < 0) {
			if (reterr != NULL)
				*reterr = take(error);
			return r;
		}
		error = NULL;
	}
	if (report->reasons.count == 0)
		report->outcome = already ? LCP_OUTCOME_ALREADY_APPLIED : LCP_OUTCOME_APPLICABLE;
	*ret = take(report);
	return 0;
}
