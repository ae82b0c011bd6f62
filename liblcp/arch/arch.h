/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the library has to know of a CPU: facts and pure functions on bytes. Nothing here reads,
 * writes or stops a process, allocates, or logs. All CPUs are compiled and tested on every host;
 * the only place that asks which one this host has is arch_native().
 *
 * Porting guide. A new CPU is arch/NAME.c with one `const struct arch`, files beside it for what is
 * large, a line in arch/arch.c, and a table made by tests/arch/generate. In this order:
 *
 * 1. machine, name: e_machine of its ELF files, and the word users see.
 * 2. relocs: every relocation that gcc and clang write for the code a patch may hold. Each says
 *    what its place needs (see enum reloc_need), how many bytes it touches, and how the value is
 *    put there. Values come from the ABI supplement, expected bytes from the assembler and linker.
 * 3. branch, far_branch, branch_target: what is written over a function's entry. 4. landing_pad,
 * padding: what stands at an entry and between functions. 5. regs, syscalls, gadgets: what the
 * target layer needs to borrow a thread. 6. frame, in arch/NAME_frame.c: what brings a borrowed
 * thread back by itself. Compare its bytes with
 *    what the kernel leaves on the stack when it runs a signal handler.
 * 7. guard, move: what a switch of many functions at one instant needs. arch/move.h says what of
 *    moving is the same for all.
 */
#ifndef LCP_ARCH_ARCH_H
#define LCP_ARCH_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No CPU's branch, near or far, is longer. */
#define ARCH_BRANCH_MAX 16

#define ARCH_CALL_MAX 7

/*
 * What the place of a relocation is filled with; S is the symbol's address, A the addend, P the
 * address of the place. The caller finds the value (S + A, or what stands there instead), the
 * relocation knows what to do with it. Where struct arch says addend_in_slot, a slot, pair or
 * descriptor is one of S + A, and nothing is added to its address.
 */
enum reloc_need {
	RELOC_NOTHING, /* a marker for the linker: R_*_NONE, R_*_TLSDESC_CALL */
	RELOC_ADDRESS, /* S + A */
	RELOC_CALL, /* S + A, or a stub that goes there when it is out of reach */
	RELOC_GOT_SLOT, /* address of a slot that holds S, + A */
	RELOC_GOT_BASE, /* address of the GOT, + A */
	RELOC_GOT_OFFSET, /* S + A - address of the GOT */
	RELOC_GOT_SLOT_OFFSET, /* address of a slot that holds S, + A - address of the GOT */
	RELOC_GOT_SLOT_PAGE_OFFSET, /* the same - address of the 4 KiB page the GOT begins in */
	RELOC_SIZE, /* size of the symbol, + A */
	RELOC_TLS_OFFSET, /* S + A relative to the thread pointer (local exec) */
	RELOC_TLS_SLOT, /* address of a slot that holds S's TLS offset (initial exec), + A */
	RELOC_TLS_PAIR, /* address of a pair module, offset of S (general dynamic), + A */
	RELOC_TLS_MODULE, /* address of a pair module, 0 (local dynamic), + A */
	RELOC_TLS_IN_MODULE, /* S + A relative to the module's block (local dynamic) */
	RELOC_TLS_DESCRIPTOR, /* address of a TLS descriptor of S, + A */
	RELOC_TLS_SLOT_OFFSET, /* RELOC_TLS_SLOT - address of the GOT, and so on below */
	RELOC_TLS_PAIR_OFFSET,
	RELOC_TLS_DESCRIPTOR_OFFSET,
};

/* Facts about one relocation type. */
struct reloc_type {
	uint32_t number; /* as in r_info */
	uint8_t need; /* enum reloc_need */
	uint8_t size; /* bytes at the place that are read or written */
	uint8_t form; /* for the CPU's own apply function */
	uint8_t bits; /* width that the value has to fit, 0 where it may be cut */
	const char *name; /* "R_X86_64_PC32" */
};

/*
 * What must stand at an entry so that an indirect call may arrive there.
 *
 * A pad that does work too (aarch64: paciasp signs the return address) can be left in place if the
 * new code begins with an equal one and is entered behind it. If it does not, as when the function
 * no longer calls anything, put @plain in place of the pad and enter the new code at its beginning.
 */
struct landing_pad {
	uint8_t size; /* bytes in front of the branch, 0 if there is no pad */
	bool enter_behind; /* it does work too: enter the new code behind its equal pad */
	uint8_t plain[4]; /* a pad of this size that does no work */
};

/* Members of the register set that ptrace calls NT_PRSTATUS: byte offsets of 64-bit registers. */
struct arch_regs {
	uint16_t size; /* of the whole set */
	uint16_t pc;
	uint16_t sp;
	uint16_t result; /* return value of a function or system call */
	uint16_t syscall; /* holds the number when a system call is made */
	uint16_t orig_result; /* x86: orig_rax; 0xffff where there is none */
	uint16_t link; /* return address register; 0xffff where there is none */
	uint16_t flags; /* eflags, pstate */
	uint16_t thread_pointer; /* fs_base; 0xffff where it is not in this set */
	uint16_t args[6]; /* of a system call */
	uint16_t function_args[6]; /* of a function */
};

#define ARCH_NO_REG 0xffff

/* System calls by meaning; struct arch has the numbers, ARCH_NO_SYSCALL where a CPU lacks one. */
enum arch_syscall {
	SYSCALL_ACCEPT,
	SYSCALL_ACCEPT4,
	SYSCALL_CLOSE,
	SYSCALL_CONNECT,
	SYSCALL_EPOLL_PWAIT,
	SYSCALL_EPOLL_PWAIT2,
	SYSCALL_EPOLL_WAIT,
	SYSCALL_GETPID,
	SYSCALL_IO_GETEVENTS,
	SYSCALL_IO_URING_ENTER,
	SYSCALL_MEMFD_CREATE,
	SYSCALL_MMAP,
	SYSCALL_MPROTECT,
	SYSCALL_MUNMAP,
	SYSCALL_OPENAT,
	SYSCALL_POLL,
	SYSCALL_PRCTL,
	SYSCALL_RECVFROM,
	SYSCALL_RECVMMSG,
	SYSCALL_RECVMSG,
	SYSCALL_RESTART_SYSCALL,
	SYSCALL_RT_SIGRETURN,
	SYSCALL_RT_SIGTIMEDWAIT,
	SYSCALL_SEMOP,
	SYSCALL_SEMTIMEDOP,
	SYSCALL_SENDMMSG,
	SYSCALL_SENDMSG,
	SYSCALL_SENDTO,
	SYSCALL_COUNT,
};

#define ARCH_NO_SYSCALL (-1)

/* The system call that a thread was waiting in before it was stopped: /proc/TID/syscall. */
struct arch_blocked {
	int64_t number; /* ARCH_NO_SYSCALL if it was in none, or ran */
	uint64_t args[6];
	uint64_t sp;
	uint64_t pc;
};

/* Relocations that only programs and libraries have, by what the loader of programs puts there. */
struct arch_dynamic_relocs {
	uint32_t slot; /* address of a symbol */
	uint32_t call_slot; /* the same, perhaps when it is first called */
	uint32_t copy;
	uint32_t ifunc; /* what the resolver at the addend returns */
	uint32_t tls_offset;
	uint32_t tls_module; /* the first of a pair */
	uint32_t tls_descriptor; /* a resolver, and what it is given */
};

/* Byte sequences found in the code of a process, to run one instruction there and come back. */
enum arch_gadget {
	GADGET_SYSCALL_RET, /* makes a system call and returns */
	GADGET_SIGRETURN, /* sets the number of rt_sigreturn and makes the call */
	GADGET_POP_SYSCALL, /* x86: pops a system call's number and returns; for static musl */
	GADGET_KEEP_RESULT, /* x86: stores a function's value where a saved register says */
	GADGET_COUNT,
};

/* No gadget is longer. */
#define ARCH_GADGET_MAX 9

/* A gadget in a process, and what stands there; address 0 if it was not found. */
struct arch_gadget_at {
	uint64_t address;
	uint8_t code[ARCH_GADGET_MAX];
};

/*
 * Register sets (NT_*) beyond NT_PRSTATUS, 0 where a CPU has none of the kind.
 */
struct arch_sets {
	uint32_t fp; /* floating point and vectors: what a signal frame holds */
	uint32_t more; /* what a system call may destroy beyond them */
	uint32_t syscall; /* the number of the system call the thread is about to make */
	uint32_t thread_pointer;
	uint32_t shadow_stack; /* there is one only if the thread has a shadow stack */
};

/* A thread as it was when it was borrowed. */
struct arch_thread {
	const uint8_t *regs; /* its NT_PRSTATUS */
	const uint8_t *fp; /* its arch_sets.fp */
	size_t fp_size;
	uint64_t mask; /* of blocked signals */
};

/* Where a thread is sent. */
struct arch_start {
	uint64_t pc;
	uint64_t sp;
	uint64_t link; /* where the CPU has such a register */
};

/* AMX needs the most: 8 KiB of tiles beside the 2.7 KiB of everything else. */
#define ARCH_FRAME_MAX 12288

/*
 * A signal frame on a thread's own stack, that rt_sigreturn(2) will bring the thread back from, and
 * ways that all end there. A thread that runs on one of them needs nobody's help.
 *
 * The frame says where the thread is when an interrupted system call has been set up to be made
 * again: rt_sigreturn itself does not do that.
 */
struct arch_frame {
	uint64_t address; /* of the first byte, below what the thread may be using */
	size_t size;
	struct arch_start back; /* makes the system call rt_sigreturn */
	struct arch_start syscall; /* at the stop at a system call's entry: behind it comes @back */
	struct arch_start function; /* the same for a function, but for its pc */
	uint64_t sigreturn_sp; /* the stack pointer when rt_sigreturn is made */
	uint64_t result; /* where the function's value is then, 0 if it is in its register */
	bool loses_result; /* it is nowhere */
	uint16_t result_reg; /* has to hold @result_base where a function is entered, */
	uint64_t result_base; /* unless it is ARCH_NO_REG */
	uint8_t bytes[ARCH_FRAME_MAX];
};

/*
 * Code that goes one of two ways, by what four bytes in memory are. It stands between an entry and
 * the two versions of a function while a switch is under way: the four bytes decide for all
 * functions of the switch at the same instant. It changes no register, flags excepted, that a
 * caller or callee may count on at a function's entry.
 */
struct arch_guard {
	uint64_t at; /* where it will stand */
	uint64_t watch; /* address of the four bytes; need not be aligned */
	uint32_t value; /* they are this, little-endian: go to @before */
	uint64_t before;
	uint64_t after; /* they are anything else */
};

#define ARCH_GUARD_MAX 64

/*
 * The beginning of a function, to be run elsewhere because its own place is overwritten.
 */
struct arch_move {
	const uint8_t *code; /* the whole function */
	size_t size;
	uint64_t from; /* its address */
	uint64_t to; /* where the copy will stand */
	size_t need; /* the first bytes of it that are overwritten */
	const uint8_t *part; /* its cold part, which stands elsewhere and may branch back */
	size_t part_size; /* 0 if it has none */
	uint64_t part_from;
	bool may_push; /* return addresses by hand: nobody has a shadow stack (CET) */
	/* The rest stays in use where it is: -ENOTSUP if it may lead behind the first byte. */
	bool rest_stays;
};

#define ARCH_MOVED_MAX 256

/*
 * How DWARF describes a function at its first instruction, with the caller's return address where a
 * call leaves it: for unwind tables of code that no compiler wrote.
 */
struct arch_entry_frame {
	uint8_t return_register; /* DWARF's number of it */
	uint8_t size; /* of the instructions */
	uint8_t instructions[6]; /* with data alignment factor -8 */
};

/* No CPU's resolver of TLS descriptors is longer. */
#define ARCH_RESOLVER_MAX 16

/* No CPU's code that calls once is longer. */
#define ARCH_ONCE_MAX 32

struct arch {
	uint16_t machine; /* EM_* */
	const char *name; /* "x86_64" */

	const struct reloc_type *relocs; /* sorted by number */
	size_t reloc_count;
	uint32_t reloc_address64; /* number of the plain 64-bit S + A */
	struct arch_dynamic_relocs dynamic_relocs;
	uint8_t instruction_align; /* where instructions may begin */
	uint8_t branch_size; /* of what branch() writes */
	/*
	 * From the thread pointer to the thread-local blocks behind it; 0: they are in front of it.
	 */
	uint8_t tls_head;
	bool addend_in_slot; /* see enum reloc_need; compilers write A = 0 there */
	int8_t call_addend; /* A of RELOC_CALL that calls S itself */
	struct arch_entry_frame entry_frame;

	/*
	 * The resolver of a TLS descriptor whose second word is the variable's offset from the
	 * thread pointer: it returns that word and changes nothing else. The C libraries have the
	 * same, perhaps without the landing pad.
	 */
	uint8_t resolver[ARCH_RESOLVER_MAX];
	uint8_t resolver_size;

	/*
	 * A function whose third argument is where another one's address is: it exchanges that for
	 * zero, and goes on to what it found there with all its arguments, or returns if that was
	 * zero. So whoever calls it, and however often, what is called is called once; and the word
	 * says whether it was. It works at any address that is a multiple of four.
	 */
	uint8_t once[ARCH_ONCE_MAX];
	uint8_t once_size;

	/*
	 * Put @value, found as the type's need says, into the @type->size bytes at @bytes, whose
	 * address will be @place. 0; -ERANGE if it does not fit or is not aligned as it must be,
	 * and then the bytes are as before.
	 */
	int (*reloc_apply)(const struct reloc_type *type, uint64_t place, uint64_t value,
			   uint8_t *bytes);

	/*
	 * Do without the GOT: rewrite the instruction around the GOT relocation @type at @offset
	 * of @code (@size bytes) so that it needs the symbol's address and not a slot that holds
	 * it. Returns the type that takes the place of the old one, at *@ret_offset and with the
	 * addend changed by *@ret_addend, or NULL if the instruction has no such form, and then
	 * the code is as before.
	 *
	 * Whether the new relocation fits shows when it is applied. So the caller keeps the four
	 * bytes on each side of @offset, and if it does not fit puts them back and makes a slot.
	 *
	 * x86-64: only for A = -4, that is, if the operand ends the instruction and means the
	 * slot's first byte (anything else is data, or code that reads a part of the slot).
	 * aarch64: adrp and ldr are rewritten one by one, but one adrp may serve several ldr.
	 * Rewrite all GOT relocations of a section with one symbol (and A = 0), or none of them.
	 */
	const struct reloc_type *(*reloc_relax)(const struct reloc_type *type, uint8_t *code,
						size_t size, size_t offset, size_t *ret_offset,
						int64_t *ret_addend);

	/*
	 * Which bytes around the place of a relocation of @type a linker may have written:
	 * *@ret_size of them, from *@ret_before in front of the place on. More than its own where
	 * linkers rewrite the instructions around it.
	 */
	void (*reloc_span)(const struct reloc_type *type, unsigned int *ret_before,
			   unsigned int *ret_size);

	/*
	 * The S + A that a linker has put into the @type->size bytes at @bytes, whose address is
	 * @place: false if these bytes alone do not say it.
	 */
	bool (*reloc_value)(const struct reloc_type *type, uint64_t place, const uint8_t *bytes,
			    uint64_t *ret);

	/*
	 * Does the instruction around the relocation @type at @offset of @code (@size bytes) get
	 * the address itself, so that the program can keep it? Not if it branches there, or reads
	 * or writes what is there. What cannot be told does.
	 */
	bool (*reloc_takes_address)(const struct reloc_type *type, const uint8_t *code, size_t size,
				    size_t offset);

	/*
	 * The same where an assembler needed no relocation: the first operand at or behind @offset
	 * that may be the address of something in @code, or -1. Bytes that merely look so are found
	 * as well.
	 */
	int64_t (*find_address)(const uint8_t *code, size_t size, size_t offset);

	/*
	 * Write a branch that stands at @from and goes to @to: its size, or -ERANGE if it does not
	 * reach. @code has room for ARCH_BRANCH_MAX bytes. Neither changes a register or flag that
	 * a function's caller may count on.
	 */
	int (*branch)(uint64_t from, uint64_t to, uint8_t *code);
	int (*far_branch)(uint64_t from, uint64_t to, uint8_t *code);

	/* Where does the branch that @code (at address @from) begins with go? 0 if it is none. */
	uint64_t (*branch_target)(uint64_t from, const uint8_t *code, size_t size);

	/* Does @code begin with what debuggers and probes put in place of an instruction? */
	bool (*is_breakpoint)(const uint8_t *code, size_t size);

	/* Write @guard's code: its size, at most ARCH_GUARD_MAX, or -ERANGE. */
	int (*guard)(const struct arch_guard *guard, uint8_t *code);

	/*
	 * Write a copy of the function's first instructions, at least @move->need bytes of them,
	 * that works at @move->to and goes on in the function behind them: its size, at most
	 * ARCH_MOVED_MAX. More are copied if something in the function branches to the middle of
	 * them. -ENOTSUP if that cannot be done for certain: unknown instructions, a call among
	 * them (which would return into the copy), an indirect branch that may lead back into them.
	 * On x86-64 the last of them may be a call if @move->may_push: it returns to the function.
	 */
	int (*move)(const struct arch_move *move, uint8_t *code);

	/* Least (negative) and greatest to - from that branch() reaches. */
	int64_t branch_reach_back;
	int64_t branch_reach_ahead;

	/* What does a function beginning with @code need kept at its entry? */
	struct landing_pad (*landing_pad)(const uint8_t *code, size_t size);

	/*
	 * How many of the first bytes of @code are padding that no control flow reaches when the
	 * function in front of them has ended: whole instructions of what assemblers and linkers
	 * fill with. @code begins behind the function, where an instruction may begin, and ends
	 * where the next symbol or the section's end is: some CPUs' padding is known by its end.
	 */
	size_t (*padding)(const uint8_t *code, size_t size);

	const struct arch_regs *regs;
	uint64_t flags_cleared; /* bits of regs->flags that have to be 0 where code is entered */
	const int16_t *syscalls; /* by enum arch_syscall */

	/*
	 * A thread was stopped, and @regs are its registers. If it is in one of the few system
	 * calls that a mere stop ends with EINTR, change them such that the call is made again
	 * unless the handler of a signal runs first: were they changed?
	 *
	 * @before is read only where cure_needs_before says so: then the caller looks at the thread
	 * before it interrupts it, and cures none that has a signal waiting.
	 */
	bool (*cure)(uint8_t *regs, const struct arch_blocked *before);
	bool cure_needs_before;

	/*
	 * Offset of the first such gadget in @code, or -1. @code begins where an instruction may
	 * begin. On aarch64, glibc has no GADGET_SIGRETURN: it is the vDSO that does.
	 */
	int64_t (*find_gadget)(enum arch_gadget gadget, const uint8_t *code, size_t size);

	/*
	 * Offsets of registers in the same set, by DWARF's number, and the number libunwind has for
	 * pc: that of the return address on x86-64, the one behind all others on aarch64.
	 */
	const uint16_t *dwarf_regs;
	uint8_t dwarf_reg_count;
	uint8_t dwarf_pc;

	/*
	 * Could a call return to the address behind @code? Its last instruction is one, if one
	 * reads it so. No call is longer than ARCH_CALL_MAX bytes, prefixes aside.
	 */
	bool (*is_return)(const uint8_t *code, size_t size);

	/* Bits of a saved return address that are the address; others may sign it. */
	uint64_t return_mask;

	/* By bits of enum arch_gadget: once these are found the others are of no use. */
	uint32_t gadgets_wanted;
	const struct arch_sets *sets;
	uint8_t syscall_size; /* of the instruction that makes a system call */

	/*
	 * Make a frame for @thread. @gadgets are by enum arch_gadget. 0; -ENOTSUP if gadgets are
	 * missing, or the sets are of a form that is unknown; -EFAULT if there is no room below the
	 * stack pointer.
	 */
	int (*frame)(const struct arch_thread *thread, const struct arch_gadget_at *gadgets,
		     struct arch_frame *ret);

	/* Make @fp, the set of a thread, what it has to be where a function is entered. */
	void (*clean_fp)(uint8_t *fp, size_t size);
};

extern const struct arch arch_x86_64;
extern const struct arch arch_aarch64;

/* Does a mere stop end system call @number with EINTR, and may it simply be made again? */
bool arch_leaks_eintr(const struct arch *arch, int64_t number);

/* The CPU with that e_machine, or NULL. */
const struct arch *arch_by_machine(uint16_t machine);

/* The CPU this library was compiled for, or NULL if it is not one of ours. */
const struct arch *arch_native(void);

/* Facts about relocation @number of @arch, or NULL if it is unknown. */
const struct reloc_type *arch_reloc_type(const struct arch *arch, uint32_t number);

#endif
