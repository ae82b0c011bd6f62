/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * .kpatch.info, the table of functions that all formats have: which function of the object is
 * replaced by what in the patch. Addresses and names in it are filled in by relocations, which is
 * what tells an old function (0 without one) from a new one.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "base/utf8.h"
#include "format/kpatch_parse.h"

/* The fields of a record in .kpatch.info that relocations fill in. */
enum info_field {
	INFO_FIELD_OLD,
	INFO_FIELD_NEW,
	INFO_FIELD_NAME,
	INFO_FIELD_COUNT,
};

/* What is parsed of .kpatch.info, for messages and for its fields. */
struct info {
	struct lcp_kpatch *patch;
	const struct kpatch_section *section;
	size_t index; /* of the section */
	size_t count; /* of records */
	const struct kpatch_reloc **fields; /* INFO_FIELD_COUNT a record; NULL: not relocated */
};

#define IN_RECORD IN_SECTION "record %zu "

static int info_error(const struct info *info, size_t record, const char *what,
		      struct lcp_error **reterr)
{
	return error_set(reterr, -LCP_EFORMAT, IN_RECORD "%s", info->index, info->section->name,
			 record, what);
}

/* Sort the relocations of .kpatch.info by the fields they fill in. */
static int find_fields(struct info *info, struct lcp_error **reterr)
{
	for (size_t i = 0; i < info->section->reloc_count; i++) {
		const struct kpatch_reloc *reloc = &info->section->relocs[i];
		size_t record = reloc->offset / INFO_SIZE;
		enum info_field field;

		switch (reloc->offset % INFO_SIZE) {
		case INFO_OLD_ADDRESS:
			field = INFO_FIELD_OLD;
			break;
		case INFO_NEW_ADDRESS:
			field = INFO_FIELD_NEW;
			break;
		case INFO_NAME:
			field = INFO_FIELD_NAME;
			break;
		default:
			return info_error(info, record, "has a relocation between its fields",
					  reterr);
		}
		if (record >= info->count)
			return info_error(info, record, "runs past the end", reterr);
		if (reloc->type->number != info->patch->arch->reloc_address64)
			return info_error(info, record,
					  "has a relocation that is no 64-bit address", reterr);
		info->fields[record * INFO_FIELD_COUNT + field] = reloc;
	}
	return 0;
}

/* The section and offset that a relocation of .kpatch.info points to. */
static int follow(const struct info *info, size_t record, const struct kpatch_reloc *reloc,
		  const char *what, size_t *ret_section, uint64_t *ret_offset,
		  struct lcp_error **reterr)
{
	const struct kpatch_symbol *symbol;

	if (reloc == NULL)
		return error_set(reterr, -LCP_EFORMAT, IN_RECORD "has no %s", info->index,
				 info->section->name, record, what);
	symbol = &info->patch->symbols[reloc->symbol];
	if (symbol->class != LCP_SYMBOL_PATCH ||
	    __builtin_add_overflow(symbol->value, reloc->addend, ret_offset) ||
	    *ret_offset >= info->patch->sections[symbol->section].size)
		return error_set(reterr, -LCP_EFORMAT,
				 IN_RECORD "has its %s outside of the patch: symbol %" PRIu32
					   " '%s'",
				 info->index, info->section->name, record, what, reloc->symbol,
				 symbol->name);
	*ret_section = symbol->section;
	return 0;
}

/* "foo.kpatch" is the new version of foo, and foo is what the function is called. */
static int read_name(const struct info *info, size_t record, struct kpatch_function *function,
		     struct lcp_error **reterr)
{
	static const char suffix[] = ".kpatch";
	const struct kpatch_section *strings;
	size_t section = 0, length;
	uint64_t offset = 0;
	const char *name;
	int r;

	r = follow(info, record, info->fields[record * INFO_FIELD_COUNT + INFO_FIELD_NAME], "name",
		   &section, &offset, reterr);
	if (r < 0)
		return r;
	strings = &info->patch->sections[section];
	if (strings->bytes == NULL)
		return info_error(info, record, "has its name in a section without contents",
				  reterr);
	name = (const char *)strings->bytes + offset;
	length = strnlen(name, strings->size - offset);
	if (length == strings->size - offset || length == 0)
		return info_error(info, record, "has a name that is empty or has no end", reterr);
	if (!utf8_is_printable(name) || !kpatch_count_name(info->patch, name))
		return info_error(info, record, "has a name that is not printable, or too long",
				  reterr);

	if (length < sizeof(suffix) || strcmp(name + length - (sizeof(suffix) - 1), suffix) != 0) {
		function->name = name;
		return 0;
	}
	/* The strings of the image are ours, but may be shared: the name is cut in a copy. */
	function->name = kpatch_own_string(info->patch,
					   strndup(name, length - (sizeof(suffix) - 1)));
	return function->name != NULL ? 0 : error_set_nomem(reterr);
}

static bool is_aligned(const struct info *info, uint64_t address)
{
	return address % info->patch->arch->instruction_align == 0;
}

/* The function to be replaced: its address in the object. */
static int read_old(const struct info *info, size_t record, struct kpatch_function *function,
		    struct lcp_error **reterr)
{
	const struct kpatch_reloc *reloc = info->fields[record * INFO_FIELD_COUNT + INFO_FIELD_OLD];
	const uint8_t *from = info->section->bytes + record * INFO_SIZE;
	const struct kpatch_symbol *symbol;
	uint64_t end;

	function->old_size = get_le32(from + INFO_OLD_SIZE);
	if (reloc == NULL) {
		if (function->old_size != 0 || get_le64(from + INFO_OLD_ADDRESS) != 0)
			return info_error(info, record, "has an old address without relocation",
					  reterr);
		return 0;
	}
	symbol = &info->patch->symbols[reloc->symbol];
	if (symbol->class != LCP_SYMBOL_OBJECT ||
	    __builtin_add_overflow(symbol->value, reloc->addend, &function->old_address) ||
	    !add_u64(function->old_address, function->old_size, &end) || end > INT64_MAX)
		return info_error(info, record, "has an old address outside of the object", reterr);
	if (function->old_address == 0 || function->old_size == 0)
		return info_error(info, record, "replaces nothing: address or size is 0", reterr);
	if (!is_aligned(info, function->old_address))
		return info_error(info, record, "has an old address where no instruction begins",
				  reterr);
	return 0;
}

/* The new version: where it is in the patch. */
static int read_new(const struct info *info, size_t record, struct kpatch_function *function,
		    struct lcp_error **reterr)
{
	const uint8_t *from = info->section->bytes + record * INFO_SIZE;
	const struct kpatch_section *text;
	size_t section = 0;
	int r;

	r = follow(info, record, info->fields[record * INFO_FIELD_COUNT + INFO_FIELD_NEW],
		   "new address", &section, &function->new_offset, reterr);
	if (r < 0)
		return r;
	text = &info->patch->sections[section];
	function->new_section = (uint32_t)section;
	function->new_size = get_le32(from + INFO_NEW_SIZE);
	if (text->kind != KPATCH_TEXT || function->new_size == 0 ||
	    !range_fits(function->new_offset, function->new_size, text->size))
		return info_error(info, record, "has a new version that is not within code",
				  reterr);
	if (!is_aligned(info, function->new_offset))
		return info_error(info, record, "has a new version where no instruction begins",
				  reterr);
	return 0;
}

/*
 * Zeroes end the table: kpatch_strip adds 24 of them, half a record. No record is all zero, since
 * its new size is not.
 */
static int count_records(struct info *info, struct lcp_error **reterr)
{
	size_t size = info->section->size;

	while (size > 0 && info->section->bytes[size - 1] == 0)
		size--;
	info->count = (size + INFO_SIZE - 1) / INFO_SIZE;
	if (info->count * INFO_SIZE > info->section->size)
		return info_error(info, info->count - 1, "runs past the end", reterr);
	return 0;
}

/* Fields that no writer fills in; the highest flag is a doctor's own mark, in memory only. */
static int check_reserved(const struct info *info, size_t record, struct lcp_error **reterr)
{
	const uint8_t *from = info->section->bytes + record * INFO_SIZE;

	if (get_le64(from + INFO_RESERVED) != 0 || get_le32(from + INFO_FLAGS) != 0 ||
	    get_le32(from + INFO_PADDING) != 0)
		return info_error(info, record, "has something in its reserved fields", reterr);
	return 0;
}

static int read_records(struct info *info, struct lcp_error **reterr)
{
	struct lcp_kpatch *patch = info->patch;
	int r = 0;

	patch->functions = calloc(info->count, sizeof(*patch->functions));
	if (patch->functions == NULL)
		return error_set_nomem(reterr);
	patch->function_count = info->count;

	for (size_t i = 0; i < info->count && r == 0; i++) {
		r = check_reserved(info, i, reterr);
		if (r == 0)
			r = read_old(info, i, &patch->functions[i], reterr);
		if (r == 0)
			r = read_new(info, i, &patch->functions[i], reterr);
		if (r == 0)
			r = read_name(info, i, &patch->functions[i], reterr);
	}
	return r;
}

int kpatch_parse_functions(struct lcp_kpatch *patch, struct lcp_error **reterr)
{
	autofree const struct kpatch_reloc **fields = NULL;
	struct info info = { .patch = patch };
	int r;

	r = kpatch_find_section(patch, ".kpatch.info", &info.index, reterr);
	if (r < 0)
		return r;
	info.section = &patch->sections[info.index];
	if (info.index == 0 || info.section->bytes == NULL)
		return error_set(reterr, -LCP_EFORMAT,
				 "ELF image: no '.kpatch.info', or nothing in it");

	r = count_records(&info, reterr);
	if (r < 0)
		return r;
	if (info.count == 0)
		return error_set(reterr, -LCP_EFORMAT, IN_SECTION "no record in it", info.index,
				 info.section->name);
	fields = calloc(info.count * INFO_FIELD_COUNT, sizeof(*fields));
	if (fields == NULL)
		return error_set_nomem(reterr);
	info.fields = fields;
	r = find_fields(&info, reterr);
	return r < 0 ? r : read_records(&info, reterr);
}

/* A range of bytes of one function, for the search for overlaps. */
struct range {
	const struct kpatch_function *function;
	uint64_t space; /* ranges of different spaces have nothing to do with each other */
	uint64_t start;
	uint64_t end;
};

static int compare_ranges(const void *left, const void *right)
{
	const struct range *a = left, *b = right;

	if (a->space != b->space)
		return a->space < b->space ? -1 : 1;
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return (a->end > b->end) - (a->end < b->end);
}

/* Old functions own their bytes and padding alone: two would get each other's branch. */
static struct range old_range(const struct kpatch_function *function)
{
	return (struct range){
		.function = function,
		.start = function->old_address,
		.end = function->old_address + function->old_size + function->padding,
	};
}

/* New versions may be one and the same code, but not parts of each other. */
static struct range new_range(const struct kpatch_function *function)
{
	return (struct range){
		.function = function,
		.space = function->new_section,
		.start = function->new_offset,
		.end = function->new_offset + function->new_size,
	};
}

static int check_ranges(struct range *ranges, size_t count, bool may_be_equal, const char *what,
			struct lcp_error **reterr)
{
	qsort(ranges, count, sizeof(*ranges), compare_ranges);
	for (size_t i = 1; i < count; i++) {
		const struct range *a = &ranges[i - 1], *b = &ranges[i];
		bool equal = a->start == b->start && a->end == b->end;

		if (a->space != b->space || b->start >= a->end || (may_be_equal && equal))
			continue;
		return error_set(reterr, -LCP_EFORMAT, "functions '%s' and '%s' overlap in the %s",
				 a->function->name, b->function->name, what);
	}
	return 0;
}

static int check_room(const struct lcp_kpatch *patch, const struct kpatch_function *function,
		      struct lcp_error **reterr)
{
	if (function->is_part ||
	    ((uint64_t)function->old_size + function->padding >= patch->arch->branch_size &&
	     function->padding <= KPATCH_PADDING_MAX))
		return 0;
	return error_set(reterr, -LCP_EFORMAT,
			 "function '%s' has %" PRIu32 " bytes and %" PRIu32
			 " of padding, where a branch takes %d",
			 function->name, function->old_size, function->padding,
			 patch->arch->branch_size);
}

int kpatch_check_functions(const struct lcp_kpatch *patch, struct lcp_error **reterr)
{
	autofree struct range *ranges = calloc(patch->function_count, sizeof(*ranges));
	size_t count = 0;
	int r = 0;

	if (ranges == NULL)
		return error_set_nomem(reterr);
	for (size_t i = 0; i < patch->function_count && r == 0; i++) {
		if (patch->functions[i].old_size == 0)
			continue;
		ranges[count++] = old_range(&patch->functions[i]);
		r = check_room(patch, &patch->functions[i], reterr);
	}
	if (r == 0)
		r = check_ranges(ranges, count, false, "object", reterr);
	if (r < 0)
		return r;
	for (size_t i = 0; i < patch->function_count; i++)
		ranges[i] = new_range(&patch->functions[i]);
	return check_ranges(ranges, patch->function_count, true, "patch", reterr);
}
