/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Doctors are killed in front of each system call that they and their surgeons make, and at random,
 * while they apply, replace and revert. Afterwards the victim lives, runs its old code or its new
 * code whole, says which, and the next doctor does what it is asked to; at the end its memory is
 * what it was.
 *
 *	kill PROGRAM BOARD LEVEL-1 LEVEL-2 LIBRARY
 *
 * KILL in the environment: "short" (the default) tries some calls, "full" every one at 1 and 10
 * threads, the first DENSE and every STRIDE-th of the others at 64; "all" every one.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "doctor.h"
#include "tap.h"

/* So often memory was left, and a new victim is taken: all of it costs the next doctors time. */
#define LEFT_MAX 8

#define DENSE 150
#define STRIDE 7

/* What a doctor that died right behind its first mmap leaves. */
#define LEFT_OVER_MAX ((uint64_t)320 << 10)

struct step {
	const char *name;
	int from, to; /* levels */
};

static const struct step steps[] = {
	{ "apply", 0, 1 },
	{ "replace", 1, 2 },
	{ "revert", 1, 0 },
};

struct tally {
	unsigned int kills, lost, torn, next_failed;
	unsigned int left_over; /* memory that nobody knows of */
	unsigned int interrupted; /* of the victim's calls, with a surgeon that was killed */
	unsigned int disturbed; /* the same without: that must not be */
	uint64_t said; /* wrong things that were described */
};

enum effort {
	EFFORT_SHORT,
	EFFORT_FULL,
	EFFORT_ALL,
};

static enum effort effort(void)
{
	const char *text = getenv("KILL");

	if (text != NULL && strcmp(text, "all") == 0)
		return EFFORT_ALL;
	return text != NULL && strcmp(text, "full") == 0 ? EFFORT_FULL : EFFORT_SHORT;
}

static void complain(struct tally *tally, const char *where, const char *what)
{
	if (tally->said++ < 10)
		tap_say("%s: %s", where, what);
}

/* Bring it there with nobody dying. False, and a reason is said, if that fails. */
static bool treat(struct ward *ward, int level, struct tally *tally, const char *where)
{
	struct lcp_error *error = NULL;
	int32_t r = ward_treat(ward, level, &error);

	/* What is taken out already is no patch any more. */
	if (r == -LCP_ENOTAPPLIED && level == 0)
		r = 0;
	if (r < 0)
		complain(tally, where, lcp_error_message(error));
	lcp_error_free(error);
	return r == 0;
}

/* What a surgeon that is killed may leave: memory that it has mapped and not marked yet. */
static void forgive(struct ward *ward, struct tally *tally)
{
	if (ward_left_over(ward) == LEFT_OVER_MAX) {
		tally->left_over++;
		ward->left++;
		ward_note_maps(ward);
	}
}

/* The next doctors: they do what this one was to do, and take all back. */
static bool recovers(struct ward *ward, const struct step *step, bool surgeon_killed,
		     struct tally *tally, const char *where)
{
	struct ward_state state;
	const char *complaint;

	if (!treat(ward, step->to, tally, where))
		return false;
	complaint = ward_complaint(ward, step->to, step->to, &state);
	if (*complaint != '\0') {
		complain(tally, where, complaint);
		return false;
	}
	if (step->to != 0 && !treat(ward, 0, tally, where))
		return false;
	complaint = ward_complaint(ward, 0, 0, &state);
	if (*complaint == '\0' && surgeon_killed)
		forgive(ward, tally);
	if (*complaint == '\0')
		complaint = ward_maps_difference(ward);
	if (*complaint != '\0')
		complain(tally, where, complaint);
	return *complaint == '\0';
}

/* How the victim is after a doctor. False if there is no use in going on with it. */
static bool look_after(struct ward *ward, const struct step *step, enum kill_mode mode,
		       const struct doctor *doctor, unsigned int *eintr, struct tally *tally,
		       const char *where)
{
	struct ward_state state = { .version = -2 };
	const char *complaint = "the victim is lost";
	bool surgeon_killed = doctor->killed && (mode == KILL_SURGEON || mode == KILL_BOTH);
	unsigned int calls;

	if (!doctor->lost)
		complaint = ward_complaint(ward, step->from, step->to, &state);
	if (*complaint != '\0')
		complain(tally, where, complaint);
	if (state.version == -2) {
		tally->lost++;
		return false;
	}
	tally->torn += *complaint != '\0';
	calls = state.interrupted - *eintr;
	*eintr = state.interrupted;
	if (surgeon_killed)
		tally->interrupted += calls;
	else
		tally->disturbed += calls;
	tally->kills += doctor->killed;
	if (!recovers(ward, step, surgeon_killed, tally, where))
		tally->next_failed++;
	return true;
}

/* The host was not killed, or had done its work: it said what it should. */
static bool ended_as_it_should(const struct doctor *doctor, enum kill_mode mode)
{
	if (WIFSIGNALED(doctor->status))
		return doctor->killed && mode != KILL_SURGEON;
	return WEXITSTATUS(doctor->status) == DOCTOR_DONE ||
	       (WEXITSTATUS(doctor->status) == DOCTOR_INTERRUPTED && doctor->killed &&
		mode == KILL_SURGEON);
}

/* The first run is not disturbed: it tells how many calls there are. */
static unsigned int next_call(unsigned int at, enum kill_mode mode, unsigned int threads,
			      unsigned int total)
{
	if (at == 0)
		return effort() == EFFORT_SHORT ? 5 * (unsigned int)mode + 1 : 1;
	switch (effort()) {
	case EFFORT_ALL:
		return at + 1;
	case EFFORT_FULL:
		return threads < 64 || at < DENSE ? at + 1 : at + STRIDE;
	default:
		/* Some eight a mode, not the same for all. */
		return at + 1 + total / (threads == 1 ? 12 : 5);
	}
}

/* One step in one mode: false if the victim is lost. */
static bool sweep(struct ward *ward, const struct ward_files *files, const struct step *step,
		  enum kill_mode mode, unsigned int threads, struct tally *tally)
{
	unsigned int kills = tally->kills, at, total = 0, eintr = ward_check(ward).interrupted;
	bool alive = true, killed = true;
	struct doctor doctor = { 0 };

	for (at = 0; alive && killed; at = next_call(at, mode, threads, total)) {
		char where[100];

		(void)snprintf(where, sizeof(where), "%s, %u threads, %s, call %u", step->name,
			       threads, kill_mode_names[mode], at);
		if (ward->left >= LEFT_MAX) {
			ward_end(ward);
			ward_begin(ward, files, threads);
			eintr = 0;
		}
		if (step->from != 0 && !treat(ward, step->from, tally, where))
			break;
		(void)ward_check(ward);
		doctor_traced(ward, step->to, mode, at, &doctor);
		killed = doctor.killed || at == 0;
		if (!ended_as_it_should(&doctor, mode))
			complain(tally, where, "the host does not end as it should");
		if (at == 0)
			total = mode == KILL_HOST ? doctor.host_calls : doctor.surgeon_calls;
		alive = look_after(ward, step, mode, &doctor, &eintr, tally, where);
	}
	tap_say("%s, %u threads, %s: %u kills, %u calls", step->name, threads,
		kill_mode_names[mode], tally->kills - kills, total);
	return alive;
}

static void make_claims(const struct tally *tally, unsigned int threads, const char *what)
{
	tap_say("%s, %u threads: %u kills, %u lost, %u torn, %u next failed, %u times EINTR, "
		"memory left %u times",
		what, threads, tally->kills, tally->lost, tally->torn, tally->next_failed,
		tally->interrupted, tally->left_over);
	ok(tally->kills > 0, "%s, %u threads: doctors were killed", what, threads);
	is_int(tally->lost, 0, "no victim was lost");
	is_int(tally->torn, 0, "all saw the old code or the new code, and not a mix");
	is_int(tally->next_failed, 0, "the next doctors did what they were asked to");
	is_int(tally->disturbed, 0, "no system call failed unless a surgeon was killed");
	is_int(tally->said, 0, "and nothing else was wrong");
}

static void try_all_calls(const struct ward_files *files, unsigned int threads)
{
	struct tally tally = { 0 };
	struct ward ward;
	bool alive = true;

	ward_begin(&ward, files, threads);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		for (enum kill_mode mode = 0; mode < KILL_MODES; mode++)
			alive = alive && sweep(&ward, files, &steps[i], mode, threads, &tally);
	make_claims(&tally, threads, "at calls");
	ward_end(&ward);
}

/* How long a step takes that is not disturbed: the median of some. */
static uint64_t usual_time(struct ward *ward)
{
	struct doctor doctor;
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < 5; i++) {
		uint64_t begin = now_ns(), took;

		doctor_timed(ward, i % 2 == 0, KILL_BOTH, UINT64_MAX, &doctor);
		took = now_ns() - begin;
		least = took < least ? took : least;
		(void)ward_check(ward);
	}
	return least;
}

static void try_at_random(const struct ward_files *files, unsigned int threads, unsigned int runs)
{
	struct tally tally = { 0 };
	unsigned int eintr = 0;
	struct ward ward;
	bool alive = true;
	uint64_t time;

	ward_begin(&ward, files, threads);
	time = usual_time(&ward);
	(void)treat(&ward, 0, &tally, "a first time");
	eintr = ward_check(&ward).interrupted;
	srandom(1);
	for (unsigned int i = 0; alive && i < runs; i++) {
		const struct step *step = &steps[(unsigned long)random() % 3];
		enum kill_mode mode = (enum kill_mode)(random() % KILL_MODES);
		uint64_t after = time * (uint64_t)(random() % 1200) / 1000;
		struct doctor doctor;
		char where[100];

		if (ward.left >= LEFT_MAX) {
			ward_end(&ward);
			ward_begin(&ward, files, threads);
			eintr = 0;
		}
		(void)snprintf(where, sizeof(where), "run %u, %s, mode %u after %" PRIu64 " ns", i,
			       step->name, (unsigned int)mode, after);
		if (step->from != 0 && !treat(&ward, step->from, &tally, where))
			break;
		(void)ward_check(&ward);
		doctor_timed(&ward, step->to, mode, after, &doctor);
		ward_signal(&ward);
		alive = look_after(&ward, step, mode, &doctor, &eintr, &tally, where);
	}
	make_claims(&tally, threads, "at random");
	ward_end(&ward);
}

int main(int argc, char **argv)
{
	struct ward_files files;

	ward_files_init(&files, argc, argv);
	ward_warm_up(&files);
	tap_begin();
	try_all_calls(&files, 1);
	try_all_calls(&files, 10);
	try_all_calls(&files, 64);
	try_at_random(&files, 10, effort() == EFFORT_SHORT ? 30 : 1000);
	ward_files_fini(&files);
	return tap_end();
}
