/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/surgery.h"

#include <errno.h>

#include "base/num.h"
#include "core/surgery_parts.h"

#define MS ((uint64_t)1000000)

/*
 * Pauses between attempts: the first, and the longest. A function that is called all the time is
 * free only now and then, so there have to be many; and still the process stands still for no more
 * than a hundredth of the time, unless a stop takes longer than a millisecond.
 */
#define PAUSE_FIRST_NS MS
#define PAUSE_LEAST_NS (5 * MS)
#define PAUSE_MAX_NS (100 * MS)
#define STOPS_SHARE 100

void surgery_fini(struct surgery *surgery)
{
	struct surgery_unload *unloads[] = { &surgery->after, &surgery->undo };

	for (size_t i = 0; i < ARRAY_SIZE(unloads); i++) {
		vec_fini(&unloads[i]->frames);
		vec_fini(&unloads[i]->writes);
		vec_fini(&unloads[i]->stamps);
		vec_fini(&unloads[i]->unmaps);
	}
	vec_fini(&surgery->expects);
	vec_fini(&surgery->maps);
	vec_fini(&surgery->writes);
	vec_fini(&surgery->frames);
	vec_fini(&surgery->changes);
	vec_fini(&surgery->marks);
}

/* One stop. The threads go on whatever comes of it. */
static int attempt(struct surgery *surgery)
{
	struct target *target = surgery->target;
	uint64_t begin = surgery_now(surgery);
	int r, resumed;

	surgery->attempts++;
	r = target->ops->stop(target, surgery->deadline);
	if (r < 0)
		return r;
	surgery->thread_count = target->thread_count;
	if (surgery->stop_limit_ns != 0 && surgery_now(surgery) - begin > surgery->stop_limit_ns)
		r = target_fail(target, -LCP_ESTOP, "the threads took longer to stop than allowed");
	if (r == 0)
		r = surgery_check_all(surgery);
	if (r == 0 && surgery->safety != NULL)
		r = safety_check(surgery->safety, target);
	if (r == 0 && !surgery->dry_run)
		r = surgery_switch(surgery);
	resumed = target->ops->resume(target);
	surgery->stop_ns = target->stop_ns;
	/* What the process runs is decided; threads that did not go on do when the surgeon ends. */
	return r < 0 || surgery->switched ? r : resumed;
}

static bool may_try_again(const struct surgery *surgery, int r, uint64_t pause)
{
	return (r == -LCP_EINUSE || r == -LCP_ESTOP || r == -LCP_ELOCKED) &&
	       (surgery->attempts_max == 0 || surgery->attempts < surgery->attempts_max) &&
	       surgery_now(surgery) + pause < surgery->deadline;
}

static int try(struct surgery *surgery)
{
	struct target *target = surgery->target;
	int r;

	r = target->ops->hold(target, surgery->deadline);
	surgery->held = r == 0;
	if (r < 0)
		return r;
	r = surgery_check_expects(surgery, false);
	if (r == 0 && !surgery->loaded && !surgery->dry_run) {
		target->ops->borrow(target);
		r = surgery_load(surgery);
		target->ops->give_back(target);
	}
	if (r == 0)
		r = attempt(surgery);
	if (surgery->switched) {
		target->ops->borrow(target);
		(void)surgery_unload(surgery, &surgery->after);
		target->ops->give_back(target);
	}
	return r;
}

static uint64_t next_pause(const struct surgery *surgery, uint64_t pause)
{
	uint64_t longest = surgery->stop_ns * STOPS_SHARE;

	if (longest < PAUSE_LEAST_NS)
		longest = PAUSE_LEAST_NS;
	if (longest > PAUSE_MAX_NS)
		longest = PAUSE_MAX_NS;
	return 2 * pause > longest ? longest : 2 * pause;
}

int surgery_run(struct surgery *surgery)
{
	struct target *target = surgery->target;
	uint64_t pause = PAUSE_FIRST_NS;
	int r;

	target->late = false;
	while ((r = try(surgery)) < 0 && may_try_again(surgery, r, pause)) {
		surgery->in_use = surgery->in_use || r == -LCP_EINUSE;
		target->ops->release(target);
		target->fault = (struct target_fault){ 0 };
		target->ops->sleep(target, pause);
		pause = next_pause(surgery, pause);
	}
	if (r < 0 && r != -LCP_EDAMAGED && surgery->held && !surgery->lost && !surgery->switched) {
		target->ops->borrow(target);
		surgery_unload_undo(surgery);
		target->ops->give_back(target);
	}
	target->ops->release(target);
	/* The last attempt did not get as far as those that found threads in the way. */
	if (surgery->in_use && (r == -LCP_ESTOP || r == -LCP_ELOCKED))
		r = -LCP_EINUSE;
	/* What failed meanwhile, in tidying up, is not to be taken for why something else fails. */
	if (r >= 0 || r == -EAGAIN || r == -LCP_EINUSE)
		target->fault = (struct target_fault){ 0 };
	return r;
}
