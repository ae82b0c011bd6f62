/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * aarch64 agrees with the assembler and the linker, whose bytes are in tests/arch/aarch64.inc.
 */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "../arch/table.h"
#include "tap.h"

#include "../arch/aarch64.inc"

#define NOP 0x1f, 0x20, 0x03, 0xd5
#define RET 0xc0, 0x03, 0x5f, 0xd6
#define UDF 0x00, 0x00, 0x00, 0x00
#define ONE UDF, 0x00, 0x00, 0xf0, 0x3f /* a double, 1.0 */

static const struct {
	const char *claim;
	uint8_t size;
	uint8_t padding;
	uint8_t code[16];
} paddings[] = {
	{ "zero words up to the end are padding, behind nops too", 16, 16, { NOP, UDF, UDF, UDF } },
	{ "zero words in front of anything else are none", 16, 4, { NOP, UDF, RET, UDF } },
	{ "a constant whose low half is zero is no padding", 12, 4, { NOP, ONE } },
	{ "bti c is no padding", 4, 0, { 0x5f, 0x24, 0x03, 0xd5 } },
	{ "half a nop is no padding", 6, 4, { NOP, 0x1f, 0x20 } },
};

static void try_more_paddings(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(paddings); i++)
		is_int(arch_aarch64.padding(paddings[i].code, paddings[i].size),
		       paddings[i].padding, paddings[i].claim);
}

static void try_alignment(void)
{
	uint8_t code[ARCH_BRANCH_MAX] = {};

	is_int(arch_aarch64.branch(0x1000, 0x2002, code), -ERANGE,
	       "no near branch goes between two instructions");
	is_int(arch_aarch64.branch(0x1002, 0x2002, code), -ERANGE, "or stands between two");
	is_int(arch_aarch64.far_branch(0x1000, 0x2002, code), -ERANGE,
	       "no far branch goes between two instructions");
	is_int(get_le64(code), 0, "a refused branch writes nothing");
	is_int(arch_aarch64.branch_target(0x1000, (const uint8_t[]){ 0, 0, 0, 0x94 }, 4), 0,
	       "a call is not one of our branches");
}

/* What looks like a GOT load to half of the checks. */
static void try_no_got_load(void)
{
	static const uint8_t adrp[] = { 0x00, 0x00, 0x00, 0x90 },
			     adr[] = { 0x00, 0x00, 0x00, 0x10 };
	const struct reloc_type *got = arch_reloc_type(&arch_aarch64, R_AARCH64_ADR_GOT_PAGE);
	const struct reloc_type *tls = arch_reloc_type(&arch_aarch64,
						       R_AARCH64_TLSIE_ADR_GOTTPREL_PAGE21);
	uint8_t code[8] = {};
	size_t offset;
	int64_t addend;

	memcpy(code, adrp, sizeof(adrp));
	ok(arch_aarch64.reloc_relax(tls, code, sizeof(code), 0, &offset, &addend) == NULL,
	   "an adrp of a TLS slot is not rewritten");
	memcpy(code, adr, sizeof(adr));
	ok(arch_aarch64.reloc_relax(got, code, sizeof(code), 0, &offset, &addend) == NULL,
	   "an instruction that is not adrp is not rewritten");
	memcpy(code + 2, adrp, sizeof(adrp));
	ok(arch_aarch64.reloc_relax(got, code, sizeof(code), 2, &offset, &addend) == NULL,
	   "bytes between two instructions are not rewritten");
}

static void try_returns(void)
{
	static const struct {
		const char *claim;
		uint32_t instruction;
		bool is_return;
	} rows[] = {
		{ "bl", 0x94000123, true },
		{ "bl backwards", 0x97fffff0, true },
		{ "blr x3", 0xd63f0060, true },
		{ "blraaz x3", 0xd63f087f, true },
		{ "blrab x3, x4", 0xd73f0c64, true },
		{ "b is no call", 0x14000123, false },
		{ "br x3 is no call", 0xd61f0060, false },
		{ "ret is no call", 0xd65f03c0, false },
	};
	uint8_t code[4];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		put_le32(code, rows[i].instruction);
		is_int(arch_aarch64.is_return(code, 4), rows[i].is_return, rows[i].claim);
	}
	is_int(arch_aarch64.is_return(code, 3), false, "a part of an instruction is none");
	ok(arch_aarch64.dwarf_reg_count == 32 && arch_aarch64.dwarf_pc == 32 &&
		   arch_aarch64.dwarf_regs[29] == 29 * 8 &&
		   arch_aarch64.dwarf_regs[30] == arch_aarch64.regs->link &&
		   arch_aarch64.dwarf_regs[31] == arch_aarch64.regs->sp,
	   "DWARF's numbers of registers are those of the ABI");
}

int main(void)
{
	static const uint8_t ret[] = { RET };

	tap_begin();
	ok(arch_by_machine(EM_AARCH64) == &arch_aarch64, "EM_AARCH64 is aarch64");
	ok(arch_by_machine(EM_ARM) == NULL, "EM_ARM is unknown");
	is_text(arch_aarch64.name, "aarch64", "its name is aarch64");
#ifdef __aarch64__
	ok(arch_native() == &arch_aarch64, "this host's CPU is aarch64");
#else
	ok(arch_native() != &arch_aarch64, "this host's CPU is not aarch64");
#endif
	TABLE_TRY_ALL(&arch_aarch64, ret, 4);
	try_more_paddings();
	try_alignment();
	try_no_got_load();
	try_returns();
	return tap_end();
}
