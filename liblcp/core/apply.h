/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Applying patches, taking them out, finishing what a dead doctor left: each is a plan
 * (core/plan.h) and its run, made anew when the process changed in between.
 */
#ifndef LCP_CORE_APPLY_H
#define LCP_CORE_APPLY_H

#include "core/plan.h"
#include "format/kpatch.h"

/* See lcp_apply(). */
int apply(struct lcp_process *process, struct lcp_kpatch *const *patches, size_t count,
	  const struct lcp_apply_options *options, struct lcp_report **ret,
	  struct lcp_error **reterr);

/* See lcp_process_check(). */
int apply_check(struct lcp_process *process, struct lcp_kpatch *const *patches, size_t count,
		const struct lcp_apply_options *options, struct lcp_report **ret,
		struct lcp_error **reterr);

/* See lcp_revert(). */
int revert(struct lcp_process *process, const char *id, const struct lcp_apply_options *options,
	   struct lcp_report **ret, struct lcp_error **reterr);

/* The caller's options as a plan wants them. */
void apply_settings(const struct lcp_process *process, const struct lcp_apply_options *options,
		    struct plan_settings *ret);

/*
 * Begin a plan: look at the process and its ledger (plan_init()). If a doctor died at it, finish or
 * undo first what it had begun, and give back what it left; most of the time one look says that
 * none did.
 */
int recover(struct plan *plan, struct lcp_process *process, const struct plan_settings *settings,
	    struct lcp_report *report, struct lcp_error **reterr);

/*
 * Give back the memory of patches that are out and hand out addresses, of those that nothing points
 * to any more; report->kept says how much stays.
 */
void recover_kept(struct lcp_process *process, const struct plan_settings *settings,
		  struct lcp_report *report);

/* Is there any such memory? */
bool recover_is_kept(struct plan *plan);

/* How often a plan is made anew if the process changed while it was made. */
#define PLANS_MAX 16

/* The plans that were made for one call. */
struct apply_plans {
	const struct plan_settings *settings;
	int count; /* out of date, one after the other */
	/*
	 * Who was in the way when a plan was tried that another doctor then made out of date: he
	 * cannot tell what waits from what a dead doctor left. Two who wait for the same threads
	 * would do that to each other all the time, so they wait longer and longer in between.
	 */
	struct lcp_error *in_use;
	uint64_t pause;
};

void apply_plans_fini(struct apply_plans *plans);

#define autoplans cleanup(apply_plans_fini)

/*
 * Is another plan to be made? That is so if the last one rests on what another doctor changed
 * meanwhile. If not, @error, which is taken, is the caller's reason for *@r.
 */
bool apply_again(const struct lcp_process *process, struct apply_plans *plans, int *r,
		 struct lcp_error *error, struct lcp_error **reterr);

/*
 * What the newest of the patches that are in force on @row's function, @but aside, puts at the
 * entry: its own bytes if there is none.
 */
int apply_below(struct plan *plan, const struct ledger_record *but, const struct ledger_row *row,
		uint8_t *ret, struct lcp_error **reterr);

/*
 * Let the record of @slot take part as one that goes: the entries that lead to it will lead to what
 * is below. Those that @instead (or NULL) has as well are left out: it changes them itself.
 */
int apply_remove(struct plan *plan, struct ledger_chunk *chunk, struct ledger_slot *slot,
		 const struct ledger_record *instead, struct lcp_error **reterr);

#endif
