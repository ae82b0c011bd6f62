/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * System calls that a stop would end with EINTR: which registers are changed, and which are not,
 * for all CPUs; and what statuses of waitpid(2) mean.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "arch/arch.h"
#include "base/num.h"
#include "tap.h"
#include "target/ptrace.h"

#define ERESTARTSYS (-512)
#define ERESTARTNOHAND (-514)

/* A thread that epoll_pwait(1, 2, 3, 4, 5, 6) was stopped in. */
struct blocked {
	const struct arch *arch;
	struct arch_blocked before;
	uint8_t regs[TARGET_REGS_MAX];
	uint8_t wanted[TARGET_REGS_MAX];
};

static void put(struct blocked *blocked, uint16_t offset, int64_t value)
{
	put_le64(blocked->regs + offset, (uint64_t)value);
}

static void prepare(struct blocked *blocked, const struct arch *arch, int64_t result)
{
	int64_t number = arch->syscalls[SYSCALL_EPOLL_PWAIT];

	*blocked = (struct blocked){
		.arch = arch,
		.before = { .number = number,
			    .args = { 1, 2, 3, 4, 5, 6 },
			    .sp = 0x7000,
			    .pc = 0x4000 },
	};
	memset(blocked->regs, 0x5a, arch->regs->size);
	for (size_t i = 0; i < ARRAY_SIZE(arch->regs->args); i++)
		put(blocked, arch->regs->args[i], (int64_t)i + 1);
	put(blocked, arch->regs->syscall, number);
	if (arch->regs->orig_result != ARCH_NO_REG)
		put(blocked, arch->regs->orig_result, number);
	put(blocked, arch->regs->sp, 0x7000);
	put(blocked, arch->regs->pc, 0x4000);
	put(blocked, arch->regs->result, result);
	memcpy(blocked->wanted, blocked->regs, sizeof(blocked->wanted));
}

static void leaves(struct blocked *blocked, const char *claim)
{
	memcpy(blocked->wanted, blocked->regs, sizeof(blocked->wanted));
	if (blocked->arch->cure(blocked->regs, &blocked->before))
		tap_say("%s: it says it changed them", blocked->arch->name);
	is_bytes(blocked->regs, blocked->wanted, sizeof(blocked->wanted), claim);
}

static void try_both(const struct arch *arch)
{
	struct blocked blocked;

	tap_say("%s", arch->name);
	prepare(&blocked, arch, ERESTARTSYS);
	leaves(&blocked, "a call that restarts by itself is left alone");
	prepare(&blocked, arch, 0);
	leaves(&blocked, "a call that has a result is left alone");
	prepare(&blocked, arch, -EAGAIN);
	leaves(&blocked, "a call that failed is left alone");
	ok(!arch_leaks_eintr(arch, arch->syscalls[SYSCALL_CLOSE]), "close() is never made again");
	ok(!arch_leaks_eintr(arch, ARCH_NO_SYSCALL), "nor is no call at all");
	ok(arch_leaks_eintr(arch, arch->syscalls[SYSCALL_SEMOP]) &&
		   arch_leaks_eintr(arch, arch->syscalls[SYSCALL_IO_URING_ENTER]) &&
		   arch_leaks_eintr(arch, arch->syscalls[SYSCALL_CONNECT]),
	   "semop, io_uring_enter, connect are");
}

static void try_x86_64(void)
{
	const struct arch_regs *at = arch_x86_64.regs;
	struct blocked blocked;

	prepare(&blocked, &arch_x86_64, -EINTR);
	put_le64(blocked.wanted + at->result, (uint64_t)ERESTARTNOHAND);
	ok(arch_x86_64.cure(blocked.regs, &blocked.before), "epoll_pwait is made again");
	is_bytes(blocked.regs, blocked.wanted, sizeof(blocked.wanted), "by rax, and nothing else");
	prepare(&blocked, &arch_x86_64, -EINTR);
	put(&blocked, at->orig_result, -1);
	leaves(&blocked, "-EINTR in rax outside of a call is left alone");
	prepare(&blocked, &arch_x86_64, -EINTR);
	put(&blocked, at->orig_result, arch_x86_64.syscalls[SYSCALL_CLOSE]);
	leaves(&blocked, "another call that returns EINTR is left alone");
	ok(!arch_x86_64.cure_needs_before, "the registers say it all");
}

static void try_aarch64(void)
{
	const struct arch_regs *at = arch_aarch64.regs;
	struct blocked blocked;

	ok(arch_aarch64.cure_needs_before, "it has to be known what the thread did before");
	prepare(&blocked, &arch_aarch64, -EINTR);
	put_le64(blocked.wanted + at->result, 1);
	put_le64(blocked.wanted + at->pc, 0x3ffc);
	ok(arch_aarch64.cure(blocked.regs, &blocked.before), "epoll_pwait is made again");
	is_bytes(blocked.regs, blocked.wanted, sizeof(blocked.wanted),
		 "by x0 and pc, and nothing else");
	prepare(&blocked, &arch_aarch64, -EINTR);
	blocked.before.number = ARCH_NO_SYSCALL;
	leaves(&blocked, "without a call before it is left alone");
	prepare(&blocked, &arch_aarch64, -EINTR);
	put(&blocked, at->pc, 0x4004);
	leaves(&blocked, "at another place than before it is left alone");
	prepare(&blocked, &arch_aarch64, -EINTR);
	put(&blocked, at->sp, 0x7010);
	leaves(&blocked, "with another stack it is left alone");
	prepare(&blocked, &arch_aarch64, -EINTR);
	put(&blocked, at->args[3], 77);
	leaves(&blocked, "with another argument it is left alone");
	prepare(&blocked, &arch_aarch64, -EINTR);
	put(&blocked, at->syscall, arch_aarch64.syscalls[SYSCALL_SEMOP]);
	leaves(&blocked, "in another call it is left alone");
	prepare(&blocked, &arch_aarch64, -EINTR);
	blocked.before.number = arch_aarch64.syscalls[SYSCALL_CLOSE];
	put(&blocked, at->syscall, blocked.before.number);
	leaves(&blocked, "a call that is not on the list is left alone");
}

static int stopped(int signal, int event)
{
	return event << 16 | signal << 8 | 0x7f;
}

static void try_statuses(void)
{
	static const struct {
		int status;
		enum ptrace_kind kind;
		int signal;
		const char *claim;
	} cases[] = {
		{ 0x0700, PTRACE_ENDED, 0, "exit status 7: it has ended" },
		{ SIGKILL, PTRACE_ENDED, 0, "killed: it has ended" },
		{ SIGSEGV | 0x80, PTRACE_ENDED, 0, "killed with a core: it has ended" },
		{ 0x80057f, PTRACE_INTERRUPTED, 0, "event stop with SIGTRAP: interrupted" },
		{ 0x80137f, PTRACE_GROUP, 0, "event stop with SIGSTOP: the process is stopped" },
		{ 0x03057f, PTRACE_CLONE, 0, "clone event: a thread was made" },
		{ 0x04057f, PTRACE_OTHER, 0, "exec event: something else" },
		{ 0x137f, PTRACE_SIGNAL, SIGSTOP, "SIGSTOP without an event: is to be passed on" },
		{ 0x057f, PTRACE_SIGNAL, SIGTRAP, "SIGTRAP without an event: is to be passed on" },
		{ 0x857f, PTRACE_SYSCALL_STOP, 0, "SIGTRAP | 0x80: at a system call" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ptrace_stop stop = ptrace_classify(cases[i].status);

		ok(stop.kind == cases[i].kind && stop.signal == cases[i].signal &&
			   stop.status == cases[i].status,
		   "%s", cases[i].claim);
	}
	is_int(ptrace_classify(stopped(SIGRTMIN + 3, 0)).signal, SIGRTMIN + 3,
	       "a real-time signal is to be passed on");
}

int main(void)
{
	tap_begin();
	try_both(&arch_x86_64);
	try_x86_64();
	try_both(&arch_aarch64);
	try_aarch64();
	try_statuses();
	return tap_end();
}
