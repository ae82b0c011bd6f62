/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All entries change at once, by the write of one, the pivot: see liblcp/README.
 */
#include <errno.h>

#include "base/num.h"
#include "core/surgery_parts.h"

enum moment {
	BEFORE,
	DURING,
	AFTER
};

static int mark(const struct surgery *surgery, enum moment moment)
{
	uint8_t bytes[4];
	int r = 0;

	vec_foreach (&surgery->marks, item) {
		put_le32(bytes, moment == BEFORE   ? item->before
				: moment == DURING ? item->during
						   : item->after);
		if (r == 0)
			r = surgery_put(surgery, item->address, bytes, sizeof(bytes));
	}
	return r;
}

static bool is_pivot(const struct surgery *surgery, const struct surgery_change *change)
{
	return change == surgery->changes.items;
}

static int to_guards(const struct surgery *surgery)
{
	int r = 0;

	vec_foreach (&surgery->changes, change)
		if (r == 0 && change->has_guard && !is_pivot(surgery, change))
			r = surgery_put(surgery, change->entry, change->guarded, change->size);
	return r;
}

/* Memory that could not be written at first, and so is as it was, need not be written back. */
static int settle_entry(const struct surgery *surgery, const struct surgery_change *change,
			bool forward)
{
	if (!forward && surgery_compare(surgery, change->entry, change->from, change->size) == 0)
		return 0;
	return surgery_put(surgery, change->entry, forward ? change->to : change->from,
			   change->size);
}

/* Put the entries that are not the pivot's where they belong: those without a guard first. */
static int settle(const struct surgery *surgery, bool forward)
{
	int r = 0;

	for (int guarded = 0; guarded <= 1; guarded++)
		vec_foreach (&surgery->changes, change)
			if (r == 0 && change->has_guard == guarded && !is_pivot(surgery, change))
				r = settle_entry(surgery, change, forward);
	return r;
}

static int write_pivot(const struct surgery *surgery, bool forward)
{
	const struct surgery_change *pivot = surgery->changes.items;

	return surgery_put(surgery, pivot->entry, forward ? pivot->to : pivot->from, pivot->size);
}

/*
 * What was written is read back: a write that is said to be done and is not would be found never.
 */
static int read_back(const struct surgery *surgery, bool forward)
{
	int r = surgery_check_entries(surgery, forward);

	if (r != -EAGAIN)
		return r;
	return target_fail(surgery->target, -EIO, "what was written at an entry is not there");
}

/*
 * Back to where it was: through the guards if it was committed, so that it is whole at every
 * instant here too.
 *
 * The reason for it is in the target's fault and stays there; if this fails as well, that is worse
 * than any reason.
 */
static int roll_back(const struct surgery *surgery, int reason)
{
	const struct surgery_change *pivot = surgery->changes.items;
	struct target *target = surgery->target;
	int r;

	r = surgery_compare(surgery, pivot->entry, pivot->from, pivot->size);
	if (r == -EAGAIN) {
		r = to_guards(surgery);
		if (r == 0)
			r = write_pivot(surgery, false);
	}
	if (r == 0)
		r = settle(surgery, false);
	if (r == 0)
		r = read_back(surgery, false);
	if (r == 0)
		r = mark(surgery, BEFORE);
	/* Nothing is damaged in a process that has ended. */
	if (r == 0 || r == -LCP_EGONE)
		return r < 0 ? r : reason;
	target->fault = (struct target_fault){ 0 };
	return target_fail(target, -LCP_EDAMAGED,
			   "process %d: a switch failed and could not be undone: a query tells "
			   "what is in force, and the next apply or revert tries again",
			   target->pid);
}

int surgery_switch(struct surgery *surgery)
{
	int r;

	r = mark(surgery, DURING);
	if (r == 0)
		r = to_guards(surgery);
	if (r == 0 && surgery->changes.count > 0)
		r = write_pivot(surgery, true);
	if (r == 0)
		r = settle(surgery, true);
	if (r == 0)
		r = read_back(surgery, true);
	if (r == 0)
		r = mark(surgery, AFTER);
	if (r < 0)
		return surgery->changes.count > 0 ? roll_back(surgery, r) : r;
	surgery->switched = true;
	return 0;
}
