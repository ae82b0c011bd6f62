/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All threads stand still, and go on.
 *
 * First all are seized, which stops none; then all are interrupted, and only then waited for: so
 * they stop at the same time. Nothing sends a signal. Each thread that was interrupted reports
 * once, whatever it was doing; so it is waited for once.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "target/ptrace.h"
#include "target/surgeon.h"
#include "target/task.h"

/* New threads come to us stopped, instead of running away. */
#define OPTIONS PTRACE_O_TRACECLONE

/* As long as the first of the surgeon's ticks is not needed, it costs nothing. */
#define FIRST_TICK_NS UINT64_C(10000000)

/*
 * Threads that were let go would take the CPU from us while we let go of the rest: any priority in
 * front of theirs will do. (Not reset on fork: nobody forks here, and without privilege it could
 * not be put back.) Where it is not permitted, it takes longer.
 */
static void raise_priority(struct target_ptrace *ptrace)
{
	struct ptrace_schedule *own = &ptrace->schedule, first = { .size = sizeof(first),
								   .policy = SCHED_FIFO,
								   .priority = 1 };

	ptrace->raised = false;
	if (syscall(SYS_sched_getattr, 0, own, sizeof(*own), 0) < 0 ||
	    (own->policy != SCHED_OTHER && own->policy != SCHED_BATCH && own->policy != SCHED_IDLE))
		return;
	first.flags = own->flags;
	ptrace->raised = syscall(SYS_sched_setattr, 0, &first, 0) == 0;
}

static void lower_priority(struct target_ptrace *ptrace)
{
	if (ptrace->raised)
		(void)syscall(SYS_sched_setattr, 0, &ptrace->schedule, 0);
	ptrace->raised = false;
}

/*
 * Is @tid in the table? The kernel lists threads in the order in which they were made, and so does
 * the table: where the last one was found, *@hint, is right in front of it.
 */
static bool is_known(const struct target_ptrace *ptrace, int32_t tid, size_t *hint)
{
	for (size_t i = 0; i < ptrace->count; i++) {
		size_t at = (*hint + i) % ptrace->count;

		if (ptrace->table[at].tid == tid && ptrace->threads[at].state != PTRACE_GONE) {
			*hint = at + 1;
			return true;
		}
	}
	return false;
}

/*
 * @tid is traced, since a seized thread has made it: it will stop, or @may_run because that stop is
 * over.
 */
static int add_clone(struct target_ptrace *ptrace, int32_t tid, bool may_run)
{
	size_t i = ptrace->count;

	if (ptrace_table_reserve(ptrace, i + 1) < 0)
		return target_fail_errno(&ptrace->base, ENOMEM, "no memory for the threads");
	ptrace->table[i].tid = tid;
	ptrace->table[i].stopped = false;
	ptrace->threads[i] = (struct ptrace_thread){ .state = PTRACE_RUNNING,
						     .called = !may_run,
						     .cloned = true };
	ptrace->count++;
	return 0;
}

/*
 * @tid cannot be seized: 0 if it may be left out; -EAGAIN if it should be tried again. The doctor
 * who was here before us lets go of a thread that was slow to stop when its surgeon ends.
 */
static int look_at_refusal(struct target_ptrace *ptrace, int32_t tid, unsigned int times)
{
	struct target *target = &ptrace->base;
	int32_t tracer = task_status(ptrace->proc, tid, "TracerPid");
	char name[PTRACE_NAME_MAX];

	if (task_is_dead(ptrace->proc, tid))
		return 0;
	if (tracer == (int32_t)syscall(SYS_gettid)) /* its maker has not told yet, or was killed */
		return add_clone(ptrace, tid, true);
	if (times < PTRACE_REFUSALS)
		return -EAGAIN;
	if (tracer > 0 && ptrace_is_doctor(tracer, name))
		return target_fail(target, -LCP_ELOCKED,
				   "thread %d of process %d is not let go by another doctor (%d)",
				   tid, target->pid, tracer);
	if (tracer > 0)
		return target_fail(target, -LCP_ETRACED, "thread %d of process %d is traced by %d",
				   tid, target->pid, tracer);
	return target_fail_errno(target, EPERM, "no right to trace thread %d of process %d", tid,
				 target->pid);
}

/* Seize @tid: 0 too if it has ended. */
static int seize_one(struct target_ptrace *ptrace, int32_t tid)
{
	unsigned int times = 0;
	size_t i;
	int r;

	do {
		r = ptrace_seize(ptrace, tid, OPTIONS, &i);
		if (r == -EPERM)
			r = look_at_refusal(ptrace, tid, ++times);
		else if (r == -ESRCH)
			r = 0;
		else if (r < 0)
			r = target_fail_errno(&ptrace->base, -r, "thread %d cannot be traced", tid);
	} while (r == -EAGAIN);
	return r;
}

/* Seize all threads that are not in the table. */
static int seize_all(struct target_ptrace *ptrace)
{
	struct task_walk walk;
	size_t hint = 0;
	int32_t tid;
	int r = 0;

	task_walk_begin(&walk, ptrace->tasks);
	while (r == 0 && (tid = task_walk_next(&walk)) != 0) {
		if (!is_known(ptrace, tid, &hint))
			r = seize_one(ptrace, tid);
	}
	return r;
}

static void interrupt_all(struct target_ptrace *ptrace)
{
	for (size_t i = 0; i < ptrace->count; i++) {
		struct ptrace_thread *thread = &ptrace->threads[i];

		if (thread->state != PTRACE_RUNNING || thread->called)
			continue;
		ptrace_look_before(ptrace, i);
		/* ESRCH: it has ended, and waiting for it will say so. */
		(void)ptrace_do(PTRACE_INTERRUPT, ptrace->table[i].tid, 0, 0);
		thread->called = true;
	}
}

/* Entry @i did not stop: say what is known of it. */
static int blame_late(struct target_ptrace *ptrace, size_t i)
{
	struct target *target = &ptrace->base;
	int32_t tid = ptrace->table[i].tid;
	struct task_stat stat = { .state = '?' };
	char place[64] = "";
	bool vfork;

	(void)task_stat(ptrace->proc, tid, &stat);
	if (task_read(ptrace->proc, tid, "wchan", place, sizeof(place)) < 0)
		*place = '\0';
	vfork = strstr(place, "vfork") != NULL || strcmp(place, "kernel_clone") == 0;
	if (target->fault.code == 0)
		target->fault.tid = tid;
	return target_fail(target, -LCP_ESTOP,
			   "thread %d of process %d did not stop: state %c%s%s%s", tid, target->pid,
			   stat.state, *place != '\0' ? ", in " : "", place,
			   vfork ? " (it waits until its vfork child ends or executes)" : "");
}

/* Entry @i stopped in clone(2): what it has made is traced too, and will stop. */
static int take_clone(struct target_ptrace *ptrace, size_t i)
{
	size_t hint = ptrace->count - 1;
	uint64_t tid = 0;
	int r = ptrace_do(PTRACE_GETEVENTMSG, ptrace->table[i].tid, 0, (uint64_t)(uintptr_t)&tid);

	/* Killed: if there is a new one, the list of threads shows it. */
	if (r < 0 || tid == 0 || is_known(ptrace, (int32_t)tid, &hint))
		return 0;
	return add_clone(ptrace, (int32_t)tid, false);
}

/* clone(2) makes processes, too, which are none of our business. */
static bool is_thread(const struct target_ptrace *ptrace, int32_t tid)
{
	struct stat stat;
	char path[16];

	(void)snprintf(path, sizeof(path), "%d", tid);
	return fstatat(ptrace->tasks, path, &stat, 0) == 0;
}

static int wait_for(struct target_ptrace *ptrace, size_t i, uint64_t deadline)
{
	struct ptrace_thread *thread = &ptrace->threads[i];
	int32_t tid = ptrace->table[i].tid;
	int r = ptrace_wait_stop(&ptrace->base, tid, deadline, &thread->stop);

	if (r == -ETIMEDOUT)
		return blame_late(ptrace, i);
	if (r == -LCP_EGONE)
		return target_fail(&ptrace->base, r,
				   "process %d has ended or is another program now",
				   ptrace->base.pid);
	if (r == 0)
		r = ptrace_take_regs(ptrace, i);
	if (r == -ESRCH) {
		ptrace_bury(ptrace, i);
		return 0;
	}
	thread->state = PTRACE_STOPPED;
	if (r < 0)
		return target_fail_errno(&ptrace->base, -r, "thread %d: cannot read its registers",
					 tid);
	if (thread->cloned && !is_thread(ptrace, tid)) {
		ptrace_let_go(ptrace, i);
		return 0;
	}
	ptrace->table[i].stopped = true;
	return thread->stop.kind == PTRACE_CLONE ? take_clone(ptrace, i) : 0;
}

/* New threads are appended while this goes on. */
static int wait_for_all(struct target_ptrace *ptrace, uint64_t deadline)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ptrace->count; i++)
		if (ptrace->threads[i].state == PTRACE_RUNNING)
			r = wait_for(ptrace, i, deadline);
	return r;
}

static size_t count_stopped(const struct target_ptrace *ptrace)
{
	size_t stopped = 0;

	for (size_t i = 0; i < ptrace->count; i++)
		stopped += ptrace->table[i].stopped;
	return stopped;
}

/*
 * Stop what is in the table, and look whether there is more: a thread that was made before its
 * maker was seized. The number of threads says it; only if it is another one they are listed
 * again.
 */
static int stop_until_still(struct target_ptrace *ptrace, uint64_t deadline)
{
	size_t seized;
	int r;

	do {
		interrupt_all(ptrace);
		r = wait_for_all(ptrace, deadline);
		seized = ptrace->count;
		if (r == 0 && count_stopped(ptrace) != task_count(ptrace->tasks))
			r = seize_all(ptrace);
	} while (r == 0 && ptrace->count != seized);
	if (r < 0)
		return r;
	if (count_stopped(ptrace) == 0 || ptrace_alive(&ptrace->base) < 0)
		return target_fail(&ptrace->base, -LCP_EGONE,
				   "process %d has ended or is another program now",
				   ptrace->base.pid);
	return 0;
}

int ptrace_stop_all(struct target *target, uint64_t deadline)
{
	struct target_ptrace *ptrace = ptrace_of(target);
	uint64_t start;
	int r;

	ptrace_table_tidy(ptrace);
	raise_priority(ptrace);
	if (ptrace->surgeon != NULL)
		surgeon_tick(ptrace->surgeon, FIRST_TICK_NS);
	r = seize_all(ptrace);
	start = ptrace_now(target);
	if (r == 0)
		r = stop_until_still(ptrace, deadline);
	target->stop_ns = start;
	if (r < 0) {
		(void)ptrace_resume_all(target);
		return r;
	}
	target->threads = ptrace->table;
	target->thread_count = ptrace->count;
	return 0;
}

int ptrace_resume_all(struct target *target)
{
	struct target_ptrace *ptrace = ptrace_of(target);

	for (size_t i = 0; i < ptrace->count; i++)
		if (ptrace->threads[i].state == PTRACE_STOPPED)
			ptrace_let_go(ptrace, i);
	target->stop_ns = ptrace_now(target) - target->stop_ns;
	if (ptrace->surgeon != NULL)
		surgeon_tick(ptrace->surgeon, 0);
	lower_priority(ptrace);
	target->threads = NULL;
	target->thread_count = 0;
	return 0;
}
