/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A host of many threads that has its own ideas of children and signals: it patches several
 * processes at once, each from two threads with handles of their own, while another thread waits
 * for any child. What the doctors are told is right, no signal comes that is not of the host's
 * children, and waitpid(-1) without __WALL finds none but these.
 *
 * Then such hosts are killed at work. Their surgeons finish what they began, the victims are whole,
 * and the next doctor does what it is asked to.
 *
 *	embed PROGRAM BOARD LEVEL-1 LEVEL-2 LIBRARY
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"
#include "ward.h"

#define VICTIMS 4
#define DOCTORS 2 /* for each of them */
#define OTHERS 23 /* threads that have nothing to do with it */
#define ROUNDS 40
#define KILLS 50
#define KILL_WITHIN_US 20000 /* of the host's first doctor */
#define PATIENCE_NS (UINT64_C(60) * 1000000000)

static atomic_bool leave;
static atomic_uint own_children, stolen, child_signals, done, refused, wrong;

static void count_child(int signal)
{
	(void)signal;
	child_signals++;
}

/* Every second time with __WALL, which finds surgeons too: they must not mind. */
static void *reap_any(void *unused)
{
	for (unsigned int turn = 0; !leave; turn++) {
		pid_t own = fork(), found;

		if (own == 0)
			_exit(0);
		own_children++;
		do {
			found = waitpid(-1, NULL, WNOHANG | (turn % 2 == 0 ? __WALL : 0));
			stolen += found > 0 && found != own && turn % 2 != 0;
		} while (found != own);
	}
	return unused;
}

static void *allocate(void *unused)
{
	while (!leave) {
		free(malloc(1000));
		(void)usleep(1000);
	}
	return unused;
}

static int rounds = ROUNDS;

static void *treat(void *arg)
{
	struct ward *ward = arg;

	for (int i = 0; i < rounds; i++) {
		struct lcp_error *error = NULL;
		int32_t r = ward_treat(ward, i % 3, &error);

		if (r == 0)
			done++;
		else if (r == -LCP_ENOTAPPLIED || r == -LCP_ECONFLICT || r == -LCP_ELOCKED)
			refused++;
		else if (wrong++ < 10)
			tap_say("%d: %s", r, lcp_error_message(error));
		lcp_error_free(error);
	}
	return NULL;
}

static void run_all(struct ward *wards)
{
	pthread_t doctors[VICTIMS * DOCTORS], others[OTHERS], reaper;

	if (pthread_create(&reaper, NULL, reap_any, NULL) != 0)
		exit(99);
	for (size_t i = 0; i < OTHERS; i++)
		if (pthread_create(&others[i], NULL, allocate, NULL) != 0)
			exit(99);
	for (size_t i = 0; i < VICTIMS * DOCTORS; i++)
		if (pthread_create(&doctors[i], NULL, treat, &wards[i % VICTIMS]) != 0)
			exit(99);
	for (size_t i = 0; i < VICTIMS * DOCTORS; i++)
		(void)pthread_join(doctors[i], NULL);
	leave = true;
	for (size_t i = 0; i < OTHERS; i++)
		(void)pthread_join(others[i], NULL);
	(void)pthread_join(reaper, NULL);
}

static void nap(void)
{
	(void)usleep(1000);
}

/* How many children we have, those that we were left with too. */
static unsigned int count_children(void)
{
	unsigned int count = 0;
	char path[64];
	FILE *file;
	int child;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	file = fopen(path, "re");
	while (file != NULL && fscanf(file, "%d", &child) == 1)
		count++;
	if (file != NULL)
		(void)fclose(file);
	return count;
}

/* A host that would work for ever is killed. What it leaves alive, its surgeons, ends by itself. */
static bool kill_host(struct ward *wards)
{
	uint64_t before = wards->board->switches, end = now_ns() + PATIENCE_NS;
	pid_t host;

	(void)fflush(stdout);
	host = fork();
	if (host == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		rounds = INT32_MAX;
		leave = false;
		run_all(wards);
		_exit(1);
	}
	while (wards->board->switches == before && now_ns() < end)
		nap();
	(void)usleep((useconds_t)(random() % KILL_WITHIN_US));
	(void)kill(host, SIGKILL);
	while (count_children() > VICTIMS && now_ns() < end) {
		nap();
		while (waitpid(-1, NULL, __WALL | WNOHANG) > 0)
			;
	}
	return host > 0 && now_ns() < end;
}

/* What is wrong with a victim after that, "" if nothing is. */
static const char *complaint_of(struct ward *ward)
{
	struct ward_state state = ward_check(ward);
	const char *complaint = "";
	int32_t r;

	if (state.version >= 0)
		complaint = ward_complaint(ward, state.version, state.version, &state);
	else
		complaint = "it is lost, or its threads see different versions";
	if (*complaint != '\0')
		return complaint;
	if (state.interrupted != 0)
		return "a system call was interrupted";
	r = ward_treat(ward, 0, NULL);
	if (r < 0 && r != -LCP_ENOTAPPLIED)
		return "the next doctor cannot take it back";
	if (ward_treat(ward, 2, NULL) < 0 || ward_treat(ward, 0, NULL) < 0)
		return "the one after that has no success";
	return ward_maps_difference(ward);
}

static void try_kills(struct ward *wards)
{
	unsigned int ended = 0, whole = 0;

	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	srandom(1);
	for (unsigned int i = 0; i < KILLS; i++) {
		ended += kill_host(wards);
		for (size_t k = 0; k < VICTIMS; k++) {
			const char *complaint = complaint_of(&wards[k]);

			whole += *complaint == '\0';
			if (*complaint != '\0')
				tap_say("kill %u, victim %zu: %s", i, k, complaint);
		}
	}
	(void)prctl(PR_SET_CHILD_SUBREAPER, 0);
	is_int(ended, KILLS, "hosts are killed at work, and what they left to do is done");
	is_int(whole, KILLS * VICTIMS, "each time all victims are whole and can be patched");
}

int main(int argc, char **argv)
{
	const struct sigaction action = { .sa_handler = count_child, .sa_flags = SA_RESTART };
	struct ward wards[VICTIMS];
	struct ward_files files;

	ward_files_init(&files, argc, argv);
	ward_warm_up(&files);
	tap_begin();
	for (size_t i = 0; i < VICTIMS; i++)
		ward_begin(&wards[i], &files, 5);
	(void)sigaction(SIGCHLD, &action, NULL);
	run_all(wards);
	(void)signal(SIGCHLD, SIG_DFL);
	tap_say("%u done, %u refused, %u children, %u signals", done, refused, own_children,
		child_signals);
	is_int(done + refused, VICTIMS * DOCTORS * ROUNDS, "all were told what the manual has");
	is_int(wrong, 0, "and nothing else");
	is_int(stolen, 0, "waitpid(-1) found no surgeon and no victim");
	ok(child_signals <= own_children, "no signal but those of own children");
	for (size_t i = 0; i < VICTIMS; i++) {
		int32_t r = ward_treat(&wards[i], 0, NULL);
		struct ward_state state;

		ok(r == 0 || r == -LCP_ENOTAPPLIED, "a victim can be reverted");
		is_text(ward_complaint(&wards[i], 0, 0, &state), "", "it is whole and unharmed");
		is_int(state.interrupted, 0, "none of its system calls was interrupted");
		is_text(ward_maps_difference(&wards[i]), "", "its memory is as it was");
	}
	try_kills(wards);
	for (size_t i = VICTIMS; i-- > 0;)
		ward_end(&wards[i]);
	ward_files_fini(&files);
	return tap_end();
}
