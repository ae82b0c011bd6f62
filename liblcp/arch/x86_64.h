/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What x86-64 has in files of its own: instructions, guards, moving.
 * Signal frames of x86-64: arch/x86_64_frame.c. They are the kernel's matter (struct rt_sigframe in
 * arch/x86/include/asm/sigframe.h of Linux), not the CPU's.
 */
#ifndef LCP_ARCH_X86_64_H
#define LCP_ARCH_X86_64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/arch.h"
#include "arch/move.h"

/* Write a jump from @from to @to, near or far as it needs: its size, at most ARCH_BRANCH_MAX. */
size_t x86_64_jump(uint64_t from, uint64_t to, uint8_t *code);

struct x86_64_insn {
	uint8_t size;
	uint8_t flow; /* enum flow: a loop and xbegin are conditional */
	uint8_t opcode; /* without prefixes, escapes and ModR/M */
	uint8_t field; /* where the bytes are that count from the end: a branch, or an operand */
	uint8_t field_size; /* 0 if there are none */
	uint8_t modrm; /* where ModR/M is, 0 if there is none */
};

/* The instruction that @code begins with; false if it is unknown or cut short. */
bool x86_64_decode(const uint8_t *code, size_t size, struct x86_64_insn *ret);

/* The address that the field of @insn, which has one, means when its @code is at @at. */
uint64_t x86_64_field_target(const struct x86_64_insn *insn, const uint8_t *code, uint64_t at);

/* See struct arch. */
int x86_64_guard(const struct arch_guard *guard, uint8_t *code);
int x86_64_move(const struct arch_move *move, uint8_t *code);
int x86_64_frame(const struct arch_thread *thread, const struct arch_gadget_at *gadgets,
		 struct arch_frame *ret);
void x86_64_clean_fp(uint8_t *fp, size_t size);

#endif
