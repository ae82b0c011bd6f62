/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Assembler in functions: local labels, numbered labels, other sections.
 *
 * expect: 3 13 3
 */
static int __attribute__((noinline)) count(int to)
{
	int value = 0;

#ifdef PATCHED
	__asm__("1:\n\tincl %0\n\tcmpl %1, %0\n\tjb 1b\n\tjmp 2f\n\tud2\n2:\n"
		: "+r"(value)
		: "r"(to));
	__asm__("jmp .Lafter%=\n\tud2\n.Lafter%=:\n\taddl $10, %0" : "+r"(value));
#else
	__asm__("1:\n\tincl %0\n\tcmpl %1, %0\n\tjb 1b\n" : "+r"(value) : "r"(to));
	__asm__("jmp .Lafter%=\n\tud2\n.Lafter%=:\n\taddl $0, %0" : "+r"(value));
#endif
	return value;
}

int test_value(void)
{
	return count(3);
}
