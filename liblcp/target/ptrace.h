/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The real target from the inside: ptrace(2), /proc/PID/mem and process_vm_readv(2).
 *
 *	ptrace.c	opening, operating, the table of functions
 *	ptrace_memory.c	reading, writing, files
 *	ptrace_hold.c	the thread that is traced all the time, which keeps other doctors out
 *	ptrace_stop.c	stopping and resuming all threads
 *	ptrace_wait.c	what a stop is, waiting for one, registers, calls that were interrupted
 *	ptrace_call.c	which thread is borrowed
 *
 * States of a thread in the table:
 *
 *	RUNNING -> STOPPED	it was interrupted, and its report is here
 *	RUNNING -> GONE		it has ended
 *	STOPPED -> GONE		it was let go, or killed
 *	STOPPED -> RUNNING	it goes on and is still traced: the one that is held
 */
#ifndef LCP_TARGET_PTRACE_H
#define LCP_TARGET_PTRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ptrace.h>

#include "target/target.h"

enum ptrace_state {
	PTRACE_GONE,
	PTRACE_RUNNING,
	PTRACE_STOPPED, /* or in the hands of remote_call() */
};

/* What kind of stop a thread is in. */
enum ptrace_kind {
	PTRACE_ENDED, /* none: the thread has ended */
	PTRACE_INTERRUPTED, /* by us, with no signal; or it was continued (SIGCONT) */
	PTRACE_GROUP, /* the process is stopped, as by SIGSTOP */
	PTRACE_SIGNAL, /* a signal is about to be delivered */
	PTRACE_CLONE, /* it has made a thread, which is traced and about to stop */
	PTRACE_SYSCALL_STOP, /* needs PTRACE_O_TRACESYSGOOD */
	PTRACE_OTHER,
};

struct ptrace_stop {
	enum ptrace_kind kind;
	int status; /* of waitpid(2) */
	int32_t signal; /* to be passed on when the thread goes on, or 0 */
};

/* What we know of a thread beside its registers. */
struct ptrace_thread {
	uint8_t state; /* enum ptrace_state */
	bool called; /* RUNNING: it was interrupted, and one report will come */
	bool cloned; /* it came by itself: perhaps it is a process of its own */
	struct ptrace_stop stop; /* STOPPED: its last */
	struct arch_blocked before; /* where the CPU's cure asks for it */
};

/* sched_setattr(2); glibc has none, and <linux/sched/types.h> cannot stand beside <sched.h>. */
struct ptrace_schedule {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

struct target_ptrace {
	struct target base; /* first: the two are cast */
	uint32_t flags;
	int pidfd;
	int proc; /* the folder /proc/PID */
	int tasks; /* /proc/PID/task */
	int mem; /* /proc/PID/mem: of the program that ran when it was opened */
	int thread_mem; /* the same, opened while tracing; -1 as long as nobody needed it */

	int32_t held; /* the thread that is held, or 0 */
	bool keeps; /* a thread that makes a call is kept: */
	int32_t kept; /* stopped, or 0 */
	struct surgeon *surgeon; /* during operate(); NULL if the calling thread traces */
	bool is_parent; /* and it is of the process's parent, who wants to hear how it ended */
	volatile bool waiting; /* for a thread, or in PTRACE_SEIZE: see ptrace_tick() */
	volatile uint64_t waits; /* how often it was; and what that was at the last tick */
	uint64_t waits_before;

	/* All threads that are traced, and some that were. One mapping holds both arrays. */
	struct target_thread *table;
	struct ptrace_thread *threads;
	size_t count;
	size_t room;

	struct ptrace_schedule schedule; /* to be put back */
	bool raised;
};

static inline struct target_ptrace *ptrace_of(struct target *target)
{
	return (struct target_ptrace *)target;
}

/*
 * ptrace(2) without errno: 0 or a negative code. As the kernel has it: a PEEK stores at @data.
 */
int ptrace_do(int request, int32_t tid, uint64_t address, uint64_t data);

/* ptrace_wait.c */

/* What a status of waitpid(2) means. */
struct ptrace_stop ptrace_classify(int status);

/*
 * wait4(2) for a stop or the end of a thread, but a stop is looked at and not taken. With a stop
 * the kernel hands out the signal as well: if the tracer is killed before it has the thread go on
 * with it, the signal is lost. What was not taken the kernel delivers itself (kernel/exit.c,
 * wait_task_stopped() clears what kernel/signal.c, ptrace_stop() returns).
 */
long ptrace_wait(const struct target_ptrace *ptrace, int32_t tid, int flags, int *ret_status);

/* Is the end of @tid ours to wait for? Not that of a child of the program around us. */
bool ptrace_may_reap(const struct target_ptrace *ptrace, int32_t tid);

/*
 * Wait for the next stop of @tid, which is traced, until @deadline: 0, -ESRCH if it has ended
 * (nothing is left to wait for), -ETIMEDOUT, -LCP_EGONE if the process became another program: in
 * that its number may be another thread's. UINT64_MAX: until it stops or ends, whatever it is.
 */
int ptrace_wait_stop(struct target *target, int32_t tid, uint64_t deadline,
		     struct ptrace_stop *ret);

/* Register sets by their note type: 0, -ESRCH or another negative errno. @size is that of @regs. */
int ptrace_get_regs(int32_t tid, int type, void *regs, size_t *size);
int ptrace_set_regs(int32_t tid, int type, const void *regs, size_t size);

/*
 * Read the registers of entry @i, which has just stopped, and undo what only a stop could do to the
 * system call it is in: see arch->cure. 0 or a negative errno: -ESRCH if it was killed meanwhile.
 */
int ptrace_take_regs(struct target_ptrace *ptrace, size_t i);

/* For a CPU whose cure asks: what is @i doing? To be called before it is interrupted. */
void ptrace_look_before(struct target_ptrace *ptrace, size_t i);

/* ptrace_hold.c */

/*
 * So often the same tracer, or a missing right, has to be in the way before it is believed: see
 * blame() in ptrace_hold.c.
 */
#define PTRACE_REFUSALS 3

/* The name of a process's tracer in a buffer of this size: is it another doctor's? */
#define PTRACE_NAME_MAX 64
bool ptrace_is_doctor(int32_t tracer, char *ret_name);

int ptrace_hold(struct target *target, uint64_t deadline);
void ptrace_release(struct target *target);

/* PTRACE_SEIZE @tid and put it into the table at *@ret: 0 or a negative errno. */
int ptrace_seize(struct target_ptrace *ptrace, int32_t tid, uint64_t options, size_t *ret);

/* To be called from time to time while threads are seized; a signal handler. */
void ptrace_tick(void *ptrace);

/* Room for @count threads in the table: 0 or -ENOMEM. Usable inside operate(). */
int ptrace_table_reserve(struct target_ptrace *ptrace, size_t count);

/* Leave out who is gone: indices change. */
void ptrace_table_tidy(struct target_ptrace *ptrace);

/* The entry of @tid if it is RUNNING, else ptrace->count. */
size_t ptrace_table_find(const struct target_ptrace *ptrace, int32_t tid);
void ptrace_table_free(struct target_ptrace *ptrace);

/* Entry @i was killed, or has ended: it is gone. */
void ptrace_bury(struct target_ptrace *ptrace, size_t i);

/* Let entry @i, which is stopped, go on: still traced if it is held. */
void ptrace_let_go(struct target_ptrace *ptrace, size_t i);

/* Let go on what stopped without having been told to: a traced thread that gets a signal does. */
void ptrace_serve(struct target_ptrace *ptrace);

/* Let go of all threads, if need be by waiting until they stop. */
void ptrace_abandon(struct target_ptrace *ptrace);

void ptrace_sleep(struct target *target, uint64_t ns);

/* ptrace_stop.c */

int ptrace_stop_all(struct target *target, uint64_t deadline);
int ptrace_resume_all(struct target *target);

/* ptrace_memory.c */

int ptrace_read(struct target *target, uint64_t address, void *ret, size_t size);
size_t ptrace_read_some(struct target *target, uint64_t address, void *ret, size_t size);
void ptrace_read_pieces(struct target *target, struct target_piece *pieces, size_t count);
int ptrace_write(struct target *target, uint64_t address, const void *bytes, size_t size);
void ptrace_sharer(struct target *target, struct neighbours *neighbours, int32_t *ret);
int ptrace_file(struct target *target, const char *name, char **ret, size_t *ret_size);
int ptrace_alive(struct target *target);

/* ptrace_call.c */

void ptrace_borrow(struct target *target);
void ptrace_give_back(struct target *target);
int ptrace_call(struct target *target, const struct target_call *call, uint64_t deadline,
		uint64_t *ret);

/* ptrace.c */

uint64_t ptrace_now(struct target *target);

#endif
