/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What places of an image are filled with: cells first, then what code and data refer to. See enum
 * reloc_need.
 */
#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "core/image_parts.h"

/* The need of references to a thread-local cell, which is what the cell itself needs. */
static uint8_t need_of_cell(uint32_t kind)
{
	switch (kind) {
	case CELL_PAIR:
		return RELOC_TLS_PAIR;
	case CELL_MODULE:
		return RELOC_TLS_MODULE;
	default:
		return RELOC_TLS_SLOT;
	}
}

static int fill_tls_cell(struct image_maker *maker, const struct image_cell *cell,
			 struct lcp_error **reterr)
{
	uint8_t *bytes = image_text_bytes(maker, cell->offset);
	uint64_t addend = (uint64_t)cell->addend;
	struct image_tls tls;
	int r;

	r = image_symbol_find_tls(maker, cell->symbol, need_of_cell(cell->kind), &tls, reterr);
	if (r < 0)
		return r;
	switch (cell->kind) {
	case CELL_DESCRIPTOR:
		put_le64(bytes, maker->text + maker->layout.stubs);
		put_le64(bytes + 8, tls.from_thread + addend);
		break;
	case CELL_PAIR:
		put_le64(bytes, tls.module);
		put_le64(bytes + 8, tls.offset + addend);
		break;
	case CELL_MODULE:
		put_le64(bytes, tls.module);
		break;
	default:
		put_le64(bytes, tls.from_thread + addend);
	}
	return 0;
}

static int fill_cells(struct image_maker *maker, struct lcp_error **reterr)
{
	const struct arch *arch = maker->patch->arch;
	struct image_symbol symbol;
	int r;

	if (maker->layout.has_resolver)
		memcpy(image_text_bytes(maker, maker->layout.stubs), arch->resolver,
		       sizeof(arch->resolver));
	vec_foreach (&maker->layout.cells, cell) {
		if (cell->kind == CELL_STUB)
			continue;
		if (cell->kind != CELL_ADDRESS) {
			r = fill_tls_cell(maker, cell, reterr);
		} else {
			r = image_symbol_find(maker, cell->symbol, &symbol, reterr);
			if (r == 0)
				put_le64(image_text_bytes(maker, cell->offset),
					 symbol.address + (uint64_t)cell->addend);
		}
		if (r < 0)
			return r;
	}
	return 0; /* whatever is not resolved yet */
}

/* Where a reference to a cell, or the address it is to, counts from. */
static uint64_t origin_of(const struct image_maker *maker, uint8_t need)
{
	uint64_t got = maker->text + maker->layout.slots;

	switch (need) {
	case RELOC_GOT_OFFSET:
	case RELOC_GOT_SLOT_OFFSET:
	case RELOC_TLS_SLOT_OFFSET:
	case RELOC_TLS_PAIR_OFFSET:
	case RELOC_TLS_DESCRIPTOR_OFFSET:
		return got;
	case RELOC_GOT_SLOT_PAGE_OFFSET:
		return got & ~(uint64_t)0xfff;
	default:
		return 0;
	}
}

static int find_tls_value(struct image_maker *maker, const struct kpatch_reloc *reloc,
			  uint64_t *ret, struct lcp_error **reterr)
{
	struct image_tls tls;
	int r;

	/* In classic files: the slot is the object's, and its address is the addend. */
	if (reloc->type->need == RELOC_TLS_SLOT) {
		*ret = maker->object->bias + (uint64_t)reloc->addend;
		return 0;
	}
	r = image_symbol_find_tls(maker, reloc->symbol, reloc->type->need, &tls, reterr);
	if (r < 0)
		return r;
	*ret = reloc->type->need == RELOC_TLS_OFFSET ? tls.from_thread : tls.offset;
	*ret += (uint64_t)reloc->addend;
	return 0;
}

/*
 * What @reloc is filled with: 0, IMAGE_UNRESOLVED or an error. *@ret_symbol is what it refers to,
 * if that has an address.
 */
static int find_value(struct image_maker *maker, const struct kpatch_reloc *reloc,
		      const struct image_cell *cell, uint64_t *ret, struct image_symbol *ret_symbol,
		      struct lcp_error **reterr)
{
	uint64_t addend = (uint64_t)reloc->addend;
	uint64_t origin = origin_of(maker, reloc->type->need);
	int r;

	if (cell != NULL && cell->kind != CELL_STUB) {
		*ret = maker->text + cell->offset - origin;
		*ret += maker->patch->arch->addend_in_slot ? 0 : addend;
		return 0;
	}
	if (reloc->type->need == RELOC_GOT_BASE) {
		*ret = maker->text + maker->layout.slots + addend;
		return 0;
	}
	if (reloc->type->need == RELOC_SIZE) {
		*ret = maker->patch->symbols[reloc->symbol].size + addend;
		return 0;
	}
	if (reloc->type->need >= RELOC_TLS_OFFSET)
		return find_tls_value(maker, reloc, ret, reterr);
	r = image_symbol_find(maker, reloc->symbol, ret_symbol, reterr);
	*ret = ret_symbol->address + addend - origin;
	return r;
}

/* Let @reloc go to @address through its stub. 0 or -ERANGE. */
static int apply_stub(struct image_maker *maker, const struct kpatch_reloc *reloc,
		      const struct image_cell *cell, uint64_t place, uint64_t address,
		      uint8_t *bytes)
{
	const struct arch *arch = maker->patch->arch;
	uint64_t stub = maker->text + cell->offset;
	uint8_t code[ARCH_BRANCH_MAX];
	int size;

	size = arch->far_branch(stub, address, code);
	if (size < 0)
		return size;
	memcpy(image_text_bytes(maker, cell->offset), code, (size_t)size);
	return arch->reloc_apply(reloc->type, place, stub + (uint64_t)(int64_t)arch->call_addend,
				 bytes);
}

static int apply_reloc(struct image_maker *maker, size_t index, const struct kpatch_reloc *reloc,
		       struct lcp_error **reterr)
{
	const struct lcp_kpatch *patch = maker->patch;
	const struct image_cell *cell = image_layout_cell(&maker->layout, reloc);
	uint64_t place = image_section_address(maker, index) + reloc->offset, value = 0;
	uint8_t *bytes = image_section_bytes(maker, index) + reloc->offset;
	struct image_symbol symbol = { 0 };
	int r;

	r = find_value(maker, reloc, cell, &value, &symbol, reterr);
	if (r != 0)
		return r < 0 ? r : 0;
	r = patch->arch->reloc_apply(reloc->type, place, value, bytes);
	if (r < 0 && cell != NULL && cell->kind == CELL_STUB && symbol.type != STT_OBJECT)
		r = apply_stub(maker, reloc, cell, place, symbol.address + (uint64_t)cell->addend,
			       bytes);
	if (r < 0)
		return error_set(reterr, -LCP_ENOROOM,
				 "section '%s' at 0x%" PRIx64 ": %s of '%s' does not reach from "
				 "0x%" PRIx64 " to 0x%" PRIx64,
				 patch->sections[index].name, reloc->offset, reloc->type->name,
				 patch->symbols[reloc->symbol].name, place, value);
	return 0;
}

int image_relocate(struct image_maker *maker, struct lcp_error **reterr)
{
	const struct lcp_kpatch *patch = maker->patch;
	int r;

	r = fill_cells(maker, reterr);
	for (size_t i = 0; i < patch->section_count && r == 0; i++) {
		const struct kpatch_section *section = &patch->sections[i];

		if (!kpatch_is_loaded(section))
			continue;
		for (size_t k = 0; k < section->reloc_count && r == 0; k++)
			if (section->relocs[k].type->need != RELOC_NOTHING)
				r = apply_reloc(maker, i, &section->relocs[k], reterr);
	}
	return r;
}
