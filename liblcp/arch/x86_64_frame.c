/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The frame, from its lowest address on:
 *
 *	way		words that the instructions of gadgets pop, one way after the other
 *	rt_sigframe	return address, ucontext, siginfo
 *	xstate		at a multiple of 64; as XSAVE writes it, with software's words
 *	red zone	128 bytes below the stack pointer, which are the thread's (psABI 3.2.2)
 *
 * The kernel finds the frame by the stack pointer when rt_sigreturn is made: it is that of the
 * ucontext, because the return address in front of it has been popped.
 */
#include "arch/x86_64.h"

#include <errno.h>
#include <string.h>

#include "base/num.h"

#define RED_ZONE 128
#define FRAME_ALIGN 16
#define RT_SIGRETURN 15

/* struct rt_sigframe; the machine context is a struct sigcontext_64. */
#define FRAME_FLAGS 8
#define FRAME_STACK_FLAGS 32
#define FRAME_REGS 48
#define FRAME_SEGMENTS 192 /* cs, gs, fs, ss: 16 bits each */
#define FRAME_FPSTATE 232
#define FRAME_MASK 304
#define FRAME_SIGINFO 312
#define FRAME_SIZE 440

/* UC_FP_XSTATE, UC_SIGCONTEXT_SS, UC_STRICT_RESTORE_SS: <asm/ucontext.h> */
#define UCONTEXT_FLAGS 7

/*
 * No valid ss_flags: do_sigaltstack() refuses them, restore_altstack() ignores that, and so the
 * thread keeps the alternate stack it has.
 */
#define STACK_FLAGS_INVALID UINT32_MAX

/* Words that are popped on the longest way: GADGET_KEEP_RESULT's two, GADGET_POP_SYSCALL's two. */
#define WAY_SIZE 32

/* XSAVE area in its standard form; software's words: struct _fpx_sw_bytes, <asm/sigcontext.h> */
#define XSTATE_MXCSR 24
#define XSTATE_SOFTWARE 464
#define XSTATE_HEADER 512
#define XSTATE_MIN 576
#define XSTATE_TILES 8192
#define XSTATE_HAS_TILES (UINT64_C(1) << 18)
#define MAGIC1 0x46505853
#define MAGIC2 0x46505845

/* struct user_regs_struct */
#define REG_RBX 40
#define REG_RAX 80
#define REG_ORIG_RAX 120
#define REG_RIP 128
#define REG_CS 136
#define REG_RSP 152
#define REG_SS 160
#define SYSCALL_SIZE 2

/* struct sigcontext_64 from r8 to eflags, by where user_regs_struct has them. */
static const uint8_t context_regs[] = {
	72, 64, 56, 48, 24, 16, 8, 0, 112, 104, 32, 40, 96, 80, 88, 152, 128, 144,
};

#define CONTEXT_RAX 13
#define CONTEXT_RIP 16

/*
 * Will the kernel make the interrupted system call again? ERESTARTSYS, ERESTARTNOINTR,
 * ERESTARTNOHAND, ERESTART_RESTARTBLOCK: <linux/errno.h> of the kernel. For the last it would be
 * restart_syscall(2), but that forgets what to do when rt_sigreturn is made; made again from its
 * beginning the call waits for longer and is right in all else.
 *
 * A call that returns EINTR stays as it is: whoever stopped the thread has turned those that may be
 * made again into ERESTARTNOHAND, and a close(2) must not be.
 */
static bool is_restarted(const uint8_t *regs)
{
	int64_t result = (int64_t)get_le64(regs + REG_RAX);

	if ((int64_t)get_le64(regs + REG_ORIG_RAX) < 0)
		return false;
	return result == -512 || result == -513 || result == -514 || result == -516;
}

static void put_context(const struct arch_thread *thread, uint64_t fpstate, uint8_t *frame)
{
	const uint8_t *regs = thread->regs;
	uint8_t *context = frame + FRAME_REGS;

	put_le64(frame + FRAME_FLAGS, UCONTEXT_FLAGS);
	put_le32(frame + FRAME_STACK_FLAGS, STACK_FLAGS_INVALID);
	for (size_t i = 0; i < ARRAY_SIZE(context_regs); i++)
		put_le64(context + 8 * i, get_le64(regs + context_regs[i]));
	if (is_restarted(regs)) {
		put_le64(context + 8 * CONTEXT_RAX, get_le64(regs + REG_ORIG_RAX));
		put_le64(context + 8 * CONTEXT_RIP, get_le64(regs + REG_RIP) - SYSCALL_SIZE);
	}
	put_le16(frame + FRAME_SEGMENTS, get_le16(regs + REG_CS));
	put_le16(frame + FRAME_SEGMENTS + 6, get_le16(regs + REG_SS));
	put_le64(frame + FRAME_FPSTATE, fpstate);
	put_le64(frame + FRAME_MASK, thread->mask);
}

/*
 * How much of the set goes into the frame: what the kernel lets this thread have. A thread that has
 * not asked for AMX tiles (arch_prctl(2), ARCH_REQ_XCOMP_PERM) has no room for them in the kernel
 * either, and a frame that claims more than that room is read as one without xstate at all
 * (check_xstate_in_sigframe()). They are the last of all.
 */
static size_t xstate_size(const struct arch_thread *thread)
{
	uint64_t has = get_le64(thread->fp + XSTATE_SOFTWARE);
	uint64_t uses = get_le64(thread->fp + XSTATE_HEADER);

	if ((has & ~uses & XSTATE_HAS_TILES) != 0 && thread->fp_size >= XSTATE_MIN + XSTATE_TILES)
		return thread->fp_size - XSTATE_TILES;
	return thread->fp_size;
}

/* ptrace has the CPU's features (XCR0) where a frame has software's words. */
static void put_xstate(const struct arch_thread *thread, size_t size, uint8_t *xstate)
{
	uint8_t *words = xstate + XSTATE_SOFTWARE;

	memcpy(xstate, thread->fp, size);
	memset(words, 0, XSTATE_HEADER - XSTATE_SOFTWARE);
	put_le32(words, MAGIC1);
	put_le32(words + 4, (uint32_t)size + 4);
	put_le64(words + 8, get_le64(thread->fp + XSTATE_SOFTWARE));
	put_le32(words + 16, (uint32_t)size);
	put_le32(xstate + size, MAGIC2);
}

static void push(struct arch_frame *frame, uint64_t *sp, uint64_t word)
{
	*sp -= 8;
	put_le64(frame->bytes + (*sp - frame->address), word);
}

/*
 * The ways that lead to rt_sigreturn of the frame at @at. glibc's restorer does it by itself; where
 * there is none the number is popped off the stack. A function's value would be lost by both, so it
 * is stored on the way.
 */
static int put_ways(const struct arch_gadget_at *gadgets, uint64_t at, struct arch_frame *frame)
{
	const struct arch_gadget_at *keep = &gadgets[GADGET_KEEP_RESULT];
	uint64_t restorer = gadgets[GADGET_SIGRETURN].address;
	uint64_t pop = gadgets[GADGET_POP_SYSCALL].address;
	uint64_t syscall = gadgets[GADGET_SYSCALL_RET].address;
	uint64_t sp = at + 8;

	if (syscall == 0 || (restorer == 0 && pop == 0))
		return -ENOTSUP;
	frame->sigreturn_sp = sp;
	if (restorer != 0) {
		frame->back = (struct arch_start){ .pc = restorer, .sp = sp };
		push(frame, &sp, restorer);
	} else {
		push(frame, &sp, syscall);
		push(frame, &sp, RT_SIGRETURN);
		frame->back = (struct arch_start){ .pc = pop, .sp = sp };
		push(frame, &sp, pop);
	}
	frame->syscall = (struct arch_start){ .pc = syscall + SYSCALL_SIZE, .sp = sp };
	frame->loses_result = keep->address == 0;
	frame->result_reg = ARCH_NO_REG;
	if (!frame->loses_result) {
		frame->result = at + FRAME_SIGINFO;
		frame->result_reg = REG_RBX;
		/* The instruction's displacement has 8 bits and a sign. */
		frame->result_base = frame->result - (uint64_t)(int64_t)(int8_t)keep->code[3];
		push(frame, &sp, 0);
		push(frame, &sp, keep->address);
	}
	frame->function = (struct arch_start){ .sp = sp };
	return 0;
}

int x86_64_frame(const struct arch_thread *thread, const struct arch_gadget_at *gadgets,
		 struct arch_frame *ret)
{
	uint64_t sp = get_le64(thread->regs + REG_RSP);
	uint64_t top = sp - RED_ZONE;
	uint64_t fpstate, at;
	size_t size;

	if (thread->fp_size < XSTATE_MIN || thread->fp_size > ARCH_FRAME_MAX - XSTATE_MIN)
		return -ENOTSUP;
	if (sp < ARCH_FRAME_MAX + RED_ZONE)
		return -EFAULT;
	size = xstate_size(thread);
	fpstate = (top - size - 4) & ~UINT64_C(63);
	/* As at a function's entry: the return address lies 8 below a multiple of 16. */
	at = ((fpstate - FRAME_SIZE) & ~(uint64_t)(FRAME_ALIGN - 1)) - 8;

	memset(ret, 0, sizeof(*ret));
	ret->address = at - WAY_SIZE;
	ret->size = top - ret->address;
	put_context(thread, fpstate, ret->bytes + WAY_SIZE);
	put_xstate(thread, size, ret->bytes + (fpstate - ret->address));
	return put_ways(gadgets, at, ret);
}

/* As fpu__clear_user_states() of Linux does for signal handlers. */
void x86_64_clean_fp(uint8_t *fp, size_t size)
{
	if (size < XSTATE_MIN)
		return;
	memset(fp, 0, XSTATE_SOFTWARE);
	memset(fp + XSTATE_HEADER, 0, size - XSTATE_HEADER);
	put_le16(fp, 0x37f);
	put_le32(fp + XSTATE_MXCSR, 0x1f80);
	put_le64(fp + XSTATE_HEADER, 3); /* x87 and SSE; all else as the CPU is reset to */
}
