/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a program remembers of a patch when that is taken out: the memory stays as long as anything
 * points to it, and goes when nothing does.
 *
 *	pointers FOLDER [WORDS]		that make.sh filled; only the tests that have the words
 */
#include "bed.h"

#include <stdlib.h>
#include <string.h>

#include <lcp/lcp.h>

#include "tap.h"

/* Start a victim that remembers something of @patch. */
static void begin(struct bed *bed, const char *patch)
{
	struct outcome outcome;

	bed_begin(bed, "victim", NULL);
	outcome = bed_apply(bed, patch);
	ok(bed_is(&outcome, 0), "a patch that gives away its %s is applied", patch);
	is_text(victim_ask(&bed->victim, "keep"), "ok", "what it gives is taken");
}

/* Take @id out once more: it is out already. */
static void ask_again(const struct bed *bed, const char *id)
{
	struct outcome outcome = bed_revert(bed, id);

	(void)bed_is(&outcome, -LCP_ENOTAPPLIED);
}

static void try_one(const char *patch, const char *says)
{
	struct outcome outcome;
	struct bed bed;

	begin(&bed, patch);
	is_text(victim_ask(&bed.victim, "kept"), says, "it is there");
	outcome = bed_revert(&bed, patch);
	ok(bed_is(&outcome, 0), "the patch is taken out");
	ok(outcome.kept > 0, "its memory stays, which the report says");
	is_text(victim_ask(&bed.victim, "kept"), says, "what was taken is still there");
	is_text(bed_holds(&bed), patch, "and the ledger knows");
	ask_again(&bed, patch);
	is_text(victim_ask(&bed.victim, "kept"), says, "it stays if it is asked for again");
	is_text(victim_ask(&bed.victim, "forget"), "ok", "it is forgotten");
	ask_again(&bed, patch);
	bed_end(&bed, "then the memory is given back");
}

static void test_kinds(void)
{
	try_one("text", "a text of the patch");
	try_one("callback", "42");
	try_one("numbers", "43");
}

static void test_nothing(void)
{
	struct outcome outcome;
	struct bed bed;

	begin(&bed, "text");
	(void)victim_ask(&bed.victim, "forget");
	outcome = bed_revert(&bed, "text");
	ok(bed_is(&outcome, 0) && outcome.kept == 0, "nothing stays of what nobody remembers");
	ok(outcome.searched > 0, "but it was looked for");
	bed_end(&bed, "and the victim is unharmed");

	bed_begin(&bed, "victim", NULL);
	(void)bed_apply(&bed, "value");
	outcome = bed_revert(&bed, "value");
	ok(bed_is(&outcome, 0) && outcome.searched == 0,
	   "for a patch that gives away nothing nothing is looked for");
	(void)bed_apply(&bed, "data");
	outcome = bed_revert(&bed, "data");
	ok(bed_is(&outcome, 0) && outcome.searched == 0,
	   "nor for one that merely has data of its own");
	bed_end(&bed, "that victim is unharmed, too");
}

static void test_heap(void)
{
	struct outcome outcome;
	struct bed bed;

	begin(&bed, "text");
	is_text(victim_ask(&bed.victim, "heap-keep"), "ok", "the heap remembers it");
	outcome = bed_revert(&bed, "text");
	ok(bed_is(&outcome, 0) && outcome.kept > 0, "the patch is taken out, its memory stays");
	is_text(victim_ask(&bed.victim, "kept"), "a text of the patch", "what was taken is there");
	(void)victim_ask(&bed.victim, "forget");
	ask_again(&bed, "text");
	bed_end(&bed, "a victim whose heap remembered is unharmed");
}

/* No other place knows it than the stack of a thread. */
static void test_stack(void)
{
	struct outcome outcome;
	struct bed bed;

	begin(&bed, "text");
	is_text(victim_ask(&bed.victim, "hold"), "ok", "a thread has it on its stack");
	outcome = bed_revert(&bed, "text");
	ok(bed_is(&outcome, 0) && outcome.kept > 0, "the patch is taken out, its memory stays");
	is_text(victim_ask(&bed.victim, "let-go"), "a text of the patch", "the thread can use it");
	ask_again(&bed, "text");
	is_text(bed_holds(&bed), "", "when the thread has let go, the memory is given back");
	bed.restless = true; /* the thread's stack */
	bed_note(&bed);
	bed_end(&bed, "a victim with a thread that held it is unharmed");
}

static void test_level(void)
{
	struct outcome outcome;
	struct bed bed;

	begin(&bed, "text");
	outcome = bed_apply(&bed, "text.1");
	ok(bed_is(&outcome, 0) && outcome.kept > 0, "a higher level replaces it, its memory stays");
	is_text(victim_ask(&bed.victim, "kept"), "a text of the patch", "what was taken is there");
	is_text(bed_holds(&bed), "text text", "both are in the ledger");
	outcome = bed_revert(&bed, "text");
	ok(bed_is(&outcome, 0) && outcome.kept > 0, "the higher level is taken out");
	is_text(victim_ask(&bed.victim, "kept"), "a text of the patch",
		"what was taken of the lower is there");
	(void)victim_ask(&bed.victim, "forget");
	ask_again(&bed, "text");
	bed_end(&bed, "a victim of two levels is unharmed");
}

/* Each apply would have to look through all memory. */
static void test_others(void)
{
	struct outcome outcome;
	struct bed bed;

	begin(&bed, "text");
	(void)bed_revert(&bed, "text");
	(void)victim_ask(&bed.victim, "forget");
	outcome = bed_apply(&bed, "value");
	ok(bed_is(&outcome, 0) && outcome.searched == 0, "the next patch does not look for it");
	is_text(bed_holds(&bed), "text value", "and leaves the memory alone");
	outcome = bed_revert(&bed, "value");
	ok(bed_is(&outcome, 0) && outcome.kept == 0, "but taking that one out does");
	bed_end(&bed, "a victim with something left is unharmed");
}

static const struct bed_test tests[] = {
	{ "kinds", test_kinds }, { "nothing", test_nothing }, { "heap", test_heap },
	{ "stack", test_stack }, { "level", test_level },     { "others", test_others },
};

int main(int argc, char **argv)
{
	return bed_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
