/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signal frames of x86-64: arch/x86_64_frame.c. They are the kernel's matter (struct rt_sigframe in
 * arch/x86/include/asm/sigframe.h of Linux), not the CPU's.
 */
#ifndef LCP_ARCH_X86_64_H
#define LCP_ARCH_X86_64_H

#include "arch/arch.h"

/* See struct arch. */
int x86_64_frame(const struct arch_thread *thread, const struct arch_gadget_at *gadgets,
		 struct arch_frame *ret);
void x86_64_clean_fp(uint8_t *fp, size_t size);

#endif
