/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/link.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "build/resolve.h"

/* In a symbol's needs: its address, in a field that is smaller than an address. */
#define NEED_NEAR ((uint32_t)1 << 31)

/* The sections that a patch can have: what the emitter writes into, and what the assembler adds. */
enum part_kind {
	PART_NONE,
	PART_TEXT,
	PART_RODATA,
	PART_DATA,
	PART_BSS,
	PART_UNWIND,
	PART_COUNT,
};

static const struct {
	const char *from; /* in the units */
	const char *name; /* in the patch */
	enum kpatch_section_kind kind;
} parts[PART_COUNT] = {
	[PART_NONE] = { "", "", KPATCH_OTHER },
	[PART_TEXT] = { EMIT_TEXT, EMIT_TEXT, KPATCH_TEXT },
	[PART_RODATA] = { EMIT_RODATA, EMIT_RODATA, KPATCH_RODATA },
	[PART_DATA] = { EMIT_DATA, EMIT_DATA, KPATCH_DATA },
	[PART_BSS] = { EMIT_BSS, EMIT_BSS, KPATCH_DATA },
	[PART_UNWIND] = { ".eh_frame", ".kpatch.eh_frame", KPATCH_RODATA },
};

/* A section of the patch while it grows. */
struct part {
	struct str bytes; /* empty for PART_BSS */
	uint64_t size;
	uint64_t align;
	VEC(struct kpatch_reloc) relocs;
};

/* A unit's part of the patch while it is put in. */
struct input {
	const struct unit *unit;
	const struct elf_file *elf;
	uint8_t *part; /* by section: enum part_kind */
	uint64_t *offset; /* by section: where it begins in the part */
	uint32_t *symbols; /* by symbol: its number in the patch, 0 while it has none */
	uint32_t *needs; /* by symbol: see struct resolve_symbol */
};

struct linker {
	const struct object *object;
	struct input *inputs;
	size_t input_count;
	struct part part[PART_COUNT];
	VEC(struct kpatch_symbol) symbols; /* first the null symbol, then one for each part */
	VEC(char *) names; /* made up for symbols */
	struct map defined; /* global symbols of the units: their numbers in the patch */
	struct map found; /* global symbols that were resolved */
	struct lcp_error **reterr;
};

static void linker_fini(struct linker *linker)
{
	for (size_t i = 0; linker->inputs != NULL && i < linker->input_count; i++) {
		free(linker->inputs[i].part);
		free(linker->inputs[i].offset);
		free(linker->inputs[i].symbols);
		free(linker->inputs[i].needs);
	}
	free(linker->inputs);
	for (int i = 0; i < PART_COUNT; i++) {
		str_fini(&linker->part[i].bytes);
		vec_fini(&linker->part[i].relocs);
	}
	vec_fini(&linker->symbols);
	vec_foreach (&linker->names, name)
		free(*name);
	vec_fini(&linker->names);
	map_fini(&linker->defined);
	map_fini(&linker->found);
}

static struct slice slice_of(const char *text)
{
	return (struct slice){ text, strlen(text) };
}

/*
 * Sections
 */

static enum part_kind part_of(const struct elf_section *section)
{
	for (int i = PART_NONE + 1; i < PART_COUNT; i++)
		if (strcmp(section->name, parts[i].from) == 0)
			return (enum part_kind)i;
	return PART_NONE;
}

/* Between the code of two units are zeroes, which are never run. */
static int append(struct linker *linker, struct part *part, const struct elf_section *section,
		  uint64_t *ret_offset)
{
	uint64_t align = section->align > 0 ? section->align : 1, end;

	if (!is_power_of_two(align) || !align_up(part->size, align, ret_offset) ||
	    !add_u64(*ret_offset, section->size, &end) || end > UINT32_MAX)
		return error_set(linker->reterr, -LCP_EUNSUPPORTED,
				 "section '%s' has a size or alignment that no patch has",
				 section->name);
	if (section->data != NULL) {
		while (part->bytes.size < *ret_offset && !part->bytes.failed)
			str_putc(&part->bytes, '\0');
		str_put(&part->bytes, section->data, section->size);
	}
	part->size = end;
	if (align > part->align)
		part->align = align;
	return part->bytes.failed ? error_set_nomem(linker->reterr) : 0;
}

static int add_sections(struct linker *linker, struct input *input)
{
	const struct elf_file *elf = input->elf;
	int r = 0;

	input->part = calloc(elf->section_count + 1, sizeof(*input->part));
	input->offset = calloc(elf->section_count + 1, sizeof(*input->offset));
	input->symbols = calloc(elf->symtab.count + 1, sizeof(*input->symbols));
	input->needs = calloc(elf->symtab.count + 1, sizeof(*input->needs));
	if (input->part == NULL || input->offset == NULL || input->symbols == NULL ||
	    input->needs == NULL)
		return error_set_nomem(linker->reterr);
	for (size_t i = 1; i < elf->section_count && r == 0; i++) {
		enum part_kind part = part_of(&elf->sections[i]);

		if (part == PART_NONE)
			continue;
		input->part[i] = (uint8_t)part;
		r = append(linker, &linker->part[part], &elf->sections[i], &input->offset[i]);
	}
	return r;
}

/*
 * Symbols
 */

/* Give a symbol of a unit its number in the patch. */
static int add_symbol(struct linker *linker, struct kpatch_symbol symbol, uint32_t *ret)
{
	*ret = (uint32_t)linker->symbols.count;
	return vec_push(&linker->symbols, symbol) < 0 ? error_set_nomem(linker->reterr) : 0;
}

/* Symbol 0, and one for each part: symbol n is that of part n. */
static int add_first_symbols(struct linker *linker)
{
	uint32_t number;
	int r = 0;

	for (uint32_t i = 0; i < PART_COUNT && r == 0; i++) {
		const struct kpatch_symbol symbol = {
			.name = "",
			.class = i > 0 ? LCP_SYMBOL_PATCH : 0,
			.section = i,
			.type = i > 0 ? STT_SECTION : STT_NOTYPE,
		};

		r = add_symbol(linker, symbol, &number);
	}
	return r;
}

/* What a unit defines. */
static int add_defined(struct linker *linker, struct input *input, uint32_t index)
{
	const struct elf_symbol *from = &input->elf->symtab.items[index];
	enum part_kind part = (enum part_kind)input->part[from->section];
	const struct kpatch_symbol symbol = {
		.name = from->name,
		.class = LCP_SYMBOL_PATCH,
		.section = part,
		.value = input->offset[from->section] + from->value,
		.size = from->size,
		.type = from->type,
	};
	int64_t known;
	int r;

	if (from->type == STT_SECTION) {
		input->symbols[index] = part;
		return 0;
	}
	known = from->bind != STB_LOCAL ? map_get(&linker->defined, slice_of(from->name)) : -1;
	if (known >= 0 && from->bind != STB_WEAK)
		return error_set(linker->reterr, -LCP_ESYMBOL,
				 "'%s' is new in several units of the patch", from->name);
	if (known >= 0) {
		input->symbols[index] = (uint32_t)known;
		return 0;
	}
	r = add_symbol(linker, symbol, &input->symbols[index]);
	if (r < 0 || from->bind == STB_LOCAL)
		return r;
	return map_set(&linker->defined, slice_of(from->name), input->symbols[index]) < 0
		       ? error_set_nomem(linker->reterr)
		       : 0;
}

static int add_all_defined(struct linker *linker, struct input *input)
{
	int r = 0;

	for (size_t i = 1; i < input->elf->symtab.count && r == 0; i++) {
		const struct elf_symbol *symbol = &input->elf->symtab.items[i];

		if (symbol->section != SHN_UNDEF && !symbol->reserved &&
		    input->part[symbol->section] != PART_NONE)
			r = add_defined(linker, input, (uint32_t)i);
	}
	return r;
}

/* A name without its suffix or version. */
static int make_name(struct linker *linker, struct slice name, const char **ret)
{
	char *made = strndup(name.text, name.size);

	if (made == NULL || vec_push(&linker->names, made) < 0) {
		free(made);
		return error_set_nomem(linker->reterr);
	}
	*ret = made;
	return 0;
}

static int resolve_undefined(struct linker *linker, struct input *input, uint32_t index)
{
	const struct elf_symbol *from = &input->elf->symtab.items[index];
	const char *version = strrchr(from->name, '@');
	struct resolve_symbol want = {
		.name = { from->name, strcspn(from->name, "@") },
		.version = version != NULL ? version + 1 : NULL,
		.weak = from->bind == STB_WEAK,
		.needs = input->needs[index] & ~NEED_NEAR,
		.near = (input->needs[index] & NEED_NEAR) != 0,
	};
	struct kpatch_symbol symbol = { .type = from->type };
	int r;

	if (slice_ends(want.name, SLICE(EMIT_STATIC))) {
		want.is_static = true;
		want.name.size -= SLICE(EMIT_STATIC).size;
		symbol.unit = input->unit->name;
	}
	r = make_name(linker, want.name, &symbol.name);
	if (r == 0)
		r = resolve(linker->object, &input->unit->place, &want, &symbol, linker->reterr);
	return r < 0 ? r : add_symbol(linker, symbol, &input->symbols[index]);
}

/*
 * A symbol that the unit does not define: another unit of the patch may, or it was resolved for one
 * already. What relocations need of it may differ from unit to unit, so that is a part of the key.
 */
static int add_undefined(struct linker *linker, struct input *input, uint32_t index)
{
	const struct elf_symbol *from = &input->elf->symtab.items[index];
	int64_t known = map_get(&linker->defined, slice_of(from->name));
	bool is_static = slice_ends(slice_of(from->name), SLICE(EMIT_STATIC));
	autostr struct str key = { 0 };
	const char *kept = NULL;
	int r;

	if (known < 0 && !is_static) {
		str_printf(&key, "%s %" PRIx32, from->name, input->needs[index]);
		if (key.failed)
			return error_set_nomem(linker->reterr);
		known = map_get(&linker->found, (struct slice){ key.text, key.size });
	}
	if (known >= 0) {
		input->symbols[index] = (uint32_t)known;
		return 0;
	}
	r = resolve_undefined(linker, input, index);
	if (r < 0 || is_static)
		return r;
	r = make_name(linker, (struct slice){ key.text, key.size }, &kept);
	if (r == 0 && map_set(&linker->found, slice_of(kept), input->symbols[index]) < 0)
		r = error_set_nomem(linker->reterr);
	return r;
}

/*
 * Relocations
 */

/* Call @visit for each relocation of what goes into the patch. */
static int for_each_reloc(struct linker *linker, struct input *input,
			  int (*visit)(struct linker *linker, struct input *input, uint32_t section,
				       const struct elf_reloc *reloc))
{
	const struct elf_file *elf = input->elf;
	int r = 0;

	for (size_t i = 1; i < elf->section_count && r == 0; i++) {
		autofree struct elf_reloc *relocs = NULL;
		uint32_t target = elf->sections[i].info;
		size_t count = 0;

		if (elf->sections[i].type != SHT_RELA || input->part[target] == PART_NONE)
			continue;
		r = elf_file_relocs(elf, i, &relocs, &count, linker->reterr);
		for (size_t k = 0; k < count && r == 0; k++)
			r = visit(linker, input, target, &relocs[k]);
	}
	return r;
}

static int note_need(struct linker *linker, struct input *input, uint32_t section,
		     const struct elf_reloc *reloc)
{
	const struct reloc_type *type = arch_reloc_type(linker->object->arch, reloc->type);

	if (type == NULL)
		return error_set(linker->reterr, -LCP_EUNSUPPORTED,
				 "%s: relocation of type %" PRIu32 " in '%s' is unknown",
				 input->unit->name, reloc->type,
				 input->elf->sections[section].name);
	input->needs[reloc->symbol] |= (uint32_t)1 << type->need;
	if (type->need == RELOC_ADDRESS && type->size < sizeof(uint64_t))
		input->needs[reloc->symbol] |= NEED_NEAR;
	return 0;
}

static int add_reloc(struct linker *linker, struct input *input, uint32_t section,
		     const struct elf_reloc *from)
{
	const struct elf_symbol *symbol = &input->elf->symtab.items[from->symbol];
	struct kpatch_reloc reloc = {
		.offset = input->offset[section] + from->offset,
		.addend = from->addend,
		.type = arch_reloc_type(linker->object->arch, from->type),
	};
	int r = 0;

	if (from->symbol != 0 && input->symbols[from->symbol] == 0) {
		if (symbol->section != SHN_UNDEF)
			return error_set(linker->reterr, -LCP_EUNSUPPORTED,
					 "%s: '%s' refers to '%s', which is not in the patch",
					 input->unit->name, input->elf->sections[section].name,
					 symbol->name);
		r = add_undefined(linker, input, from->symbol);
	}
	if (r < 0)
		return r;
	if (symbol->type == STT_SECTION)
		reloc.addend += (int64_t)input->offset[symbol->section];
	reloc.symbol = input->symbols[from->symbol];
	return vec_push(&linker->part[input->part[section]].relocs, reloc) < 0
		       ? error_set_nomem(linker->reterr)
		       : 0;
}

/*
 * Functions
 */

static const struct elf_symbol *find_new(const struct input *input, const char *name,
					 uint32_t *ret_index)
{
	for (size_t i = 1; i < input->elf->symtab.count; i++) {
		*ret_index = (uint32_t)i;
		if (strcmp(input->elf->symtab.items[i].name, name) == 0 && input->symbols[i] != 0)
			return &input->elf->symtab.items[i];
	}
	return NULL;
}

static int fill_function(const struct linker *linker, const struct input *input, uint32_t index,
			 const char *name, struct kpatch_function *ret)
{
	const struct kpatch_symbol *symbol = &linker->symbols.items[input->symbols[index]];

	if (symbol->size == 0 || symbol->size > UINT32_MAX)
		return error_set(linker->reterr, -LCP_EUNSUPPORTED, "function '%s' has no size",
				 name);
	*ret = (struct kpatch_function){
		.name = name,
		.unit = input->unit->name,
		.new_section = symbol->section,
		.new_offset = symbol->value,
		.new_size = (uint32_t)symbol->size,
	};
	return 0;
}

/* What is expected at the entry, and of the function as a whole. */
static int fill_old(const struct linker *linker, const struct unit_function *function,
		    struct lcp_kpatch *patch, struct kpatch_function *ret)
{
	const struct arch *arch = linker->object->arch;
	uint32_t entry = arch->landing_pad(function->old.bytes, function->old.size).size +
			 (uint32_t)arch->branch_size;
	uint8_t *digest = malloc(SHA256_SIZE);

	if (digest == NULL || vec_push(&patch->strings, (char *)digest) < 0) {
		free(digest);
		return error_set_nomem(linker->reterr);
	}
	sha256(function->old.bytes, function->old.size, digest);
	ret->old_address = function->old.address;
	ret->old_size = function->old.size;
	ret->padding = function->padding;
	ret->is_part = function->is_part;
	ret->entry = function->old.bytes;
	ret->entry_size = entry < function->old.size ? entry : function->old.size;
	ret->digest = digest;
	return 0;
}

static int add_replaced(struct linker *linker, const struct input *input, struct lcp_kpatch *patch)
{
	int r = 0;

	vec_foreach (&input->unit->functions, function) {
		struct kpatch_function *to = &patch->functions[patch->function_count];
		uint32_t index = 0;

		if (find_new(input, function->new_name, &index) == NULL)
			return error_set(linker->reterr, -LCP_EUNSUPPORTED,
					 "%s: '%s' was not assembled", input->unit->name,
					 function->new_name);
		r = fill_function(linker, input, index, function->name, to);
		if (r == 0)
			r = fill_old(linker, function, patch, to);
		if (r < 0)
			return r;
		patch->function_count++;
	}
	return 0;
}

static bool replaces(const struct unit *unit, const char *name)
{
	vec_foreach (&unit->functions, function)
		if (strcmp(function->new_name, name) == 0)
			return true;
	return false;
}

/* What the patch has of functions beside the new versions; and parts that the old ones lacked. */
static int add_new(struct linker *linker, const struct input *input, struct lcp_kpatch *patch)
{
	for (size_t i = 1; i < input->elf->symtab.count; i++) {
		const struct elf_symbol *symbol = &input->elf->symtab.items[i];
		struct slice name = slice_of(symbol->name);
		const char *called = NULL;
		int r;

		if (symbol->type != STT_FUNC || input->symbols[i] == 0 ||
		    symbol->section == SHN_UNDEF || replaces(input->unit, symbol->name))
			continue;
		if (slice_ends(name, SLICE(EMIT_NEW_VERSION)))
			name.size -= SLICE(EMIT_NEW_VERSION).size;
		r = make_name(linker, name, &called);
		if (r == 0)
			r = fill_function(linker, input, (uint32_t)i, called,
					  &patch->functions[patch->function_count]);
		if (r < 0)
			return r;
		patch->function_count++;
	}
	return 0;
}

static int add_functions(struct linker *linker, struct lcp_kpatch *patch)
{
	size_t most = 0;
	int r = 0;

	for (size_t i = 0; i < linker->input_count; i++)
		most += linker->inputs[i].unit->functions.count +
			linker->inputs[i].elf->symtab.count;
	patch->functions = calloc(most + 1, sizeof(*patch->functions));
	if (patch->functions == NULL)
		return error_set_nomem(linker->reterr);
	for (size_t i = 0; i < linker->input_count && r == 0; i++)
		r = add_replaced(linker, &linker->inputs[i], patch);
	for (size_t i = 0; i < linker->input_count && r == 0; i++)
		r = add_new(linker, &linker->inputs[i], patch);
	return r;
}

/*
 * All of it
 */

/* Give what has grown to the patch. */
static int finish(struct linker *linker, struct lcp_kpatch *patch)
{
	patch->sections = calloc(PART_COUNT, sizeof(*patch->sections));
	if (patch->sections == NULL)
		return error_set_nomem(linker->reterr);
	patch->section_count = PART_COUNT;
	for (int i = 0; i < PART_COUNT; i++) {
		struct part *part = &linker->part[i];
		struct kpatch_section *section = &patch->sections[i];
		char *bytes = NULL;

		section->name = parts[i].name;
		section->kind = part->size > 0 ? parts[i].kind : KPATCH_OTHER;
		section->size = part->size;
		section->align = part->align;
		if (i != PART_BSS &&
		    (str_take(&part->bytes, &bytes) < 0 || vec_push(&patch->strings, bytes) < 0)) {
			free(bytes);
			return error_set_nomem(linker->reterr);
		}
		section->bytes = (uint8_t *)bytes;
		section->relocs = take(part->relocs.items);
		section->reloc_count = part->relocs.count;
	}
	patch->symbols = take(linker->symbols.items);
	patch->symbol_count = linker->symbols.count;
	vec_foreach (&linker->names, name)
		if (vec_push(&patch->strings, take(*name)) < 0)
			return error_set_nomem(linker->reterr);
	return 0;
}

static int run(struct linker *linker, struct lcp_kpatch *patch)
{
	int r = add_first_symbols(linker);

	for (size_t i = 0; i < linker->input_count && r == 0; i++)
		r = add_sections(linker, &linker->inputs[i]);
	for (size_t i = 0; i < linker->input_count && r == 0; i++)
		r = add_all_defined(linker, &linker->inputs[i]);
	for (size_t i = 0; i < linker->input_count && r == 0; i++)
		r = for_each_reloc(linker, &linker->inputs[i], note_need);
	for (size_t i = 0; i < linker->input_count && r == 0; i++)
		r = for_each_reloc(linker, &linker->inputs[i], add_reloc);
	if (r == 0)
		r = add_functions(linker, patch);
	return r < 0 ? r : finish(linker, patch);
}

int link_units(const struct object *object, const struct unit *units, size_t count,
	       struct lcp_kpatch *ret, struct lcp_error **reterr)
{
	struct linker linker cleanup(linker_fini) = { .object = object, .reterr = reterr };

	linker.inputs = calloc(count + 1, sizeof(*linker.inputs));
	if (linker.inputs == NULL)
		return error_set_nomem(reterr);
	for (size_t i = 0; i < count; i++)
		if (unit_brings(&units[i]))
			linker.inputs[linker.input_count++] =
				(struct input){ .unit = &units[i], .elf = units[i].patch };
	return run(&linker, ret);
}

void link_fini(struct lcp_kpatch *patch)
{
	for (size_t i = 0; patch->sections != NULL && i < patch->section_count; i++)
		free(patch->sections[i].relocs);
	free(patch->sections);
	free(patch->symbols);
	free(patch->functions);
	vec_foreach (&patch->strings, string)
		free(*string);
	vec_fini(&patch->strings);
}
