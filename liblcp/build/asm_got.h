/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Instructions that name a symbol, rewritten so that they take its address from the GOT: the symbol
 * may then be anywhere. x86-64 only.
 */
#ifndef LCP_BUILD_ASM_GOT_H
#define LCP_BUILD_ASM_GOT_H

#include "base/slice.h"
#include "base/str.h"

/*
 * Append what does the same as the instruction @word @operands, in which @name means a symbol, with
 * the address taken from the GOT. Flags and the red zone stay as they are; where a register is
 * needed that the instruction does not overwrite, with @may_save one is saved on the stack. false
 * if this is none of the instructions that can be rewritten, and then nothing is appended.
 */
bool asm_put_through_got(struct slice word, struct slice operands, struct slice name, bool may_save,
			 struct str *to);

#endif
