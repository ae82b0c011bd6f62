/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "target/remote_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "target/ptrace.h"
#include "target/remote_code.h"
#include "target/remote_maps.h"

/* Set of general registers, the same for all CPUs. */
#define NT_GENERAL 1

/* struct rseq and struct rseq_cs, <linux/rseq.h> */
#define RSEQ_CS 8
#define RSEQ_CS_START 8
#define RSEQ_CS_SIZE 32

/* PTRACE_GET_RSEQ_CONFIGURATION and its struct, which not every libc has */
#define GET_RSEQ 0x420f

struct rseq_configuration {
	uint64_t area;
	uint32_t size;
	uint32_t signature;
	uint32_t flags;
	uint32_t unused;
};

uint64_t loan_reg(const uint8_t *regs, uint16_t offset)
{
	return get_le64(regs + offset);
}

void loan_put_reg(uint8_t *regs, uint16_t offset, uint64_t value)
{
	if (offset != ARCH_NO_REG)
		put_le64(regs + offset, value);
}

static int loan_fail(struct loan *loan, int saved_errno, const char *what)
{
	if (saved_errno == ESRCH)
		return target_fail(loan->target, -LCP_EGONE, "thread %d has ended", loan->tid);
	return target_fail_errno(loan->target, saved_errno, "%s of thread %d", what, loan->tid);
}

int loan_ptrace(struct loan *loan, int request, uint64_t address, uint64_t data, const char *what)
{
	int r = ptrace_do(request, loan->tid, address, data);

	return r < 0 ? loan_fail(loan, -r, what) : 0;
}

static uint64_t address_of(const void *pointer)
{
	return (uint64_t)(uintptr_t)pointer;
}

int loan_get_regs(struct loan *loan, uint8_t *regs)
{
	struct iovec set = { regs, TARGET_REGS_MAX };
	int r = loan_ptrace(loan, PTRACE_GETREGSET, NT_GENERAL, address_of(&set),
			    "reading the registers");

	/* The kernel gives 32-bit registers of a thread that runs 32-bit code, and only of such. */
	if (r == 0 && set.iov_len != loan->target->arch->regs->size)
		return target_fail(loan->target, -LCP_EUNSUPPORTED, "thread %d runs 32-bit code",
				   loan->tid);
	return r;
}

int loan_set_regs(struct loan *loan, const uint8_t *regs)
{
	struct iovec set = { (void *)(uintptr_t)regs, loan->target->arch->regs->size };

	return loan_ptrace(loan, PTRACE_SETREGSET, NT_GENERAL, address_of(&set),
			   "setting the registers");
}

int loan_get_set(struct loan *loan, uint32_t number, struct remote_set *ret)
{
	struct iovec set = { ret->bytes, sizeof(ret->bytes) };
	int r;

	ret->size = 0;
	if (number == 0)
		return 0;
	r = ptrace_do(PTRACE_GETREGSET, loan->tid, number, address_of(&set));
	if (r == 0)
		ret->size = set.iov_len;
	return r == -ESRCH ? loan_fail(loan, ESRCH, "reading the registers") : 0;
}

int loan_set_set(struct loan *loan, uint32_t number, struct remote_set *from)
{
	struct iovec set = { from->bytes, from->size };

	if (from->size == 0)
		return 0;
	return loan_ptrace(loan, PTRACE_SETREGSET, number, address_of(&set),
			   "setting the registers");
}

int loan_set_mask(struct loan *loan, uint64_t mask)
{
	return loan_ptrace(loan, PTRACE_SETSIGMASK, sizeof(mask), address_of(&mask),
			   "setting the signal mask");
}

static int save_state(struct loan *loan)
{
	struct remote *remote = loan->remote;
	const struct arch_sets *sets = loan->target->arch->sets;
	int r = loan_get_regs(loan, remote->regs);

	if (r == 0)
		r = loan_get_set(loan, sets->fp, &remote->fp);
	if (r == 0)
		r = loan_get_set(loan, sets->more, &remote->more);
	if (r == 0)
		r = loan_ptrace(loan, PTRACE_GETSIGMASK, sizeof(remote->mask),
				address_of(&remote->mask), "reading the signal mask");
	return r;
}

/* Is it about to make the system call @number, or has it just been stopped in it? */
static bool is_in_syscall(const struct loan *loan, int number)
{
	struct target *target = loan->target;
	const struct arch_regs *at = target->arch->regs;
	const uint8_t *regs = loan->remote->regs;
	uint8_t code[ARCH_GADGET_MAX];

	if (at->orig_result != ARCH_NO_REG && loan_reg(regs, at->orig_result) == (uint64_t)number)
		return true;
	return loan_reg(regs, at->syscall) == (uint64_t)number &&
	       target->ops->read(target, loan_reg(regs, at->pc), code,
				 target->arch->syscall_size) == 0 &&
	       memcmp(code, loan->remote->gadgets[GADGET_SYSCALL_RET].code,
		      target->arch->syscall_size) == 0;
}

/*
 * How a timed call goes on after a stop is known to the kernel only, which forgets it when
 * rt_sigreturn is made (restore_sigcontext()): the call would return EINTR.
 */
static int refuse_restart(struct loan *loan)
{
	if (!is_in_syscall(loan, loan->target->arch->syscalls[SYSCALL_RESTART_SYSCALL]))
		return 0;
	return target_fail(loan->target, -LCP_EBORROW,
			   "thread %d is about to go on with a timed system call", loan->tid);
}

/*
 * Going anywhere else ends a restartable sequence for the kernel, and the thread would come back
 * to a sequence that nobody restarts. Kernels before 5.13 do not tell where it is; glibc does not
 * use one there either.
 */
static int refuse_rseq(struct loan *loan)
{
	struct rseq_configuration rseq = { 0 };
	struct target *target = loan->target;
	uint64_t pc = loan_reg(loan->remote->regs, target->arch->regs->pc);
	uint8_t section[RSEQ_CS_SIZE];
	uint8_t pointer[8];

	if (ptrace_do(GET_RSEQ, loan->tid, sizeof(rseq), address_of(&rseq)) < 0 || rseq.area == 0)
		return 0;
	if (target->ops->read(target, rseq.area + RSEQ_CS, pointer, 8) < 0)
		return target_fail(target, -LCP_EBORROW, "thread %d has no rseq area", loan->tid);
	if (get_le64(pointer) == 0 ||
	    target->ops->read(target, get_le64(pointer), section, sizeof(section)) < 0)
		return 0;
	if (pc - get_le64(section + RSEQ_CS_START) >= get_le64(section + RSEQ_CS_START + 8))
		return 0;
	return target_fail(target, -LCP_EBORROW, "thread %d is in a restartable sequence",
			   loan->tid);
}

/* A frame that the shadow stack does not know of ends the process when it is returned from. */
static int refuse_shadow_stack(struct loan *loan)
{
	int r = loan_get_set(loan, loan->target->arch->sets->shadow_stack, &loan->remote->work);

	if (r < 0 || loan->remote->work.size == 0)
		return r;
	return target_fail(loan->target, -LCP_EUNSUPPORTED, "thread %d has a shadow stack",
			   loan->tid);
}

int loan_save(struct loan *loan, const struct target_call *call)
{
	struct target *target = loan->target;
	int r;

	if (call->function == 0 && target->arch->syscalls[call->number] == ARCH_NO_SYSCALL)
		return target_fail(target, -LCP_EUNSUPPORTED, "no such system call on %s",
				   target->arch->name);
	if (!remote_code_holds(target, loan->remote->gadgets))
		return target_fail(target, -LCP_EBORROW, "code has gone from the process");
	r = save_state(loan);
	if (r == 0)
		r = call->last_resort ? 0 : refuse_restart(loan);
	if (r == 0)
		r = refuse_rseq(loan);
	if (r == 0)
		r = refuse_shadow_stack(loan);
	return r;
}

/* 0 where it is not known. */
static int read_thread_pointer(struct loan *loan, uint64_t *ret)
{
	const struct arch *arch = loan->target->arch;
	struct remote_set *set = &loan->remote->work;
	int r;

	if (arch->regs->thread_pointer != ARCH_NO_REG) {
		*ret = loan_reg(loan->remote->regs, arch->regs->thread_pointer);
		return 0;
	}
	r = loan_get_set(loan, arch->sets->thread_pointer, set);
	*ret = set->size >= 8 ? get_le64(set->bytes) : 0;
	return r;
}

/*
 * Only a stack of the kernel's or of a thread library's making is known to go on below the stack
 * pointer: "[stack]", or a mapping that holds the thread's own block above it, as pthread_create(3)
 * makes them. The stack of a coroutine may end with somebody else's memory right below it.
 */
static int check_room(struct loan *loan, const struct target_call *call)
{
	const struct arch_frame *frame = &loan->remote->frame;
	uint64_t sp = loan_reg(loan->remote->regs, loan->target->arch->regs->sp);
	uint64_t room = call->function != 0 ? REMOTE_STACK : 0;
	struct remote_mapping stack;
	uint64_t pointer;
	bool own;
	int r;

	r = read_thread_pointer(loan, &pointer);
	if (r < 0)
		return r;
	r = remote_maps_find(loan->target->pid, loan->tid, sp - 1, loan->remote->text,
			     sizeof(loan->remote->text), &stack);
	if (r < 0 && r != -ENOENT)
		return loan_fail(loan, -r, "reading the mappings");
	own = r == 0 &&
	      (remote_maps_is_named(&stack, "[stack]") || (sp <= pointer && pointer < stack.end));
	if (!own || !stack.writable || stack.shared || frame->address < stack.start)
		return target_fail(loan->target, -LCP_EBORROW,
				   "thread %d is on a stack of unknown size", loan->tid);
	/* "[stack]" grows, if it is the thread itself that goes there. */
	if (frame->address - stack.start < room && !remote_maps_is_named(&stack, "[stack]"))
		return target_fail(loan->target, -LCP_EBORROW, "the stack of thread %d is full",
				   loan->tid);
	return 0;
}

static int make_frame(struct loan *loan, const struct target_call *call)
{
	struct remote *remote = loan->remote;
	struct arch_thread thread = {
		.regs = remote->regs,
		.fp = remote->fp.bytes,
		.fp_size = remote->fp.size,
		.mask = remote->mask,
	};
	int r = loan->target->arch->frame(&thread, remote->gadgets, &remote->frame);

	if (r == -EFAULT)
		return target_fail(loan->target, -LCP_EBORROW, "thread %d has no stack", loan->tid);
	if (r < 0)
		return target_fail(loan->target, -LCP_EUNSUPPORTED,
				   "the process has no code that thread %d could come back by",
				   loan->tid);
	if (call->function != 0 && remote->frame.loses_result && !call->no_value)
		return target_fail(loan->target, -LCP_EUNSUPPORTED,
				   "the process has no code that could keep a function's value");
	return 0;
}

/* The mode of seccomp that /proc tells of the thread: 0 if it is off, or not compiled in. */
static int read_seccomp(struct loan *loan, int *ret)
{
	static const char key[] = "\nSeccomp:\t";
	char *text = loan->remote->text;
	const char *line;
	char path[64];
	autoclose int fd = -1;
	ssize_t size;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/status", loan->target->pid, loan->tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	size = fd < 0 ? -1 : pread(fd, text, sizeof(loan->remote->text) - 1, 0);
	if (size < 0)
		return loan_fail(loan, errno == ENOENT ? ESRCH : errno, "reading the status");
	text[size] = '\0';
	line = strstr(text, key);
	*ret = line == NULL ? 0 : line[sizeof(key) - 1] - '0';
	return 0;
}

/*
 * Seccomp is suspended for the time of the call whether there is a filter or not: that costs less
 * than looking. Where this process may not do it (that takes CAP_SYS_ADMIN, a kernel with
 * CONFIG_CHECKPOINT_RESTORE and no filter on ourselves), the thread must not have one: it would
 * have to allow calls that it was not made for.
 */
static int set_options(struct loan *loan)
{
	int mode = 0, r;

	if (ptrace_do(PTRACE_SETOPTIONS, loan->tid, 0,
		      PTRACE_O_TRACESYSGOOD | PTRACE_O_SUSPEND_SECCOMP) == 0)
		return 0;
	r = read_seccomp(loan, &mode);
	if (r < 0)
		return r;
	if (mode != 0)
		return target_fail(
			loan->target, -LCP_EUNSUPPORTED,
			"thread %d has a seccomp filter that would kill the process, and "
			"this process may not suspend it (CAP_SYS_ADMIN)",
			loan->tid);
	return loan_ptrace(loan, PTRACE_SETOPTIONS, 0, PTRACE_O_TRACESYSGOOD,
			   "setting the options");
}

/*
 * What is below the frame, where a function will run. It is put back: the thread's own functions
 * leave parts of their frames as they find them, and an address of libgcc's there would look as if
 * the thread were in libgcc (ptrace_call.c), for as long as it sleeps.
 */
static void save_below(struct loan *loan, const struct target_call *call)
{
	struct remote *remote = loan->remote;
	const struct target_ops *ops = loan->target->ops;

	remote->below_size = call->function != 0 ? REMOTE_STACK : 0;
	while (remote->below_size > 0 &&
	       ops->read(loan->target, remote->frame.address - remote->below_size, remote->below,
			 remote->below_size) < 0)
		remote->below_size = remote->below_size > 1024 ? remote->below_size / 2 : 0;
}

int loan_begin(struct loan *loan, const struct target_call *call)
{
	struct remote *remote = loan->remote;
	const struct target_ops *ops = loan->target->ops;
	int r = make_frame(loan, call);

	if (r == 0)
		r = check_room(loan, call);
	if (r < 0)
		return r;
	r = ops->read(loan->target, remote->frame.address, remote->beneath, remote->frame.size);
	if (r < 0)
		return target_fail(loan->target, r == -LCP_EGONE ? r : -LCP_EBORROW,
				   "thread %d has no stack", loan->tid);
	save_below(loan, call);
	r = ops->write(loan->target, remote->frame.address, remote->frame.bytes,
		       remote->frame.size);
	return r < 0 ? r : set_options(loan);
}

int loan_leave(struct loan *loan)
{
	return loan_ptrace(loan, PTRACE_SETOPTIONS, 0, loan->remote->options,
			   "setting the options");
}

/*
 * The general registers come last: until they are set the thread would come back through the frame.
 * Then the frame is of no use any more, and what stood there returns.
 */
int loan_end(struct loan *loan)
{
	struct remote *remote = loan->remote;
	const struct arch_sets *sets = loan->target->arch->sets;
	int r = loan_set_mask(loan, remote->mask);

	if (r == 0)
		r = loan_set_set(loan, sets->fp, &remote->fp);
	if (r == 0)
		r = loan_set_set(loan, sets->more, &remote->more);
	if (r == 0)
		r = loan_set_regs(loan, remote->regs);
	if (r == 0)
		r = loan->target->ops->write(loan->target, remote->frame.address, remote->beneath,
					     remote->frame.size);
	if (r == 0 && remote->below_size > 0)
		r = loan->target->ops->write(loan->target,
					     remote->frame.address - remote->below_size,
					     remote->below, remote->below_size);
	return r < 0 ? r : loan_leave(loan);
}
