/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "arch/move.h"

#include <errno.h>

#include "base/num.h"

#define NOWHERE UINT16_MAX

struct copy {
	const struct move_cpu *cpu;
	const struct arch_move *move;
	size_t size; /* bytes of the original that are copied: whole instructions */
	size_t last; /* where the last of them is */
	bool grown; /* since last asked */
	bool indirect; /* the function has a jump that nobody knows the target of */
	bool indexed; /* and may have a table of targets */
	bool ends; /* the last instruction copied does not go on to the next */
	size_t room; /* bytes of the copy */
	uint16_t places[ARCH_MOVED_MAX]; /* in the copy, by offset in the original */
};

static bool decode_at(const struct copy *copy, size_t offset, struct move_insn *ret)
{
	const struct arch_move *move = copy->move;

	return copy->cpu->decode(move->code + offset, move->size - offset, move->from + offset,
				 ret);
}

/* Does @insn hold an address in what is copied, behind its first byte? */
static bool leads_inside(const struct copy *copy, const struct move_insn *insn)
{
	uint64_t offset = insn->target - copy->move->from;

	return insn->has_target && offset > 0 && offset < copy->size;
}

static void note_jumps(struct copy *copy, const struct move_insn *insn)
{
	copy->indirect = copy->indirect || insn->flow == FLOW_JUMP_INDIRECT;
	copy->indexed = copy->indexed || insn->indexed;
}

/*
 * Whoever comes to the middle of what is copied would find it overwritten. So let the copy grow to
 * the end of the instruction at @offset if that branches there, as it does if that begins in it.
 * Who holds such an address without branching to it may give it to a jump.
 */
static int cover(struct copy *copy, const struct move_insn *insn, size_t offset)
{
	size_t end = offset + insn->size;
	bool inside = leads_inside(copy, insn);

	if (inside && !insn->branches)
		return -ENOTSUP;
	if ((offset >= copy->size && !inside) || end <= copy->size)
		return 0;
	copy->size = end;
	copy->grown = true;
	return end <= ARCH_MOVED_MAX ? 0 : -ENOTSUP;
}

/* How much has to be copied? What was seen may lead to what was added: look until nothing is. */
static int find_size(struct copy *copy)
{
	struct move_insn insn = {};
	int r;

	do {
		copy->grown = false;
		for (size_t at = 0; at < copy->move->size; at += insn.size) {
			if (!decode_at(copy, at, &insn))
				return -ENOTSUP;
			note_jumps(copy, &insn);
			r = cover(copy, &insn, at);
			if (r < 0)
				return r;
		}
	} while (copy->grown);
	return 0;
}

/* Of the function's part elsewhere nothing can be copied. */
static int check_part(struct copy *copy)
{
	const struct arch_move *move = copy->move;
	struct move_insn insn = {};

	for (size_t at = 0; at < move->part_size; at += insn.size) {
		if (!copy->cpu->decode(move->part + at, move->part_size - at, move->part_from + at,
				       &insn) ||
		    leads_inside(copy, &insn))
			return -ENOTSUP;
		note_jumps(copy, &insn);
	}
	return 0;
}

/* A call has to be the last: it returns to what is behind it in the function, which is whole. */
static bool can_be_copied(const struct copy *copy, const struct move_insn *insn, size_t offset)
{
	if (insn->flow == FLOW_CALL && (!copy->move->may_push || offset + insn->size < copy->size))
		return false;
	return insn->room > 0;
}

/* Find the place of each. If the function is short, the padding behind it is overwritten too. */
static int lay_out(struct copy *copy)
{
	struct move_insn insn = {};

	for (size_t i = 0; i < ARRAY_SIZE(copy->places); i++)
		copy->places[i] = NOWHERE;
	for (size_t at = 0; at < copy->size; at += insn.size) {
		if (!decode_at(copy, at, &insn) || !can_be_copied(copy, &insn, at))
			return -ENOTSUP;
		copy->places[at] = (uint16_t)copy->room;
		copy->room += insn.room;
		copy->last = at;
	}
	copy->ends = insn.flow != FLOW_NEXT && insn.flow != FLOW_CONDITIONAL;
	if (copy->room + ARCH_BRANCH_MAX > ARCH_MOVED_MAX)
		return -ENOTSUP;
	return copy->ends || copy->move->need <= copy->move->size ? 0 : -ENOTSUP;
}

/* Does the last instruction copied, or the code it goes on to, make room on the stack? */
static bool sets_up_frame(const struct copy *copy)
{
	struct move_insn insn = {};

	for (size_t at = copy->last; at < copy->move->size; at += insn.size) {
		if (!decode_at(copy, at, &insn))
			return false;
		if (insn.takes_stack)
			return true;
		if (insn.flow != FLOW_NEXT)
			break;
	}
	return false;
}

/*
 * Where an indirect jump goes is in its table, which is not looked at: to any block of the
 * function. So what is copied has to be of the first block. Branches show that as far as they can:
 * only the last instruction may end it, and none may lead into it. But the head of a loop around a
 * switch may be led to by the table alone. There is no loop in front of code that takes room on
 * the stack, since each round would take more; and there is no table, but a tail call, where
 * nothing is addressed as tables are.
 */
static bool is_one_block(const struct copy *copy)
{
	struct move_insn insn = {};

	for (size_t at = 0; at < copy->size; at += insn.size) {
		if (!decode_at(copy, at, &insn) || leads_inside(copy, &insn) ||
		    (insn.flow != FLOW_NEXT && at < copy->last))
			return false;
	}
	return copy->last == 0 || !copy->indexed || sets_up_frame(copy);
}

/*
 * Where the copy of @insn has to lead. A branch to the function's first byte from elsewhere is as
 * good as a call of it; in the copy it stays in the copy.
 */
static int find_target(const struct copy *copy, struct move_insn *insn)
{
	uint64_t offset = insn->target - copy->move->from;

	if (!insn->has_target || !insn->branches || offset >= copy->size)
		return 0;
	if (copy->places[offset] == NOWHERE)
		return -ENOTSUP;
	insn->target = copy->move->to + copy->places[offset];
	return 0;
}

static int write_copy(const struct copy *copy, uint8_t *code)
{
	uint64_t to = copy->move->to;
	struct move_insn insn = {};
	int r;

	for (size_t at = 0; at < copy->size; at += insn.size) {
		size_t place = copy->places[at];

		if (!decode_at(copy, at, &insn))
			return -ENOTSUP;
		r = find_target(copy, &insn);
		if (r < 0)
			return r;
		r = copy->cpu->write(&insn, to + place, code + place);
		if (r < 0)
			return r;
	}
	if (copy->ends)
		return (int)copy->room;
	r = copy->cpu->leave(to + copy->room, copy->move->from + copy->size, code + copy->room);
	return r < 0 ? -ENOTSUP : (int)copy->room + r;
}

int move_function(const struct move_cpu *cpu, const struct arch_move *move, uint8_t *code)
{
	struct copy copy = { .cpu = cpu, .move = move };
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
