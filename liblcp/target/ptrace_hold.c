/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The threads that are traced while they run: the one that is held, and those that were told to
 * stop and did not do it in time. A signal stops any traced thread, so somebody has to look after
 * them.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "target/ptrace.h"
#include "target/surgeon.h"
#include "target/task.h"

#define TABLE_STEP 64
#define MS UINT64_C(1000000)

/* Longest pauses between looks at who holds the process, and at what is traced. */
#define HOLD_PAUSE_MAX (5 * MS)
#define SERVE_PAUSE (MS / 10)

/* How long a thread may take to stop when it is released. */
#define RELEASE_PATIENCE (100 * MS)

/*
 * Anonymous memory and no heap: the surgeon makes more room itself if there are more threads than
 * there were. The old mapping goes when nothing points to it any more, so being killed in between
 * costs a mapping and no more.
 */
int ptrace_table_reserve(struct target_ptrace *ptrace, size_t count)
{
	size_t room = (count + TABLE_STEP - 1) / TABLE_STEP * TABLE_STEP;
	struct target_thread *old = ptrace->table, *table;
	size_t old_room = ptrace->room;
	struct ptrace_thread *threads;

	if (count <= ptrace->room)
		return 0;
	table = mmap(NULL, room * (sizeof(*table) + sizeof(*threads)), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (table == MAP_FAILED)
		return -ENOMEM;
	threads = (void *)(table + room);
	if (old != NULL) {
		memcpy(table, ptrace->table, ptrace->count * sizeof(*table));
		memcpy(threads, ptrace->threads, ptrace->count * sizeof(*threads));
	}
	ptrace->table = table;
	ptrace->threads = threads;
	ptrace->room = room;
	if (old != NULL)
		(void)munmap(old, old_room * (sizeof(*table) + sizeof(*threads)));
	return 0;
}

void ptrace_table_free(struct target_ptrace *ptrace)
{
	if (ptrace->table != NULL)
		(void)munmap(ptrace->table,
			     ptrace->room * (sizeof(*ptrace->table) + sizeof(*ptrace->threads)));
	ptrace->table = NULL;
	ptrace->threads = NULL;
	ptrace->count = ptrace->room = 0;
}

void ptrace_table_tidy(struct target_ptrace *ptrace)
{
	size_t kept = 0;

	for (size_t i = 0; i < ptrace->count; i++) {
		if (ptrace->threads[i].state == PTRACE_GONE)
			continue;
		if (kept != i) {
			ptrace->table[kept] = ptrace->table[i];
			ptrace->threads[kept] = ptrace->threads[i];
		}
		kept++;
	}
	ptrace->count = kept;
}

/*
 * execve(2) kills all other threads, and waits for them: for those that are traced until their
 * tracer has waited for them (fs/exec.c, de_thread). That is us, and we may be waiting for the
 * thread that executes, or in PTRACE_SEIZE for the lock that it holds, from which no signal makes
 * us return (it is restarted). Seen within 100 tries. So meanwhile the dead are waited for here;
 * but only if it is the same wait as at the last tick: of 1,024 threads this takes longer than
 * their stop.
 */
void ptrace_tick(void *arg)
{
	struct target_ptrace *ptrace = arg;
	bool stuck = ptrace->waits == ptrace->waits_before;
	int saved = errno;

	ptrace->waits_before = ptrace->waits;
	for (size_t i = 0; stuck && ptrace->waiting && i < ptrace->count; i++) {
		int32_t tid = ptrace->table[i].tid;
		siginfo_t info = { 0 };

		/* A stop must not be taken: look first. */
		if (ptrace_may_reap(ptrace, tid) &&
		    waitid(P_PID, (id_t)tid, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0 &&
		    (info.si_code == CLD_EXITED || info.si_code == CLD_KILLED ||
		     info.si_code == CLD_DUMPED))
			(void)syscall(SYS_wait4, tid, NULL, __WALL | WNOHANG, NULL);
	}
	errno = saved;
}

int ptrace_seize(struct target_ptrace *ptrace, int32_t tid, uint64_t options, size_t *ret)
{
	int r;

	if (ptrace->count == ptrace->room) {
		r = ptrace_table_reserve(ptrace, 2 * ptrace->room + 1);
		if (r < 0)
			return r;
	}
	ptrace->waits++;
	ptrace->waiting = true;
	r = ptrace_do(PTRACE_SEIZE, tid, 0, options);
	ptrace->waiting = false;
	if (r < 0)
		return r;
	ptrace->table[ptrace->count].tid = tid;
	ptrace->table[ptrace->count].stopped = false;
	ptrace->threads[ptrace->count] = (struct ptrace_thread){ .state = PTRACE_RUNNING };
	*ret = ptrace->count++;
	return 0;
}

/* Can another process be traced by those who are not its parent? (Yama, ptrace(2)) */
static bool is_restricted(void)
{
	autoclose int fd = open("/proc/sys/kernel/yama/ptrace_scope", O_RDONLY | O_CLOEXEC);
	char level = '0';

	return fd >= 0 && read(fd, &level, 1) == 1 && level > '0';
}

bool ptrace_is_doctor(int32_t tracer, char *ret_name)
{
	char path[64];
	ssize_t size;

	(void)snprintf(path, sizeof(path), "/proc/%d/comm", tracer);
	{
		autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);

		size = fd >= 0 ? read(fd, ret_name, PTRACE_NAME_MAX - 1) : 0;
	}
	ret_name[size > 0 ? size : 0] = '\0';
	ret_name[strcspn(ret_name, "\n")] = '\0';
	return strcmp(ret_name, SURGEON_NAME) == 0;
}

/* Who was in the way when the process could not be held. */
struct refusal {
	int32_t doctor; /* another one, or 0 */
	int32_t tracer; /* somebody else; 0: nobody */
	unsigned int times; /* so often, one time after the other */
};

/*
 * Why can @tid not be seized? -EAGAIN if a doctor has it, things have changed meanwhile, or it is
 * not certain. A doctor may have left between the two looks. And while it leaves the kernel says
 * for an instant that the process's parent traces it (__ptrace_unlink(): ->parent is set back
 * before ->ptrace is). That instant is over at the next attempt to seize it, which waits for it.
 */
static int blame(struct target_ptrace *ptrace, int32_t tid, struct refusal *refusal)
{
	int32_t tracer = task_status(ptrace->proc, tid, "TracerPid");
	struct target *target = &ptrace->base;
	char name[PTRACE_NAME_MAX] = "";
	bool doctor = tracer > 0 && ptrace_is_doctor(tracer, name);

	if (doctor || task_is_dead(ptrace->proc, tid) || (tracer > 0 && *name == '\0')) {
		*refusal = (struct refusal){ .doctor = doctor ? tracer : 0 };
		return -EAGAIN;
	}
	tracer = tracer > 0 ? tracer : 0;
	if (refusal->tracer != tracer)
		refusal->times = 0;
	refusal->tracer = tracer;
	if (++refusal->times < PTRACE_REFUSALS)
		return -EAGAIN;
	if (tracer > 0)
		return target_fail(target, -LCP_ETRACED, "process %d is traced by '%s' (%d)",
				   target->pid, name, tracer);
	return target_fail_errno(target, EPERM, "no right to trace process %d%s", target->pid,
				 is_restricted() ? " (Yama: kernel.yama.ptrace_scope)" : "");
}

/* 0; -EAGAIN as blame(). */
static int try_to_hold(struct target_ptrace *ptrace, struct refusal *refusal)
{
	struct target *target = &ptrace->base;
	int32_t tid = task_first(ptrace->proc, ptrace->tasks);
	size_t i;
	int r;

	if (tid == 0)
		return target_fail(target, -LCP_EGONE, "process %d has ended", target->pid);
	r = ptrace_seize(ptrace, tid, 0, &i);
	if (r == -EPERM)
		return blame(ptrace, tid, refusal);
	*refusal = (struct refusal){ 0 };
	if (r == -ESRCH)
		return -EAGAIN;
	if (r < 0)
		return target_fail_errno(target, -r, "process %d cannot be traced", target->pid);
	ptrace->held = tid;
	if (ptrace_alive(target) == 0)
		return 0;
	ptrace_release(target);
	return target_fail(target, -LCP_EGONE, "process %d has ended or is another program now",
			   target->pid);
}

static void nap(uint64_t ns)
{
	const struct timespec time = { (time_t)(ns / (1000 * MS)), (long)(ns % (1000 * MS)) };

	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

/* What was released is let go of when the surgeon ends: until then it can be had again. */
static bool hold_again(struct target_ptrace *ptrace)
{
	for (size_t i = 0; i < ptrace->count; i++) {
		int32_t tid = ptrace->table[i].tid;

		if (ptrace->threads[i].state == PTRACE_RUNNING && !ptrace->threads[i].called &&
		    !task_is_dead(ptrace->proc, tid)) {
			ptrace->held = tid;
			return true;
		}
	}
	return false;
}

static int give_up_holding(struct target_ptrace *ptrace, int32_t doctor)
{
	struct target *target = &ptrace->base;

	if (doctor == (int32_t)syscall(SYS_gettid))
		return target_fail(target, -LCP_ESTOP,
				   "a thread of process %d that is to be let go does not stop",
				   target->pid);
	return target_fail(target, -LCP_ELOCKED, "another doctor (%d) is at work on process %d",
			   doctor, target->pid);
}

/*
 * The doctor that has it may be ourselves: a thread of ours that was slow to stop when all were
 * released (a loaded machine is enough) stands still from then on until it is served, and can be
 * had again after that.
 */
int ptrace_hold(struct target *target, uint64_t deadline)
{
	struct target_ptrace *ptrace = ptrace_of(target);
	struct refusal refusal = { 0 };
	uint64_t pause = MS / 20;
	int r;

	if (ptrace->held != 0 || hold_again(ptrace))
		return 0;
	ptrace_serve(ptrace);
	for (;;) {
		r = try_to_hold(ptrace, &refusal);
		if (r != -EAGAIN)
			return r;
		if (refusal.times == 0 && ptrace_now(target) >= deadline)
			return give_up_holding(ptrace, refusal.doctor);
		nap(pause);
		ptrace_serve(ptrace);
		if (pause < HOLD_PAUSE_MAX)
			pause *= 2;
	}
}

/*
 * As long as the tracer has not waited for a thread that has ended, nobody can wait for its
 * process. The surgeon's end does it for him; another thread has to wait until it is dead.
 */
void ptrace_bury(struct target_ptrace *ptrace, size_t i)
{
	int32_t tid = ptrace->table[i].tid;
	struct ptrace_stop stop;

	if (ptrace->surgeon != NULL)
		(void)syscall(SYS_wait4, tid, NULL, __WALL | WNOHANG, NULL);
	else if (ptrace_wait_stop(&ptrace->base, tid, UINT64_MAX, &stop) == 0)
		(void)ptrace_do(PTRACE_DETACH, tid, 0, (uint64_t)stop.signal);
	ptrace->threads[i].state = PTRACE_GONE;
}

void ptrace_let_go(struct target_ptrace *ptrace, size_t i)
{
	struct ptrace_thread *thread = &ptrace->threads[i];
	int32_t tid = ptrace->table[i].tid;
	bool held = tid == ptrace->held;
	int request = PTRACE_DETACH;

	if (held) /* in a group stop it stays, and reports when that ends */
		request = thread->stop.kind == PTRACE_GROUP ? PTRACE_LISTEN : PTRACE_CONT;
	if (ptrace_do(request, tid, 0, (uint64_t)thread->stop.signal) < 0) {
		ptrace_bury(ptrace, i); /* it was killed where it stood */
		held = held && !task_is_dead(ptrace->proc, tid);
	}
	thread->state = held ? PTRACE_RUNNING : PTRACE_GONE;
	thread->called = false;
	ptrace->table[i].stopped = false;
}

size_t ptrace_table_find(const struct target_ptrace *ptrace, int32_t tid)
{
	for (size_t i = 0; i < ptrace->count; i++)
		if (ptrace->table[i].tid == tid && ptrace->threads[i].state == PTRACE_RUNNING)
			return i;
	return ptrace->count;
}

/* A thread that runs has reported @status. */
static void serve(struct target_ptrace *ptrace, int32_t tid, int status)
{
	size_t i = ptrace_table_find(ptrace, tid);
	struct ptrace_thread *thread;

	if (i == ptrace->count)
		return;
	thread = &ptrace->threads[i];
	thread->stop = ptrace_classify(status);
	thread->state = PTRACE_STOPPED;
	if (thread->stop.kind == PTRACE_ENDED)
		thread->state = PTRACE_GONE;
	else if (ptrace_take_regs(ptrace, i) != -ESRCH)
		ptrace_let_go(ptrace, i);
}

void ptrace_serve(struct target_ptrace *ptrace)
{
	for (size_t i = 0; i < ptrace->count; i++) {
		int status;

		if (ptrace->threads[i].state != PTRACE_RUNNING)
			continue;
		if (ptrace_wait(ptrace, ptrace->table[i].tid, WNOHANG, &status) > 0)
			serve(ptrace, ptrace->table[i].tid, status);
	}
}

/* Does @tid run, traced? */
static bool runs(const struct target_ptrace *ptrace, int32_t tid)
{
	return tid != 0 && ptrace_table_find(ptrace, tid) != ptrace->count;
}

/* Is any thread still traced? It may stop at any time, and has to be let go on. */
static bool any_runs(const struct target_ptrace *ptrace)
{
	for (size_t i = 0; i < ptrace->count; i++)
		if (ptrace->threads[i].state == PTRACE_RUNNING)
			return true;
	return false;
}

/*
 * Wait for at most @ns, and let go on what stops meanwhile. The surgeon waits for the thread that
 * is held, until its tick: so that thread's signals are as fast as ever. All others, and in
 * another thread that one too, are looked after every now and then.
 */
static void nap_serving(struct target_ptrace *ptrace, uint64_t ns)
{
	int32_t held = ptrace->held;
	int status;

	if (!any_runs(ptrace)) {
		nap(ns);
	} else if (!runs(ptrace, held) || ptrace->surgeon == NULL) {
		nap(ns < SERVE_PAUSE ? ns : SERVE_PAUSE);
	} else {
		surgeon_tick(ptrace->surgeon, ns);
		if (ptrace_wait(ptrace, held, 0, &status) == held)
			serve(ptrace, held, status);
		surgeon_tick(ptrace->surgeon, 0);
	}
	ptrace_serve(ptrace);
}

void ptrace_sleep(struct target *target, uint64_t ns)
{
	struct target_ptrace *ptrace = ptrace_of(target);
	uint64_t now = ptrace_now(target), end = now + ns;

	for (; now < end; now = ptrace_now(target))
		nap_serving(ptrace, end - now);
}

/*
 * Detach entry @i, which runs: only a thread that stands still can be. 0; -ETIMEDOUT, and then it
 * will stop.
 */
static int bring_down(struct target_ptrace *ptrace, size_t i, uint64_t deadline)
{
	struct ptrace_thread *thread = &ptrace->threads[i];
	int32_t tid = ptrace->table[i].tid;
	int r;

	if (!thread->called) {
		ptrace_look_before(ptrace, i);
		(void)ptrace_do(PTRACE_INTERRUPT, tid, 0, 0);
		thread->called = true;
	}
	r = ptrace_wait_stop(&ptrace->base, tid, deadline, &thread->stop);
	if (r == -ETIMEDOUT || r == -LCP_EGONE)
		return r;
	if (r == 0) {
		(void)ptrace_take_regs(ptrace, i);
		ptrace_let_go(ptrace, i);
	}
	thread->state = PTRACE_GONE;
	return 0;
}

/*
 * Threads that run are stopped once more: a signal that has just ended a call, and that the process
 * ignores, would else be one that did end it. What does not stop soon is let go of by the surgeon's
 * end (kernel/ptrace.c, exit_ptrace). Another thread than the surgeon goes on and would stay the
 * tracer: it waits, since a thread that stops without anybody listening would stand still for good.
 */
void ptrace_abandon(struct target_ptrace *ptrace)
{
	uint64_t deadline = ptrace->surgeon == NULL ? UINT64_MAX
						    : ptrace_now(&ptrace->base) + RELEASE_PATIENCE;

	ptrace->held = 0;
	if (ptrace->surgeon != NULL)
		surgeon_tick(ptrace->surgeon, RELEASE_PATIENCE / 8);
	for (size_t i = 0; i < ptrace->count; i++) {
		struct ptrace_thread *thread = &ptrace->threads[i];

		if (thread->state == PTRACE_STOPPED)
			ptrace_let_go(ptrace, i);
		else if (thread->state == PTRACE_RUNNING &&
			 (ptrace->surgeon == NULL || !thread->called))
			(void)bring_down(ptrace, i, deadline);
	}
	if (ptrace->surgeon != NULL)
		surgeon_tick(ptrace->surgeon, 0);
}

void ptrace_release(struct target *target)
{
	ptrace_abandon(ptrace_of(target));
}
