/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * aarch64, little-endian, 64-bit pointers (not ILP32). The relocations are in aarch64_reloc.c,
 * guards in aarch64_guard.c, moving in aarch64_move.c.
 *
 * "Arm ARM" below is the Arm Architecture Reference Manual for A-profile, "AAPCS64" the Procedure
 * Call Standard. An instruction is four bytes at a multiple of four.
 */
#include "arch/aarch64.h"

#include <elf.h>
#include <errno.h>

#include "arch/common.h"
#include "base/num.h"

#define INSTRUCTION_SIZE 4
#define FAR_SIZE 16

#define B 0x14000000 /* b . */
#define B_MASK 0xfc000000
#define LDR_X16_8 0x58000050 /* ldr x16, .+8 */
#define BR_X16 0xd61f0200
#define NOP 0xd503201f
#define UDF_0 0x00000000
#define BTI_C 0xd503245f
#define BTI_J 0xd503249f
#define BTI_JC 0xd50324df
#define PACIASP 0xd503233f
#define PACIBSP 0xd503237f

static bool is_aligned(uint64_t address)
{
	return address % INSTRUCTION_SIZE == 0;
}

/* b */
static int branch(uint64_t from, uint64_t to, uint8_t *code)
{
	uint64_t distance = to - from;

	if (!is_aligned(from) || !is_aligned(to) || !fits_signed((int64_t)distance, 28))
		return -ERANGE;
	put_le32(code, B | ((uint32_t)(distance / INSTRUCTION_SIZE) & ~B_MASK));
	return INSTRUCTION_SIZE;
}

/*
 * ldr x16, .+8; br x16; the address. What linkers put into a call's way may use x16 (AAPCS64 6.1.1:
 * IP0), so no caller keeps anything there. And of all registers it is x16 and x17 through which a
 * jump arrives like a call (Arm ARM, BR: BTYPE becomes 1), so a "bti c" accepts it.
 */
static int far_branch(uint64_t from, uint64_t to, uint8_t *code)
{
	if (!is_aligned(from) || !is_aligned(to))
		return -ERANGE;
	put_le32(code, LDR_X16_8);
	put_le32(code + 4, BR_X16);
	put_le64(code + 8, to);
	return FAR_SIZE;
}

/* brk */
static bool is_breakpoint(const uint8_t *code, size_t size)
{
	return size >= 4 && (get_le32(code) & 0xffe0001f) == 0xd4200000;
}

static uint64_t branch_target(uint64_t from, const uint8_t *code, size_t size)
{
	uint32_t instruction;

	if (size < INSTRUCTION_SIZE)
		return 0;
	instruction = get_le32(code);
	if ((instruction & B_MASK) == B) /* shifted up and down again to extend its sign */
		return from + (uint64_t)((int64_t)((uint64_t)instruction << 38) >> 36);
	if (size >= FAR_SIZE && instruction == LDR_X16_8 && get_le32(code + 4) == BR_X16)
		return get_le64(code + 8);
	return 0;
}

/*
 * paciasp and pacibsp are pads as well (Arm ARM, PACIASP: an implicit BTI c), and they sign the
 * return address, which the new code will check only if it has signed it, and must not sign twice.
 * BTI without an operand accepts no jump and no call, so it is no pad.
 */
static struct landing_pad landing_pad(const uint8_t *code, size_t size)
{
	struct landing_pad pad = {};
	uint32_t instruction;

	if (size < INSTRUCTION_SIZE)
		return pad;
	instruction = get_le32(code);
	switch (instruction) {
	case PACIASP:
	case PACIBSP:
		pad.enter_behind = true;
		instruction = BTI_C;
		break;
	case BTI_C:
	case BTI_J:
	case BTI_JC:
		break;
	default:
		return pad;
	}
	pad.size = INSTRUCTION_SIZE;
	put_le32(pad.plain, instruction);
	return pad;
}

static size_t words_equal_to(uint32_t word, const uint8_t *code, size_t size)
{
	size_t done = 0;

	while (range_fits(done, INSTRUCTION_SIZE, size) && get_le32(code + done) == word)
		done += INSTRUCTION_SIZE;
	return done;
}

/*
 * gas and ld fill code with nop, lld with zero bytes (udf #0). Constants may stand behind a
 * function as well, and 1.0 begins with a word of zeros: so these are padding only where they go
 * on to the end.
 */
static size_t padding(const uint8_t *code, size_t size)
{
	size_t nops = words_equal_to(NOP, code, size);
	size_t zeros = words_equal_to(UDF_0, code + nops, size - nops);

	return nops + zeros == size ? size : nops;
}

/* x0 to x30, sp (DWARF for the Arm 64-bit Architecture, 4.1) */
static const uint16_t dwarf_regs[] = { 0,   8,	 16,  24,  32,	40,  48,  56,  64,  72,	 80,
				       88,  96,	 104, 112, 120, 128, 136, 144, 152, 160, 168,
				       176, 184, 192, 200, 208, 216, 224, 232, 240, 248 };

/* bl; or blr and its kin that check a pointer's signature. */
static bool is_return(const uint8_t *code, size_t size)
{
	uint32_t call = size >= 4 ? get_le32(code + size - 4) : 0;

	return (call & 0xfc000000) == 0x94000000 || (call & 0xfefff000) == 0xd63f0000;
}

/* struct user_pt_regs, <asm/ptrace.h>; the thread pointer is in NT_ARM_TLS */
static const struct arch_regs regs = {
	.size = 272,
	.pc = 256,
	.sp = 248,
	.result = 0, /* x0 */
	.syscall = 64, /* x8 */
	.orig_result = ARCH_NO_REG,
	.link = 240, /* x30 */
	.flags = 264, /* pstate */
	.thread_pointer = ARCH_NO_REG,
	.args = { 0, 8, 16, 24, 32, 40 }, /* x0 to x5 */
	.function_args = { 0, 8, 16, 24, 32, 40 },
};

/*
 * PSTATE.SS, BTYPE: with BTYPE as an indirect branch left it, the next instruction would
 * have to be a landing pad (Arm ARM, PSTATE.BTYPE), and a system call is none.
 */
#define FLAGS_CLEARED (1 << 21 | 3 << 10)

/* NT_PRFPREG, NT_ARM_SVE, NT_ARM_SYSTEM_CALL, NT_ARM_TLS */
static const struct arch_sets sets = {
	.fp = 2,
	.more = 0x405,
	.syscall = 0x404,
	.thread_pointer = 0x401,
};

/* include/uapi/asm-generic/unistd.h of Linux */
static const int16_t syscalls[SYSCALL_COUNT] = {
	[SYSCALL_ACCEPT] = 202,
	[SYSCALL_ACCEPT4] = 242,
	[SYSCALL_CLOSE] = 57,
	[SYSCALL_CONNECT] = 203,
	[SYSCALL_EPOLL_PWAIT] = 22,
	[SYSCALL_EPOLL_PWAIT2] = 441,
	[SYSCALL_EPOLL_WAIT] = ARCH_NO_SYSCALL,
	[SYSCALL_GETPID] = 172,
	[SYSCALL_IO_GETEVENTS] = 4,
	[SYSCALL_IO_URING_ENTER] = 426,
	[SYSCALL_MEMFD_CREATE] = 279,
	[SYSCALL_MMAP] = 222,
	[SYSCALL_MPROTECT] = 226,
	[SYSCALL_MUNMAP] = 215,
	[SYSCALL_OPENAT] = 56,
	[SYSCALL_POLL] = ARCH_NO_SYSCALL,
	[SYSCALL_PRCTL] = 167,
	[SYSCALL_RECVFROM] = 207,
	[SYSCALL_RECVMMSG] = 243,
	[SYSCALL_RECVMSG] = 212,
	[SYSCALL_RESTART_SYSCALL] = 128,
	[SYSCALL_RT_SIGRETURN] = 139,
	[SYSCALL_RT_SIGTIMEDWAIT] = 137,
	[SYSCALL_SEMOP] = 193,
	[SYSCALL_SEMTIMEDOP] = 192,
	[SYSCALL_SENDMMSG] = 269,
	[SYSCALL_SENDMSG] = 211,
	[SYSCALL_SENDTO] = 206,
};

static const struct gadget gadgets[GADGET_COUNT] = {
	/* svc #0; ret */
	[GADGET_SYSCALL_RET] = { 8, 0, 3, { 0x01, 0x00, 0x00, 0xd4, 0xc0, 0x03, 0x5f, 0xd6 } },
	/* mov x8, #139; svc #0 */
	[GADGET_SIGRETURN] = { 8, 0, 7, { 0x68, 0x11, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4 } },
};

static int64_t find_gadget(enum arch_gadget gadget, const uint8_t *code, size_t size)
{
	return gadget_find(&gadgets[gadget], INSTRUCTION_SIZE, code, size);
}

/*
 * At the stop the kernel no longer knows that there was a call (arch/arm64/kernel/signal.c,
 * do_signal: forget_syscall), so nothing in the registers makes it repeat one. The call is gone
 * back to, and its first argument, which the result has overwritten, comes from @before. All that
 * both have must agree: else it is another call than the one that was looked at.
 */
static bool cure(uint8_t *set, const struct arch_blocked *before)
{
	if ((int64_t)get_le64(set + regs.result) != -EINTR ||
	    !arch_leaks_eintr(&arch_aarch64, before->number) ||
	    get_le64(set + regs.syscall) != (uint64_t)before->number ||
	    get_le64(set + regs.sp) != before->sp || get_le64(set + regs.pc) != before->pc)
		return false;
	for (size_t i = 1; i < ARRAY_SIZE(before->args); i++)
		if (get_le64(set + regs.args[i]) != before->args[i])
			return false;
	put_le64(set + regs.result, before->args[0]);
	put_le64(set + regs.pc, before->pc - INSTRUCTION_SIZE);
	return true;
}

const struct arch arch_aarch64 = {
	.machine = EM_AARCH64,
	.name = "aarch64",
	.relocs = aarch64_relocs,
	.reloc_count = AARCH64_RELOC_COUNT,
	.reloc_address64 = R_AARCH64_ABS64,
	.dynamic_relocs = {
		.slot = R_AARCH64_GLOB_DAT,
		.call_slot = R_AARCH64_JUMP_SLOT,
		.copy = R_AARCH64_COPY,
		.ifunc = R_AARCH64_IRELATIVE,
		.tls_offset = R_AARCH64_TLS_TPREL,
		.tls_module = R_AARCH64_TLS_DTPMOD,
		.tls_descriptor = R_AARCH64_TLSDESC,
	},
	.instruction_align = 4,
	.branch_size = 4,
	.tls_head = 16,
	.addend_in_slot = true,
	/* DW_CFA_def_cfa sp + 0 */
	.entry_frame = { .return_register = 30, .size = 3, { 0x0c, 31, 0 } },
	/* bti c; ldr x0, [x0, #8]; ret */
	.resolver = { 0x5f, 0x24, 0x03, 0xd5, 0x00, 0x04, 0x40, 0xf9, 0xc0, 0x03, 0x5f, 0xd6 },
	.resolver_size = 12,
	/* bti c; ldaxr x16, [x2]; stlxr w17, xzr, [x2]; cbnz w17; cbz x16; br x16; ret */
	.once = { 0x5f, 0x24, 0x03, 0xd5, 0x50, 0xfc, 0x5f, 0xc8, 0x5f, 0xfc,
		  0x11, 0xc8, 0xd1, 0xff, 0xff, 0x35, 0x50, 0x00, 0x00, 0xb4,
		  0x00, 0x02, 0x1f, 0xd6, 0xc0, 0x03, 0x5f, 0xd6 },
	.once_size = 28,
	.reloc_apply = aarch64_reloc_apply,
	.reloc_relax = aarch64_reloc_relax,
	.reloc_span = aarch64_reloc_span,
	.reloc_value = aarch64_reloc_value,
	.reloc_takes_address = aarch64_reloc_takes_address,
	.find_address = aarch64_find_address,
	.branch = branch,
	.far_branch = far_branch,
	.branch_target = branch_target,
	.is_breakpoint = is_breakpoint,
	.guard = aarch64_guard,
	.move = aarch64_move,
	.branch_reach_back = -(INT64_C(1) << 27),
	.branch_reach_ahead = (INT64_C(1) << 27) - INSTRUCTION_SIZE,
	.landing_pad = landing_pad,
	.padding = padding,
	.regs = &regs,
	.flags_cleared = FLAGS_CLEARED,
	.syscalls = syscalls,
	.cure = cure,
	.cure_needs_before = true,
	.find_gadget = find_gadget,
	.dwarf_regs = dwarf_regs,
	.dwarf_reg_count = ARRAY_SIZE(dwarf_regs),
	.dwarf_pc = 32,
	.is_return = is_return,
	/* Above are a signature or tag; programs have 48 bits unless they ask for more. */
	.return_mask = ((uint64_t)1 << 48) - 1,
	.gadgets_wanted = 1 << GADGET_SYSCALL_RET | 1 << GADGET_SIGRETURN,
	.sets = &sets,
	.syscall_size = INSTRUCTION_SIZE,
	.frame = aarch64_frame,
	.clean_fp = aarch64_clean_fp,
};
