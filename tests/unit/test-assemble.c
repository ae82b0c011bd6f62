/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Running the assembler in a program that has its own ideas of children, signals and descriptors.
 */
#include "build/assemble.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "tap.h"

#define ROUNDS 20

static const char text[] = "\t.text\n\tnop\n";
static atomic_bool stop;
static atomic_uint stolen, children, signals;

/* 0 or the code; the size of the object, which is an ELF file, or 0. */
static int try(const char *assembler, size_t *ret_size, struct lcp_error **reterr)
{
	char *argv[] = { (char *)assembler, NULL };
	autofree uint8_t *object = NULL;
	size_t size = 0;
	int r;

	r = assemble(argv, "text", text, sizeof(text) - 1, &object, &size, reterr);
	*ret_size = r == 0 && size > 4 && memcmp(object, "\177ELF", 4) == 0 ? size : 0;
	return r;
}

/* Assemble some times: how often did it go well? */
static unsigned int assemble_often(void)
{
	unsigned int good = 0;
	size_t size;

	for (int i = 0; i < ROUNDS; i++)
		good += try("as", &size, NULL) == 0 && size > 0;
	return good;
}

/* A program that reaps whatever child there is, and one of its own now and then. */
static void *reap(void *unused)
{
	while (!stop) {
		pid_t own = fork(), found;

		if (own == 0)
			_exit(7);
		children++;
		while ((found = waitpid(-1, NULL, 0)) > 0)
			stolen += found != own;
	}
	return unused;
}

static void count_signal(int number)
{
	(void)number;
	signals++;
}

static void test_reaper(void)
{
	pthread_t thread;

	is_int(pthread_create(&thread, NULL, reap, NULL), 0, "a thread reaps any child");
	is_int(assemble_often(), ROUNDS, "text is assembled beside a loop of waitpid(-1)");
	stop = true;
	(void)pthread_join(thread, NULL);
	is_int(stolen, 0, "which does not see the assembler");
	ok(children > 0, "but its own children");
}

static void test_signals(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, count = { .sa_handler = count_signal };
	struct sigaction was, is;

	(void)sigaction(SIGCHLD, &ignore, &was);
	is_int(assemble_often(), ROUNDS, "text is assembled while SIGCHLD is ignored");
	(void)sigaction(SIGCHLD, NULL, &is);
	ok(is.sa_handler == SIG_IGN, "which it stays");
	(void)sigaction(SIGCHLD, &count, NULL);
	is_int(assemble_often(), ROUNDS, "text is assembled while SIGCHLD has a handler");
	is_int(signals, 0, "which is not called");
	(void)sigaction(SIGCHLD, NULL, &is);
	ok(is.sa_handler == count_signal, "and stays");
	(void)sigaction(SIGCHLD, &was, NULL);
}

/* Descriptors 0 to 2 closed: those that the library opens have these numbers. */
static void test_descriptors(void)
{
	int kept[3];
	unsigned int good;

	for (int i = 0; i < 3; i++) {
		kept[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
		(void)close(i);
	}
	good = assemble_often();
	for (int i = 0; i < 3; i++) {
		if (kept[i] >= 0)
			(void)dup2(kept[i], i);
		(void)close(kept[i]);
	}
	is_int(good, ROUNDS, "text is assembled in a program without stdin, stdout and stderr");
}

static void test_failures(void)
{
	struct lcp_error *error = NULL;
	size_t size;

	is_int(try("no-such-assembler", &size, &error), -LCP_EASSEMBLER,
	       "a program that is in none of the folders is said to be missing");
	is_text(error->message, "cannot run 'no-such-assembler': ENOENT", "by its name");
	error_free(error);
	error = NULL;
	is_int(try("/nonexistent/as", &size, &error), -LCP_EASSEMBLER,
	       "one with a slash is not looked for");
	error_free(error);
	error = NULL;
	is_int(try("false", &size, &error), -LCP_EASSEMBLER, "one that fails is an error");
	error_free(error);
	(void)setenv("PATH", "/nonexistent", 1);
	is_int(try("as", &size, NULL), 0, "PATH of the program around it does not matter");
	is_int(waitpid(-1, NULL, __WALL), -1, "no child is left");
	is_int(errno, ECHILD, "at all");
}

int main(void)
{
	tap_begin();
	test_reaper();
	test_signals();
	test_descriptors();
	test_failures();
	return tap_end();
}
