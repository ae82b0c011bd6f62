/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signal frames, field by field. On x86-64 one is compared with what the kernel leaves on the stack
 * when it runs a signal handler. That threads return from them is seen in tests/live.
 */
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <ucontext.h>
#include <unistd.h>

#include "arch/arch.h"
#include "base/num.h"
#include "tap.h"

#define SP UINT64_C(0x7ffff000fe38)

static const struct arch_gadget_at gadgets[GADGET_COUNT] = {
	[GADGET_SYSCALL_RET] = { 0x1000, { 0x0f, 0x05, 0xc3 } },
	[GADGET_SIGRETURN] = { 0x2000, { 0 } },
	[GADGET_POP_SYSCALL] = { 0x3000, { 0x58, 0xc3 } },
	[GADGET_KEEP_RESULT] = { 0x4000, { 0x48, 0x89, 0x43, 0xf8, 0x5b, 0xc3 } },
};

static struct arch_frame frame;

/* A word of the frame by its address in the process. */
static uint64_t word(uint64_t address)
{
	if (!range_fits(address - frame.address, 8, frame.size))
		return UINT64_MAX;
	return get_le64(frame.bytes + (address - frame.address));
}

static void fill(uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(i * 3 + 1);
}

/* x86-64 */

#define X86_REGS 216
#define X86_FP 2440
#define X86_UCONTEXT_REGS 40

struct x86 {
	uint8_t regs[X86_REGS];
	uint8_t fp[11008];
	struct arch_thread thread;
};

static void x86_make(struct x86 *x86)
{
	fill(x86->regs, sizeof(x86->regs));
	fill(x86->fp, sizeof(x86->fp));
	put_le64(x86->regs + 152, SP);
	put_le64(x86->regs + 120, UINT64_MAX); /* orig_rax */
	put_le64(x86->fp + 464, 0x2e7); /* XCR0 */
	put_le64(x86->fp + 512, 0x7); /* in use */
	x86->thread = (struct arch_thread){
		.regs = x86->regs,
		.fp = x86->fp,
		.fp_size = X86_FP,
		.mask = 0x123456789a,
	};
}

static void try_x86_layout(void)
{
	struct x86 x86;
	uint64_t at, context, fpstate;

	x86_make(&x86);
	is_int(arch_x86_64.frame(&x86.thread, gadgets, &frame), 0, "x86-64: a frame is made");
	at = frame.sigreturn_sp - 8;
	ok(frame.address + frame.size <= SP - 128, "it is below the red zone");
	is_int(at % 16, 8, "a function entered there finds its stack aligned");
	is_int(word(at + 8), 7, "flags of the ucontext");
	is_int(word(at + 32) & UINT32_MAX, UINT32_MAX, "alternate stack: invalid, so it stays");
	context = at + 8 + X86_UCONTEXT_REGS;
	is_int(word(context), get_le64(x86.regs + 72), "r8 is the first register");
	is_int(word(context + 120), SP, "the stack pointer");
	is_int(word(context + 128), get_le64(x86.regs + 128), "the program counter");
	is_int(word(context + 136), get_le64(x86.regs + 144), "the flags");
	is_int(word(context + 256), 0x123456789a, "the signal mask");
	fpstate = word(context + 184);
	is_int(fpstate % 64, 0, "xstate is aligned as XRSTOR wants it");
	is_int(word(fpstate + 464), UINT64_C(0x46505853) | (uint64_t)(X86_FP + 4) << 32,
	       "software's words: magic, size with the end");
	is_int(word(fpstate + 472), 0x2e7, "features");
	is_int(word(fpstate + 480), X86_FP, "size");
	is_int(get_le32(frame.bytes + (fpstate + X86_FP - frame.address)), 0x46505845,
	       "the end of xstate is marked");
	is_bytes(frame.bytes + (fpstate - frame.address), x86.fp, 464, "x87 and SSE");
	is_bytes(frame.bytes + (fpstate + 512 - frame.address), x86.fp + 512, X86_FP - 512,
		 "and the others");
}

static void try_x86_ways(void)
{
	struct arch_gadget_at some[GADGET_COUNT];
	struct x86 x86;

	x86_make(&x86);
	(void)arch_x86_64.frame(&x86.thread, gadgets, &frame);
	is_int(frame.back.pc, 0x2000, "the way back begins at the restorer");
	is_int(frame.back.sp, frame.sigreturn_sp, "which pops nothing");
	is_int(word(frame.syscall.sp), 0x2000, "behind a system call comes the restorer");
	is_int(frame.syscall.pc, 0x1002, "a system call goes on at the return");
	is_int(word(frame.function.sp), 0x4000, "a function returns to where its value is kept");
	is_int(word(frame.function.sp + 16), 0x2000, "and then comes the restorer");
	is_int(frame.result_base - 8, frame.result, "its displacement is counted in");
	is_int(frame.result_reg, 40, "in rbx");
	is_int(word(frame.result), 0, "the room for it is in the frame");

	memcpy(some, gadgets, sizeof(some));
	some[GADGET_SIGRETURN].address = 0;
	is_int(arch_x86_64.frame(&x86.thread, some, &frame), 0, "a restorer is not needed");
	is_int(frame.back.pc, 0x3000, "the number is popped");
	is_int(word(frame.back.sp), 15, "it is that of rt_sigreturn");
	is_int(word(frame.back.sp + 8), 0x1000, "then the call is made");
	is_int(frame.back.sp + 16, frame.sigreturn_sp, "with the frame on the stack");
	is_int(word(frame.syscall.sp), 0x3000, "behind a system call comes the same");
	is_int(word(frame.function.sp + 16), 0x3000, "and behind a function");

	some[GADGET_KEEP_RESULT].address = 0;
	(void)arch_x86_64.frame(&x86.thread, some, &frame);
	ok(frame.loses_result && frame.result == 0, "a value that cannot be kept is lost");
	is_int(word(frame.function.sp), 0x3000, "the function returns all the same");
	some[GADGET_POP_SYSCALL].address = 0;
	is_int(arch_x86_64.frame(&x86.thread, some, &frame), -ENOTSUP, "no way back, no frame");
	some[GADGET_SIGRETURN].address = 1;
	some[GADGET_SYSCALL_RET].address = 0;
	is_int(arch_x86_64.frame(&x86.thread, some, &frame), -ENOTSUP, "nor without a call");
}

/* Where the thread is in the frame, when it was stopped in a system call that returned @result. */
static void try_x86_restart(int64_t result, bool again, const char *claim)
{
	struct x86 x86;
	uint64_t context;

	x86_make(&x86);
	put_le64(x86.regs + 80, (uint64_t)result);
	put_le64(x86.regs + 120, 35);
	(void)arch_x86_64.frame(&x86.thread, gadgets, &frame);
	context = frame.sigreturn_sp + X86_UCONTEXT_REGS;
	ok(word(context + 104) == (again ? 35 : (uint64_t)result) &&
		   word(context + 128) == get_le64(x86.regs + 128) - (again ? 2 : 0),
	   "%s", claim);
}

/* The xstate's size that the frame claims, for any alignment of the stack pointer. */
static uint64_t x86_xstate_size(struct x86 *x86, uint64_t sp)
{
	put_le64(x86->regs + 152, sp);
	if (arch_x86_64.frame(&x86->thread, gadgets, &frame) < 0 ||
	    frame.address + frame.size > sp - 128 || frame.size > ARCH_FRAME_MAX)
		return 0;
	return word(word(frame.sigreturn_sp + X86_UCONTEXT_REGS + 184) + 480);
}

static void try_x86_tiles(void)
{
	struct x86 x86;

	x86_make(&x86);
	x86.thread.fp_size = sizeof(x86.fp);
	put_le64(x86.fp + 464, 0x602e7);
	for (uint64_t i = 0; i < 128; i += 21) {
		put_le64(x86.fp + 512, 0x7);
		is_int(x86_xstate_size(&x86, SP + i), sizeof(x86.fp) - 8192,
		       "AMX tiles that are not in use are left out");
		put_le64(x86.fp + 512, 0x40007);
		is_int(x86_xstate_size(&x86, SP + i), sizeof(x86.fp), "those in use are in it");
	}
}

static void try_x86_limits(void)
{
	struct x86 x86;

	x86_make(&x86);
	x86.thread.fp_size = 512;
	is_int(arch_x86_64.frame(&x86.thread, gadgets, &frame), -ENOTSUP, "FXSAVE is too little");
	x86.thread.fp_size = ARCH_FRAME_MAX;
	is_int(arch_x86_64.frame(&x86.thread, gadgets, &frame), -ENOTSUP, "a set too large");
	x86_make(&x86);
	put_le64(x86.regs + 152, 4096);
	is_int(arch_x86_64.frame(&x86.thread, gadgets, &frame), -EFAULT, "no room below sp");

	arch_x86_64.clean_fp(x86.fp, X86_FP);
	ok(get_le16(x86.fp) == 0x37f && get_le32(x86.fp + 24) == 0x1f80 &&
		   get_le64(x86.fp + 512) == 3 && get_le64(x86.fp + 160) == 0,
	   "a function begins with registers as a program does");
}

/* aarch64 */

static void try_aarch64(void)
{
	struct arch_gadget_at some[GADGET_COUNT];
	uint8_t regs[272], fp[528];
	struct arch_thread thread = { regs, fp, sizeof(fp), 0x55 };
	uint64_t at;

	fill(regs, sizeof(regs));
	fill(fp, sizeof(fp));
	put_le64(regs + 248, SP - 8);
	is_int(arch_aarch64.frame(&thread, gadgets, &frame), 0, "aarch64: a frame is made");
	at = frame.sigreturn_sp;
	ok(frame.address + frame.size <= SP - 8 && at % 16 == 0, "it is below sp, and aligned");
	is_int(at, frame.address, "it begins where rt_sigreturn looks for it");
	is_int(word(at + 152) & UINT32_MAX, UINT32_MAX, "alternate stack: invalid, so it stays");
	is_int(word(at + 168), 0x55, "the signal mask");
	is_bytes(frame.bytes + 312, regs, sizeof(regs), "registers, sp, pc and pstate");
	is_int(word(at + 592), UINT64_C(0x46508001) | UINT64_C(528) << 32, "the FPSIMD record");
	is_bytes(frame.bytes + 592 + 16, fp, 512, "its vectors");
	is_int(word(at + 600), get_le64(fp + 512), "fpsr and fpcr");
	is_int(word(at + 592 + 528), 0, "no other record follows");
	is_int(frame.back.pc, 0x2000, "the way back begins at the restorer");
	ok(frame.syscall.pc == 0x1004 && frame.syscall.link == 0x2000,
	   "a system call returns there");
	ok(frame.function.link == 0x2000 && frame.function.sp == at, "and so does a function");
	ok(frame.result == 0 && !frame.loses_result && frame.result_reg == ARCH_NO_REG,
	   "whose value is in x0");
	is_int(arch_aarch64.flags_cleared & 0xc00, 0xc00, "BTYPE is cleared on the way");

	thread.fp_size = 527;
	is_int(arch_aarch64.frame(&thread, gadgets, &frame), -ENOTSUP, "a set of another form");
	thread.fp_size = 528;
	put_le64(regs + 248, 4096);
	is_int(arch_aarch64.frame(&thread, gadgets, &frame), -EFAULT, "no room below sp");
	put_le64(regs + 248, SP);
	memcpy(some, gadgets, sizeof(some));
	some[GADGET_SIGRETURN].address = 0;
	is_int(arch_aarch64.frame(&thread, some, &frame), -ENOTSUP, "no way back, no frame");
	arch_aarch64.clean_fp(fp, sizeof(fp));
	is_int(get_le64(fp + 512), 0, "a function begins with fpcr 0");
}

#if defined(__x86_64__) && defined(__LP64__)

/* What the kernel put on the stack: found by its ucontext, which a handler is given. */
static uint8_t dump[ARCH_FRAME_MAX];
static uint64_t dumped, dump_size;

static void on_signal(int signal, siginfo_t *info, void *context)
{
	const uint8_t *xstate = (uint8_t *)((ucontext_t *)context)->uc_mcontext.fpregs;

	(void)signal;
	(void)info;
	dumped = (uint64_t)(uintptr_t)context - 8;
	dump_size = 440;
	memcpy(dump, (uint8_t *)context - 8, 440);
	memcpy(dump + 440, xstate, get_le32(xstate + 480) + 4);
}

/* The registers that a frame holds, as ptrace would have told them. */
static void regs_of(const uint8_t *kernel, struct x86 *ret)
{
	static const uint8_t order[] = { 72,  64, 56, 48, 24, 16, 8,   0,   112,
					 104, 32, 40, 96, 80, 88, 152, 128, 144 };
	const uint8_t *fp = kernel + 440;

	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < sizeof(order); i++)
		memcpy(ret->regs + order[i], kernel + 48 + 8 * i, 8);
	memcpy(ret->regs + 136, kernel + 192, 2);
	memcpy(ret->regs + 160, kernel + 198, 2);
	put_le64(ret->regs + 120, UINT64_MAX);
	ret->thread.fp_size = get_le32(fp + 480);
	memcpy(ret->fp, fp, ret->thread.fp_size);
	put_le64(ret->fp + 464, get_le64(fp + 472));
	ret->thread.regs = ret->regs;
	ret->thread.fp = ret->fp;
	ret->thread.mask = get_le64(kernel + 304);
}

/* err, trapno, oldmask and cr2 say what happened; rt_sigreturn reads none of them. */
static void try_kernel_frame(void)
{
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
	struct x86 x86;
	const uint8_t *ours;

	(void)sigaction(SIGUSR1, &action, NULL);
	(void)raise(SIGUSR1);
	is_int(dump_size, 440, "the kernel made a frame");
	regs_of(dump, &x86);
	if (!ok(arch_x86_64.frame(&x86.thread, gadgets, &frame) == 0, "and we make the same"))
		return;
	ours = frame.bytes + (frame.sigreturn_sp - 8 - frame.address);
	is_int(frame.sigreturn_sp % 16, (dumped + 8) % 16, "its alignment");
	is_bytes(ours + 8, dump + 8, 16, "flags and link of the ucontext");
	is_bytes(ours + 48, dump + 48, 152, "registers, segments");
	is_bytes(ours + 304, dump + 304, 8, "mask");
	is_int(get_le64(ours + 232) % 64, get_le64(dump + 232) % 64, "alignment of xstate");
	ours = frame.bytes + (get_le64(ours + 232) - frame.address);
	is_bytes(ours, dump + 440, 464, "x87 and SSE");
	is_bytes(ours + 464, dump + 440 + 464, 48, "software's words");
	is_bytes(ours + 512, dump + 440 + 512, get_le32(dump + 440 + 480) - 512 + 4,
		 "the other registers and the mark at their end");
}

#else

static void try_kernel_frame(void)
{
	tap_skip("another CPU", "the kernel's frame is like ours");
}

#endif

int main(void)
{
	tap_begin();
	try_x86_layout();
	try_x86_ways();
	try_x86_restart(-512, true, "ERESTARTSYS: the call is made again");
	try_x86_restart(-513, true, "ERESTARTNOINTR: the call is made again");
	try_x86_restart(-514, true, "ERESTARTNOHAND: the call is made again");
	try_x86_restart(-516, true, "ERESTART_RESTARTBLOCK: the call is made again");
	try_x86_restart(-EINTR, false, "EINTR is what it returned");
	try_x86_restart(7, false, "7 is what it returned");
	try_x86_limits();
	try_x86_tiles();
	try_aarch64();
	try_kernel_frame();
	return tap_end();
}
