/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What aarch64 has in files of its own: relocations, guards, moved beginnings, signal frames.
 */
#ifndef LCP_ARCH_AARCH64_H
#define LCP_ARCH_AARCH64_H

#include "arch/arch.h"

#define AARCH64_RELOC_COUNT 106

extern const struct reloc_type aarch64_relocs[AARCH64_RELOC_COUNT];

/* See struct arch. */
int aarch64_reloc_apply(const struct reloc_type *type, uint64_t place, uint64_t value,
			uint8_t *bytes);
const struct reloc_type *aarch64_reloc_relax(const struct reloc_type *type, uint8_t *code,
					     size_t size, size_t offset, size_t *ret_offset,
					     int64_t *ret_addend);
void aarch64_reloc_span(const struct reloc_type *type, unsigned int *ret_before,
			unsigned int *ret_size);
bool aarch64_reloc_value(const struct reloc_type *type, uint64_t place, const uint8_t *bytes,
			 uint64_t *ret);
bool aarch64_reloc_takes_address(const struct reloc_type *type, const uint8_t *code, size_t size,
				 size_t offset);
int64_t aarch64_find_address(const uint8_t *code, size_t size, size_t offset);
int aarch64_guard(const struct arch_guard *guard, uint8_t *code);
int aarch64_frame(const struct arch_thread *thread, const struct arch_gadget_at *gadgets,
		  struct arch_frame *ret);
void aarch64_clean_fp(uint8_t *fp, size_t size);
int aarch64_move(const struct arch_move *move, uint8_t *code);

#endif
