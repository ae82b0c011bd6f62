/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x86-64 agrees with the assembler and the linker, whose bytes are in tests/arch/x86_64.inc.
 */
#include <elf.h>
#include <string.h>
#include <sys/user.h>

#include "../arch/table.h"
#include "tap.h"

#include "../arch/x86_64.inc"

/* Forms that gas has for other -mtune, and what looks like padding but is not. */
static const struct {
	const char *claim;
	uint8_t size;
	uint8_t padding;
	uint8_t code[16];
} paddings[] = {
	{ "xchg %ax,%ax is padding", 2, 2, { 0x66, 0x90 } },
	{ "data16 data16 nop is padding", 4, 4, { 0x66, 0x66, 0x66, 0x90 } },
	{ "data16 cs nopw of 15 bytes is padding",
	  15,
	  15,
	  { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84 } },
	{ "no instruction has 16 bytes",
	  16,
	  0,
	  { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84 } },
	{ "a no-op cut short is no padding", 4, 0, { 0x0f, 0x1f, 0x44, 0x00 } },
	{ "pause is no padding", 2, 0, { 0xf3, 0x90 } },
	{ "endbr64 is no padding", 4, 0, { 0xf3, 0x0f, 0x1e, 0xfa } },
	{ "zero bytes are no padding", 4, 0, {} },
	{ "int3 is padding, up to the code behind it", 3, 2, { 0xcc, 0xcc, 0xc3 } },
	{ "mixed fill is padding", 6, 6, { 0xcc, 0x90, 0x0f, 0x1f, 0x00, 0xcc } },
};

static void try_more_paddings(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(paddings); i++)
		is_int(arch_x86_64.padding(paddings[i].code, paddings[i].size), paddings[i].padding,
		       paddings[i].claim);
}

static const struct {
	const char *claim;
	bool is_return;
	uint8_t size;
	uint8_t code[8];
} returns[] = {
	{ "call rel32", true, 5, { 0xe8, 1, 2, 3, 4 } },
	{ "call *%rax", true, 2, { 0xff, 0xd0 } },
	{ "call *%r11", true, 3, { 0x41, 0xff, 0xd3 } },
	{ "call *(%rax)", true, 2, { 0xff, 0x10 } },
	{ "call *8(%rbp)", true, 3, { 0xff, 0x55, 8 } },
	{ "call *(%rsp)", true, 3, { 0xff, 0x14, 0x24 } },
	{ "call *(%rax,%rdx,8)", true, 3, { 0xff, 0x14, 0xd0 } },
	{ "call *8(%rsp)", true, 4, { 0xff, 0x54, 0x24, 8 } },
	{ "call *0x1234(%rip)", true, 6, { 0xff, 0x15, 0x34, 0x12, 0, 0 } },
	{ "call *0x1234(%rbx)", true, 6, { 0xff, 0x93, 0x34, 0x12, 0, 0 } },
	{ "call *0x1234(%rsp)", true, 7, { 0xff, 0x94, 0x24, 0x34, 0x12, 0, 0 } },
	{ "call *0x1234(,%rax,8)", true, 7, { 0xff, 0x14, 0xc5, 0x34, 0x12, 0, 0 } },
	{ "jmp rel32 is no call", false, 5, { 0xe9, 1, 2, 3, 4 } },
	{ "jmp *%rax is no call", false, 2, { 0xff, 0xe0 } },
	{ "push 8(%rbp) is no call", false, 3, { 0xff, 0x75, 8 } },
	{ "a call that is cut off is none", false, 4, { 1, 2, 3, 4 } },
	{ "call *8(%rbp) without its offset is none", false, 2, { 0xff, 0x55 } },
	{ "nothing is no call", false, 0, { 0 } },
};

static void try_returns(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(returns); i++)
		is_int(arch_x86_64.is_return(returns[i].code, returns[i].size),
		       returns[i].is_return, returns[i].claim);
}

static void try_native(void)
{
#if defined(__x86_64__) && defined(__LP64__)
	const struct arch_regs *regs = arch_x86_64.regs;

	ok(arch_native() == &arch_x86_64, "this host's CPU is x86-64");
	ok(arch_x86_64.dwarf_reg_count == 17 && arch_x86_64.dwarf_pc == 16 &&
		   arch_x86_64.dwarf_regs[1] == offsetof(struct user_regs_struct, rdx) &&
		   arch_x86_64.dwarf_regs[6] == offsetof(struct user_regs_struct, rbp) &&
		   arch_x86_64.dwarf_regs[7] == regs->sp &&
		   arch_x86_64.dwarf_regs[15] == offsetof(struct user_regs_struct, r15) &&
		   arch_x86_64.dwarf_regs[16] == regs->pc,
	   "DWARF's numbers of them are those of the psABI");
	ok(regs->size == sizeof(struct user_regs_struct) &&
		   regs->pc == offsetof(struct user_regs_struct, rip) &&
		   regs->sp == offsetof(struct user_regs_struct, rsp) &&
		   regs->orig_result == offsetof(struct user_regs_struct, orig_rax) &&
		   regs->thread_pointer == offsetof(struct user_regs_struct, fs_base),
	   "this host's registers stand where <sys/user.h> says");
#else
	ok(arch_native() != &arch_x86_64, "this host's CPU is not x86-64");
#endif
}

/* Reach is counted in the 64-bit ring: addresses near its ends are as good as others. */
static void try_wrap(void)
{
	uint8_t code[ARCH_BRANCH_MAX];

	is_int(arch_x86_64.branch(UINT64_MAX - 15, 0x10, code), 5,
	       "a branch may go over the end of the address space");
	is_int(arch_x86_64.branch_target(UINT64_MAX - 15, code, 5), 0x10, "and arrives");
	is_int(arch_x86_64.branch_target(0, (const uint8_t[]){ 0xeb, 0xfe, 0, 0, 0 }, 5), 0,
	       "a short jump is not one of our branches");
}

/* ld does rewrite this one; see has_rex64() in x86_64.c for why we do not. */
static void try_rex64_call(void)
{
	const struct reloc_type *type = arch_reloc_type(&arch_x86_64, R_X86_64_GOTPCRELX);
	uint8_t code[] = { 0x66, 0x48, 0xff, 0x15, 0, 0, 0, 0 };
	size_t offset;
	int64_t addend;

	ok(arch_x86_64.reloc_relax(type, code, sizeof(code), 4, &offset, &addend) == NULL &&
		   code[2] == 0xff,
	   "a call that a REX prefix fills up keeps its slot");
}

int main(void)
{
	static const uint8_t ret[] = { 0xc3 };

	tap_begin();
	ok(arch_by_machine(EM_X86_64) == &arch_x86_64, "EM_X86_64 is x86-64");
	ok(arch_by_machine(EM_386) == NULL, "EM_386 is unknown");
	is_text(arch_x86_64.name, "x86_64", "its name is x86_64");
	TABLE_TRY_ALL(&arch_x86_64, ret, 1);
	try_more_paddings();
	try_returns();
	try_native();
	try_wrap();
	try_rex64_call();
	return tap_end();
}
