/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Instructions of x86-64 at another place (struct move_cpu).
 *
 * Branches get their longest form, so that the size of each is known before its target is. A call
 * becomes a push of the return address, which stands behind it, and a jump.
 */
#include "arch/x86_64.h"

#include <errno.h>
#include <string.h>

#include "arch/move.h"
#include "base/num.h"

#define FIELD_SIZE 4
#define JUMP_SIZE 5
#define CONDITIONAL_SIZE 6
#define PUSH_SIZE 6
#define LITERAL_SIZE 8

#define CALL_DIRECT 0xe8

#define MOD_REGISTER 3
#define RSP 4 /* in ModR/M.rm: there is a SIB byte */

static bool is_jcc(const struct x86_64_insn *insn)
{
	return insn->flow == FLOW_CONDITIONAL &&
	       ((insn->opcode & 0xf0) == 0x70 || (insn->opcode & 0xf0) == 0x80);
}

/* SDM 2.1.5: the scale is 4 or 8. Entries of the tables that compilers write have these sizes. */
static bool is_indexed(const struct x86_64_insn *insn, const uint8_t *code)
{
	const uint8_t *modrm = code + insn->modrm;

	return insn->modrm > 0 && modrm[0] >> 6 != MOD_REGISTER && (modrm[0] & 7) == RSP &&
	       modrm[1] >> 6 >= 2;
}

/* push, or sub $immediate, %rsp */
static bool takes_stack(const uint8_t *code, size_t size)
{
	size_t rex = size > 1 && (code[0] & 0xf0) == 0x40 ? 1 : 0;

	if ((code[rex] & 0xf8) == 0x50)
		return true;
	return rex == 1 && size > 3 && (code[1] == 0x83 || code[1] == 0x81) && code[2] == 0xec;
}

/* Not if the operand counts from rsp, which the push changes; nor far calls. */
static bool can_push_return(const struct x86_64_insn *insn, const uint8_t *code)
{
	const uint8_t *modrm = code + insn->modrm;

	if (insn->opcode == CALL_DIRECT)
		return true;
	if ((modrm[0] >> 3 & 7) != 2)
		return false;
	if (modrm[0] >> 6 == MOD_REGISTER || (modrm[0] & 7) != RSP)
		return modrm[0] != 0xd4; /* call *%rsp */
	return (modrm[1] & 7) != RSP;
}

static size_t room_for(const struct x86_64_insn *insn, const uint8_t *code)
{
	switch (insn->flow) {
	case FLOW_JUMP:
		return JUMP_SIZE;
	case FLOW_CONDITIONAL:
		return is_jcc(insn) ? CONDITIONAL_SIZE : 0;
	case FLOW_CALL:
		return can_push_return(insn, code) ? PUSH_SIZE + insn->size + LITERAL_SIZE : 0;
	default:
		return insn->size;
	}
}

static bool decode(const uint8_t *code, size_t size, uint64_t at, struct move_insn *ret)
{
	struct x86_64_insn insn;

	if (!x86_64_decode(code, size, &insn))
		return false;
	*ret = (struct move_insn){
		.code = code,
		.at = at,
		.size = insn.size,
		.room = (uint8_t)room_for(&insn, code),
		.flow = insn.flow,
		.has_target = insn.field_size > 0,
		.branches = insn.flow == FLOW_JUMP || insn.flow == FLOW_CONDITIONAL ||
			    (insn.flow == FLOW_CALL && insn.opcode == CALL_DIRECT),
		.takes_stack = takes_stack(code, insn.size),
		.indexed = is_indexed(&insn, code),
	};
	if (ret->has_target)
		ret->target = x86_64_field_target(&insn, code, at);
	return true;
}

/* push literal(%rip); the jump with the operand of the call; the literal. */
static void write_call(const struct move_insn *insn, const struct x86_64_insn *from, uint8_t *code)
{
	uint8_t *jump = code + PUSH_SIZE;

	code[0] = 0xff;
	code[1] = 0x35;
	put_le32(code + 2, insn->size);
	memcpy(jump, insn->code, insn->size);
	if (insn->branches)
		jump[from->field - 1] = 0xe9;
	else
		jump[from->modrm] = (uint8_t)((jump[from->modrm] & 0xc7) | 4 << 3);
	put_le64(jump + insn->size, insn->at + insn->size);
}

/* All but what counts from the end. */
static void write_opcode(const struct move_insn *insn, const struct x86_64_insn *from,
			 uint8_t *code)
{
	switch (insn->flow) {
	case FLOW_JUMP:
		code[0] = 0xe9;
		break;
	case FLOW_CONDITIONAL:
		code[0] = 0x0f;
		code[1] = (uint8_t)(0x80 | (from->opcode & 0x0f));
		break;
	case FLOW_CALL:
		write_call(insn, from, code);
		break;
	default:
		memcpy(code, insn->code, insn->size);
		break;
	}
}

static int write_insn(const struct move_insn *insn, uint64_t to, uint8_t *code)
{
	size_t end = insn->room, behind = FIELD_SIZE;
	struct x86_64_insn from;
	uint64_t distance;

	if (!x86_64_decode(insn->code, insn->size, &from))
		return -ENOTSUP;
	write_opcode(insn, &from, code);
	if (!insn->has_target)
		return 0;
	if (insn->flow == FLOW_CALL)
		end -= LITERAL_SIZE;
	if (!insn->branches) /* an immediate may stand behind it */
		behind = (size_t)(from.size - from.field);
	distance = insn->target - (to + end);
	if (!fits_signed((int64_t)distance, 32))
		return -ENOTSUP;
	put_le32(code + end - behind, (uint32_t)distance);
	return 0;
}

static int leave(uint64_t from, uint64_t to, uint8_t *code)
{
	return (int)x86_64_jump(from, to, code);
}

static const struct move_cpu cpu = { .decode = decode, .write = write_insn, .leave = leave };

int x86_64_move(const struct arch_move *move, uint8_t *code)
{
	return move_function(&cpu, move, code);
}
