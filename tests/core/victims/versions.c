/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A library with two versions of a function, and with its script one that only old programs see.
 */
int old_version(void);
int old_version(void)
{
	return 1;
}

int new_version(void);
int new_version(void)
{
	return 2;
}

int gone_version(void);
int gone_version(void)
{
	return 3;
}

__asm__(".symver old_version, versioned@V1");
__asm__(".symver new_version, versioned@@V2");
__asm__(".symver gone_version, gone@V1");
