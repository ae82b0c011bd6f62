/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Threads that are easily missed: they will return into bytes that are overwritten, or belong to
 * another process.
 *
 *	threads FOLDER		that make.sh filled
 */
#include "bed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lcp/lcp.h>

#include "tap.h"

/*
 * A call among the bytes that are overwritten returns into their middle. Looking at entries only,
 * such a function is not patched at all; otherwise not as long as somebody has to return.
 */
static void test_early(void)
{
	struct task task = { .apply = { "early" }, .timeout_ms = 300 };
	struct outcome outcome;
	struct bed bed;
	int tid;

	bed_begin(&bed, "victim", NULL);
	tid = atoi(victim_ask(&bed.victim, "wait-below"));
	victim_await_state(&bed.victim, tid, 'S');
	bed_note(&bed);
	outcome = bed_treat(bed.pid, &task);
	ok(bed_is(&outcome, -LCP_EINUSE),
	   "a thread that returns into bytes that are overwritten is in the way");
	is_int(outcome.blocker_tid, tid, "it is named");
	is_text(outcome.blocker, "peers_early", "and its function");
	task.flags = LCP_APPLY_ENTRY_ONLY;
	outcome = bed_treat(bed.pid, &task);
	ok(bed_is(&outcome, -LCP_EUNSUPPORTED), "entries only: the function is refused");
	is_text(victim_ask(&bed.victim, "wake"), "1", "it goes on in the old code");
	outcome = bed_apply(&bed, "early");
	ok(bed_is(&outcome, 0), "when it has returned, the function is patched");
	outcome = bed_revert(&bed, "early");
	ok(bed_is(&outcome, 0), "and the patch is taken out");
	bed_end(&bed, "a victim with an early call is unharmed");
}

/* Where kcmp(2) is missing nobody can tell. */
static void test_sharer(void)
{
	struct outcome outcome;
	char number[32];
	struct bed bed;

	bed_begin(&bed, "victim", NULL);
	(void)snprintf(number, sizeof(number), "process %d,",
		       atoi(victim_ask(&bed.victim, "share")));
	bed_note(&bed);
	outcome = bed_apply(&bed, "value");
	ok(bed_is(&outcome, -LCP_EUNSUPPORTED),
	   "a process whose memory another one runs in is refused");
	if (!ok(strstr(outcome.message, number) != NULL, "the other one is named"))
		tap_say("%s", outcome.message);
	is_text(victim_ask(&bed.victim, "share-no-more"), "ok", "the other one ends");
	outcome = bed_apply(&bed, "value");
	ok(bed_is(&outcome, 0), "then it is patched");
	is_text(victim_ask(&bed.victim, "value"), "11", "and runs the new code");
	outcome = bed_revert(&bed, "value");
	ok(bed_is(&outcome, 0), "and the patch is taken out");
	bed_end(&bed, "a victim that shared its memory is unharmed");
}

static const struct bed_test tests[] = {
	{ "early", test_early },
	{ "sharer", test_sharer },
};

int main(int argc, char **argv)
{
	return bed_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
