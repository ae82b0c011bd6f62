/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When it makes a program, ld turns general into simpler ways to reach thread-local variables (ELF
 * Handling For Thread-Local Storage, 5.5 "x86-64 linker optimizations"): in the code, but not in
 * the relocations that -q keeps. What it did is told from the code.
 */
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "build/classic_elf.h"

/* lea x@tlsgd(%rip), %rdi and lea x@tlsld(%rip), %rdi in front of their relocation's place. */
static const uint8_t general[] = { 0x66, 0x48, 0x8d, 0x3d };
static const uint8_t local[] = { 0x48, 0x8d, 0x3d };

/* Behind the place of a general one that became simpler: lea x@tpoff(%rax), or add x@gottpoff. */
#define VALUE_OFFSET 8
static const uint8_t to_offset[] = { 0x48, 0x8d, 0x80 };
static const uint8_t to_slot[] = { 0x48, 0x03, 0x05 };

struct code {
	struct classic_section *section;
	bool is_local_rewritten; /* offsets in the module became offsets from the thread */
	struct lcp_error **reterr;
};

/* Does the code have @bytes, the last of them in front of @offset? */
static bool stands_before(const struct code *code, uint64_t offset, const uint8_t *bytes,
			  size_t size)
{
	const uint8_t *text = code->section->bytes;

	return offset >= size && range_fits(offset, 4, code->section->size) &&
	       memcmp(text + offset - size, bytes, size) == 0;
}

/* Remove relocation @index, the call of __tls_get_addr that is no more. */
static void drop(struct code *code, size_t index)
{
	struct classic_reloc *relocs = code->section->relocs.items;

	if (index >= code->section->relocs.count)
		return;
	code->section->relocs.count--;
	memmove(relocs + index, relocs + index + 1,
		(code->section->relocs.count - index) * sizeof(*relocs));
}

static int unknown(const struct code *code, const struct classic_reloc *reloc)
{
	return error_set(code->reterr, -LCP_EFORMAT,
			 "'%s': unknown code for a thread-local variable at 0x%" PRIx64,
			 code->section->name, reloc->offset);
}

/* mov or add x@gottpoff(%rip), %reg; the other forms have the offset itself. */
static void fix_initial_exec(struct classic_reloc *reloc, const uint8_t *place)
{
	if ((place[-1] & 0xc7) == 0x05 && (place[-2] == 0x8b || place[-2] == 0x03))
		return;
	reloc->type = R_X86_64_TPOFF32;
	reloc->addend += 4; /* it counted from behind the value */
}

static int fix_general(struct code *code, size_t index, uint64_t offset)
{
	struct classic_reloc *reloc = &code->section->relocs.items[index];

	if (stands_before(code, offset, general, sizeof(general)))
		return 0;
	if (stands_before(code, offset + VALUE_OFFSET, to_offset, sizeof(to_offset))) {
		reloc->type = R_X86_64_TPOFF32;
		reloc->addend += 4;
	} else if (stands_before(code, offset + VALUE_OFFSET, to_slot, sizeof(to_slot))) {
		reloc->type = R_X86_64_GOTTPOFF;
	} else {
		return unknown(code, reloc);
	}
	reloc->offset += VALUE_OFFSET;
	drop(code, index + 1);
	return 0;
}

static int fix_local(struct code *code, size_t index, uint64_t offset)
{
	if (stands_before(code, offset, local, sizeof(local)))
		return 0;
	code->is_local_rewritten = true;
	drop(code, index + 1);
	drop(code, index);
	return 0;
}

static int fix(struct code *code, size_t index)
{
	struct classic_reloc *reloc = &code->section->relocs.items[index];
	uint64_t offset = reloc->offset - code->section->addr;

	switch (reloc->type) {
	case R_X86_64_GOTTPOFF:
	case R_X86_64_TLSGD:
	case R_X86_64_TLSLD:
		if (offset < sizeof(general) || !range_fits(offset, 4, code->section->size))
			return unknown(code, reloc);
		break;
	default:
		return 0;
	}
	if (reloc->type == R_X86_64_TLSGD)
		return fix_general(code, index, offset);
	if (reloc->type == R_X86_64_TLSLD)
		return fix_local(code, index, offset);
	fix_initial_exec(reloc, (const uint8_t *)code->section->bytes + offset);
	return 0;
}

int classic_elf_undo_tls(struct classic_section *section, struct lcp_error **reterr)
{
	struct code code = { .section = section, .reterr = reterr };
	int r = 0;

	if (section->bytes == NULL || !(section->flags & SHF_EXECINSTR))
		return 0;
	/* Backwards: what is dropped stands behind. */
	for (size_t i = section->relocs.count; i > 0 && r == 0; i--)
		r = fix(&code, i - 1);
	vec_foreach (&section->relocs, reloc)
		if (code.is_local_rewritten && reloc->type == R_X86_64_DTPOFF32)
			reloc->type = R_X86_64_TPOFF32;
	return r;
}
