/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "floor.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define THREADS_MAX 8192

static size_t list_threads(pid_t pid, pid_t *tids)
{
	char path[64];
	struct dirent *entry;
	size_t count = 0;
	DIR *folder;

	(void)snprintf(path, sizeof(path), "/proc/%d/task", pid);
	folder = opendir(path);
	while (folder != NULL && count < THREADS_MAX && (entry = readdir(folder)) != NULL)
		if (entry->d_name[0] != '.')
			tids[count++] = atoi(entry->d_name);
	if (folder != NULL)
		(void)closedir(folder);
	return count;
}

static bool stop_and_go(pid_t pid, struct floor *ret)
{
	static pid_t tids[THREADS_MAX];
	uint64_t begin = now_ns(), start;
	size_t count = list_threads(pid, tids);
	bool done = count > 0;
	int status;

	for (size_t i = 0; i < count; i++)
		done = ptrace(PTRACE_SEIZE, tids[i], 0, 0) == 0 && done;
	start = now_ns();
	for (size_t i = 0; i < count; i++)
		done = ptrace(PTRACE_INTERRUPT, tids[i], 0, 0) == 0 && done;
	for (size_t i = 0; i < count; i++)
		done = syscall(SYS_wait4, tids[i], &status, __WALL, NULL) == tids[i] && done;
	for (size_t i = 0; i < count; i++)
		done = ptrace(PTRACE_DETACH, tids[i], 0, 0) == 0 && done;
	ret->stop_ns = now_ns() - start;
	ret->wall_ns = now_ns() - begin;
	return done;
}

bool floor_measure(pid_t pid, bool fifo, struct floor *ret)
{
	const struct sched_param first = { .sched_priority = 1 };
	int fds[2], status = 0;
	struct floor found;
	bool done;
	pid_t child;

	if (pipe(fds) < 0)
		return false;
	child = fork();
	if (child == 0) {
		done = !fifo || sched_setscheduler(0, SCHED_FIFO, &first) == 0;
		done = done && stop_and_go(pid, &found);
		done = done && write(fds[1], &found, sizeof(found)) == sizeof(found);
		_exit(done ? 0 : 1);
	}
	(void)close(fds[1]);
	done = child > 0 && read(fds[0], ret, sizeof(*ret)) == sizeof(*ret);
	(void)close(fds[0]);
	return child > 0 && waitpid(child, &status, 0) == child && status == 0 && done;
}
