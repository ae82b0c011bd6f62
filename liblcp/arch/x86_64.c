/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x86-64, little-endian, 64-bit pointers (not x32). Guards are in x86_64_guard.c, moving
 * in x86_64_move.c.
 *
 * "psABI" below is the System V ABI, AMD64 Architecture Processor Supplement: section 4.4.1 has
 * the relocations, appendix B the rewriting of GOT loads. APX (registers r16-r31) brings more
 * relocations; they are unknown here, so code that needs them is refused.
 */
#include "arch/x86_64.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "arch/common.h"
#include "base/num.h"

#define MAX_INSTRUCTION 15
#define NEAR_SIZE 5
#define FAR_SIZE 14

#define INT3 0xcc
#define NOP 0x90
#define LEA 0x8d

/* A form is a reloc_check, and whether the value counts from the place. */
#define FORM_RELATIVE 0x80
#define FORM_CHECK 0x7f

#define ABSOLUTE(number, need, size, check, bits)        \
	{                                                \
		number, need, size, check, bits, #number \
	}
#define RELATIVE(number, need, size, bits)                                      \
	{                                                                       \
		number, need, size, FORM_RELATIVE | RELOC_SIGNED, bits, #number \
	}
#define MARKER(number)                                  \
	{                                               \
		number, RELOC_NOTHING, 0, 0, 0, #number \
	}

/*
 * R_X86_64_32 is zero-extended, 32S sign-extended (psABI 4.4.1). Who reads 8 and 16 bits extends
 * them either way; ld also lets -65536 pass as "16 bits", lld does not, nor do we. Displacements
 * are sign-extended. The GOT forms that end in X differ in what may be rewritten, not here.
 */
static const struct reloc_type relocs[] = {
	MARKER(R_X86_64_NONE),
	ABSOLUTE(R_X86_64_64, RELOC_ADDRESS, 8, RELOC_EITHER, 0),
	RELATIVE(R_X86_64_PC32, RELOC_ADDRESS, 4, 32),
	ABSOLUTE(R_X86_64_GOT32, RELOC_GOT_SLOT_OFFSET, 4, RELOC_SIGNED, 32),
	RELATIVE(R_X86_64_PLT32, RELOC_CALL, 4, 32),
	RELATIVE(R_X86_64_GOTPCREL, RELOC_GOT_SLOT, 4, 32),
	ABSOLUTE(R_X86_64_32, RELOC_ADDRESS, 4, RELOC_UNSIGNED, 32),
	ABSOLUTE(R_X86_64_32S, RELOC_ADDRESS, 4, RELOC_SIGNED, 32),
	ABSOLUTE(R_X86_64_16, RELOC_ADDRESS, 2, RELOC_EITHER, 16),
	RELATIVE(R_X86_64_PC16, RELOC_ADDRESS, 2, 16),
	ABSOLUTE(R_X86_64_8, RELOC_ADDRESS, 1, RELOC_EITHER, 8),
	RELATIVE(R_X86_64_PC8, RELOC_ADDRESS, 1, 8),
	ABSOLUTE(R_X86_64_DTPOFF64, RELOC_TLS_IN_MODULE, 8, RELOC_EITHER, 0),
	ABSOLUTE(R_X86_64_TPOFF64, RELOC_TLS_OFFSET, 8, RELOC_EITHER, 0),
	RELATIVE(R_X86_64_TLSGD, RELOC_TLS_PAIR, 4, 32),
	RELATIVE(R_X86_64_TLSLD, RELOC_TLS_MODULE, 4, 32),
	ABSOLUTE(R_X86_64_DTPOFF32, RELOC_TLS_IN_MODULE, 4, RELOC_SIGNED, 32),
	RELATIVE(R_X86_64_GOTTPOFF, RELOC_TLS_SLOT, 4, 32),
	ABSOLUTE(R_X86_64_TPOFF32, RELOC_TLS_OFFSET, 4, RELOC_SIGNED, 32),
	RELATIVE(R_X86_64_PC64, RELOC_ADDRESS, 8, 0),
	ABSOLUTE(R_X86_64_GOTOFF64, RELOC_GOT_OFFSET, 8, RELOC_EITHER, 0),
	RELATIVE(R_X86_64_GOTPC32, RELOC_GOT_BASE, 4, 32),
	ABSOLUTE(R_X86_64_GOT64, RELOC_GOT_SLOT_OFFSET, 8, RELOC_EITHER, 0),
	RELATIVE(R_X86_64_GOTPCREL64, RELOC_GOT_SLOT, 8, 0),
	RELATIVE(R_X86_64_GOTPC64, RELOC_GOT_BASE, 8, 0),
	ABSOLUTE(R_X86_64_GOTPLT64, RELOC_GOT_SLOT_OFFSET, 8, RELOC_EITHER, 0),
	ABSOLUTE(R_X86_64_PLTOFF64, RELOC_GOT_OFFSET, 8, RELOC_EITHER, 0),
	ABSOLUTE(R_X86_64_SIZE32, RELOC_SIZE, 4, RELOC_UNSIGNED, 32),
	ABSOLUTE(R_X86_64_SIZE64, RELOC_SIZE, 8, RELOC_EITHER, 0),
	RELATIVE(R_X86_64_GOTPC32_TLSDESC, RELOC_TLS_DESCRIPTOR, 4, 32),
	MARKER(R_X86_64_TLSDESC_CALL),
	RELATIVE(R_X86_64_GOTPCRELX, RELOC_GOT_SLOT, 4, 32),
	RELATIVE(R_X86_64_REX_GOTPCRELX, RELOC_GOT_SLOT, 4, 32),
};

static int reloc_apply(const struct reloc_type *type, uint64_t place, uint64_t value,
		       uint8_t *bytes)
{
	if (type->form & FORM_RELATIVE)
		value -= place;
	if (!reloc_fits(value, type->bits, type->form & FORM_CHECK))
		return -ERANGE;

	reloc_put_data(bytes, type->size, value);
	return 0;
}

/*
 * The code sequences of TLS that linkers rewrite, and the loads of GOT slots (psABI 4.4.2, B.2; the
 * longest prefixes: 66 48 8d 3d in front of TLSGD, and 66 48 e8 with its four bytes behind).
 */
static void reloc_span(const struct reloc_type *type, unsigned int *ret_before,
		       unsigned int *ret_size)
{
	*ret_before = 0;
	*ret_size = type->size;
	switch (type->number) {
	case R_X86_64_TLSGD:
		*ret_before = 4;
		*ret_size = 16;
		break;
	case R_X86_64_TLSLD:
		*ret_before = 3;
		*ret_size = 12;
		break;
	case R_X86_64_TLSDESC_CALL:
		*ret_size = 2;
		break;
	case R_X86_64_GOTPCREL:
	case R_X86_64_GOTPCRELX:
	case R_X86_64_REX_GOTPCRELX:
	case R_X86_64_GOTTPOFF:
	case R_X86_64_GOTPC32_TLSDESC:
		*ret_before = 3;
		*ret_size = 7;
		break;
	default:
		break;
	}
}

/* Where 64 bits are absolute the loader may put them, and the file may hold anything. */
static bool reloc_value(const struct reloc_type *type, uint64_t place, const uint8_t *bytes,
			uint64_t *ret)
{
	uint64_t value = type->size == 4 ? get_le32(bytes) : 0;

	if ((type->need != RELOC_ADDRESS && type->need != RELOC_CALL) || type->size != 4)
		return false;
	if (type->number != R_X86_64_32)
		value = (uint64_t)(int64_t)(int32_t)value;
	*ret = type->form & FORM_RELATIVE ? place + value : value;
	return true;
}

/*
 * gcc -fno-plt fills up its call of __tls_get_addr with 66 48. In front of ff 15 the 48 cancels the
 * 66; in front of addr32 it would count for nothing, and a processor that minds the 66 (AMD64
 * Architecture Programmer's Manual 3, "Call (Near)") would cut the target to 16 bits.
 */
static bool has_rex64(const uint8_t *code, size_t instruction)
{
	return instruction > 0 && code[instruction - 1] == 0x48;
}

/*
 * psABI B.2. What assemblers mark with the older GOTPCREL may be any instruction; ld rewrites only
 * mov then, and so do we. test and the binary operations with a GOT operand have one form without
 * the slot, with an absolute 32-bit immediate. That fits no library and no PIE, so they keep it.
 */
static const struct reloc_type *reloc_relax(const struct reloc_type *type, uint8_t *code,
					    size_t size, size_t offset, size_t *ret_offset,
					    int64_t *ret_addend)
{
	bool any = type->number == R_X86_64_GOTPCRELX || type->number == R_X86_64_REX_GOTPCRELX;
	uint8_t *instruction;
	uint16_t start;

	if (!any && type->number != R_X86_64_GOTPCREL)
		return NULL;
	if (offset < 2 || !range_fits(offset, 4, size))
		return NULL;
	instruction = code + offset - 2;
	start = (uint16_t)(instruction[0] << 8 | instruction[1]);
	*ret_offset = offset;
	*ret_addend = 0;

	if ((start & 0xffc7) == 0x8b05) { /* mov (%rip) -> lea */
		instruction[0] = 0x8d;
		return arch_reloc_type(&arch_x86_64, R_X86_64_PC32);
	}
	if (any && start == 0xff15 && !has_rex64(code, offset - 2)) { /* call * -> addr32 call */
		instruction[0] = 0x67;
		instruction[1] = 0xe8;
		return arch_reloc_type(&arch_x86_64, R_X86_64_PLT32);
	}
	if (any && start == 0xff25) { /* jmp * -> jmp, nop */
		instruction[0] = 0xe9;
		put_le32(instruction + 1, 0);
		instruction[5] = NOP;
		*ret_offset = offset - 1;
		return arch_reloc_type(&arch_x86_64, R_X86_64_PLT32);
	}
	return NULL;
}

/*
 * An operand relative to rip has a ModRM byte in front of its 32 bits, and that the opcode, which
 * of all that have one is lea's where the address is wanted. call, jmp and jcc have their opcode
 * there, which no such ModRM byte equals.
 */
static bool reloc_takes_address(const struct reloc_type *type, const uint8_t *code, size_t size,
				size_t offset)
{
	const uint8_t call = 0xe8, jmp = 0xe9;
	const uint8_t *at = code + offset;

	if ((type->form & FORM_RELATIVE) == 0 || type->size != 4 || offset < 2 ||
	    !range_fits(offset, 4, size))
		return true;
	if (at[-1] == call || at[-1] == jmp || (at[-2] == 0x0f && (at[-1] & 0xf0) == 0x80))
		return false;
	return (at[-1] & 0xc7) != 5 || at[-2] == LEA;
}

/* lea disp32(%rip), whatever stands in front of it */
static int64_t find_address(const uint8_t *code, size_t size, size_t offset)
{
	for (size_t at = offset < 2 ? 2 : offset; range_fits(at, 4, size); at++) {
		uint64_t target = at + 4 + (uint64_t)(int64_t)(int32_t)get_le32(code + at);

		if (code[at - 2] == LEA && (code[at - 1] & 0xc7) == 5 && target <= size)
			return (int64_t)at;
	}
	return -1;
}

/* jmp rel32 */
static int branch(uint64_t from, uint64_t to, uint8_t *code)
{
	uint64_t distance = to - (from + NEAR_SIZE);

	if (!fits_signed((int64_t)distance, 32))
		return -ERANGE;
	code[0] = 0xe9;
	put_le32(code + 1, (uint32_t)distance);
	return NEAR_SIZE;
}

/* int3 */
static bool is_breakpoint(const uint8_t *code, size_t size)
{
	return size >= 1 && code[0] == INT3;
}

static const uint8_t far_jump[] = { 0xff, 0x25, 0, 0, 0, 0 }; /* jmp *0(%rip) */

/* The address stands behind the instruction: no register is needed, and the stack stays as it is.
 */
static int far_branch(uint64_t from, uint64_t to, uint8_t *code)
{
	(void)from;
	memcpy(code, far_jump, sizeof(far_jump));
	put_le64(code + sizeof(far_jump), to);
	return FAR_SIZE;
}

size_t x86_64_jump(uint64_t from, uint64_t to, uint8_t *code)
{
	int r = branch(from, to, code);

	return (size_t)(r < 0 ? far_branch(from, to, code) : r);
}

static uint64_t branch_target(uint64_t from, const uint8_t *code, size_t size)
{
	if (size >= NEAR_SIZE && code[0] == 0xe9)
		return from + NEAR_SIZE + (uint64_t)(int32_t)get_le32(code + 1);
	if (size >= FAR_SIZE && memcmp(code, far_jump, sizeof(far_jump)) == 0)
		return get_le64(code + sizeof(far_jump));
	return 0;
}

static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };

/* With IBT an indirect call or jump must arrive at endbr64; it does nothing else. */
static struct landing_pad landing_pad(const uint8_t *code, size_t size)
{
	struct landing_pad pad = {};

	if (size >= sizeof(endbr64) && memcmp(code, endbr64, sizeof(endbr64)) == 0) {
		pad.size = sizeof(endbr64);
		memcpy(pad.plain, endbr64, sizeof(endbr64));
	}
	return pad;
}

struct nop {
	uint8_t size;
	uint8_t code[8];
};

/* What is left of the no-ops of gas, ld and clang behind their operand size and cs prefixes. */
static const struct nop nops[] = {
	{ 1, { NOP } },
	{ 3, { 0x0f, 0x1f, 0x00 } },
	{ 4, { 0x0f, 0x1f, 0x40, 0x00 } },
	{ 5, { 0x0f, 0x1f, 0x44, 0x00, 0x00 } },
	{ 7, { 0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00 } },
	{ 8, { 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00 } },
};

/* The size of the no-op that @code begins with, 0 if it does not. */
static size_t nop_size(const uint8_t *code, size_t size)
{
	size_t prefixes = 0;

	if (size > MAX_INSTRUCTION)
		size = MAX_INSTRUCTION;
	while (prefixes < size && (code[prefixes] == 0x66 || code[prefixes] == 0x2e))
		prefixes++;
	for (size_t i = 0; i < ARRAY_SIZE(nops); i++) {
		if (range_fits(prefixes, nops[i].size, size) &&
		    memcmp(code + prefixes, nops[i].code, nops[i].size) == 0)
			return prefixes + nops[i].size;
	}
	return 0;
}

/*
 * gas and ld fill code with no-ops, lld with int3. None of them fills it with zero bytes, so these
 * may be somebody's data.
 */
static size_t padding(const uint8_t *code, size_t size)
{
	size_t done = 0, step;

	do {
		step = done < size && code[done] == INT3 ? 1 : nop_size(code + done, size - done);
		done += step;
	} while (step > 0);
	return done;
}

/* Size of a modrm byte and what it says follows it: psABI code uses 64-bit addresses only. */
static size_t operand_size(uint8_t modrm, uint8_t sib)
{
	uint8_t mode = modrm >> 6, rm = modrm & 7;
	size_t size = rm == 4 && mode != 3 ? 2 : 1;

	if (mode == 1)
		size += 1;
	else if (mode == 2 || (mode == 0 && (rm == 5 || (rm == 4 && (sib & 7) == 5))))
		size += 4;
	return size;
}

/* call rel32, or call *operand, which is ff /2. */
static bool is_return(const uint8_t *code, size_t size)
{
	if (size >= NEAR_SIZE && code[size - NEAR_SIZE] == 0xe8)
		return true;
	for (size_t length = 2; length <= ARCH_CALL_MAX && length <= size; length++) {
		const uint8_t *call = code + size - length;

		if (call[0] == 0xff && (call[1] >> 3 & 7) == 2 &&
		    1 + operand_size(call[1], length > 2 ? call[2] : 0) == length)
			return true;
	}
	return false;
}

/* rax, rdx, rcx, rbx, rsi, rdi, rbp, rsp, r8 to r15, and the return address (psABI 3.6.2) */
static const uint16_t dwarf_regs[] = { 80, 96, 88, 40, 104, 112, 32, 152, 72,
				       64, 56, 48, 24, 16,  8,	 0,  128 };

/* struct user_regs_struct, <sys/user.h> */
static const struct arch_regs regs = {
	.size = 216,
	.pc = 128, /* rip */
	.sp = 152, /* rsp */
	.result = 80, /* rax */
	.syscall = 80, /* rax */
	.orig_result = 120, /* orig_rax */
	.link = ARCH_NO_REG,
	.flags = 144, /* eflags */
	.thread_pointer = 168, /* fs_base */
	.args = { 112, 104, 96, 56, 72, 64 }, /* rdi, rsi, rdx, r10, r8, r9 */
	.function_args = { 112, 104, 96, 88, 72, 64 }, /* rcx instead of r10 */
};

/*
 * Direction, as the psABI (3.2.1) wants it; trap and resume, as in setup_rt_frame() of
 * Linux; alignment check and nested task, which few functions would survive.
 */
#define FLAGS_CLEARED (1 << 10 | 1 << 8 | 1 << 16 | 1 << 18 | 1 << 14)

/* NT_X86_XSTATE and NT_X86_SHSTK; <elf.h> has not got the latter everywhere */
static const struct arch_sets sets = {
	.fp = 0x202,
	.shadow_stack = 0x204,
};

/* arch/x86/entry/syscalls/syscall_64.tbl of Linux */
static const int16_t syscalls[SYSCALL_COUNT] = {
	[SYSCALL_ACCEPT] = 43,
	[SYSCALL_ACCEPT4] = 288,
	[SYSCALL_CLOSE] = 3,
	[SYSCALL_CONNECT] = 42,
	[SYSCALL_EPOLL_PWAIT] = 281,
	[SYSCALL_EPOLL_PWAIT2] = 441,
	[SYSCALL_EPOLL_WAIT] = 232,
	[SYSCALL_GETPID] = 39,
	[SYSCALL_IO_GETEVENTS] = 208,
	[SYSCALL_IO_URING_ENTER] = 426,
	[SYSCALL_MEMFD_CREATE] = 319,
	[SYSCALL_MMAP] = 9,
	[SYSCALL_MPROTECT] = 10,
	[SYSCALL_MUNMAP] = 11,
	[SYSCALL_OPENAT] = 257,
	[SYSCALL_POLL] = 7,
	[SYSCALL_PRCTL] = 157,
	[SYSCALL_RECVFROM] = 45,
	[SYSCALL_RECVMMSG] = 299,
	[SYSCALL_RECVMSG] = 47,
	[SYSCALL_RESTART_SYSCALL] = 219,
	[SYSCALL_RT_SIGRETURN] = 15,
	[SYSCALL_RT_SIGTIMEDWAIT] = 128,
	[SYSCALL_SEMOP] = 65,
	[SYSCALL_SEMTIMEDOP] = 220,
	[SYSCALL_SENDMMSG] = 307,
	[SYSCALL_SENDMSG] = 46,
	[SYSCALL_SENDTO] = 44,
};

/*
 * Any byte may begin an instruction, so these need not be ones that the compiler meant. The second
 * is the restorer that glibc and musl give to rt_sigaction(2).
 */
static const struct gadget gadgets[GADGET_COUNT] = {
	[GADGET_SYSCALL_RET] = { 3, 0, 1, { 0x0f, 0x05, 0xc3 } }, /* syscall; ret */
	[GADGET_SIGRETURN] = { 9, 0, 8, { 0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05 } },
	[GADGET_POP_SYSCALL] = { 2, 0, 0, { 0x58, 0xc3 } }, /* pop %rax; ret */
	/* mov %rax, N(%rbx); pop %rbx; ret: how functions end that keep what another returned */
	[GADGET_KEEP_RESULT] = { 6, 3, 2, { 0x48, 0x89, 0x43, 0, 0x5b, 0xc3 } },
};

static int64_t find_gadget(enum arch_gadget gadget, const uint8_t *code, size_t size)
{
	return gadget_find(&gadgets[gadget], 1, code, size);
}

#define RESTART_IF_NO_HANDLER (-514) /* ERESTARTNOHAND, include/linux/errno.h */

#define RESTART_BY_KERNEL (-516) /* ERESTART_RESTARTBLOCK */

/*
 * The kernel would go on with a poll(2) by restart_syscall(2), which a thread that is to be
 * borrowed must not be in (target/remote_thread.c); and the first thread of many programs waits in
 * poll for most of its life. Without a time limit (fs/select.c, SYSCALL_DEFINE3(poll): a negative
 * timeout) it can as well be made again from its beginning, and handlers see no difference.
 */
static bool is_endless_poll(const uint8_t *set)
{
	return (int64_t)get_le64(set + regs.result) == RESTART_BY_KERNEL &&
	       (int64_t)get_le64(set + regs.orig_result) == syscalls[SYSCALL_POLL] &&
	       (int32_t)get_le32(set + regs.args[2]) < 0;
}

/*
 * What the call returned stands in rax while the thread is stopped. For this value the kernel makes
 * the call again, or returns -EINTR behind a signal's handler (arch/x86/kernel/signal.c,
 * arch_do_signal_or_restart and handle_signal). Going back to the instruction would lose the EINTR
 * that a handler must cause. orig_rax is negative outside of system calls.
 */
static bool cure(uint8_t *set, const struct arch_blocked *before)
{
	(void)before;
	if (!is_endless_poll(set) &&
	    ((int64_t)get_le64(set + regs.result) != -EINTR ||
	     !arch_leaks_eintr(&arch_x86_64, (int64_t)get_le64(set + regs.orig_result))))
		return false;
	put_le64(set + regs.result, (uint64_t)RESTART_IF_NO_HANDLER);
	return true;
}

const struct arch arch_x86_64 = {
	.machine = EM_X86_64,
	.name = "x86_64",
	.relocs = relocs,
	.reloc_count = ARRAY_SIZE(relocs),
	.reloc_address64 = R_X86_64_64,
	.dynamic_relocs = {
		.slot = R_X86_64_GLOB_DAT,
		.call_slot = R_X86_64_JUMP_SLOT,
		.copy = R_X86_64_COPY,
		.ifunc = R_X86_64_IRELATIVE,
		.tls_offset = R_X86_64_TPOFF64,
		.tls_module = R_X86_64_DTPMOD64,
		.tls_descriptor = R_X86_64_TLSDESC,
	},
	.instruction_align = 1,
	.branch_size = NEAR_SIZE,
	.call_addend = -4, /* relative to the instruction's end */
	/* DW_CFA_def_cfa rsp + 8; DW_CFA_offset rip at CFA - 8 */
	.entry_frame = { .return_register = 16, .size = 5, { 0x0c, 7, 8, 0x80 | 16, 1 } },
	/* endbr64; mov 8(%rax), %rax; ret */
	.resolver = { 0xf3, 0x0f, 0x1e, 0xfa, 0x48, 0x8b, 0x40, 0x08, 0xc3 },
	.resolver_size = 9,
	/* endbr64; xor %eax, %eax; xchg %rax, (%rdx); test %rax, %rax; jz; jmp *%rax; ret */
	.once = { 0xf3, 0x0f, 0x1e, 0xfa, 0x31, 0xc0, 0x48, 0x87, 0x02, 0x48, 0x85, 0xc0, 0x74,
		  0x02, 0xff, 0xe0, 0xc3 },
	.once_size = 17,
	.reloc_apply = reloc_apply,
	.reloc_relax = reloc_relax,
	.reloc_span = reloc_span,
	.reloc_value = reloc_value,
	.reloc_takes_address = reloc_takes_address,
	.find_address = find_address,
	.branch = branch,
	.far_branch = far_branch,
	.branch_target = branch_target,
	.is_breakpoint = is_breakpoint,
	.guard = x86_64_guard,
	.move = x86_64_move,
	.branch_reach_back = NEAR_SIZE + (int64_t)INT32_MIN,
	.branch_reach_ahead = NEAR_SIZE + (int64_t)INT32_MAX,
	.landing_pad = landing_pad,
	.padding = padding,
	.regs = &regs,
	.flags_cleared = FLAGS_CLEARED,
	.syscalls = syscalls,
	.cure = cure,
	.find_gadget = find_gadget,
	.dwarf_regs = dwarf_regs,
	.dwarf_reg_count = ARRAY_SIZE(dwarf_regs),
	.dwarf_pc = 16,
	.is_return = is_return,
	.return_mask = UINT64_MAX,
	.gadgets_wanted = 1 << GADGET_SYSCALL_RET | 1 << GADGET_SIGRETURN |
			  1 << GADGET_KEEP_RESULT,
	.sets = &sets,
	.syscall_size = 2,
	.frame = x86_64_frame,
	.clean_fp = x86_64_clean_fp,
};
