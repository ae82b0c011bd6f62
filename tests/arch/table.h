/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Claims about a CPU of liblcp/arch, tried on rows that tests/arch/generate made: what the
 * assembler and the linker do. Each test includes its CPU's rows and hands them over; the claims
 * are the same for all CPUs.
 */
#ifndef LCP_TESTS_ARCH_TABLE_H
#define LCP_TESTS_ARCH_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/arch.h"
#include "base/num.h"

struct reloc_row {
	const char *type;
	uint32_t number; /* in the object file */
	enum reloc_need need; /* what the value is */
	uint64_t place;
	uint64_t value; /* as needed, read from the linked file */
	bool beyond; /* it must be refused */
	uint8_t size;
	uint8_t before[8]; /* in the object file */
	uint8_t after[8]; /* in the linked file */
	const char *source; /* the linker; "abi" where none looks: the field has no room for it */
};

struct relax_row {
	const char *type;
	const char *becomes; /* NULL: the code stays as it is */
	uint64_t address; /* of the code */
	size_t offset; /* of the relocation in it */
	uint64_t symbol;
	int64_t addend;
	uint8_t size;
	uint8_t before[16];
	uint8_t after[16];
	const char *claim;
};

struct branch_row {
	uint64_t from;
	uint64_t to;
	bool far;
	uint8_t size; /* 0: out of reach */
	uint8_t code[16];
};

struct pad_row {
	const char *name;
	uint8_t code_size;
	uint8_t code[8];
	uint8_t size;
	bool enter_behind;
	uint8_t plain[4];
};

struct padding_row {
	const char *source;
	uint8_t size;
	uint8_t code[32];
};

struct gadget_row {
	enum arch_gadget gadget;
	const char *name;
	uint8_t size;
	uint8_t code[16];
};

struct syscall_row {
	enum arch_syscall call;
	int16_t number;
};

void table_try_relocs(const struct arch *arch, const struct reloc_row *rows, size_t count);
void table_try_relax(const struct arch *arch, const struct relax_row *rows, size_t count);
void table_try_branches(const struct arch *arch, const struct branch_row *rows, size_t count);

/* Pads and padding; @ret is code that is neither, of @ret_size bytes. */
void table_try_pads(const struct arch *arch, const struct pad_row *rows, size_t count);
void table_try_paddings(const struct arch *arch, const struct padding_row *rows, size_t count,
			const void *ret, size_t ret_size);

/* @align: where instructions may begin. */
void table_try_gadgets(const struct arch *arch, const struct gadget_row *rows, size_t count,
		       size_t align);
void table_try_syscalls(const struct arch *arch, const struct syscall_row *rows, size_t count);

/* @row: the members of struct arch_regs in their order, up to args. */
void table_try_regs(const struct arch *arch, const uint16_t *row, size_t count);

/* System call numbers against <sys/syscall.h>, if this host has that CPU. */
void table_try_native_syscalls(const struct arch *arch);

#define TABLE_TRY_ALL(arch, ret, align)                                               \
	do {                                                                          \
		table_try_relocs(arch, reloc_rows, ARRAY_SIZE(reloc_rows));           \
		table_try_relax(arch, relax_rows, ARRAY_SIZE(relax_rows));            \
		table_try_branches(arch, branch_rows, ARRAY_SIZE(branch_rows));       \
		table_try_pads(arch, pad_rows, ARRAY_SIZE(pad_rows));                 \
		table_try_paddings(arch, padding_rows, ARRAY_SIZE(padding_rows), ret, \
				   sizeof(ret));                                      \
		table_try_gadgets(arch, gadget_rows, ARRAY_SIZE(gadget_rows), align); \
		table_try_syscalls(arch, syscall_rows, ARRAY_SIZE(syscall_rows));     \
		table_try_regs(arch, reg_row, ARRAY_SIZE(reg_row));                   \
		table_try_native_syscalls(arch);                                      \
	} while (0)

#endif
