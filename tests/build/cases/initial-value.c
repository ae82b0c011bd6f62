/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The initial value of a variable that lives is refused, and so is its size.
 *
 * refused: LCP_EREFUSED state
 * only: pie
 */
#ifdef PATCHED
int state[3] = { 2 };
#else
int state[2] = { 1 };
#endif

int test_value(void)
{
	return state[0];
}
