/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sections of a patch file: which are loaded, which stand for the object, which are tables.
 *
 * What belongs to the patch is told by its name, as in the classic formats: .kpatch.*. Any other
 * allocated section without contents stands for a section of the object that is patched, and its
 * address is the one there.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "format/kpatch_parse.h"

/* No honest patch needs more memory in the process. */
#define LOADED_SIZE_MAX ((uint64_t)1 << 30)

/* The kernel's largest page on the CPUs we know. */
#define LOADED_ALIGN_MAX 65536

/* What loaded sections may be. Merging was for the linker; it is done, or it does not matter. */
#define LOADED_FLAGS (SHF_ALLOC | SHF_WRITE | SHF_EXECINSTR | SHF_MERGE | SHF_STRINGS)

static bool begins_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool is_table_name(const char *name)
{
	return strcmp(name, ".kpatch.info") == 0 || strcmp(name, ".kpatch.strtab") == 0;
}

static enum kpatch_section_kind kind_of(const struct elf_section *section)
{
	if (section->type == SHT_RELA || section->type == SHT_REL || section->type == SHT_NULL)
		return KPATCH_OTHER;
	if (is_table_name(section->name) ||
	    (begins_with(section->name, ".lcp.") && section->type != SHT_NOBITS))
		return KPATCH_TABLE;
	if (!(section->flags & SHF_ALLOC))
		return KPATCH_OTHER;
	if (!begins_with(section->name, ".kpatch."))
		return section->type == SHT_NOBITS || section->size == 0 ? KPATCH_OBJECT
									 : KPATCH_OTHER;
	if (section->flags & SHF_EXECINSTR)
		return KPATCH_TEXT;
	return section->flags & SHF_WRITE ? KPATCH_DATA : KPATCH_RODATA;
}

bool kpatch_is_loaded(const struct kpatch_section *section)
{
	return section->kind == KPATCH_TEXT || section->kind == KPATCH_RODATA ||
	       section->kind == KPATCH_DATA;
}

/* Is it plain bytes, or zeroes, and either code or writable? */
static int check_nature(const struct elf_section *section, size_t index, struct lcp_error **reterr)
{
	bool plain = section->type == SHT_PROGBITS || section->type == SHT_NOBITS;
	uint64_t both = SHF_WRITE | SHF_EXECINSTR;

	if (!plain || (section->flags & ~(uint64_t)LOADED_FLAGS) != 0)
		return error_set(reterr, -LCP_EFORMAT,
				 IN_SECTION "type %" PRIu32 " with flags 0x%" PRIx64
					    " is nothing that a patch loads",
				 index, section->name, section->type, section->flags);
	if ((section->flags & both) == both)
		return error_set(reterr, -LCP_EFORMAT, IN_SECTION "both code and writable", index,
				 section->name);
	if ((section->flags & SHF_EXECINSTR) != 0 && section->size > 0 && section->data == NULL)
		return error_set(reterr, -LCP_EFORMAT, IN_SECTION "code without contents", index,
				 section->name);
	return 0;
}

static int check_loaded(const struct lcp_kpatch *patch, size_t index, uint64_t *total,
			struct lcp_error **reterr)
{
	const struct kpatch_section *section = &patch->sections[index];
	uint64_t least = section->kind == KPATCH_TEXT ? patch->arch->instruction_align : 1;

	if (!is_power_of_two(section->align) || section->align > LOADED_ALIGN_MAX)
		return error_set(reterr, -LCP_EFORMAT,
				 IN_SECTION "alignment %" PRIu64 " is not a power of two up to %d",
				 index, section->name, section->align, LOADED_ALIGN_MAX);
	if (section->align < least && section->size > 0)
		return error_set(reterr, -LCP_EFORMAT,
				 IN_SECTION "code is aligned to %" PRIu64 ", not to %" PRIu64,
				 index, section->name, section->align, least);
	if (!add_u64(*total, section->size, total) || *total > LOADED_SIZE_MAX)
		return error_set(reterr, -LCP_EFORMAT,
				 IN_SECTION "%" PRIu64 " bytes are more than a patch may load",
				 index, section->name, section->size);
	return check_nature(&patch->elf->sections[index], index, reterr);
}

static int compare_bytes(const void *left, const void *right)
{
	const struct kpatch_section *const *a = left, *const *b = right;

	return ((*a)->bytes > (*b)->bytes) - ((*a)->bytes < (*b)->bytes);
}

/*
 * No byte of the file is in two sections: what is read from a section is never more than the file.
 */
static int check_sharing(const struct lcp_kpatch *patch, struct lcp_error **reterr)
{
	autofree const struct kpatch_section **sorted =
		calloc(patch->section_count, sizeof(const struct kpatch_section *));
	size_t count = 0;

	if (sorted == NULL)
		return error_set_nomem(reterr);
	for (size_t i = 0; i < patch->section_count; i++)
		if (patch->sections[i].bytes != NULL)
			sorted[count++] = &patch->sections[i];
	qsort(sorted, count, sizeof(const struct kpatch_section *), compare_bytes);
	for (size_t i = 1; i < count; i++)
		if (sorted[i - 1]->bytes + sorted[i - 1]->size > sorted[i]->bytes)
			return error_set(
				reterr, -LCP_EFORMAT,
				IN_SECTION "shares bytes of the file with section %zu '%s'",
				(size_t)(sorted[i] - patch->sections), sorted[i]->name,
				(size_t)(sorted[i - 1] - patch->sections), sorted[i - 1]->name);
	return 0;
}

static int take_sections(struct lcp_kpatch *patch, struct lcp_error **reterr)
{
	uint64_t total = 0;
	int r = 0;

	for (size_t i = 0; i < patch->section_count && r == 0; i++) {
		const struct elf_section *from = &patch->elf->sections[i];

		patch->sections[i] = (struct kpatch_section){
			.name = from->name,
			.kind = kind_of(from),
			.address = from->addr,
			.size = from->size,
			.align = from->align == 0 ? 1 : from->align,
			.bytes = from->data,
		};
		if (kpatch_is_loaded(&patch->sections[i]))
			r = check_loaded(patch, i, &total, reterr);
	}
	return r;
}

int kpatch_parse_sections(struct lcp_kpatch *patch, struct lcp_error **reterr)
{
	size_t count = patch->elf->section_count;
	int r;

	if (count == 0)
		return error_set(reterr, -LCP_EFORMAT, "ELF image: no section headers");
	if (count >= SHN_LORESERVE)
		return error_set(reterr, -LCP_EFORMAT, "ELF image: %zu sections are too many",
				 count);
	if (patch->elf->segment_count > 0)
		return error_set(reterr, -LCP_EFORMAT, "ELF image: program headers in an object");
	patch->sections = calloc(count, sizeof(*patch->sections));
	if (patch->sections == NULL)
		return error_set_nomem(reterr);
	patch->section_count = count;
	r = take_sections(patch, reterr);
	return r < 0 ? r : check_sharing(patch, reterr);
}

int kpatch_find_section(const struct lcp_kpatch *patch, const char *name, size_t *ret,
			struct lcp_error **reterr)
{
	size_t found = 0;

	for (size_t i = 1; i < patch->section_count; i++) {
		if (strcmp(patch->sections[i].name, name) != 0)
			continue;
		if (found != 0)
			return error_set(reterr, -LCP_EFORMAT,
					 IN_SECTION "section %zu has that name too", i, name,
					 found);
		found = i;
	}
	*ret = found;
	return 0;
}
