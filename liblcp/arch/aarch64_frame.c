/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The frame of arch/arm64/kernel/signal.c of Linux: struct rt_sigframe with one record, FPSIMD.
 * What SVE adds to the vectors is not in it: a thread that must come back without help has then
 * lost what every system call may destroy anyway (Documentation/arch/arm64/sve.rst, 3).
 *
 * There are no ways of several steps: the link register leads on to rt_sigreturn.
 */
#include "arch/aarch64.h"

#include <errno.h>
#include <string.h>

#include "base/num.h"

#define INSTRUCTION_SIZE 4
#define FRAME_ALIGN 16

/* struct rt_sigframe: siginfo, ucontext, of which the last part is a struct sigcontext */
#define FRAME_STACK_FLAGS 152
#define FRAME_MASK 168
#define FRAME_REGS 312 /* x0 to x30, sp, pc, pstate: as in struct user_pt_regs */
#define FRAME_RECORDS 592
#define FRAME_SIZE 4688

/* See x86_64_frame.c. */
#define STACK_FLAGS_INVALID UINT32_MAX

/* struct fpsimd_context, and struct user_fpsimd_state */
#define RECORD_MAGIC 0x46508001
#define RECORD_SIZE 528
#define RECORD_FPSR 8
#define RECORD_FPCR 12
#define RECORD_VECTORS 16
#define FP_VECTORS_SIZE 512
#define FP_FPSR 512
#define FP_FPCR 516
#define FP_SIZE 528

#define REGS_SIZE 272
#define REG_SP 248

static void put_fpsimd(const uint8_t *fp, uint8_t *record)
{
	put_le32(record, RECORD_MAGIC);
	put_le32(record + 4, RECORD_SIZE);
	memcpy(record + RECORD_FPSR, fp + FP_FPSR, 4);
	memcpy(record + RECORD_FPCR, fp + FP_FPCR, 4);
	memcpy(record + RECORD_VECTORS, fp, FP_VECTORS_SIZE);
}

/* The kernel has set up an interrupted system call to be made again before the thread stops. */
int aarch64_frame(const struct arch_thread *thread, const struct arch_gadget_at *gadgets,
		  struct arch_frame *ret)
{
	uint64_t sp = get_le64(thread->regs + REG_SP);
	uint64_t restorer = gadgets[GADGET_SIGRETURN].address;
	uint64_t syscall = gadgets[GADGET_SYSCALL_RET].address;
	uint64_t at;

	if (restorer == 0 || syscall == 0 || thread->fp_size != FP_SIZE)
		return -ENOTSUP;
	if (sp < FRAME_SIZE + FRAME_ALIGN)
		return -EFAULT;
	at = (sp - FRAME_SIZE) & ~(uint64_t)(FRAME_ALIGN - 1);

	memset(ret, 0, sizeof(*ret));
	ret->address = at;
	ret->size = FRAME_SIZE;
	put_le32(ret->bytes + FRAME_STACK_FLAGS, STACK_FLAGS_INVALID);
	put_le64(ret->bytes + FRAME_MASK, thread->mask);
	memcpy(ret->bytes + FRAME_REGS, thread->regs, REGS_SIZE);
	put_fpsimd(thread->fp, ret->bytes + FRAME_RECORDS);
	ret->back = (struct arch_start){ .pc = restorer, .sp = at };
	ret->syscall = (struct arch_start){
		.pc = syscall + INSTRUCTION_SIZE,
		.sp = at,
		.link = restorer,
	};
	ret->function = (struct arch_start){ .sp = at, .link = restorer };
	ret->sigreturn_sp = at;
	ret->result_reg = ARCH_NO_REG;
	return 0;
}

/* As the kernel resets a thread that execs: all zero, rounding to nearest. */
void aarch64_clean_fp(uint8_t *fp, size_t size)
{
	memset(fp, 0, size);
}
