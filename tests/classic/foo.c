/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The program of LibCare's walk-through. It ends, which the original does not.
 */
#include <stdio.h>

void i_m_being_patched(void);
void i_m_being_patched(void)
{
	printf("i'm unpatched!\n");
}

int main(void)
{
	for (int i = 0; i < 2; i++)
		i_m_being_patched();
	return 0;
}
