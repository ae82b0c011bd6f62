/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A host of many threads that has its own ideas of children and signals: it patches several
 * processes at once, each from two threads with handles of their own, while another thread waits
 * for any child. What the doctors are told is right, no signal comes that is not of the host's
 * children, and waitpid(-1) without __WALL finds none but these.
 *
 *	embed PROGRAM BOARD LEVEL-1 LEVEL-2 LIBRARY
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"
#include "ward.h"

#define VICTIMS 4
#define DOCTORS 2 /* for each of them */
#define OTHERS 23 /* threads that have nothing to do with it */
#define ROUNDS 40

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

static void *treat(void *arg)
{
	struct ward *ward = arg;

	for (int i = 0; i < ROUNDS; i++) {
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
	for (size_t i = VICTIMS; i-- > 0;)
		ward_end(&wards[i]);
	ward_files_fini(&files);
	return tap_end();
}
