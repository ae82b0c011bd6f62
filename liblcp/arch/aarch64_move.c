/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Instructions of aarch64 at another place (struct move_cpu). Encodings: Arm ARM, C4.1 (Top-level
 * A64 instruction set encodings). No register is free in the middle of a function, so what is out
 * of reach of the instruction itself, or of b, is refused. So are calls.
 */
#include "arch/aarch64.h"

#include <errno.h>

#include "arch/move.h"
#include "base/num.h"

#define INSTRUCTION_SIZE 4
#define PAGE_MASK UINT64_C(0xfff)

/* How an instruction holds a distance. */
enum form {
	FORM_NONE,
	FORM_B, /* 26 bits at 0: b, bl */
	FORM_19, /* 19 bits at 5: b.cond, cbz, ldr */
	FORM_14, /* 14 bits at 5: tbz */
	FORM_ADR, /* 19 bits at 5, the 2 below them at 29; bytes */
	FORM_ADRP, /* the same, of pages */
};

struct kind {
	uint32_t mask;
	uint32_t value;
	uint8_t form;
	uint8_t flow;
	bool branches;
};

/*
 * What is not plain, the first that fits. The group "Branches, Exception Generating and System"
 * (op0 is x101) is known in full, so that what else is in it can be refused: it may be a branch.
 */
static const struct kind kinds[] = {
	{ 0xfc000000, 0x14000000, FORM_B, FLOW_JUMP, true }, /* b */
	{ 0xfc000000, 0x94000000, FORM_B, FLOW_CALL, true }, /* bl */
	{ 0xff000000, 0x54000000, FORM_19, FLOW_CONDITIONAL, true }, /* b.cond, bc.cond */
	{ 0x7e000000, 0x34000000, FORM_19, FLOW_CONDITIONAL, true }, /* cbz, cbnz */
	{ 0x7e000000, 0x36000000, FORM_14, FLOW_CONDITIONAL, true }, /* tbz, tbnz */
	{ 0xfee00000, 0xd6000000, FORM_NONE, FLOW_JUMP_INDIRECT, false }, /* br, braa */
	{ 0xfee00000, 0xd6200000, FORM_NONE, FLOW_CALL, false }, /* blr, blraa */
	{ 0xffe00000, 0xd6400000, FORM_NONE, FLOW_RETURN, false }, /* ret, retaa */
	{ 0x3b000000, 0x18000000, FORM_19, FLOW_NEXT, false }, /* ldr, ldrsw, prfm (literal) */
	{ 0x9f000000, 0x10000000, FORM_ADR, FLOW_NEXT, false },
	{ 0x9f000000, 0x90000000, FORM_ADRP, FLOW_NEXT, false },
	{ 0xfe000000, 0xd4000000, FORM_NONE, FLOW_NEXT, false }, /* svc, brk, hint, mrs */
};

#define GROUP_MASK 0x1c000000
#define GROUP_BRANCHES 0x14000000

/* Loads with a register offset, by which tables are read (Loads and stores, register offset). */
#define INDEXED_MASK 0x3b200c00
#define INDEXED 0x38200800

static const struct kind *find_kind(uint32_t word)
{
	static const struct kind plain = { .flow = FLOW_NEXT };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if ((word & kinds[i].mask) == kinds[i].value)
			return &kinds[i];
	}
	return (word & GROUP_MASK) == GROUP_BRANCHES ? NULL : &plain;
}

/* The @count bits of @word from @first on, as a signed number. */
static int64_t signed_bits(uint32_t word, unsigned int first, unsigned int count)
{
	return (int64_t)((uint64_t)word << (64 - first - count)) >> (64 - count);
}

static uint64_t find_target(enum form form, uint32_t word, uint64_t at)
{
	int64_t fine = word >> 29 & 3;

	switch (form) {
	case FORM_B:
		return at + (uint64_t)(signed_bits(word, 0, 26) * INSTRUCTION_SIZE);
	case FORM_19:
		return at + (uint64_t)(signed_bits(word, 5, 19) * INSTRUCTION_SIZE);
	case FORM_14:
		return at + (uint64_t)(signed_bits(word, 5, 14) * INSTRUCTION_SIZE);
	case FORM_ADR:
		return at + (uint64_t)(signed_bits(word, 5, 19) * 4 + fine);
	case FORM_ADRP:
		return (at & ~PAGE_MASK) +
		       (uint64_t)(signed_bits(word, 5, 19) * 4 + fine) * (PAGE_MASK + 1);
	default:
		return 0;
	}
}

/* stp x29, x30, [sp, #-n]! and its like; str x30, [sp, #-n]! and its like; sub sp, sp, #n */
static bool takes_stack(uint32_t word)
{
	return (word & 0x3bc003e0) == 0x298003e0 || (word & 0x3be00fe0) == 0x38000fe0 ||
	       (word & 0xff8003ff) == 0xd10003ff;
}

/*
 * A conditional branch becomes the opposite one over a b. Conditions 14 and 15 both mean "always"
 * and have no opposite (Arm ARM, C1.2.4); assemblers write b for them.
 */
static uint8_t room_for(const struct kind *kind, uint32_t word)
{
	if (kind->flow == FLOW_CALL)
		return 0;
	if (kind->flow != FLOW_CONDITIONAL)
		return INSTRUCTION_SIZE;
	return word >> 24 == 0x54 && (word & 0xe) == 0xe ? 0 : 2 * INSTRUCTION_SIZE;
}

/* adrp holds no address of an instruction, only that of its page. */
static bool decode(const uint8_t *code, size_t size, uint64_t at, struct move_insn *ret)
{
	const struct kind *kind;
	uint32_t word;

	if (size < INSTRUCTION_SIZE || at % INSTRUCTION_SIZE != 0)
		return false;
	word = get_le32(code);
	kind = find_kind(word);
	if (kind == NULL)
		return false;
	*ret = (struct move_insn){
		.code = code,
		.at = at,
		.size = INSTRUCTION_SIZE,
		.room = room_for(kind, word),
		.flow = kind->flow,
		.has_target = kind->form != FORM_NONE && kind->form != FORM_ADRP,
		.branches = kind->branches,
		.takes_stack = takes_stack(word),
		.indexed = (word & INDEXED_MASK) == INDEXED,
		.target = find_target((enum form)kind->form, word, at),
	};
	return true;
}

static int write_branch(uint64_t from, uint64_t to, uint8_t *code)
{
	return arch_aarch64.branch(from, to, code) < 0 ? -ENOTSUP : 0;
}

/* The opposite of a condition differs from it in one bit (Arm ARM, C1.2.4, CBZ, TBZ). */
static int write_conditional(enum form form, uint32_t word, uint64_t target, uint64_t to,
			     uint8_t *code)
{
	uint32_t over = 2 << 5, field = (form == FORM_14 ? 0x3fffu : 0x7ffffu) << 5;

	word ^= word >> 24 == 0x54 ? 1 : 1 << 24;
	put_le32(code, (word & ~field) | over);
	return write_branch(to + INSTRUCTION_SIZE, target, code + INSTRUCTION_SIZE);
}

/* adr and ldr reach 1 MiB, adrp 4 GiB. */
static int write_operand(enum form form, uint32_t word, uint64_t target, uint64_t to, uint8_t *code)
{
	int64_t distance = (int64_t)(target - to);
	uint32_t field = 0x7ffffu << 5;

	if (form == FORM_ADRP)
		distance = (int64_t)(target - (to & ~PAGE_MASK)) / (int64_t)(PAGE_MASK + 1);
	if (!fits_signed(distance, 21) || (form == FORM_19 && distance % INSTRUCTION_SIZE != 0))
		return -ENOTSUP;
	word = (word & ~field) | ((uint32_t)(distance >> 2) << 5 & field);
	if (form != FORM_19)
		word = (word & ~(3u << 29)) | ((uint32_t)distance & 3) << 29;
	put_le32(code, word);
	return 0;
}

static int write_insn(const struct move_insn *insn, uint64_t to, uint8_t *code)
{
	uint32_t word = get_le32(insn->code);
	const struct kind *kind = find_kind(word);
	enum form form = (enum form)(kind != NULL ? kind->form : FORM_NONE);

	if (insn->flow == FLOW_JUMP)
		return write_branch(to, insn->target, code);
	if (insn->flow == FLOW_CONDITIONAL)
		return write_conditional(form, word, insn->target, to, code);
	if (form != FORM_NONE)
		return write_operand(form, word, insn->target, to, code);
	put_le32(code, word);
	return 0;
}

static int leave(uint64_t from, uint64_t to, uint8_t *code)
{
	return arch_aarch64.branch(from, to, code);
}

static const struct move_cpu cpu = { .decode = decode, .write = write_insn, .leave = leave };

int aarch64_move(const struct arch_move *move, uint8_t *code)
{
	return move->to % INSTRUCTION_SIZE == 0 ? move_function(&cpu, move, code) : -ENOTSUP;
}
