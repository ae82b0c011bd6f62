/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * No system call fails because its process was stopped. Some fifty of them wait at the same time,
 * are stopped three times, and then are ended as each is meant to end. First the same is done by
 * somebody who merely interrupts and lets go, to see that the kernel does let calls fail then.
 */
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/num.h"
#include "calls.h"
#include "operation.h"
#include "tap.h"
#include "victim.h"

#define CALLS_MAX 64
#define STOPS 3
#define PAUSE_NS 30000000

static atomic_uint handled;

static void handle(int signal)
{
	(void)signal;
	handled++;
}

static void *make_call(void *arg)
{
	struct call *call = arg;

	call->tid = (int)syscall(SYS_gettid);
	call->result = call->kind->block(call);
	if (call->result == -1)
		call->result = -errno;
	return NULL;
}

static const struct call_kind *calls[CALLS_MAX];
static size_t call_count;

static struct call made[CALLS_MAX];
static bool possible[CALLS_MAX];

static void begin_calls(void)
{
	const struct sigaction action = { .sa_handler = handle, .sa_flags = SA_RESTART };
	sigset_t user2;

	(void)sigaction(SIGUSR1, &action, NULL);
	(void)sigemptyset(&user2);
	(void)sigaddset(&user2, SIGUSR2);
	(void)pthread_sigmask(SIG_BLOCK, &user2, NULL);
	for (size_t i = 0; i < call_count; i++) {
		made[i].kind = calls[i];
		possible[i] = calls[i]->prepare == NULL || calls[i]->prepare(&made[i]) == 0;
	}
	for (size_t i = 0; i < call_count; i++)
		if (possible[i] && pthread_create(&made[i].thread, NULL, make_call, &made[i]) != 0)
			possible[i] = false;
}

/* Says the thread of each call, waits, ends the calls, says what they returned. */
static void wait_in_calls(void)
{
	char line[64];

	begin_calls();
	victim_say("ready");
	for (size_t i = 0; i < call_count; i++) {
		while (possible[i] && made[i].tid == 0)
			;
		victim_say("%d", made[i].tid);
	}
	(void)victim_hear(line, sizeof(line));
	for (size_t i = 0; i < call_count; i++)
		if (possible[i] && calls[i]->wake != NULL)
			calls[i]->wake(&made[i]);
	for (size_t i = 0; i < call_count; i++) {
		if (possible[i])
			(void)pthread_join(made[i].thread, NULL);
		victim_say("%ld", made[i].result);
	}
	(void)victim_hear(line, sizeof(line));
}

/* What is done to the threads while they wait. */
typedef void (*disturb_fn)(const struct victim *victim, const int32_t *tids);

/* Stop each thread, and let it go as it is. */
static void disturb_plainly(const struct victim *victim, const int32_t *tids)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };

	(void)victim;
	for (int stop = 0; stop < STOPS; stop++) {
		for (size_t i = 0; i < call_count; i++) {
			if (tids[i] == 0 || ptrace(PTRACE_SEIZE, tids[i], 0, 0) < 0)
				continue;
			(void)ptrace(PTRACE_INTERRUPT, tids[i], 0, 0);
			(void)waitpid(tids[i], NULL, __WALL);
			(void)ptrace(PTRACE_DETACH, tids[i], 0, 0);
		}
		(void)nanosleep(&pause, NULL);
	}
}

static uint32_t flags;

static void disturb_as_doctor(const struct victim *victim, const int32_t *tids)
{
	struct operation operation;

	(void)tids;
	operation_begin(&operation, victim->pid, flags);
	operation.stops = STOPS;
	operation.pause_ns = PAUSE_NS;
	is_int(operation_run(&operation), 0, "the process is stopped 3 times");
	ok(operation.least_threads > 40, "in %zu threads", operation.least_threads);
	operation_end(&operation);
}

/* Have the calls disturbed: what they returned. */
static void run(disturb_fn disturb, int64_t *ret)
{
	int32_t tids[CALLS_MAX];
	struct victim victim;

	victim_start(&victim, wait_in_calls);
	for (size_t i = 0; i < call_count; i++)
		tids[i] = atoi(victim_listen(&victim));
	for (size_t i = 0; i < call_count; i++)
		if (tids[i] != 0)
			victim_await_state(&victim, tids[i], 'S');
	disturb(&victim, tids);
	victim_tell(&victim, "end");
	for (size_t i = 0; i < call_count; i++)
		ret[i] = tids[i] != 0 ? atoll(victim_listen(&victim))
				      : (victim_listen(&victim), INT64_MIN);
	ok(victim_is_free(&victim), "no thread is traced afterwards");
	(void)victim_end(&victim);
}

static bool is_right(int64_t result, int64_t wanted)
{
	return wanted == CALL_ANY ? result >= 0 : result == wanted;
}

static const char *name_of(int64_t result)
{
	return result == INT64_MIN ? "(not here)" : result < 0 ? error_name((int)result) : "ok";
}

int main(void)
{
	int64_t plain[CALLS_MAX], doctor[CALLS_MAX], here[CALLS_MAX];
	unsigned int leaks = 0, left_out = 0;

	call_count = calls_gather(calls, CALLS_MAX);
	tap_begin();
	run(disturb_plainly, plain);
	run(disturb_as_doctor, doctor);
	flags = TARGET_IN_PROCESS;
	run(disturb_as_doctor, here);
	tap_say("%-36s %-12s %-12s %s", "call", "plain stops", "surgeon", "in-process");
	for (size_t i = 0; i < call_count; i++) {
		tap_say("%-36s %-12s %-12s %s", calls[i]->name, name_of(plain[i]),
			name_of(doctor[i]), name_of(here[i]));
		left_out += doctor[i] == INT64_MIN;
		leaks += plain[i] == -EINTR && calls[i]->result != -EINTR;
		if (doctor[i] != INT64_MIN)
			ok(is_right(doctor[i], calls[i]->result) &&
				   is_right(here[i], calls[i]->result),
			   "%s: as if it had not been disturbed (%s)", calls[i]->name,
			   name_of(doctor[i]));
	}
	/*
	 * Seven wait without a time limit; on a busy machine others may end before they are
	 * stopped.
	 */
	ok(leaks >= 7, "%u calls fail when they are merely stopped", leaks);
	ok(left_out <= 5, "%u calls could not be made here", left_out);
	return tap_end();
}
