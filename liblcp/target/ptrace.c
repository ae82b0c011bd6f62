/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "target/ptrace.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/num.h"
#include "target/remote.h"
#include "target/surgeon.h"
#include "target/task.h"

/* Room for threads that come while the first of an operation are counted. */
#define MORE_THREADS 16

static void close_ptrace(struct target *target)
{
	struct target_ptrace *ptrace = ptrace_of(target);

	close_guard(&ptrace->pidfd);
	close_guard(&ptrace->proc);
	close_guard(&ptrace->tasks);
	close_guard(&ptrace->mem);
	close_guard(&ptrace->thread_mem);
	ptrace_table_free(ptrace);
	remote_free(target->remote);
	free(ptrace);
}

DEFINE_GUARD(target, struct target *, target_close);
#define autotarget cleanup(target_guard)

uint64_t ptrace_now(struct target *target)
{
	struct timespec now = { 0 };

	(void)target;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* What one operation knows of threads is nothing to the next. */
static void forget(struct target_ptrace *ptrace)
{
	ptrace->count = 0;
	ptrace->held = 0;
	ptrace->surgeon = NULL;
	ptrace->waiting = false;
	ptrace->raised = false;
	ptrace->base.threads = NULL;
	ptrace->base.thread_count = 0;
	close_guard(&ptrace->thread_mem);
	ptrace->thread_mem = -1;
}

static int operate(struct target *target, int (*work)(void *arg), void *arg)
{
	struct target_ptrace *ptrace = ptrace_of(target);
	struct surgeon surgeon = {
		.work = work, .arg = arg, .tick = ptrace_tick, .tick_arg = ptrace
	};
	int r;

	if (ptrace_table_reserve(ptrace, task_count(ptrace->tasks) + MORE_THREADS) < 0)
		return target_fail_errno(target, ENOMEM, "no memory for the threads");
	r = remote_prepare(target, 0);
	if (r < 0)
		return r;
	if ((ptrace->flags & TARGET_IN_PROCESS) != 0) {
		ptrace->is_parent = task_status(ptrace->proc, 0, "PPid") == getpid();
		surgeon_run_here(&surgeon);
		ptrace_abandon(ptrace);
		r = 0;
	} else {
		ptrace->surgeon = &surgeon;
		r = surgeon_run(&surgeon);
	}
	forget(ptrace);
	if (r == -LCP_EINTERRUPTED) {
		target->fault = (struct target_fault){ 0 };
		return target_fail(target, r,
				   "the surgeon at work on process %d was killed (signal %d)",
				   target->pid, surgeon.signal);
	}
	if (r < 0)
		return target_fail_errno(target, -r, "cannot start the surgeon");
	return surgeon.result;
}

static const struct target_ops ops = {
	.read = ptrace_read,
	.read_some = ptrace_read_some,
	.read_pieces = ptrace_read_pieces,
	.write = ptrace_write,
	.file = ptrace_file,
	.alive = ptrace_alive,
	.sharer = ptrace_sharer,
	.operate = operate,
	.hold = ptrace_hold,
	.release = ptrace_release,
	.call = ptrace_call,
	.borrow = ptrace_borrow,
	.give_back = ptrace_give_back,
	.stop = ptrace_stop_all,
	.resume = ptrace_resume_all,
	.now = ptrace_now,
	.sleep = ptrace_sleep,
	.close = close_ptrace,
};

/* A descriptor of @path in the process's folder. */
static int open_in(const struct target_ptrace *ptrace, int32_t tid, const char *name, int flags)
{
	char path[64];
	int fd;

	if (tid != 0 && tid != ptrace->base.pid)
		(void)snprintf(path, sizeof(path), "task/%d/%s", tid, name);
	else
		(void)snprintf(path, sizeof(path), "%s", name);
	fd = openat(ptrace->proc, path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/*
 * First its folder and then its descriptor: if the process is alive after both, both are of the
 * same process, and no other has had the number in between.
 */
static int open_process(struct target_ptrace *ptrace, struct lcp_error **reterr)
{
	int32_t pid = ptrace->base.pid, process;
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d", pid);
	ptrace->proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (ptrace->proc < 0)
		return error_set_errno(reterr, errno == ENOENT ? ESRCH : errno, "no process %d",
				       pid);
	process = task_status(ptrace->proc, 0, "Tgid");
	if (process > 0 && process != pid)
		return error_set(reterr, -EINVAL, "%d is a thread of process %d", pid, process);
	ptrace->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (ptrace->pidfd < 0)
		return error_set_errno(reterr, errno, "no process %d", pid);
	ptrace->tasks = open_in(ptrace, 0, "task", O_RDONLY | O_DIRECTORY);
	if (ptrace->tasks < 0)
		return error_set_errno(reterr, -ptrace->tasks, "process %d: no list of its threads",
				       pid);
	return 0;
}

/* The one to be asked about the process: its first thread may have ended. */
static int find_thread(struct target_ptrace *ptrace, int32_t *ret, struct lcp_error **reterr)
{
	int32_t pid = ptrace->base.pid;
	struct task_stat stat;
	int r = task_stat(ptrace->proc, 0, &stat);

	if (r < 0)
		return error_set_errno(reterr, r == -ENOENT ? ESRCH : -r, "no process %d", pid);
	if (stat.kernel)
		return error_set(reterr, -EINVAL, "%d is a thread of the kernel", pid);
	ptrace->base.start_time = stat.start_time;
	*ret = pid;
	if (stat.state == 'Z' || stat.state == 'X')
		*ret = task_first(ptrace->proc, ptrace->tasks);
	if (*ret == 0)
		return error_set(reterr, -ESRCH, "process %d has ended (it is a zombie)", pid);
	return 0;
}

/*
 * A process runs on the CPU the kernel runs on; what is asked is whether in its 64-bit mode. Its
 * auxiliary vector says so, whether or not its file may be read: pairs of 64-bit numbers, and
 * program headers of ELF64.
 */
static int check_cpu(const struct target_ptrace *ptrace, int32_t tid, struct lcp_error **reterr)
{
	int32_t pid = ptrace->base.pid;
	char bytes[1024];
	int size = task_read(ptrace->proc, tid, "auxv", bytes, sizeof(bytes));

	if (size < 0)
		return error_set_errno(reterr, -size, "process %d: cannot look into it", pid);
	for (int at = 0; at + 16 <= size; at += 16)
		if (get_le64(bytes + at) == AT_PHENT &&
		    get_le64(bytes + at + 8) == sizeof(Elf64_Phdr))
			return 0;
	return error_set(reterr, -LCP_EUNSUPPORTED, "process %d is no %s process", pid,
			 ptrace->base.arch->name);
}

static int open_memory(struct target_ptrace *ptrace, int32_t tid, struct lcp_error **reterr)
{
	int32_t pid = ptrace->base.pid;

	ptrace->mem = open_in(ptrace, tid, "mem", O_RDWR);
	if (ptrace->mem == -EACCES || ptrace->mem == -EPERM)
		return error_set_errno(reterr, EPERM, "process %d: no right to change it", pid);
	if (ptrace->mem < 0)
		return error_set_errno(reterr, ptrace->mem == -ENOENT ? ESRCH : -ptrace->mem,
				       "process %d: no access to its memory", pid);
	if (ptrace_alive(&ptrace->base) < 0)
		return error_set(reterr, -ESRCH, "process %d has just ended", pid);
	return 0;
}

static int open_all(struct target_ptrace *ptrace, struct lcp_error **reterr)
{
	int32_t tid = 0;
	int r;

	r = open_process(ptrace, reterr);
	if (r < 0)
		return r;
	r = find_thread(ptrace, &tid, reterr);
	if (r < 0)
		return r;
	r = open_memory(ptrace, tid, reterr);
	if (r < 0)
		return r;
	return check_cpu(ptrace, tid, reterr);
}

/* Kernels from 5.17 on can name memory, if they were configured so (PR_SET_VMA(2const)). */
static bool can_name(void)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	void *memory = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool can;

	if (memory == MAP_FAILED)
		return false;
	can = prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, memory, size, "lcp") == 0;
	(void)munmap(memory, size);
	return can;
}

int target_open(int32_t pid, uint32_t flags, struct target **ret, struct lcp_error **reterr)
{
	autotarget struct target *target = NULL;
	struct target_ptrace *ptrace;
	int r;

	if (pid <= 0)
		return error_set(reterr, -EINVAL, "%d is no process id", pid);
	if (arch_native() == NULL)
		return error_set(reterr, -LCP_EUNSUPPORTED, "this CPU is not supported");
	ptrace = calloc(1, sizeof(*ptrace));
	if (ptrace == NULL)
		return error_set_nomem(reterr);
	target = &ptrace->base;
	*target = (struct target){
		.ops = &ops, .arch = arch_native(), .pid = pid, .can_name = can_name()
	};
	ptrace->flags = flags;
	ptrace->pidfd = ptrace->proc = ptrace->tasks = ptrace->mem = ptrace->thread_mem = -1;
	r = open_all(ptrace, reterr);
	if (r < 0)
		return r;
	*ret = take(target);
	return 0;
}
