/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/object.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static int check_debug(const struct object *object, const char *path, struct lcp_error **reterr)
{
	const struct elf_file *elf = object->elf, *debug = object->debug;

	if (debug->build_id_size != elf->build_id_size ||
	    memcmp(debug->build_id, elf->build_id, elf->build_id_size) != 0)
		return error_set(reterr, -LCP_EMISMATCH,
				 "%s: its build-id is not that of the object", path);
	if (debug->symtab.count == 0)
		return error_set(reterr, -LCP_EMISMATCH, "%s: it has no symbols either", path);
	return 0;
}

static int open_files(struct object *object, const char *path, const char *debug_path,
		      struct lcp_error **reterr)
{
	int r;

	r = elf_file_open(path, &object->elf, reterr);
	if (r < 0)
		return error_add_path(reterr, r, path);
	object->arch = arch_by_machine(object->elf->machine);
	if (object->arch == NULL)
		return error_set(reterr, -LCP_EUNSUPPORTED, "%s: it is for CPU %d", path,
				 object->elf->machine);
	if (object->elf->type != ET_EXEC && object->elf->type != ET_DYN)
		return error_set(reterr, -LCP_EFORMAT, "%s: neither a program nor a library", path);
	if (object->elf->build_id == NULL)
		return error_set(reterr, -LCP_EUNSUPPORTED,
				 "%s: it has no build-id, by which a patch knows its object", path);
	if (debug_path == NULL)
		return 0;
	r = elf_file_open(debug_path, &object->debug, reterr);
	if (r < 0)
		return error_add_path(reterr, r, debug_path);
	return check_debug(object, debug_path, reterr);
}

static int64_t dynamic_value(const struct elf_file *elf, int64_t tag)
{
	for (size_t i = 0; i < elf->dynamic_count; i++)
		if (elf->dynamic[i].tag == tag)
			return (int64_t)elf->dynamic[i].value;
	return -1;
}

static bool has_flag(const struct elf_file *elf, int64_t tag, int64_t flag)
{
	int64_t value = dynamic_value(elf, tag);

	return value != -1 && (value & flag) != 0;
}

/* ld gives DT_DEBUG to programs only; DF_1_PIE came later. */
static void find_kind(struct object *object)
{
	const struct elf_file *elf = object->elf;
	bool program = elf->type == ET_EXEC || has_flag(elf, DT_FLAGS_1, DF_1_PIE) ||
		       dynamic_value(elf, DT_DEBUG) != -1;
	bool symbolic = dynamic_value(elf, DT_SYMBOLIC) != -1 ||
			has_flag(elf, DT_FLAGS, DF_SYMBOLIC);

	object->dynamic = !program;
	for (size_t i = 0; i < elf->segment_count; i++)
		if (elf->segments[i].type == PT_INTERP)
			object->dynamic = true;
	object->shared = !program && !symbolic;
	if (object->debug != NULL)
		object->symbols = &object->debug->symtab;
	else
		object->symbols = elf->symtab.count > 0 ? &elf->symtab : &elf->dynsym;
	object->stripped = object->symbols == &elf->dynsym;
}

/* In .symtab ld writes versions into the names: memcpy@GLIBC_2.14, own@@V2. */
static struct slice plain_name(const char *name)
{
	return (struct slice){ name, strcspn(name, "@") };
}

static int compare_starts(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

/* What is of interest of a symbol beside its name. */
static void note_symbol(struct object *object, const struct elf_symbol *symbol)
{
	if (symbol->type == STT_FILE && *symbol->name == '\0')
		object->tells_statics = true;
	else if (symbol->type == STT_FILE)
		object->has_files = true;
	else if (object_defines(symbol) && symbol->type != STT_TLS)
		object->starts[object->start_count++] = symbol->value;
}

/* From the last to the first, so that each list is in the order of the table. */
static int index_symbols(struct object *object)
{
	size_t count = object->symbols->count;

	object->next = malloc((count + 1) * sizeof(*object->next));
	object->starts = malloc((count + 1) * sizeof(*object->starts));
	if (object->next == NULL || object->starts == NULL)
		return -ENOMEM;
	for (size_t i = count; i > 1; i--) {
		const struct elf_symbol *symbol = object_symbol(object, (uint32_t)(i - 1));
		struct slice name = plain_name(symbol->name);
		int64_t next = map_get(&object->numbers, name);

		object->next[i - 1] = next >= 0 ? (uint32_t)next : OBJECT_NONE;
		note_symbol(object, symbol);
		if (name.size > 0 && symbol->type != STT_FILE && symbol->type != STT_SECTION &&
		    map_set(&object->numbers, name, (uint32_t)(i - 1)) < 0)
			return -ENOMEM;
	}
	if (object->start_count > 1)
		qsort(object->starts, object->start_count, sizeof(*object->starts), compare_starts);
	return 0;
}

static int index_dynamic(struct object *object)
{
	const struct elf_symbols *symbols = &object->elf->dynsym;

	for (size_t i = 1; i < symbols->count; i++) {
		const struct elf_symbol *symbol = &symbols->items[i];
		struct slice name = { symbol->name, strlen(symbol->name) };

		if (symbol->version_hidden && object_defines(symbol) &&
		    map_get(&object->dynamic_numbers, name) >= 0)
			continue;
		if (name.size > 0 && map_set(&object->dynamic_numbers, name, (uint32_t)i) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* What kind of slot does a dynamic relocation fill? -1: none. */
static int slot_kind(const struct arch_dynamic_relocs *types, uint32_t type)
{
	if (type == types->slot)
		return SLOT_ADDRESS;
	if (type == types->call_slot)
		return SLOT_CALL;
	if (type == types->copy)
		return SLOT_COPY;
	if (type == types->ifunc)
		return SLOT_IFUNC;
	if (type == types->tls_offset)
		return SLOT_TLS_OFFSET;
	return type == types->tls_module ? SLOT_TLS_PAIR : -1;
}

static int read_slots(struct object *object, size_t section, struct lcp_error **reterr)
{
	autofree struct elf_reloc *relocs = NULL;
	size_t count = 0;
	int r;

	r = elf_file_relocs(object->elf, section, &relocs, &count, reterr);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		int kind = slot_kind(&object->arch->dynamic_relocs, relocs[i].type);
		struct object_slot slot = {
			.symbol = relocs[i].symbol,
			.address = relocs[i].offset,
			.value = (uint64_t)relocs[i].addend,
		};

		if (kind < 0)
			continue;
		slot.kind = (uint8_t)kind;
		if (vec_push(&object->slots, slot) < 0)
			return error_set_nomem(reterr);
	}
	return 0;
}

/* Relocations of a program linked with -q (SHF_ALLOC is not set) were done by the linker. */
static int read_all_slots(struct object *object, struct lcp_error **reterr)
{
	const struct elf_file *elf = object->elf;
	int r = 0;

	for (size_t i = 1; i < elf->section_count && r == 0; i++)
		if (elf->sections[i].type == SHT_RELA && (elf->sections[i].flags & SHF_ALLOC) != 0)
			r = read_slots(object, i, reterr);
	return r;
}

int object_init(struct object *ret, const char *path, const char *debug_path,
		struct lcp_error **reterr)
{
	int r;

	*ret = (struct object){ 0 };
	r = open_files(ret, path, debug_path, reterr);
	if (r < 0)
		return r;
	find_kind(ret);
	if (index_symbols(ret) < 0 || index_dynamic(ret) < 0)
		return error_set_nomem(reterr);
	return read_all_slots(ret, reterr);
}

void object_fini(struct object *object)
{
	elf_file_close(object->elf);
	elf_file_close(object->debug);
	map_fini(&object->numbers);
	map_fini(&object->dynamic_numbers);
	free(object->next);
	free(object->starts);
	vec_fini(&object->slots);
}

uint32_t object_find(const struct object *object, struct slice name)
{
	int64_t number = map_get(&object->numbers, name);

	return number >= 0 ? (uint32_t)number : OBJECT_NONE;
}

uint32_t object_find_next(const struct object *object, uint32_t number)
{
	return object->next[number];
}

bool object_has_file(const struct object *object, const char *name)
{
	for (size_t i = 1; i < object->symbols->count; i++)
		if (object->symbols->items[i].type == STT_FILE &&
		    strcmp(object->symbols->items[i].name, name) == 0)
			return true;
	return false;
}

const struct elf_symbol *object_dynamic(const struct object *object, struct slice name)
{
	int64_t number = map_get(&object->dynamic_numbers, name);

	return number >= 0 ? &object->elf->dynsym.items[number] : NULL;
}

const struct object_slot *object_slot(const struct object *object, enum object_slot_kind kind,
				      struct slice name)
{
	vec_foreach (&object->slots, slot) {
		const char *symbol;

		if (slot->kind != kind || slot->symbol == 0)
			continue;
		symbol = object->elf->dynsym.items[slot->symbol].name;
		if (slice_equals(name, (struct slice){ symbol, strlen(symbol) }))
			return slot;
	}
	return NULL;
}

const struct object_slot *object_ifunc_slot(const struct object *object, uint64_t address)
{
	vec_foreach (&object->slots, slot)
		if (slot->kind == SLOT_IFUNC && slot->value == address)
			return slot;
	return NULL;
}

/* Where the section, or without sections the segment, ends that holds @address. */
static uint64_t end_of_surroundings(const struct elf_file *elf, uint64_t address)
{
	for (size_t i = 1; i < elf->section_count; i++) {
		const struct elf_section *section = &elf->sections[i];

		if ((section->flags & SHF_ALLOC) != 0 && address >= section->addr &&
		    address - section->addr < section->size)
			return section->addr + section->size;
	}
	for (size_t i = 0; i < elf->segment_count && elf->section_count == 0; i++) {
		const struct elf_segment *segment = &elf->segments[i];

		if (segment->type == PT_LOAD && address >= segment->vaddr &&
		    address - segment->vaddr < segment->filesz)
			return segment->vaddr + segment->filesz;
	}
	return address;
}

/* The first of the sorted starts that is not below @address. */
static size_t first_start(const struct object *object, uint64_t address)
{
	size_t low = 0, high = object->start_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (object->starts[middle] < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool object_starts_at(const struct object *object, uint64_t address)
{
	size_t first = first_start(object, address);

	return first < object->start_count && object->starts[first] == address;
}

uint32_t object_padding(const struct object *object, uint64_t end)
{
	uint64_t limit = end_of_surroundings(object->elf, end);
	size_t low = first_start(object, end);
	const uint8_t *bytes;

	if (low < object->start_count && object->starts[low] < limit)
		limit = object->starts[low];
	bytes = limit > end ? elf_file_bytes_at(object->elf, end, limit - end) : NULL;
	return bytes == NULL ? 0 : (uint32_t)object->arch->padding(bytes, limit - end);
}
