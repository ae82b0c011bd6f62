/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Moving the beginning of a function: what is the same for all CPUs. Which instructions have to be
 * copied, whether that is enough, and where each will stand. The CPUs say what an instruction does
 * and write it at its new place.
 */
#ifndef LCP_ARCH_MOVE_H
#define LCP_ARCH_MOVE_H

#include "arch/arch.h"

/* Where an instruction goes on. What traps or calls the kernel goes on behind it. */
enum flow {
	FLOW_NEXT,
	FLOW_JUMP,
	FLOW_CONDITIONAL,
	FLOW_CALL,
	FLOW_RETURN,
	FLOW_JUMP_INDIRECT,
};

struct move_insn {
	const uint8_t *code;
	uint64_t at; /* its address */
	uint8_t size;
	uint8_t room; /* bytes it needs in the copy; 0 if it cannot be there */
	uint8_t flow; /* enum flow */
	bool has_target; /* it holds an address as a distance: */
	bool branches; /* it goes there; if not, it reads it or computes it */
	bool takes_stack; /* it makes the stack larger, as only the beginning of a function does */
	bool indexed; /* it may look at a table of places to jump to */
	uint64_t target;
};

struct move_cpu {
	/* The instruction that @code, at address @at, begins with; false if it is unknown. */
	bool (*decode)(const uint8_t *code, size_t size, uint64_t at, struct move_insn *ret);

	/*
	 * Write @insn, which now has the target it shall have, at the address @to: @insn->room
	 * bytes. A call has to return to where it would in the function. -ENOTSUP if the target is
	 * out of reach.
	 */
	int (*write)(const struct move_insn *insn, uint64_t to, uint8_t *code);

	/*
	 * Write a branch in the middle of a function: its size, at most ARCH_BRANCH_MAX, or < 0.
	 */
	int (*leave)(uint64_t from, uint64_t to, uint8_t *code);
};

/* See struct arch. */
int move_function(const struct move_cpu *cpu, const struct arch_move *move, uint8_t *code);

#endif
