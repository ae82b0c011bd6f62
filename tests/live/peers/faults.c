/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What other live patchers get wrong, a test for each, as far as no other test has it: peers.txt
 * says which. Each ends with a look at its victim.
 *
 *	faults FOLDER [WORDS]		that make.sh filled; only the tests that have the words
 */
#include "bed.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lcp/lcp.h>

#include "tap.h"

#define ROUNDS 50
#define HOT_ROUNDS 100

/* Patch it and take the patch out, so often: how often both were done and it ran the right code. */
static int there_and_back(struct bed *bed, int rounds)
{
	int count = 0;

	for (int i = 0; i < rounds; i++) {
		struct outcome there = bed_apply(bed, "value"), back;
		bool is_new = strcmp(victim_ask(&bed->victim, "value"), "11") == 0;

		back = bed_revert(bed, "value");
		if (bed_is(&there, 0) && bed_is(&back, 0) && is_new &&
		    strcmp(victim_ask(&bed->victim, "value"), "10") == 0)
			count++;
	}
	return count;
}

/* The outcome is that failure, and the message has the words. */
static void refused(const struct outcome *outcome, int32_t want, const char *words,
		    const char *claim)
{
	bool so = outcome->r == want && strstr(outcome->message, words) != NULL;

	if (!ok(so, "%s", claim))
		tap_say("%s: %s", lcp_error_name(outcome->r), outcome->message);
}

static void test_timer(void)
{
	struct bed bed;

	bed_begin(&bed, "victim", NULL);
	(void)victim_ask(&bed.victim, "timer");
	is_int(there_and_back(&bed, ROUNDS), ROUNDS,
	       "a 1 kHz timer signal while patching: 50 of 50 applied and reverted");
	ok(atoi(victim_ask(&bed.victim, "ticks")) > 0, "and the signals came");
	bed.restless = true; /* its handler is new */
	bed_note(&bed);
	bed_end(&bed, "a victim with a timer is unharmed");
}

static atomic_bool sends;
static int sent;

static void *send_signals(void *arg)
{
	const struct bed *bed = arg;

	for (sent = 0; sends;) {
		const union sigval value = { .sival_int = sent + 1 };

		if (sigqueue(bed->pid, SIGRTMIN, value) == 0)
			sent++;
		(void)usleep(100);
	}
	return NULL;
}

static void test_queued_signals(void)
{
	struct bed bed;
	pthread_t thread;
	int count;

	bed_begin(&bed, "victim", NULL);
	(void)victim_ask(&bed.victim, "queue");
	bed_note(&bed);
	sends = true;
	if (pthread_create(&thread, NULL, send_signals, &bed) != 0)
		exit(99);
	count = there_and_back(&bed, ROUNDS);
	sends = false;
	(void)pthread_join(thread, NULL);
	is_int(count, ROUNDS, "queued real-time signals while patching: 50 of 50");
	is_int(atoi(victim_ask(&bed.victim, "queued")), sent,
	       "queued real-time signals: sent = received, in order, over 50 applies");
	bed_end(&bed, "a victim with queued signals is unharmed");
}

static void test_blocked(void)
{
	const struct task task = { .apply = { "waits" }, .timeout_ms = 300 };
	struct outcome outcome;
	struct bed bed;
	int tid;

	bed_begin(&bed, "victim", NULL);
	tid = atoi(victim_ask(&bed.victim, "wait"));
	victim_await_state(&bed.victim, tid, 'S');
	bed_note(&bed);
	outcome = bed_treat(bed.pid, &task);
	refused(&outcome, -LCP_EINUSE, "peers_wait",
		"a thread permanently in the function: refused in time, the function is named");
	is_int(outcome.blocker_tid, tid, "a thread permanently in the function: it is named");
	is_text(outcome.blocker, "peers_wait", "and what it is in");
	is_text(victim_ask(&bed.victim, "value"), "10",
		"the tool's own timeout leaves the target running");
	is_text(victim_ask(&bed.victim, "wake"), "100", "and the thread goes on in the old code");
	outcome = bed_apply(&bed, "waits");
	ok(bed_is(&outcome, 0), "when it has left, the function is patched");
	outcome = bed_revert(&bed, "waits");
	ok(bed_is(&outcome, 0), "and the patch is taken out");
	bed_end(&bed, "a victim with a thread in the function is unharmed");
}

/* It never returns, so nothing would come of it. */
static void test_main(void)
{
	struct outcome outcome;
	struct bed bed;

	bed_begin(&bed, "victim", NULL);
	outcome = bed_treat(bed.pid, &(struct task){ .apply = { "main" }, .timeout_ms = 300 });
	refused(&outcome, -LCP_EINUSE, "main", "a change to main(), which runs: refused in time");
	is_text(outcome.blocker, "main", "and it is named");
	is_text(bed_holds(&bed), "", "it does not count as applied");
	bed_end(&bed, "a victim of a change to main() is unharmed");
}

static void test_churn(void)
{
	struct bed bed;

	bed_begin(&bed, "victim", NULL);
	(void)victim_ask(&bed.victim, "churn");
	is_int(there_and_back(&bed, ROUNDS), ROUNDS,
	       "threads created and joined all the time: 50 of 50 applied and reverted");
	ok(atoi(victim_ask(&bed.victim, "made")) > 0, "and threads were made");
	bed.restless = true; /* stacks of threads stay with the C library */
	bed_note(&bed);
	bed_end(&bed, "a victim that makes threads is unharmed");
}

static void test_orphan(void)
{
	struct bed bed;

	bed_begin(&bed, "victim", NULL);
	(void)victim_ask(&bed.victim, "orphan");
	victim_await_state(&bed.victim, bed.pid, 'Z');
	is_int(there_and_back(&bed, 1), 1, "the leader thread has exited: applied and reverted");
	/* Its files and mappings are those of no thread that /proc/PID shows. */
	is_text(victim_ask(&bed.victim, "value"), "10", "and it goes on");
	(void)victim_end(&bed.victim);
	free(bed.was);
}

static void test_traced(void)
{
	char words[64];
	struct outcome outcome;
	struct bed bed;

	bed_begin(&bed, "victim", NULL);
	if (ptrace(PTRACE_SEIZE, bed.pid, NULL, NULL) < 0)
		exit(99);
	outcome = bed_apply(&bed, "value");
	(void)snprintf(words, sizeof(words), "'faults' (%d)", getpid());
	refused(&outcome, -LCP_ETRACED, words,
		"target already traced: refused with its tracer named");
	if (ptrace(PTRACE_INTERRUPT, bed.pid, NULL, NULL) < 0 ||
	    waitpid(bed.pid, NULL, __WALL) != bed.pid ||
	    ptrace(PTRACE_DETACH, bed.pid, NULL, NULL) < 0)
		exit(99);
	bed_end(&bed, "a victim that was traced is unharmed");
}

static void test_no_process(void)
{
	struct outcome outcome;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	(void)waitpid(pid, NULL, 0);
	outcome = bed_treat(pid, &(struct task){ .apply = { "value" } });
	refused(&outcome, -ESRCH, "no process", "no such pid: a failure, with a code of its own");
}

static void test_foreign(void)
{
	struct outcome outcome;
	struct bed bed;

	bed_begin(&bed, "victim", NULL);
	outcome = bed_apply(&bed, "foreign");
	refused(&outcome, -LCP_ENOOBJECT, "build-id",
		"a patch for another build of the same program is refused");
	outcome = bed_treat(bed.pid, &(struct task){ .apply = { "library", "foreign" } });
	refused(&outcome, -LCP_ENOOBJECT, "build-id",
		"library and executable in one call, the second fails: refused");
	is_text(victim_ask(&bed.victim, "library"), "100",
		"executable and library in one call, the second fails: neither is patched");
	bed_end(&bed, "a victim of wrong patches is unharmed");
}

/* A debugger's breakpoint. */
static void test_foreign_edit(void)
{
	struct outcome outcome;
	struct bed bed;

	bed_begin(&bed, "victim", NULL);
	is_text(victim_ask(&bed.victim, "edit"), "ok", "the library's function has a breakpoint");
	outcome = bed_treat(bed.pid, &(struct task){ .apply = { "value", "library" } });
	refused(&outcome, -LCP_ECONFLICT, "library_value",
		"entry bytes are checked: what another tool wrote there is refused");
	is_text(bed_holds(&bed), "", "and neither object is patched");
	is_text(victim_ask(&bed.victim, "unedit"), "ok", "the breakpoint is gone");
	outcome = bed_treat(bed.pid, &(struct task){ .apply = { "value", "library" } });
	ok(bed_is(&outcome, 0), "executable and library in one call: both");
	is_text(victim_ask(&bed.victim, "library"), "110", "the library runs new code");
	is_text(victim_ask(&bed.victim, "value"), "11", "and so does the program");
	outcome = bed_revert(&bed, "library");
	ok(bed_is(&outcome, 0), "the library's patch is taken out");
	outcome = bed_revert(&bed, "value");
	ok(bed_is(&outcome, 0), "and the program's");
	bed_end(&bed, "a victim with a breakpoint is unharmed");
}

static void test_static(void)
{
	struct outcome outcome;
	struct bed bed;

	bed_begin(&bed, "static", NULL);
	outcome = bed_apply(&bed, "static-value");
	ok(bed_is(&outcome, 0), "a static binary is patched");
	is_text(victim_ask(&bed.victim, "value"), "11", "and runs the new code");
	outcome = bed_revert(&bed, "static-value");
	ok(bed_is(&outcome, 0), "and the patch is taken out");
	bed_end(&bed, "a static victim is unharmed");

	bed_begin(&bed, "no-pie", NULL);
	outcome = bed_apply(&bed, "no-pie-value");
	ok(bed_is(&outcome, 0), "a non-PIE binary is patched");
	is_text(victim_ask(&bed.victim, "value"), "11", "and runs the new code");
	outcome = bed_revert(&bed, "no-pie-value");
	ok(bed_is(&outcome, 0), "and the patch is taken out");
	bed_end(&bed, "a non-PIE victim is unharmed");
}

static void lift_stack_limit(void)
{
	const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };

	if (setrlimit(RLIMIT_STACK, &none) < 0)
		_exit(90);
}

/* A thread that sleeps has them there for good. */
static void test_litter(void)
{
	struct outcome there, back;
	struct bed bed;

	bed_begin(&bed, "victim", NULL);
	(void)victim_ask(&bed.victim, "litter");
	is_int(there_and_back(&bed, 1), 1,
	       "old return addresses on the stack are not taken for calls: patched");
	bed_end(&bed, "a victim with an untidy stack is unharmed");
	bed_begin(&bed, "static", NULL);
	(void)victim_ask(&bed.victim, "litter");
	there = bed_apply(&bed, "static-value");
	back = bed_revert(&bed, "static-value");
	ok(bed_is(&there, 0) && bed_is(&back, 0), "the same in a static binary");
	bed_end(&bed, "a static victim with an untidy stack is unharmed");
}

/* Programs are laid out from the bottom then. */
static void test_unlimited_stack(void)
{
	const struct task task = { .apply = { "value" }, .before = lift_stack_limit };
	const struct task back = { .revert = "value", .before = lift_stack_limit };
	struct rlimit limit;
	struct outcome outcome;
	struct bed bed;

	if (getrlimit(RLIMIT_STACK, &limit) < 0 || limit.rlim_max != RLIM_INFINITY) {
		tap_skip("the limit is fixed", "ulimit -s unlimited in the caller");
		return;
	}
	bed_begin(&bed, "victim", lift_stack_limit);
	outcome = bed_treat(bed.pid, &task);
	ok(bed_is(&outcome, 0), "ulimit -s unlimited in the caller and in the target: patched");
	is_text(victim_ask(&bed.victim, "value"), "11", "it runs the new code");
	outcome = bed_treat(bed.pid, &back);
	ok(bed_is(&outcome, 0), "and the patch is taken out");
	bed_end(&bed, "a victim without a stack limit is unharmed");
}

static void test_hot(void)
{
	int count = 0;
	struct bed bed;

	bed_begin(&bed, "victim", NULL);
	(void)victim_ask(&bed.victim, "hot");
	(void)victim_ask(&bed.victim, "hot");
	bed_note(&bed);
	for (int i = 0; i < HOT_ROUNDS; i++) {
		struct outcome there = bed_apply(&bed, "value"), back;

		(void)victim_ask(&bed.victim, "passed");
		back = bed_revert(&bed, "value");
		count += bed_is(&there, 0) && bed_is(&back, 0);
	}
	is_int(count, HOT_ROUNDS, "a hot patched function is reverted 100 of 100");
	bed_end(&bed, "a victim with a hot function is unharmed");
}

static void test_stacked(void)
{
	struct outcome first, second;
	struct bed bed;

	bed_begin(&bed, "victim", NULL);
	first = bed_apply(&bed, "value");
	second = bed_apply(&bed, "second");
	ok(bed_is(&first, 0) && bed_is(&second, 0), "two patches are on one function");
	is_text(victim_ask(&bed.victim, "value"), "12", "the newer one is run");
	first = bed_revert(&bed, "value");
	ok(bed_is(&first, 0), "stacked patches reverted in the wrong order: the lower one goes");
	is_text(victim_ask(&bed.victim, "value"), "12", "the upper one is still run");
	first = bed_apply(&bed, "value");
	is_text(victim_ask(&bed.victim, "value"), "11",
		"the lower one, applied again, is the newer");
	second = bed_revert(&bed, "value");
	ok(bed_is(&first, 0) && bed_is(&second, 0), "and goes again");
	is_text(victim_ask(&bed.victim, "value"), "12", "the other is run");
	second = bed_revert(&bed, "second");
	ok(bed_is(&second, 0), "then that one goes");
	bed_end(&bed, "a victim of stacked patches is unharmed");
}

static void test_again(void)
{
	struct outcome outcome;
	struct bed bed;

	bed_begin(&bed, "victim", NULL);
	outcome = bed_apply(&bed, "value");
	ok(bed_is(&outcome, 0) && outcome.outcome == LCP_OUTCOME_APPLIED, "a patch is applied");
	outcome = bed_apply(&bed, "value");
	ok(bed_is(&outcome, 0) && outcome.outcome == LCP_OUTCOME_ALREADY_APPLIED,
	   "already applied is success, and said");
	outcome = bed_revert(&bed, "value");
	ok(bed_is(&outcome, 0), "it is taken out");
	outcome = bed_revert(&bed, "value");
	refused(&outcome, -LCP_ENOTAPPLIED, "value", "it cannot be taken out twice");
	bed_end(&bed, "a victim of repetition is unharmed");
}

static void test_stale_map(void)
{
	struct bed bed;

	bed_begin(&bed, "victim", NULL);
	(void)victim_ask(&bed.victim, "remap");
	is_int(there_and_back(&bed, ROUNDS), ROUNDS,
	       "a stale map: mappings appear between plan and mmap: 50 of 50 applied and reverted");
	is_text(victim_ask(&bed.victim, "settle"), "0", "no mapping of the target was overwritten");
	bed.restless = true; /* a thread has left its stack behind */
	bed_note(&bed);
	bed_end(&bed, "a victim that maps all the time is unharmed");
}

static void test_brk(void)
{
	struct outcome outcome;
	struct bed bed;

	bed_begin(&bed, "victim", NULL);
	outcome = bed_apply(&bed, "data");
	ok(bed_is(&outcome, 0), "a patch with data is applied");
	is_text(victim_ask(&bed.victim, "grow"), "500",
		"brk can still grow by 500 MiB after a patch");
	outcome = bed_revert(&bed, "data");
	ok(bed_is(&outcome, 0), "and it is taken out");
	bed_end(&bed, "a victim with a growing heap is unharmed");
	bed_begin(&bed, "no-pie", NULL);
	outcome = bed_apply(&bed, "no-pie-value");
	ok(bed_is(&outcome, 0), "a program whose heap is right behind it is patched");
	is_text(victim_ask(&bed.victim, "grow"), "500",
		"brk of a non-PIE binary can still grow by 500 MiB after a patch");
	outcome = bed_revert(&bed, "no-pie-value");
	ok(bed_is(&outcome, 0), "and the patch is taken out");
	bed_end(&bed, "a non-PIE victim with a growing heap is unharmed");
}

static void test_twice(void)
{
	struct bed bed;

	bed_begin(&bed, "victim", NULL);
	is_text(victim_ask(&bed.victim, "twice"), "ok", "the program and libc are mapped twice");
	bed_note(&bed);
	is_int(there_and_back(&bed, 1), 1, "own binary and libc mapped a second time: patched");
	bed_end(&bed, "a victim that is mapped twice is unharmed");
	bed_begin(&bed, "victim", NULL);
	is_text(victim_ask(&bed.victim, "open-text"), "ok", "a page of its code is writable");
	bed_note(&bed);
	is_int(there_and_back(&bed, 1), 1, "one text page mprotected: patched");
	bed_end(&bed, "a victim with a page of another protection is unharmed");
}

static void test_stubborn(void)
{
	struct outcome outcome;
	struct bed bed;

	bed_begin(&bed, "victim", NULL);
	outcome = bed_apply(&bed, "value");
	ok(bed_is(&outcome, 0) && outcome.unguarded == 0, "a function that decides needs no guard");
	outcome = bed_apply(&bed, "stubborn");
	ok(bed_is(&outcome, 0), "two functions that cannot be moved are patched");
	is_int(outcome.unguarded, 1, "the report says that one of them has no guard");
	is_text(victim_ask(&bed.victim, "stubborn"), "12", "both are new");
	outcome = bed_revert(&bed, "stubborn");
	ok(bed_is(&outcome, 0) && outcome.unguarded == 1, "nor has it when they are taken out");
	is_text(victim_ask(&bed.victim, "stubborn"), "3", "both are old");
	outcome = bed_revert(&bed, "value");
	ok(bed_is(&outcome, 0), "the other patch is taken out");
	bed_end(&bed, "a victim with functions that cannot be moved is unharmed");
}

static void test_coroutine(void)
{
	const struct task task = { .apply = { "yields" }, .timeout_ms = 300 };
	struct outcome outcome;
	struct bed bed;

	bed_begin(&bed, "victim", NULL);
	(void)victim_ask(&bed.victim, "coroutine");
	bed_note(&bed);
	outcome = bed_treat(bed.pid, &task);
	refused(&outcome, -LCP_EINUSE, "peers_yield",
		"a coroutine suspended in the function is seen");
	is_text(victim_ask(&bed.victim, "resume"), "1", "it goes on in the old code");
	bed_end(&bed, "a victim with a coroutine is unharmed");
}

static atomic_int child_signals;

static void note_child(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	if (info->si_code != CLD_EXITED && info->si_code != CLD_KILLED)
		child_signals++;
}

static void test_parent(void)
{
	const struct sigaction action = { .sa_sigaction = note_child,
					  .sa_flags = SA_SIGINFO | SA_RESTART };
	struct sigaction before;
	struct bed bed;

	bed_begin(&bed, "victim", NULL);
	if (sigaction(SIGCHLD, &action, &before) < 0)
		exit(99);
	is_int(there_and_back(&bed, 10), 10, "a process is patched whose parent watches");
	is_int(waitpid(bed.pid, NULL, WNOHANG | WUNTRACED | WCONTINUED), 0,
	       "a parent that waits sees nothing of our stops");
	is_int(child_signals, 0, "a parent gets no SIGCHLD for our stops");
	(void)sigaction(SIGCHLD, &before, NULL);
	bed_end(&bed, "a watched victim is unharmed");
}

static void test_files(void)
{
	char folder[512], command[600];
	struct bed bed;

	(void)snprintf(folder, sizeof(folder), "%s", bed_file("temporary"));
	(void)snprintf(command, sizeof(command), "mkdir '%s'", folder);
	if (system(command) != 0 || setenv("TMPDIR", folder, 1) < 0) // NOLINT: a folder
		exit(99);
	bed_begin(&bed, "victim", NULL);
	is_int(there_and_back(&bed, 1), 1,
	       "a process is patched with a folder for temporary files");
	is_int(rmdir(folder), 0, "no temporary files are left behind");
	bed_end(&bed, "memory and protection are as before: nothing is left behind after revert");
	(void)unsetenv("TMPDIR");
}

static const struct bed_test tests[] = {
	{ "timer", test_timer },
	{ "queued-signals", test_queued_signals },
	{ "blocked", test_blocked },
	{ "main", test_main },
	{ "churn", test_churn },
	{ "orphan", test_orphan },
	{ "traced", test_traced },
	{ "no-process", test_no_process },
	{ "foreign", test_foreign },
	{ "foreign-edit", test_foreign_edit },
	{ "static", test_static },
	{ "litter", test_litter },
	{ "unlimited-stack", test_unlimited_stack },
	{ "hot", test_hot },
	{ "stacked", test_stacked },
	{ "again", test_again },
	{ "stale-map", test_stale_map },
	{ "brk", test_brk },
	{ "twice", test_twice },
	{ "stubborn", test_stubborn },
	{ "coroutine", test_coroutine },
	{ "parent", test_parent },
	{ "files", test_files },
};

int main(int argc, char **argv)
{
	return bed_main(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
