/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/image.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "core/image_parts.h"

/* An address at which nothing that is limited to 32 bits works, but for what is relative to it. */
#define HIGH_ADDRESS ((uint64_t)1 << 40)

/* Does @reloc make the image work at low addresses only? */
static bool needs_low(const struct lcp_kpatch *patch, const struct kpatch_reloc *reloc)
{
	uint8_t bytes[8] = { 0 };

	return reloc->type->need == RELOC_ADDRESS &&
	       patch->symbols[reloc->symbol].class == LCP_SYMBOL_PATCH &&
	       patch->arch->reloc_apply(reloc->type, HIGH_ADDRESS, HIGH_ADDRESS, bytes) < 0;
}

static bool any_needs_low(const struct lcp_kpatch *patch)
{
	for (size_t i = 0; i < patch->section_count; i++) {
		const struct kpatch_section *section = &patch->sections[i];

		for (size_t k = 0; kpatch_is_loaded(section) && k < section->reloc_count; k++)
			if (needs_low(patch, &section->relocs[k]))
				return true;
	}
	return false;
}

/* Does @reloc of @section get hold of an address in the image, other than to go or look there? */
static bool hands_out(const struct lcp_kpatch *patch, const struct kpatch_section *section,
		      const struct kpatch_reloc *reloc)
{
	bool is_code = section->kind == KPATCH_TEXT && section->bytes != NULL;

	if (patch->symbols[reloc->symbol].class != LCP_SYMBOL_PATCH)
		return false;
	switch (reloc->type->need) {
	case RELOC_ADDRESS:
	case RELOC_CALL:
		return !is_code || patch->arch->reloc_takes_address(reloc->type, section->bytes,
								    (size_t)section->size,
								    (size_t)reloc->offset);
	case RELOC_GOT_SLOT:
	case RELOC_GOT_OFFSET:
	case RELOC_GOT_SLOT_OFFSET:
	case RELOC_GOT_SLOT_PAGE_OFFSET:
		return true;
	default:
		return false;
	}
}

static bool has_reloc_at(const struct kpatch_section *section, uint64_t offset)
{
	for (size_t k = 0; k < section->reloc_count; k++)
		if (section->relocs[k].offset == offset)
			return true;
	return false;
}

/* The same without a relocation. */
static bool code_hands_out(const struct lcp_kpatch *patch, const struct kpatch_section *section)
{
	size_t size = (size_t)section->size;
	int64_t at = -1;

	if (section->kind != KPATCH_TEXT || section->bytes == NULL)
		return false;
	do
		at = patch->arch->find_address(section->bytes, size, (size_t)(at + 1));
	while (at >= 0 && has_reloc_at(section, (uint64_t)at));
	return at >= 0;
}

/* The unwind table is for libgcc, which forgets it in time. */
static bool any_hands_out(const struct image_layout *layout)
{
	const struct lcp_kpatch *patch = layout->patch;

	for (size_t i = 0; i < patch->section_count; i++) {
		const struct kpatch_section *section = &patch->sections[i];

		if (!kpatch_is_loaded(section) || i == layout->unwind_section)
			continue;
		for (size_t k = 0; k < section->reloc_count; k++)
			if (hands_out(patch, section, &section->relocs[k]))
				return true;
		if (code_hands_out(patch, section))
			return true;
	}
	return false;
}

int image_measure(const struct lcp_kpatch *patch, struct image_size *ret, struct lcp_error **reterr)
{
	autolayout struct image_layout layout;
	int r;

	r = image_layout_init(&layout, patch, reterr);
	if (r < 0)
		return r;
	*ret = (struct image_size){
		.text = layout.text_size + layout.text_align - IMAGE_ALIGN,
		.below_2g = any_needs_low(patch),
		.hands_out = any_hands_out(&layout),
	};
	if (layout.data_size > 0)
		ret->data = layout.data_size + layout.data_align - IMAGE_ALIGN;
	return 0;
}

uint64_t image_section_address(const struct image_maker *maker, size_t index)
{
	bool is_data = maker->patch->sections[index].kind == KPATCH_DATA;

	return (is_data ? maker->data : maker->text) + maker->layout.sections[index];
}

uint8_t *image_section_bytes(const struct image_maker *maker, size_t index)
{
	const struct image_part *part = &maker->image->data;

	if (maker->patch->sections[index].kind != KPATCH_DATA)
		part = &maker->image->text;
	return part->bytes + (image_section_address(maker, index) - part->address);
}

uint8_t *image_text_bytes(const struct image_maker *maker, uint64_t offset)
{
	return maker->image->text.bytes + (maker->text - maker->image->text.address) + offset;
}

/* A part of @size bytes at @address, of which @used are from *@ret_begin on, aligned to @align. */
static int part_init(struct image_part *part, uint64_t address, uint64_t size, uint64_t used,
		     uint64_t align, uint64_t *ret_begin, struct lcp_error **reterr)
{
	part->address = address;
	part->size = size;
	if (address % IMAGE_ALIGN != 0 || !align_up(address, align, ret_begin) ||
	    !range_fits(*ret_begin - address, used, size))
		return error_set(reterr, -EINVAL,
				 "%" PRIu64 " bytes at 0x%" PRIx64 " are no place for an image",
				 size, address);
	if (size == 0)
		return 0;
	part->bytes = calloc(1, size);
	return part->bytes != NULL ? 0 : error_set_nomem(reterr);
}

static void copy_sections(struct image_maker *maker)
{
	const struct lcp_kpatch *patch = maker->patch;

	for (size_t i = 0; i < patch->section_count; i++) {
		const struct kpatch_section *section = &patch->sections[i];

		if (!kpatch_is_loaded(section) || section->bytes == NULL)
			continue;
		memcpy(image_section_bytes(maker, i), section->bytes, section->size);
	}
}

static int find_functions(struct image_maker *maker, struct lcp_error **reterr)
{
	const struct lcp_kpatch *patch = maker->patch;
	struct image *image = maker->image;

	image->functions = calloc(patch->function_count + 1, sizeof(*image->functions));
	if (image->functions == NULL)
		return error_set_nomem(reterr);
	image->function_count = patch->function_count;
	for (size_t i = 0; i < patch->function_count; i++) {
		const struct kpatch_function *function = &patch->functions[i];

		if (patch->sections[function->new_section].kind == KPATCH_TEXT)
			image->functions[i] = image_section_address(maker, function->new_section) +
					      function->new_offset;
	}
	return 0;
}

static void maker_fini(struct image_maker *maker)
{
	image_layout_fini(&maker->layout);
	free(maker->symbols);
}

static int make(struct image_maker *maker, const struct image_size *size, uint64_t text_address,
		uint64_t data_address, struct lcp_error **reterr)
{
	const struct image_layout *layout = &maker->layout;
	struct image *image = maker->image;
	int r;

	r = image_layout_init(&maker->layout, maker->patch, reterr);
	if (r < 0)
		return r;
	maker->symbols = calloc(maker->patch->symbol_count + 1, sizeof(*maker->symbols));
	if (maker->symbols == NULL)
		return error_set_nomem(reterr);
	r = part_init(&image->text, text_address, size->text, layout->text_size, layout->text_align,
		      &maker->text, reterr);
	if (r == 0 && layout->data_size > 0)
		r = part_init(&image->data, data_address, size->data, layout->data_size,
			      layout->data_align, &maker->data, reterr);
	if (r < 0)
		return r;

	image->code_end = maker->text + layout->stubs + layout->stubs_size;
	copy_sections(maker);
	r = find_functions(maker, reterr);
	if (r == 0)
		r = image_relocate(maker, reterr);
	if (r == 0)
		r = image_unwind_make(maker, reterr);
	return r;
}

int image_make(struct lcp_process *process, const struct object *object,
	       const struct lcp_kpatch *patch, const struct image_size *size, uint64_t text_address,
	       uint64_t data_address, struct image *ret, struct lcp_error **reterr)
{
	autoimage struct image image = { 0 };
	struct image_maker maker cleanup(maker_fini) = {
		.process = process,
		.object = object,
		.patch = patch,
		.image = &image,
	};
	int r;

	r = make(&maker, size, text_address, data_address, reterr);
	if (r < 0)
		return r;
	*ret = image;
	image = (struct image){ 0 };
	return 0;
}

void image_fini(struct image *image)
{
	free(image->text.bytes);
	free(image->data.bytes);
	free(image->functions);
	vec_fini(&image->resolvers);
	*image = (struct image){ 0 };
}
