/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two doctors, each a process, apply, replace and revert on one victim as fast as they can. One at
 * a time succeeds, the other waits, and what they are told are results that the manual has.
 *
 *	race PROGRAM BOARD LEVEL-1 LEVEL-2 LIBRARY
 *
 * RACE in the environment: for how many seconds, 2 if it is not set.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <signal.h>

#include "tap.h"
#include "ward.h"

#define DOCTORS 2
#define SECONDS 2

struct tally {
	unsigned int done, not_applied, conflict, locked, in_use, wrong;
	char said[200];
};

static void count(struct tally *tally, int32_t r, struct lcp_error *error)
{
	switch (r) {
	case 0:
		tally->done++;
		break;
	case -LCP_ENOTAPPLIED:
		tally->not_applied++;
		break;
	case -LCP_ECONFLICT: /* a higher level is applied */
		tally->conflict++;
		break;
	case -LCP_ELOCKED:
		tally->locked++;
		break;
	case -LCP_EINUSE:
		tally->in_use++;
		break;
	default:
		tally->wrong++;
		(void)snprintf(tally->said, sizeof(tally->said), "%d: %s", r,
			       lcp_error_message(error));
	}
}

static void __attribute__((noreturn)) race(struct ward *ward, uint64_t end, struct tally *tally)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	srandom((unsigned int)getpid());
	while (now_ns() < end) {
		struct lcp_error *error = NULL;
		int32_t r = ward_treat(ward, (int)(random() % 3), &error);

		count(tally, r, error);
		lcp_error_free(error);
	}
	_exit(0);
}

static void end_race(struct ward *ward, const struct tally *tallies, unsigned int looks)
{
	struct ward_state state;
	int32_t r;

	tap_say("%u looks meanwhile", looks);
	for (int i = 0; i < DOCTORS; i++) {
		const struct tally *tally = &tallies[i];

		tap_say("done %u, not applied %u, conflict %u, locked %u, in use %u, wrong %u %s",
			tally->done, tally->not_applied, tally->conflict, tally->locked,
			tally->in_use, tally->wrong, tally->said);
		ok(tally->done > 0, "a doctor had success");
		is_int(tally->wrong, 0, "and was told nothing that may not be");
	}
	r = ward_treat(ward, 0, NULL);
	ok(r == 0 || r == -LCP_ENOTAPPLIED, "the patch can be taken out");
	is_text(ward_complaint(ward, 0, 0, &state), "", "the victim is whole and unharmed");
	is_int(state.interrupted, 0, "no system call was interrupted");
	is_text(ward_maps_difference(ward), "", "its memory is as it was");
}

int main(int argc, char **argv)
{
	struct tally *tallies = mmap(NULL, DOCTORS * sizeof(*tallies), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	const char *text = getenv("RACE");
	uint64_t end, seconds = text != NULL ? strtoul(text, NULL, 10) : SECONDS;
	unsigned int wrong = 0, looks = 0;
	struct ward_files files;
	struct ward ward;

	ward_files_init(&files, argc, argv);
	ward_warm_up(&files);
	tap_begin();
	ward_begin(&ward, &files, 10);
	(void)fflush(stdout);
	end = now_ns() + seconds * UINT64_C(1000000000);
	for (int i = 0; i < DOCTORS; i++) {
		pid_t pid = fork();

		if (pid == 0)
			race(&ward, end, &tallies[i]);
	}
	for (; now_ns() < end; looks++) {
		struct ward_state state = ward_check(&ward);

		/* Different versions in different threads are right while it goes on. */
		wrong += state.version == -2 || state.torn != 0 || state.wrong != 0;
	}
	for (int i = 0; i < DOCTORS; i++) {
		int status = -1;

		(void)wait(&status);
		is_int(status, 0, "a doctor ends well");
	}
	is_int(wrong, 0, "the victim was whole all the time");
	end_race(&ward, tallies, looks);
	ward_end(&ward);
	ward_files_fini(&files);
	(void)munmap(tallies, DOCTORS * sizeof(*tallies));
	return tap_end();
}
