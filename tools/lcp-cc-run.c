/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Run other programs: by their words, without a shell. A signal sent to the wrapper is passed on,
 * the program is waited for, and the wrapper ends the same way.
 *
 * Signals are taken with sigwaitinfo: so nothing is done in a handler, and no state is global.
 */
#include "lcp-cc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

extern char **environ;

/* In the environment of what we run. Found in our own, the "real" compiler is the wrapper. */
#define GUARD "LCP_CC_RUNNING"

static void fatal_signals(sigset_t *ret)
{
	sigemptyset(ret);
	sigaddset(ret, SIGHUP);
	sigaddset(ret, SIGINT);
	sigaddset(ret, SIGTERM);
}

void run_prepare(void)
{
	sigset_t held;

	fatal_signals(&held);
	sigaddset(&held, SIGCHLD);
	sigprocmask(SIG_BLOCK, &held, NULL);
	/* An ignored SIGCHLD, which is inherited, would take the exit status with it. */
	(void)signal(SIGCHLD, SIG_DFL);
}

static void show(const struct words *words)
{
	(void)fputs("lcp-cc:", stderr);
	for (size_t i = 0; i < words->count; i++)
		(void)fprintf(stderr, " %s", words->items[i]);
	(void)fputc('\n', stderr);
}

static void guard(const struct words *words)
{
	if (getenv(GUARD) != NULL)
		fail("%s is lcp-cc itself: name the real compiler", words->items[0]);
	if (setenv(GUARD, "1", 1) != 0)
		fail("%s", strerror(errno));
}

/*
 * Wait for @pid. What a terminal sends goes to the program as well and needs no passing on: the
 * kernel is its sender, and si_code positive.
 */
static int wait_for(pid_t pid)
{
	siginfo_t info;
	sigset_t held;
	int ended_by = 0, status = 0;

	fatal_signals(&held);
	sigaddset(&held, SIGCHLD);
	while (waitpid(pid, &status, WNOHANG) != pid) {
		int received = sigwaitinfo(&held, &info);

		if (received < 0 || received == SIGCHLD)
			continue;
		ended_by = received;
		if (info.si_code <= 0)
			(void)kill(pid, received);
	}
	if (ended_by != 0)
		return -ended_by;
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* A pipe that holds @input: it is short, so that it fits before anybody reads. */
static int pipe_with(const char *input)
{
	size_t size = strlen(input);
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0 || write(ends[1], input, size) != (ssize_t)size)
		fail("cannot pass on text: %s", strerror(errno));
	(void)close(ends[1]);
	return ends[0];
}

int run(const struct settings *settings, const struct words *words, const char *input)
{
	autoclose int from = input != NULL ? pipe_with(input) : -1;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	pid_t pid;
	int r;

	if (settings->verbose)
		show(words);
	sigemptyset(&none);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_init(&actions);
	if (from >= 0)
		posix_spawn_file_actions_adddup2(&actions, from, STDIN_FILENO);

	guard(words);
	r = posix_spawnp(&pid, words->items[0], &actions, &attributes, words->items, environ);
	(void)unsetenv(GUARD);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	if (r != 0)
		fail("cannot run %s: %s", words->items[0], strerror(r));
	return wait_for(pid);
}

void run_instead(const struct settings *settings, char *const *argv, const struct words *appended)
{
	autowords struct words words = { 0 };

	for (size_t i = 0; i < settings->compiler.count; i++)
		words_add(&words, settings->compiler.items[i]);
	for (; *argv != NULL; argv++)
		words_add(&words, *argv);
	for (size_t i = 0; appended != NULL && i < appended->count; i++)
		words_add(&words, appended->items[i]);
	if (settings->verbose)
		show(&words);
	guard(&words);
	(void)execvp(words.items[0], words.items);
	fail("cannot run %s: %s", words.items[0], strerror(errno));
}

void run_finish(int r)
{
	sigset_t held;

	if (r < 0) {
		fatal_signals(&held);
		(void)signal(-r, SIG_DFL);
		(void)raise(-r);
		sigprocmask(SIG_UNBLOCK, &held, NULL);
		r = 128 - r;
	}
	exit(r);
}
