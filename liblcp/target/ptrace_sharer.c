/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Processes that run in the memory of the one that is patched. Nothing in /proc shows them: each
 * process there is asked about with kcmp(2), which takes less than a microsecond. Where that is
 * missing, or not permitted, nobody is found; neither is who appears later, or where many processes
 * are asked about, appeared in the second before.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/neighbours.h"
#include "target/ptrace.h"
#include "target/task.h"

#define SHARERS_MAX 64

/* How often to look again: children of vfork(2) come and go between two looks. */
#define LOOKS_MAX 5
#define PAUSE_NS 1000000

/* A first thread that has ended has no memory, as those of the kernel: another one is taken. */
static size_t find_sharers(struct target *target, int32_t *ret)
{
	const struct target_ptrace *ptrace = ptrace_of(target);
	int32_t tid = task_first(ptrace->proc, ptrace->tasks);
	autoclose int folder = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct task_walk walk;
	size_t count = 0;
	int32_t pid;

	if (folder < 0 || tid == 0 || !neighbours_share(tid, tid))
		return 0;
	task_walk_begin(&walk, folder);
	while (count < SHARERS_MAX && (pid = task_walk_next(&walk)) != 0)
		if (pid != target->pid && neighbours_share(tid, pid))
			ret[count++] = pid;
	return count;
}

/* Does the thread wait for its child of vfork(2)? Where nothing says what it waits for, it may. */
static bool waits_for_child(int proc, int32_t tid)
{
	struct task_stat stat;
	char place[64];

	if (task_stat(proc, tid, &stat) < 0 || stat.state != 'D')
		return false;
	return task_read(proc, tid, "wchan", place, sizeof(place)) <= 0 ||
	       strcmp(place, "0") == 0 || strstr(place, "vfork") != NULL ||
	       strcmp(place, "kernel_clone") == 0;
}

/* Threads of process @pid that do. */
static size_t count_waiting(int32_t pid)
{
	autoclose int proc = -1, tasks = -1;
	struct task_walk walk;
	size_t count = 0;
	char path[32];
	int32_t tid;

	(void)snprintf(path, sizeof(path), "/proc/%d", pid);
	proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	tasks = proc >= 0 ? openat(proc, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (tasks < 0)
		return 0;
	task_walk_begin(&walk, tasks);
	while ((tid = task_walk_next(&walk)) != 0)
		count += waits_for_child(proc, tid);
	return count;
}

/*
 * Each thread that waits has one child, which may be the next to wait. So there is another sharer
 * if there are more of them than threads that wait.
 */
static int32_t look(struct target *target)
{
	int32_t pids[SHARERS_MAX];
	size_t count = find_sharers(target, pids);
	size_t waiting = count > 0 ? count_waiting(target->pid) : 0;

	for (size_t i = 0; i < count; i++)
		waiting += count_waiting(pids[i]);
	return count > waiting ? pids[count - 1] : 0;
}

void ptrace_sharer(struct target *target, struct neighbours *neighbours, int32_t *ret)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };

	*ret = 0;
	if (neighbours_saw_alone(neighbours, target->pid, target->start_time))
		return;
	*ret = look(target);
	for (int i = 1; *ret != 0 && i < LOOKS_MAX; i++) {
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
		*ret = look(target);
	}
}
