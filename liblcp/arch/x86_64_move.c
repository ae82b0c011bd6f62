/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Moves the beginning of a function of x86-64 (struct arch_move).
 *
 * Whoever comes to the middle of what is copied would find it overwritten. So every direct branch
 * there is moved as well, with all that stands in front of it. For indirect ones see is_one_block().
 * A branch to the function's first byte is as good as a call of it: it goes to the entry, which leads
 * on, unless it is moved itself.
 */
#include "arch/x86_64.h"

#include <errno.h>
#include <string.h>

#include "base/num.h"

#define JUMP_SIZE 5
#define CONDITIONAL_SIZE 6
#define PUSH_SIZE 6
#define LITERAL_SIZE 8
#define CALL_DIRECT 0xe8
#define NOWHERE UINT16_MAX

struct copy {
	const struct arch_move *move;
	size_t size; /* bytes of the original that are copied: whole instructions */
	bool grown; /* since last asked */
	bool indirect; /* something branches nobody knows where to */
	bool indexed; /* something is addressed as tables of addresses are */
	bool ends; /* the last instruction does not go on to the next */
	size_t place; /* end of the copy */
	uint16_t places[ARCH_MOVED_MAX]; /* by offset in the original, of each instruction */
};

/* Does @address lie in what is copied, behind its first byte? */
static bool is_inside(const struct copy *copy, uint64_t address)
{
	uint64_t offset = address - copy->move->from;

	return offset > 0 && offset < copy->size;
}

static bool is_direct_branch(const struct x86_64_insn *insn)
{
	switch (insn->flow) {
	case X86_64_JUMP:
	case X86_64_CONDITIONAL:
	case X86_64_LOOP:
		return true;
	case X86_64_CALL:
		return insn->opcode == CALL_DIRECT;
	default:
		return false;
	}
}

/*
 * Let the copy grow to the end of the instruction at @offset if it begins in what is copied, or
 * branches there. An operand that is there is code that is read, or whose address is taken.
 */
static int cover(struct copy *copy, const struct x86_64_insn *insn, size_t offset)
{
	const struct arch_move *move = copy->move;
	bool leads_inside = insn->field_size > 0 &&
			    is_inside(copy, x86_64_field_target(insn, move->code + offset,
								move->from + offset));
	size_t end = offset + insn->size;

	if (leads_inside && !is_direct_branch(insn))
		return -ENOTSUP;
	if ((offset >= copy->size && !leads_inside) || end <= copy->size)
		return 0;
	copy->size = end;
	copy->grown = true;
	return end <= ARCH_MOVED_MAX ? 0 : -ENOTSUP;
}

/* What is in the way of knowing all that leads into the copy? SIB: SDM 2.1.5. */
static void note_indirect(struct copy *copy, const struct x86_64_insn *insn, const uint8_t *code)
{
	const uint8_t *modrm = code + insn->modrm;

	if (insn->flow == X86_64_JUMP_INDIRECT)
		copy->indirect = true;
	if (insn->modrm > 0 && modrm[0] >> 6 != 3 && (modrm[0] & 7) == 4 && modrm[1] >> 6 >= 2)
		copy->indexed = true;
}

/* How much has to be copied? What grows may be led to from what was seen before: look again. */
static int find_size(struct copy *copy)
{
	const struct arch_move *move = copy->move;
	struct x86_64_insn insn = {};
	int r;

	do {
		copy->grown = false;
		for (size_t at = 0; at < move->size; at += insn.size) {
			if (!x86_64_decode(move->code + at, move->size - at, &insn))
				return -ENOTSUP;
			note_indirect(copy, &insn, move->code + at);
			r = cover(copy, &insn, at);
			if (r < 0)
				return r;
		}
	} while (copy->grown);
	return 0;
}

/* The part of the function that stands elsewhere cannot be copied too. */
static int check_part(struct copy *copy)
{
	const struct arch_move *move = copy->move;
	struct x86_64_insn insn = {};

	for (size_t at = 0; at < move->part_size; at += insn.size) {
		const uint8_t *code = move->part + at;

		if (!x86_64_decode(code, move->part_size - at, &insn))
			return -ENOTSUP;
		note_indirect(copy, &insn, code);
		if (insn.field_size > 0 &&
		    is_inside(copy, x86_64_field_target(&insn, code, move->part_from + at)))
			return -ENOTSUP;
	}
	return 0;
}

/*
 * A call in the copy becomes a push of the address behind it in the function, and a jump. That
 * address has to be whole, so there is only one such call, the last instruction. It cannot be if its
 * operand counts from rsp, which the push changes; nor for far calls.
 */
static bool can_call(const struct copy *copy, const struct x86_64_insn *insn, size_t offset)
{
	const uint8_t *modrm = copy->move->code + offset + insn->modrm;

	if (!copy->move->may_push || offset + insn->size < copy->size)
		return false;
	if (insn->opcode == CALL_DIRECT)
		return true;
	if ((modrm[0] >> 3 & 7) != 2 || modrm[0] == 0xd4)
		return false;
	return modrm[0] >> 6 == 3 || (modrm[0] & 7) != 4 || (modrm[1] & 7) != 4;
}

static size_t size_in_copy(const struct x86_64_insn *insn)
{
	switch (insn->flow) {
	case X86_64_JUMP:
		return JUMP_SIZE;
	case X86_64_CONDITIONAL:
		return CONDITIONAL_SIZE;
	case X86_64_CALL:
		return PUSH_SIZE + insn->size + LITERAL_SIZE;
	default:
		return insn->size;
	}
}

static bool goes_on(const struct x86_64_insn *insn)
{
	return insn->flow != X86_64_JUMP && insn->flow != X86_64_RETURN &&
	       insn->flow != X86_64_JUMP_INDIRECT && insn->flow != X86_64_CALL;
}

/* Find the place of each instruction in the copy; all are known by now. */
static int lay_out(struct copy *copy)
{
	const struct arch_move *move = copy->move;
	struct x86_64_insn insn = {};

	for (size_t i = 0; i < ARRAY_SIZE(copy->places); i++)
		copy->places[i] = NOWHERE;
	for (size_t at = 0; at < copy->size; at += insn.size) {
		(void)x86_64_decode(move->code + at, move->size - at, &insn);
		if (insn.flow == X86_64_LOOP ||
		    (insn.flow == X86_64_CALL && !can_call(copy, &insn, at)))
			return -ENOTSUP;
		copy->places[at] = (uint16_t)copy->place;
		copy->place += size_in_copy(&insn);
		copy->ends = !goes_on(&insn);
	}
	if (copy->place + ARCH_BRANCH_MAX > ARCH_MOVED_MAX)
		return -ENOTSUP;
	return move->need <= move->size || copy->ends ? 0 : -ENOTSUP;
}

/* push, or sub $immediate, %rsp */
static bool takes_stack(const uint8_t *code, size_t size)
{
	size_t rex = size > 1 && (code[0] & 0xf0) == 0x40 ? 1 : 0;

	if ((code[rex] & 0xf8) == 0x50)
		return true;
	return rex == 1 && size > 3 && (code[1] == 0x83 || code[1] == 0x81) && code[2] == 0xec;
}

/* Does the code that follows the last instruction copied, or that itself, set up a frame? */
static bool sets_up_frame(const struct copy *copy, size_t last)
{
	const struct arch_move *move = copy->move;
	struct x86_64_insn insn = {};

	for (size_t at = last; at < move->size; at += insn.size) {
		(void)x86_64_decode(move->code + at, move->size - at, &insn);
		if (takes_stack(move->code + at, insn.size))
			return true;
		if (insn.flow != X86_64_NEXT)
			break;
	}
	return false;
}

/*
 * Where an indirect jump goes is in its table, which is not looked at: to any block of the function.
 * So what is copied has to be of the first block. Branches show that as far as they can: only the
 * last instruction may end it, and none may lead into it. But the head of a loop around a switch may
 * be led to by the table alone. There is no loop in front of code that takes room on the stack, since
 * each round would take more; and there is no table, but a tail call, where nothing is addressed by
 * a register times 4 or 8, the size of a table's entry.
 */
static bool is_one_block(const struct copy *copy)
{
	const struct arch_move *move = copy->move;
	struct x86_64_insn insn = {};
	size_t last = 0;

	for (size_t at = 0; at < copy->size; at += insn.size) {
		const uint8_t *code = move->code + at;

		last = at;
		(void)x86_64_decode(code, move->size - at, &insn);
		if (insn.flow != X86_64_NEXT && at + insn.size < copy->size)
			return false;
		if (is_direct_branch(&insn) &&
		    is_inside(copy, x86_64_field_target(&insn, code, move->from + at)))
			return false;
	}
	return !copy->indexed || sets_up_frame(copy, last);
}

/* Where a branch to *@target has to go from the copy; false if that is the middle of an instruction. */
static bool find_target(const struct copy *copy, uint64_t *target)
{
	uint64_t offset = *target - copy->move->from;

	if (offset >= copy->size)
		return true;
	if (copy->places[offset] == NOWHERE)
		return false;
	*target = copy->move->to + copy->places[offset];
	return true;
}

/*
 * Write the instruction at @offset, but for what counts from its end. Branches get their longest
 * form.
 */
static void write_opcode(const struct copy *copy, const struct x86_64_insn *insn, size_t offset,
			 uint8_t *code)
{
	switch (insn->flow) {
	case X86_64_JUMP:
		code[0] = 0xe9;
		break;
	case X86_64_CONDITIONAL:
		code[0] = 0x0f;
		code[1] = (uint8_t)(0x80 | (insn->opcode & 0x0f));
		break;
	default:
		memcpy(code, copy->move->code + offset, insn->size);
		break;
	}
}

/* push literal(%rip), the jump with the operand of the call, the literal. */
static void write_call(const struct copy *copy, const struct x86_64_insn *insn, size_t offset,
		       uint8_t *code)
{
	const struct arch_move *move = copy->move;
	uint8_t *jump = code + PUSH_SIZE;

	code[0] = 0xff;
	code[1] = 0x35;
	put_le32(code + 2, insn->size);
	memcpy(jump, move->code + offset, insn->size);
	if (insn->opcode == CALL_DIRECT)
		jump[insn->field - 1] = 0xe9;
	else
		jump[insn->modrm] = (uint8_t)((jump[insn->modrm] & 0xc7) | 4 << 3);
	put_le64(jump + insn->size, move->from + offset + insn->size);
}

static int write_insn(const struct copy *copy, const struct x86_64_insn *insn, size_t offset,
		      uint8_t *code)
{
	const struct arch_move *move = copy->move;
	size_t end = size_in_copy(insn), behind = 4;
	uint64_t target, distance;

	if (insn->flow == X86_64_CALL)
		write_call(copy, insn, offset, code);
	else
		write_opcode(copy, insn, offset, code);
	if (insn->field_size == 0)
		return 0;
	target = x86_64_field_target(insn, move->code + offset, move->from + offset);
	if (is_direct_branch(insn) && !find_target(copy, &target))
		return -ENOTSUP;
	if (insn->flow == X86_64_CALL)
		end -= LITERAL_SIZE;
	if (!is_direct_branch(insn))
		behind = (size_t)(insn->size - insn->field);
	distance = target - (move->to + copy->places[offset] + end);
	if (!fits_signed((int64_t)distance, 32))
		return -ENOTSUP;
	put_le32(code + end - behind, (uint32_t)distance);
	return 0;
}

static int write_copy(const struct copy *copy, uint8_t *code)
{
	const struct arch_move *move = copy->move;
	struct x86_64_insn insn = {};
	size_t size = copy->place;
	int r;

	for (size_t at = 0; at < copy->size; at += insn.size) {
		(void)x86_64_decode(move->code + at, move->size - at, &insn);
		r = write_insn(copy, &insn, at, code + copy->places[at]);
		if (r < 0)
			return r;
	}
	if (!copy->ends)
		size += x86_64_jump(move->to + size, move->from + copy->size, code + size);
	return (int)size;
}

int x86_64_move(const struct arch_move *move, uint8_t *code)
{
	struct copy copy = { .move = move };
	int r;

	copy.size = move->need < move->size ? move->need : move->size;
	if (copy.size > ARCH_MOVED_MAX)
		return -ENOTSUP;
	r = find_size(&copy);
	if (r < 0)
		return r;
	r = check_part(&copy);
	if (r < 0)
		return r;
	r = lay_out(&copy);
	if (r < 0)
		return r;
	if (copy.indirect && !is_one_block(&copy))
		return -ENOTSUP;
	return write_copy(&copy, code);
}
