/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guards of aarch64 (struct arch_guard).
 *
 * x16 and x17 are free at an entry (AAPCS64 6.1.1: what a linker puts into the way of a call may
 * use them). gcc -fipa-ra minds that: it keeps values in x15 and x18 over a call, never in x16 and
 * x17 (seen with gcc 12). So are the flags (6.1.1 as well: undefined on entry to a public
 * interface).
 */
#include "arch/aarch64.h"

#include <errno.h>

#include "base/num.h"

#define INSTRUCTION_SIZE 4
#define COMPARE_SIZE 20 /* up to and with b.ne */

#define LDR_X16 0x58000010 /* ldr x16, . */
#define LDR_W17 0x18000011 /* ldr w17, . */
#define LDR_W16_X16 0xb9400210 /* ldr w16, [x16] */
#define CMP_W16_W17 0x6b11021f
#define B_NE 0x54000001 /* b.ne . */

/* @instruction, whose 19 bits at 5 count words, with @distance bytes in them. */
static uint32_t reaching(uint32_t instruction, size_t distance)
{
	return instruction | (uint32_t)(distance / INSTRUCTION_SIZE) << 5;
}

/* b, or if that does not reach a way through x16. */
static int jump(uint64_t from, uint64_t to, uint8_t *code)
{
	int r = arch_aarch64.branch(from, to, code);

	return r < 0 ? arch_aarch64.far_branch(from, to, code) : r;
}

/*
 * Load the four bytes, compare them with the value, b.ne over the branch to @before; the branch to
 * @after; the value and the address to watch. At most 64 bytes. The loads need no alignment: this
 * is normal memory, and Linux does not trap them (SCTLR_EL1.A is 0).
 */
int aarch64_guard(const struct arch_guard *guard, uint8_t *code)
{
	size_t size = COMPARE_SIZE;
	int before, after;

	before = jump(guard->at + size, guard->before, code + size);
	if (before < 0)
		return before;
	size += (size_t)before;
	after = jump(guard->at + size, guard->after, code + size);
	if (after < 0)
		return after;
	size += (size_t)after;
	put_le32(code + size, guard->value);
	put_le64(code + size + 4, guard->watch);

	put_le32(code, reaching(LDR_X16, size + 4));
	put_le32(code + 4, reaching(LDR_W17, size - 4));
	put_le32(code + 8, LDR_W16_X16);
	put_le32(code + 12, CMP_W16_W17);
	put_le32(code + 16, reaching(B_NE, INSTRUCTION_SIZE + (size_t)before));
	return (int)size + 12;
}
