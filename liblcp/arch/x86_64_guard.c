/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guards of x86-64 (struct arch_guard).
 *
 * No register is free, not even r11: gcc -fipa-ra (on from -O2) lets the callers of a static
 * function keep values in whatever registers that function happens not to use. The flags are free,
 * since no caller keeps anything in them over a call (psABI 3.2.1), and so is the stack below rsp:
 * a caller's red zone ends where it calls.
 */
#include "arch/x86_64.h"

#include "base/num.h"

#define COMPARE_NEAR_SIZE 10
#define COMPARE_FAR_SIZE 16
#define JNE_SIZE 2

/* cmpl $value, watch(%rip): its size, 0 if it does not reach. */
static size_t compare_near(const struct arch_guard *guard, uint8_t *code)
{
	uint64_t distance = guard->watch - (guard->at + COMPARE_NEAR_SIZE);

	if (!fits_signed((int64_t)distance, 32))
		return 0;
	code[0] = 0x81;
	code[1] = 0x3d;
	put_le32(code + 2, (uint32_t)distance);
	put_le32(code + 6, guard->value);
	return COMPARE_NEAR_SIZE;
}

/* push %rax; movabs watch, %eax; cmp $value, %eax; pop %rax. Only rax has such a load. */
static size_t compare_far(const struct arch_guard *guard, uint8_t *code)
{
	code[0] = 0x50;
	code[1] = 0xa1;
	put_le64(code + 2, guard->watch);
	code[10] = 0x3d;
	put_le32(code + 11, guard->value);
	code[15] = 0x58;
	return COMPARE_FAR_SIZE;
}

/* Compare; jne over the jump to @before; the jump to @after. At most 46 bytes. */
int x86_64_guard(const struct arch_guard *guard, uint8_t *code)
{
	size_t size = compare_near(guard, code);
	uint8_t *jne;

	if (size == 0)
		size = compare_far(guard, code);
	jne = code + size;
	size += JNE_SIZE;
	jne[0] = 0x75;
	jne[1] = (uint8_t)x86_64_jump(guard->at + size, guard->before, code + size);
	size += jne[1];
	size += x86_64_jump(guard->at + size, guard->after, code + size);
	return (int)size;
}
