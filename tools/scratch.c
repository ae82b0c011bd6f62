/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The scratch directory and its keeper.
 */
#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define MAKE_TRIES 100
#define REMOVE_TRIES 500
#define REMOVE_PAUSE_MS 10
#define REMOVE_FILES 32 /* that nftw() may have open */

static const int ending_signals[] = { SIGINT, SIGTERM, SIGHUP };

#define ENDING_SIGNALS (sizeof(ending_signals) / sizeof(ending_signals[0]))

/* What the signal handler needs; there is one scratch directory. */
static volatile sig_atomic_t handler_socket = -1;
static volatile sig_atomic_t handler_keeper;

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *ftw)
{
	(void)status;
	(void)kind;
	(void)ftw;
	(void)remove(path);
	return 0;
}

/*
 * A compiler that is just ending may still make files: until the directory itself can be removed.
 */
static void remove_tree(const char *path)
{
	const struct timespec pause = { .tv_nsec = REMOVE_PAUSE_MS * 1000000L };

	for (int i = 0; i < REMOVE_TRIES; i++) {
		struct stat status;

		(void)kill(0, SIGTERM);
		(void)nftw(path, remove_entry, REMOVE_FILES, FTW_DEPTH | FTW_PHYS);
		if (lstat(path, &status) < 0 && errno == ENOENT)
			return;
		(void)nanosleep(&pause, NULL);
	}
}

static void detach(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	/* Who reads what lcp prints is not to wait for us. */
	for (int fd = 0; fd <= STDERR_FILENO && null >= 0; fd++)
		(void)dup2(null, fd);
	if (null > STDERR_FILENO)
		(void)close(null);
	if (chdir("/") < 0)
		return;
}

/* A directory in @where that nobody else has, and may look into; NULL with errno. */
static char *make_directory(const char *where)
{
	for (int i = 0; i < MAKE_TRIES; i++) {
		char *path = format_text("%s/lcp-%d-%d", where, getpid(), i);

		if (mkdir(path, 0700) == 0)
			return path;
		free(path);
		if (errno != EEXIST)
			return NULL;
	}
	return NULL;
}

__attribute__((noreturn)) static void keep(int socket, const char *where)
{
	autofree char *path = NULL;
	ssize_t got, size;
	char byte;

	(void)setpgid(0, 0);
	for (size_t i = 0; i < ENDING_SIGNALS; i++)
		(void)signal(ending_signals[i], SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	detach();
	path = make_directory(where);
	if (path == NULL)
		_exit(1);
	size = (ssize_t)strlen(path);
	if (size < PATH_MAX && write(socket, path, (size_t)size) == size)
		while ((got = read(socket, &byte, 1)) > 0 || (got < 0 && errno == EINTR))
			;
	remove_tree(path);
	_exit(0);
}

/* Only what may be called in a signal handler. */
static void end_by_signal(int number)
{
	if (handler_socket >= 0) {
		(void)close((int)handler_socket);
		while (waitpid((pid_t)handler_keeper, NULL, 0) < 0 && errno == EINTR)
			;
	}
	(void)signal(number, SIG_DFL);
	(void)raise(number);
}

static void set_handlers(void)
{
	struct sigaction action = { .sa_handler = end_by_signal }, old;

	/* A second signal has to wait while the first is dealt with. */
	for (size_t i = 0; i < ENDING_SIGNALS; i++)
		(void)sigaddset(&action.sa_mask, ending_signals[i]);
	for (size_t i = 0; i < ENDING_SIGNALS; i++)
		if (sigaction(ending_signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			(void)sigaction(ending_signals[i], &action, NULL);
}

static void block_signals(int how)
{
	sigset_t set;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < ENDING_SIGNALS; i++)
		(void)sigaddset(&set, ending_signals[i]);
	(void)sigprocmask(how, &set, NULL);
}

int scratch_open(struct scratch *ret, struct failure *failure)
{
	const char *where = getenv("TMPDIR");
	autofree char *real = path_real(".", where != NULL && *where != '\0' ? where : "/tmp");
	char path[PATH_MAX];
	ssize_t size;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return fail_system(failure, errno, "socketpair");
	set_handlers();
	block_signals(SIG_BLOCK);
	ret->keeper = fork();
	if (ret->keeper == 0) {
		(void)close(ends[0]);
		block_signals(SIG_UNBLOCK);
		keep(ends[1], real);
	}
	(void)close(ends[1]);
	ret->socket = ends[0];
	if (ret->keeper > 0) {
		(void)setpgid(ret->keeper, ret->keeper);
		handler_keeper = ret->keeper;
		handler_socket = ret->socket;
	}
	block_signals(SIG_UNBLOCK);

	size = ret->keeper > 0 ? read(ret->socket, path, sizeof(path)) : 0;
	ret->path = copy_bytes(path, size > 0 ? (size_t)size : 0);
	if (size <= 0)
		return fail(failure, OUTCOME_FAILED, "%s: no scratch directory can be made there",
			    real);
	return 0;
}

void scratch_close(struct scratch *scratch)
{
	if (scratch->path == NULL)
		return;
	block_signals(SIG_BLOCK);
	handler_socket = -1;
	(void)close(scratch->socket);
	while (scratch->keeper > 0 && waitpid(scratch->keeper, NULL, 0) < 0 && errno == EINTR)
		;
	free(take(scratch->path));
	block_signals(SIG_UNBLOCK);
}
