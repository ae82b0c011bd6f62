/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The only way to a process: what the live operations need of it, as a table of functions. The real
 * one works through ptrace and /proc (target/ptrace.c), tests have one that fails when told to.
 *
 * Life of an operation:
 *
 *	read..., file		any time, from the thread of the library's caller
 *	operate			run what follows in the surgeon, the process that traces
 *	  hold			become the tracer: whoever holds a process keeps other doctors out
 *	  call			make one thread run a system call or function; the others go on
 *	  borrow, give_back	between these calls are made by one thread, which stands still
 *	  write			any time while held
 *	  stop			all threads stand still; threads[] holds their registers
 *	  resume		they go on
 *	  release		let go of the process
 *
 * Inside operate() nothing allocates, locks or calls back: the memory is the caller's, and a
 * surgeon may be killed at any instant. So a failure there is a code and a text in target->fault,
 * of which the caller makes an error object later.
 */
#ifndef LCP_TARGET_TARGET_H
#define LCP_TARGET_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <lcp/error.h>

#include "arch/arch.h"

/* No CPU's NT_PRSTATUS is larger. */
#define TARGET_REGS_MAX 288

struct target_thread {
	int32_t tid;
	bool stopped; /* it stands still, and regs holds its registers */
	_Alignas(8) uint8_t regs[TARGET_REGS_MAX];
};

/* Code from @start up to @end; nothing if they are equal. */
struct target_avoid {
	uint64_t start;
	uint64_t end;
};

#define TARGET_AVOID_MAX 2

/* A piece of memory to read, of many. */
struct target_piece {
	uint64_t address;
	void *bytes;
	size_t size;
	size_t got; /* what was there from @address on, up to the first gap or guard page */
};

/* What a borrowed thread is to run: a function, or if that is 0 a system call. */
struct target_call {
	uint64_t function;
	bool no_value; /* what the function returns is of no use; not every process can tell it */
	enum arch_syscall number;
	uint64_t args[6];
	/*
	 * No thread is borrowed that could be inside or return into these: it may hold their locks.
	 * Any word on its stack that looks like it counts, unless target->unwinder tells otherwise.
	 */
	struct target_avoid avoid[TARGET_AVOID_MAX];
	/*
	 * Also a thread that goes on with a timed call that was interrupted before: if we die
	 * meanwhile, that call returns EINTR. call() takes one if there is no other.
	 */
	bool last_resort;
};

/* Why an operation failed. */
struct target_fault {
	int code; /* negative; 0 while nothing failed */
	int saved_errno; /* positive, or 0 */
	int32_t tid; /* of the thread at fault, or 0 */
	char text[240];
};

struct target;
struct neighbours;

/*
 * Functions return 0 or a negative code, with target->fault set, unless said otherwise. Deadlines
 * are times of now().
 */
struct target_ops {
	/*
	 * Read @size bytes: all of them, or -EFAULT (a part is not mapped), -LCP_EGONE (the process
	 * has ended or became another program), -EPERM, -EIO. Sets no fault.
	 */
	int (*read)(struct target *target, uint64_t address, void *ret, size_t size);

	/* Read what is there from @address on, up to the first gap or guard page: bytes read. */
	size_t (*read_some)(struct target *target, uint64_t address, void *ret, size_t size);

	/* read_some() of each of @pieces; NULL: there is no faster way than one by one. */
	void (*read_pieces)(struct target *target, struct target_piece *pieces, size_t count);

	/*
	 * Write @size bytes, whatever the protection. On failure a part may have been written. What
	 * lies in one page is written as a whole or not at all, even if the writer is killed.
	 */
	int (*write)(struct target *target, uint64_t address, const void *bytes, size_t size);

	/*
	 * The text of /proc/PID/@name as a whole ("maps", "status", "auxv"), allocated: the caller
	 * frees *@ret, which has a NUL behind its end. Not inside operate(). Sets no fault.
	 */
	int (*file)(struct target *target, const char *name, char **ret, size_t *ret_size);

	/* Is the process still the one it was when the target was opened? 0 or -LCP_EGONE. */
	int (*alive)(struct target *target);

	/*
	 * *@ret is another process that runs in the same memory (CLONE_VM without CLONE_THREAD),
	 * whose threads stop() does not see; 0 if there is none. A child of vfork(2) is none: who
	 * waits for it does not stop either. What cannot be told is none. Not inside operate().
	 * @neighbours are of help if many processes are asked about.
	 */
	void (*sharer)(struct target *target, struct neighbours *neighbours, int32_t *ret);

	/*
	 * Run @work, with the caller waiting. What it returns; or -LCP_EINTERRUPTED if what ran it
	 * was killed, and then nothing is traced any more.
	 */
	int (*operate)(struct target *target, int (*work)(void *arg), void *arg);

	/*
	 * 0, -LCP_ETRACED (something that is no doctor traces it), -LCP_ELOCKED (another doctor
	 * does, and did until @deadline), -EPERM, -LCP_EGONE.
	 */
	int (*hold)(struct target *target, uint64_t deadline);
	void (*release)(struct target *target);

	/*
	 * *@ret is what was returned: of a system call a negative errno on failure. -LCP_EBORROW if
	 * no thread could be borrowed before @deadline, or the call did not end in time, and then
	 * target->late is set if it is a function's; -LCP_EUNSUPPORTED where the process would not
	 * survive it (a seccomp filter that cannot be suspended); -LCP_EGONE.
	 */
	int (*call)(struct target *target, const struct target_call *call, uint64_t deadline,
		    uint64_t *ret);

	/*
	 * From now on the thread that makes a call is kept for the next one, if it can make that
	 * too; until it is given back. So several calls take one stop of one thread.
	 */
	void (*borrow)(struct target *target);
	void (*give_back)(struct target *target);

	/*
	 * Stop all threads, new ones too: 0, and target->threads says where they are. -LCP_ESTOP
	 * with the tid of a thread that did not stop before @deadline, -LCP_ELOCKED if another
	 * doctor did not let go of it, and then all are resumed.
	 */
	int (*stop)(struct target *target, uint64_t deadline);
	int (*resume)(struct target *target);

	/* Nanoseconds of a clock that only goes on; wait for so many. */
	uint64_t (*now)(struct target *target);
	void (*sleep)(struct target *target, uint64_t ns);

	void (*close)(struct target *target);
};

struct remote;
struct unwinder;

struct target {
	const struct target_ops *ops;
	const struct arch *arch;
	int32_t pid;
	uint64_t start_time; /* in clock ticks since boot: with the pid, which process it is */
	bool can_name; /* memory can be given a name: PR_SET_VMA_ANON_NAME */
	struct target_thread *threads; /* between stop() and resume() */
	size_t thread_count;
	uint64_t stop_ns; /* how long the last stop took, from the first thread to the last */
	bool late; /* call() began to call a function that did not end: a thread may be in it */
	struct remote *remote; /* of remote.c */
	struct unwinder *unwinder; /* the caller's, for call(): see struct target_call; or NULL */
	struct target_fault fault;
};

/* Flags of target_open(). */
#define TARGET_IN_PROCESS 1 /* the calling thread traces, no surgeon */

/*
 * The process @pid: -ESRCH, -EPERM, -EINVAL (a thread's id, a kernel thread), -LCP_EUNSUPPORTED
 * (another CPU), -ENOMEM.
 */
int target_open(int32_t pid, uint32_t flags, struct target **ret, struct lcp_error **reterr);
void target_close(struct target *target);

/* What ops->read_pieces() does, or would do. */
void target_read_pieces(struct target *target, struct target_piece *pieces, size_t count);

/*
 * Say why: returns @code. The first reason stays until it is taken. Usable inside operate().
 */
int target_fail(struct target *target, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int target_fail_errno(struct target *target, int saved_errno, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Make an error of the fault, which is over then; @code if there is none. Returns its code. */
int target_take_fault(struct target *target, int code, struct lcp_error **reterr);

/* A register of a stopped thread, by its offset in struct arch_regs. */
uint64_t target_register(const struct target_thread *thread, uint16_t offset);

#endif
