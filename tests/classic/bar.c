/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The new version of foo.c.
 */
#include <stdio.h>

void i_m_being_patched(void);
void i_m_being_patched(void)
{
	printf("you patched my %s\n", "tralala");
}

int main(void)
{
	for (int i = 0; i < 2; i++)
		i_m_being_patched();
	return 0;
}
