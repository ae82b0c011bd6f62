/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bytes that are overwritten lie in two pages: entries at each of the last four bytes of one.
 *
 * expect: 4 8 4
 * mixes: 1
 * flags: -O2 -fno-toplevel-reorder -falign-functions=1
 * flags: -O0 -fno-toplevel-reorder
 * compilers: gcc
 */
#ifdef PATCHED
#define BY 2
#else
#define BY 1
#endif

/* A function of its own section, which begins @left bytes in front of the end of its first page. */
#define CROSSING(left)                                                                           \
	__asm__(".section .text.crossing" #left ",\"ax\",@progbits\n"                            \
		".p2align 12\n.skip 4096 - " #left ", 0xcc\n.text");                             \
	int __attribute__((noinline, section(".text.crossing" #left))) crossing##left(int value) \
	{                                                                                        \
		__asm__ volatile(".skip 8, 0x90" ::: "memory");                                  \
		return value * BY;                                                               \
	}

CROSSING(1)
CROSSING(2)
CROSSING(3)
CROSSING(4)

int test_value(void)
{
	return crossing1(1) + crossing2(1) + crossing3(1) + crossing4(1);
}
