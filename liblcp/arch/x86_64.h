/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What x86-64 has in files of its own: guards.
 */
#ifndef LCP_ARCH_X86_64_H
#define LCP_ARCH_X86_64_H

#include <stddef.h>
#include <stdint.h>

#include "arch/arch.h"

/* Write a jump from @from to @to, near or far as it needs: its size, at most ARCH_BRANCH_MAX. */
size_t x86_64_jump(uint64_t from, uint64_t to, uint8_t *code);

/* See struct arch. */
int x86_64_guard(const struct arch_guard *guard, uint8_t *code);

#endif
