/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where everything goes in an image: from the patch alone, before there are addresses and a
 * process. So there is a stub for every call that could turn out to be too far.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "core/image_parts.h"

#define STUB_SIZE ARCH_BRANCH_MAX
#define SLOT_SIZE 8

/* 32-bit references work within an image of that size, wherever it is. */
#define IMAGE_SIZE_MAX ((uint64_t)1 << 30)

/* How builders name it. */
#define UNWIND_SECTION ".kpatch.eh_frame"

static bool is_unwind(const struct kpatch_section *section)
{
	return section->kind == KPATCH_RODATA && section->size > 0 && section->bytes != NULL &&
	       strcmp(section->name, UNWIND_SECTION) == 0;
}

/*
 * Is the symbol sure to be in reach of calls? The object is where they reach as far as what else
 * refers to it, which is what the image was placed for: not on aarch64.
 */
static bool is_near(const struct lcp_kpatch *patch, const struct kpatch_symbol *symbol)
{
	bool object_is_near = patch->arch->branch_reach_ahead >= INT32_MAX;

	switch (symbol->class) {
	case LCP_SYMBOL_PATCH:
		return true;
	case LCP_SYMBOL_OBJECT:
		return object_is_near && symbol->type != STT_GNU_IFUNC;
	case LCP_SYMBOL_BOUND:
		return object_is_near && (symbol->flags & SYMBOL_IS_PLT) != 0;
	default:
		return false;
	}
}

/*
 * LibCare's tools write calls of imports as references to their addresses, which its doctor sends
 * through a jump table.
 */
static bool may_be_call(const struct lcp_kpatch *patch, const struct kpatch_reloc *reloc)
{
	return patch->format != LCP_FORMAT_LCP &&
	       patch->symbols[reloc->symbol].class == LCP_SYMBOL_IMPORT && reloc->type->size == 4 &&
	       reloc->addend == patch->arch->call_addend;
}

/*
 * In classic files a reference to a TLS slot of the object has the slot's address in its addend,
 * and its symbol has no value.
 */
static bool has_own_slot(const struct lcp_kpatch *patch, const struct kpatch_reloc *reloc)
{
	return patch->format != LCP_FORMAT_LCP &&
	       patch->symbols[reloc->symbol].class == LCP_SYMBOL_TLS_BOUND;
}

/* What references need, but for those below. */
static const uint8_t cell_kinds[] = {
	[RELOC_CALL] = CELL_STUB,
	[RELOC_GOT_SLOT] = CELL_ADDRESS,
	[RELOC_GOT_SLOT_OFFSET] = CELL_ADDRESS,
	[RELOC_GOT_SLOT_PAGE_OFFSET] = CELL_ADDRESS,
	[RELOC_TLS_SLOT] = CELL_TLS_OFFSET,
	[RELOC_TLS_SLOT_OFFSET] = CELL_TLS_OFFSET,
	[RELOC_TLS_PAIR] = CELL_PAIR,
	[RELOC_TLS_PAIR_OFFSET] = CELL_PAIR,
	[RELOC_TLS_MODULE] = CELL_MODULE,
	[RELOC_TLS_DESCRIPTOR] = CELL_DESCRIPTOR,
	[RELOC_TLS_DESCRIPTOR_OFFSET] = CELL_DESCRIPTOR,
};

static uint32_t cell_kind(const struct lcp_kpatch *patch, const struct kpatch_reloc *reloc)
{
	uint8_t need = reloc->type->need;

	if (need == RELOC_CALL && is_near(patch, &patch->symbols[reloc->symbol]))
		return CELL_NONE;
	if (need == RELOC_ADDRESS && may_be_call(patch, reloc))
		return CELL_STUB;
	if (need == RELOC_TLS_SLOT && has_own_slot(patch, reloc))
		return CELL_NONE;
	return need < ARRAY_SIZE(cell_kinds) ? cell_kinds[need] : CELL_NONE;
}

static struct image_cell cell_of(const struct lcp_kpatch *patch, const struct kpatch_reloc *reloc)
{
	struct image_cell cell = { .kind = cell_kind(patch, reloc), .symbol = reloc->symbol };

	if (cell.kind == CELL_STUB)
		cell.addend = reloc->addend - patch->arch->call_addend;
	else if (patch->arch->addend_in_slot)
		cell.addend = reloc->addend;
	return cell;
}

static int compare_cells(const void *left, const void *right)
{
	const struct image_cell *a = left, *b = right;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->symbol != b->symbol)
		return a->symbol < b->symbol ? -1 : 1;
	return (a->addend > b->addend) - (a->addend < b->addend);
}

const struct image_cell *image_layout_cell(const struct image_layout *layout,
					   const struct kpatch_reloc *reloc)
{
	struct image_cell cell = cell_of(layout->patch, reloc);

	if (cell.kind == CELL_NONE)
		return NULL;
	return bsearch(&cell, layout->cells.items, layout->cells.count, sizeof(cell),
		       compare_cells);
}

/* List the cells that relocations ask for, each once. */
static int list_cells(struct image_layout *layout)
{
	const struct lcp_kpatch *patch = layout->patch;
	size_t count = 0;

	for (size_t i = 0; i < patch->section_count; i++) {
		const struct kpatch_section *section = &patch->sections[i];

		for (size_t k = 0; kpatch_is_loaded(section) && k < section->reloc_count; k++) {
			struct image_cell cell = cell_of(patch, &section->relocs[k]);

			if (cell.kind != CELL_NONE && vec_push(&layout->cells, cell) < 0)
				return -ENOMEM;
		}
	}
	if (layout->cells.count == 0)
		return 0;
	qsort(layout->cells.items, layout->cells.count, sizeof(*layout->cells.items),
	      compare_cells);
	for (size_t i = 0; i < layout->cells.count; i++)
		if (i == 0 ||
		    compare_cells(&layout->cells.items[count - 1], &layout->cells.items[i]) != 0)
			layout->cells.items[count++] = layout->cells.items[i];
	layout->cells.count = count;
	return 0;
}

static uint64_t aligned(uint64_t at, uint64_t align)
{
	return (at + align - 1) & ~(align - 1); /* sizes were capped when the patch was loaded */
}

/* Put all sections of @kind but the unwind table from @at on: where they end. */
static uint64_t place_sections(struct image_layout *layout, enum kpatch_section_kind kind,
			       uint64_t at)
{
	uint64_t *align = kind == KPATCH_DATA ? &layout->data_align : &layout->text_align;

	for (size_t i = 1; i < layout->patch->section_count; i++) {
		const struct kpatch_section *section = &layout->patch->sections[i];

		if (section->kind != kind || section->size == 0 || i == layout->unwind_section)
			continue;
		if (section->align > *align)
			*align = section->align;
		layout->sections[i] = aligned(at, section->align);
		at = layout->sections[i] + section->size;
	}
	return at;
}

/* The stubs, with the resolver in front if a descriptor needs it. */
static uint64_t place_stubs(struct image_layout *layout, uint64_t at)
{
	at = aligned(at, STUB_SIZE);
	layout->stubs = at;
	layout->has_resolver = layout->cells.count > 0 &&
			       layout->cells.items[0].kind == CELL_DESCRIPTOR;
	if (layout->has_resolver)
		at += ARCH_RESOLVER_MAX;
	vec_foreach (&layout->cells, cell) {
		if (cell->kind != CELL_STUB)
			continue;
		cell->offset = at;
		at += STUB_SIZE;
	}
	layout->stubs_size = at - layout->stubs;
	return at;
}

/* The slots: those of two words come first, so that all are aligned. */
static uint64_t place_slots(struct image_layout *layout, uint64_t at)
{
	at = aligned(at, 2 * SLOT_SIZE);
	layout->slots = at;
	vec_foreach (&layout->cells, cell) {
		if (cell->kind == CELL_STUB)
			continue;
		cell->offset = at;
		at += cell->kind <= CELL_MODULE ? 2 * SLOT_SIZE : SLOT_SIZE;
	}
	return at;
}

static uint64_t place_unwind(struct image_layout *layout, uint64_t at)
{
	bool has_stubs = layout->stubs_size > 0;
	uint64_t align;

	if (layout->unwind_section == 0)
		return at;
	align = layout->patch->sections[layout->unwind_section].align;
	align = align > SLOT_SIZE ? align : SLOT_SIZE;
	if (align > layout->text_align)
		layout->text_align = align;
	/* Never where the constants end: see pointers_init(). */
	at = aligned(at + 1, align);
	layout->sections[layout->unwind_section] = at;
	layout->unwind_room = layout->unwind_size +
			      image_unwind_tail(layout->patch->arch, has_stubs);
	layout->unwind_table = aligned(at + layout->unwind_room, SLOT_SIZE);
	return layout->unwind_table +
	       image_unwind_table_size(layout->unwind_count + (has_stubs ? 1 : 0));
}

static int find_unwind(struct image_layout *layout, struct lcp_error **reterr)
{
	const struct lcp_kpatch *patch = layout->patch;
	const struct kpatch_section *section;

	for (size_t i = 1; i < patch->section_count; i++) {
		if (!is_unwind(&patch->sections[i]))
			continue;
		if (layout->unwind_section != 0)
			return error_set(reterr, -LCP_EFORMAT, "two sections '%s'", UNWIND_SECTION);
		layout->unwind_section = i;
	}
	if (layout->unwind_section == 0)
		return 0;
	section = &patch->sections[layout->unwind_section];
	return image_unwind_measure(section->bytes, section->size, &layout->unwind_count,
				    &layout->unwind_size, reterr);
}

int image_layout_init(struct image_layout *ret, const struct lcp_kpatch *patch,
		      struct lcp_error **reterr)
{
	uint64_t at;
	int r;

	*ret = (struct image_layout){
		.patch = patch,
		.text_align = IMAGE_ALIGN,
		.data_align = IMAGE_ALIGN,
	};
	ret->sections = calloc(patch->section_count + 1, sizeof(*ret->sections));
	if (ret->sections == NULL || list_cells(ret) < 0)
		return error_set_nomem(reterr);
	r = find_unwind(ret, reterr);
	if (r < 0)
		return r;

	at = place_sections(ret, KPATCH_TEXT, 0);
	at = place_stubs(ret, at);
	at = place_sections(ret, KPATCH_RODATA, at);
	at = place_slots(ret, at);
	at = place_unwind(ret, at);
	ret->text_size = aligned(at + 1, IMAGE_ALIGN);
	at = place_sections(ret, KPATCH_DATA, 0);
	ret->data_size = at > 0 ? aligned(at + 1, IMAGE_ALIGN) : 0;
	if (ret->text_size > IMAGE_SIZE_MAX || ret->data_size > IMAGE_SIZE_MAX)
		return error_set(reterr, -LCP_EUNSUPPORTED, "the patch needs more than 1 GiB");
	return 0;
}

void image_layout_fini(struct image_layout *layout)
{
	free(layout->sections);
	vec_fini(&layout->cells);
}
