/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/place.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"

/* What linkers neither throw away in parts nor make shorter, so that it is in the object whole. */
static bool is_whole(const struct elf_section *section)
{
	return (section->flags & SHF_ALLOC) != 0 && (section->flags & SHF_MERGE) == 0 &&
	       strcmp(section->name, ".eh_frame") != 0;
}

static bool is_in_section(const struct elf_symbol *symbol)
{
	return symbol->section != SHN_UNDEF && !symbol->reserved && symbol->type != STT_FILE &&
	       symbol->type != STT_SECTION;
}

static struct slice name_of(const struct elf_symbol *symbol)
{
	return (struct slice){ symbol->name, strcspn(symbol->name, "@") };
}

static bool is_code(uint8_t type)
{
	return type == STT_FUNC || type == STT_GNU_IFUNC;
}

/*
 * Could @theirs of the object be @ours of the unit? A hidden symbol of the unit is a local one in
 * the object, so only that ours is local says something.
 */
static bool may_be(const struct elf_symbol *ours, const struct elf_symbol *theirs)
{
	if (!object_defines(theirs) || theirs->reserved)
		return false;
	if (ours->bind == STB_LOCAL && theirs->bind != STB_LOCAL)
		return false;
	if ((ours->type == STT_TLS) != (theirs->type == STT_TLS))
		return false;
	return ours->type == STT_NOTYPE || theirs->type == STT_NOTYPE ||
	       (is_code(ours->type) == is_code(theirs->type) && ours->size == theirs->size);
}

/* The next symbol of the object, from @number on, that could be @ours; OBJECT_NONE. */
static uint32_t next_candidate(const struct place *place, const struct elf_symbol *ours,
			       uint32_t number)
{
	while (number != OBJECT_NONE && !may_be(ours, object_symbol(place->object, number)))
		number = object_find_next(place->object, number);
	return number;
}

static uint32_t first_candidate(const struct place *place, const struct elf_symbol *ours)
{
	return next_candidate(place, ours, object_find(place->object, name_of(ours)));
}

static uint32_t candidate_after(const struct place *place, const struct elf_symbol *ours,
				uint32_t number)
{
	return next_candidate(place, ours, object_find_next(place->object, number));
}

/* Is @ours at @address by the object's symbols? If they do not know its name, it may be. */
static bool fits_at(const struct place *place, const struct elf_symbol *ours, uint64_t address)
{
	uint32_t number = first_candidate(place, ours);
	bool unknown = number == OBJECT_NONE;

	for (; number != OBJECT_NONE; number = candidate_after(place, ours, number))
		if (object_symbol(place->object, number)->value == address)
			return true;
	return unknown;
}

/* The first relocation at or behind @offset. */
static size_t first_reloc(const struct place_section *section, uint64_t offset)
{
	size_t low = 0, high = section->reloc_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (section->relocs[middle].offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * The address that the object's code has where the unit has @reloc, if it is one of a part of the
 * unit: false if the bytes do not say. *@ret is where the relocation's symbol would be.
 */
static bool read_witness(const struct place *place, const struct elf_reloc *reloc,
			 uint64_t code_address, const uint8_t *code, uint64_t *ret)
{
	const struct elf_symbol *symbol = &place->unit->symtab.items[reloc->symbol];
	const struct arch *arch = place->object->arch;
	const struct reloc_type *type = arch_reloc_type(arch, reloc->type);

	if (type == NULL || symbol->bind != STB_LOCAL || symbol->type == STT_GNU_IFUNC ||
	    symbol->type == STT_TLS || symbol->section == SHN_UNDEF || symbol->reserved ||
	    !is_whole(&place->unit->sections[symbol->section]) ||
	    !arch->reloc_value(type, code_address, code, ret))
		return false;
	*ret -= (uint64_t)reloc->addend;
	return true;
}

/*
 * Is a constant, of which the linker keeps one, in the object what it is in the unit? Strings may
 * differ: __FILE__ is another one where sources are in another folder.
 */
static bool merged_agrees(const struct place *place, const struct elf_symbol *symbol,
			  uint64_t offset, uint64_t address)
{
	const struct elf_section *section = &place->unit->sections[symbol->section];
	const uint8_t *theirs;

	if (section->data == NULL || (section->flags & SHF_STRINGS) != 0 ||
	    !range_fits(offset, section->entsize, section->size))
		return true;
	theirs = elf_file_bytes_at(place->object->elf, address, section->entsize);
	return theirs != NULL && memcmp(theirs, section->data + offset, section->entsize) == 0;
}

/* Is what the object has at @address called @name, or made for it: foo_veneer, __wrap_foo? */
static bool is_called(const struct object *object, uint64_t address, struct slice name)
{
	for (size_t i = 1; i < object->symbols->count; i++) {
		const struct elf_symbol *symbol = object_symbol(object, (uint32_t)i);

		if (symbol->value == address && object_defines(symbol) &&
		    memmem(symbol->name, strlen(symbol->name), name.text, name.size) != NULL)
			return true;
	}
	return false;
}

/*
 * The object has @symbol by its name, in this unit or another. Does its code at @address lead to
 * another symbol instead? What is no symbol is a PLT entry.
 */
static bool global_agrees(const struct place *place, const struct elf_symbol *symbol,
			  uint64_t address)
{
	uint32_t number = object_find(place->object, name_of(symbol));
	bool defined = false;

	for (; number != OBJECT_NONE; number = object_find_next(place->object, number)) {
		const struct elf_symbol *theirs = object_symbol(place->object, number);

		if (theirs->value == address || theirs->type == STT_GNU_IFUNC ||
		    theirs->type == STT_TLS)
			return true;
		defined = defined || object_exports(theirs);
	}
	return !defined || !object_starts_at(place->object, address) ||
	       is_called(place->object, address, name_of(symbol));
}

/* Does what code refers to, beside what is placed, have the name or contents of the unit? */
static bool target_agrees(const struct place *place, const struct elf_reloc *reloc,
			  uint64_t code_address, const uint8_t *code)
{
	const struct elf_symbol *symbol = &place->unit->symtab.items[reloc->symbol];
	const struct arch *arch = place->object->arch;
	const struct reloc_type *type = arch_reloc_type(arch, reloc->type);
	uint64_t address, elsewhere;

	if (type == NULL || symbol->reserved || symbol->type == STT_TLS ||
	    !arch->reloc_value(type, code_address, code, &address) ||
	    !arch->reloc_value(type, code_address + 1, code, &elsewhere))
		return true;
	if (symbol->bind != STB_LOCAL)
		return global_agrees(place, symbol, address - (uint64_t)reloc->addend);
	if (symbol->section == SHN_UNDEF ||
	    (place->unit->sections[symbol->section].flags & SHF_MERGE) == 0)
		return true;
	if (symbol->type != STT_SECTION)
		return merged_agrees(place, symbol, symbol->value,
				     address - (uint64_t)reloc->addend);
	/* The addend is the offset, unless it is relative to the code. */
	return address != elsewhere ||
	       merged_agrees(place, symbol, (uint64_t)reloc->addend, address);
}

/* Does what the linker filled in agree with what is placed already? */
static bool reloc_agrees(const struct place *place, const struct elf_reloc *reloc,
			 uint64_t code_address, const uint8_t *code, bool all_placed)
{
	const struct elf_symbol *symbol = &place->unit->symtab.items[reloc->symbol];
	const struct place_section *section;
	uint64_t address;

	if (!read_witness(place, reloc, code_address, code, &address))
		return !all_placed || target_agrees(place, reloc, code_address, code);
	section = &place->sections[symbol->section];
	if (section->state != PLACE_KNOWN)
		return !all_placed;
	return section->address + symbol->value == address;
}

/*
 * Is the code of @symbol that of the object at @address, but for what the linker wrote? That has to
 * agree with what is placed; with @all_placed nothing it means may be unplaced.
 */
static const uint8_t *compare_code(const struct place *place, const struct elf_symbol *symbol,
				   uint64_t address, bool all_placed)
{
	const struct place_section *section = &place->sections[symbol->section];
	const uint8_t *ours = place->unit->sections[symbol->section].data;
	const uint8_t *theirs = elf_file_bytes_at(place->object->elf, address, symbol->size);
	const struct arch *arch = place->object->arch;
	uint64_t done = 0;

	if (ours == NULL || theirs == NULL ||
	    !range_fits(symbol->value, symbol->size, place->unit->sections[symbol->section].size))
		return NULL;
	ours += symbol->value;
	for (size_t i = first_reloc(section, symbol->value); i < section->reloc_count; i++) {
		const struct elf_reloc *reloc = &section->relocs[i];
		const struct reloc_type *type = arch_reloc_type(arch, reloc->type);
		uint64_t at = reloc->offset - symbol->value;
		unsigned int before = 0, size = 0;

		if (at >= symbol->size)
			break;
		if (type == NULL || !range_fits(at, type->size, symbol->size) ||
		    !reloc_agrees(place, reloc, address + at, theirs + at, all_placed))
			return NULL;
		arch->reloc_span(type, &before, &size);
		if (at > before && at - before > done &&
		    memcmp(ours + done, theirs + done, at - before - done) != 0)
			return NULL;
		if (at + size - before > done)
			done = at + size - before;
	}
	if (done < symbol->size && memcmp(ours + done, theirs + done, symbol->size - done) != 0)
		return NULL;
	return theirs;
}

static bool is_compared(const struct place *place, const struct elf_symbol *symbol)
{
	return symbol->type == STT_FUNC && symbol->size > 0 &&
	       (place->unit->sections[symbol->section].flags & SHF_EXECINSTR) != 0;
}

/* Can section @index be at @address? All its symbols have to be there, and all its code. */
static bool can_be_at(const struct place *place, size_t index, uint64_t address)
{
	const struct place_section *section = &place->sections[index];

	for (uint32_t i = 0; i < section->count; i++) {
		const struct elf_symbol *symbol =
			&place->unit->symtab.items[place->by_section[section->first + i]];

		if (!fits_at(place, symbol, address + symbol->value))
			return false;
		if (is_compared(place, symbol) &&
		    compare_code(place, symbol, address + symbol->value, false) == NULL)
			return false;
	}
	return true;
}

/* The symbol of section @index that is in the fewest places of the object; NULL if none is. */
static const struct elf_symbol *find_anchor(const struct place *place, size_t index)
{
	const struct place_section *section = &place->sections[index];
	const struct elf_symbol *anchor = NULL;
	size_t fewest = SIZE_MAX;

	for (uint32_t i = 0; i < section->count && fewest > 1; i++) {
		const struct elf_symbol *symbol =
			&place->unit->symtab.items[place->by_section[section->first + i]];
		size_t count = 0;

		for (uint32_t number = first_candidate(place, symbol);
		     number != OBJECT_NONE && count < fewest;
		     number = candidate_after(place, symbol, number))
			count++;
		if (count > 0 && count < fewest) {
			fewest = count;
			anchor = symbol;
		}
	}
	return anchor;
}

/*
 * May @theirs be @ours by the name of the source file? A static symbol of another file has another
 * file's name in front of it. The unit's name is missing in some objects, and another one in some
 * builds: then the bytes of code have to prove what they are, and data says nothing.
 */
static bool file_allows(const struct place *place, const struct elf_symbol *ours,
			const struct elf_symbol *theirs, bool strict)
{
	if (ours->bind != STB_LOCAL)
		return true;
	if (place->file != NULL && theirs->file != NULL && strcmp(place->file, theirs->file) == 0)
		return place->file_group == 0 || theirs->file_group == place->file_group;
	return !strict && !place->file_known && (is_compared(place, ours) || theirs->file == NULL);
}

static void set_known(struct place_section *section, uint64_t address)
{
	section->state = PLACE_KNOWN;
	section->address = address;
}

/* Place section @index by names, if they leave one place only. Is it placed now that was not? */
static bool place_by_names(struct place *place, size_t index, bool exported, bool strict)
{
	struct place_section *section = &place->sections[index];
	const struct elf_symbol *anchor = find_anchor(place, index);
	uint64_t found = 0;
	size_t count = 0;

	if (anchor == NULL || (exported && anchor->bind == STB_LOCAL))
		return false;
	for (uint32_t number = first_candidate(place, anchor); number != OBJECT_NONE;
	     number = candidate_after(place, anchor, number)) {
		const struct elf_symbol *theirs = object_symbol(place->object, number);
		uint64_t address = theirs->value - anchor->value;

		if (!file_allows(place, anchor, theirs, strict) ||
		    (count > 0 && found == address) || !can_be_at(place, index, address))
			continue;
		found = address;
		count++;
	}
	if (count == 1)
		set_known(section, found);
	else if (count > 1)
		section->state = PLACE_AMBIGUOUS;
	return count == 1;
}

/* Place what the code of section @index, which is placed, refers to. Is anything placed by it? */
static bool place_by_code(struct place *place, size_t index)
{
	const struct place_section *section = &place->sections[index];
	uint64_t size = place->unit->sections[index].size;
	const uint8_t *code = elf_file_bytes_at(place->object->elf, section->address, size);
	bool any = false;

	for (size_t i = 0; i < section->reloc_count && code != NULL; i++) {
		const struct elf_reloc *reloc = &section->relocs[i];
		const struct elf_symbol *symbol = &place->unit->symtab.items[reloc->symbol];
		struct place_section *to = &place->sections[symbol->section];
		const struct reloc_type *type = arch_reloc_type(place->object->arch, reloc->type);
		uint64_t address;

		if (type == NULL || !range_fits(reloc->offset, type->size, size) ||
		    !read_witness(place, reloc, section->address + reloc->offset,
				  code + reloc->offset, &address))
			continue;
		address -= symbol->value;
		if (to->state == PLACE_KNOWN || !can_be_at(place, symbol->section, address))
			continue;
		set_known(to, address);
		any = true;
	}
	return any;
}

/*
 * Two files may have one name, a/util.c and b/util.c. Once something static of the unit is known to
 * be somewhere, the symbols behind one mention of the name are the unit's, and no others.
 */
static void find_file_group(struct place *place, size_t index)
{
	const struct place_section *section = &place->sections[index];

	for (uint32_t i = 0; i < section->count && place->file_group == 0; i++) {
		const struct elf_symbol *ours =
			&place->unit->symtab.items[place->by_section[section->first + i]];

		for (uint32_t number = first_candidate(place, ours);
		     ours->bind == STB_LOCAL && number != OBJECT_NONE;
		     number = candidate_after(place, ours, number)) {
			const struct elf_symbol *theirs = object_symbol(place->object, number);

			if (theirs->value == section->address + ours->value &&
			    file_allows(place, ours, theirs, true))
				place->file_group = theirs->file_group;
		}
	}
}

/* With @exported only what other units may know the names of, which are few of a kind. */
static bool place_some(struct place *place, bool exported, bool strict)
{
	const struct elf_file *unit = place->unit;
	bool any = false;

	for (size_t i = 1; i < unit->section_count; i++)
		if (is_whole(&unit->sections[i]) && place->sections[i].state != PLACE_KNOWN)
			any |= place_by_names(place, i, exported, strict);
	for (size_t i = 1; i < unit->section_count; i++)
		if ((unit->sections[i].flags & SHF_EXECINSTR) != 0 &&
		    place->sections[i].state == PLACE_KNOWN)
			any |= place_by_code(place, i);
	for (size_t i = 1; i < unit->section_count && place->file_group == 0; i++)
		if (place->sections[i].state == PLACE_KNOWN)
			find_file_group(place, i);
	return any;
}

/* Each thing that is placed may place others, until nothing does. */
static void place_all(struct place *place)
{
	bool any;

	do {
		any = place_some(place, true, true) || place_some(place, false, true) ||
		      place_some(place, false, false);
	} while (any);
}

static int compare_relocs(const void *left, const void *right)
{
	const struct elf_reloc *a = left, *b = right;

	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

static int read_relocs(struct place *place, struct lcp_error **reterr)
{
	const struct elf_file *unit = place->unit;

	for (size_t i = 1; i < unit->section_count; i++) {
		struct place_section *section;
		int r;

		if (unit->sections[i].type != SHT_RELA ||
		    (unit->sections[unit->sections[i].info].flags & SHF_ALLOC) == 0)
			continue;
		section = &place->sections[unit->sections[i].info];
		if (section->relocs != NULL)
			return error_set(reterr, -LCP_EFORMAT,
					 "two sections of relocations for '%s'",
					 unit->sections[unit->sections[i].info].name);
		r = elf_file_relocs(unit, i, &section->relocs, &section->reloc_count, reterr);
		if (r < 0)
			return r;
		if (section->reloc_count > 1)
			qsort(section->relocs, section->reloc_count, sizeof(*section->relocs),
			      compare_relocs);
	}
	return 0;
}

/* Group the symbols by section: a counting sort. */
static int sort_symbols(struct place *place)
{
	const struct elf_symbols *symbols = &place->unit->symtab;
	uint32_t next = 0;

	place->by_section = malloc((symbols->count + 1) * sizeof(*place->by_section));
	if (place->by_section == NULL)
		return -ENOMEM;
	for (size_t i = 1; i < symbols->count; i++) {
		const struct elf_symbol *symbol = &symbols->items[i];

		if (symbol->type == STT_FILE && place->file == NULL)
			place->file = symbol->name;
		if (!is_in_section(symbol))
			continue;
		place->sections[symbol->section].count++;
		if (map_set(&place->numbers, name_of(symbol), (uint32_t)i) < 0)
			return -ENOMEM;
	}
	for (size_t i = 0; i < place->unit->section_count; i++) {
		place->sections[i].first = next;
		next += place->sections[i].count;
		place->sections[i].count = 0;
	}
	for (size_t i = 1; i < symbols->count; i++) {
		struct place_section *section = &place->sections[symbols->items[i].section];

		if (is_in_section(&symbols->items[i]))
			place->by_section[section->first + section->count++] = (uint32_t)i;
	}
	return 0;
}

int place_init(struct place *ret, const struct object *object, const struct elf_file *unit,
	       struct lcp_error **reterr)
{
	int r;

	*ret = (struct place){ .object = object, .unit = unit };
	ret->sections = calloc(unit->section_count + 1, sizeof(*ret->sections));
	if (ret->sections == NULL || sort_symbols(ret) < 0)
		return error_set_nomem(reterr);
	ret->file_known = ret->file != NULL && object_has_file(object, ret->file);
	r = read_relocs(ret, reterr);
	if (r < 0)
		return r;
	place_all(ret);
	return 0;
}

void place_fini(struct place *place)
{
	for (size_t i = 0; place->sections != NULL && i < place->unit->section_count; i++)
		free(place->sections[i].relocs);
	free(place->sections);
	free(place->by_section);
	map_fini(&place->numbers);
}

const struct elf_symbol *place_symbol(const struct place *place, struct slice name)
{
	int64_t number = map_get(&place->numbers, name);

	return number >= 0 ? &place->unit->symtab.items[number] : NULL;
}

enum place_state place_address(const struct place *place, const struct elf_symbol *symbol,
			       uint64_t *ret)
{
	const struct place_section *section = &place->sections[symbol->section];

	if (section->state == PLACE_KNOWN)
		*ret = section->address + symbol->value;
	return section->state;
}

static bool section_refers_to(const struct place *place, size_t index, struct slice name,
			      uint64_t address)
{
	const struct place_section *section = &place->sections[index];
	uint64_t size = place->unit->sections[index].size, value;
	const uint8_t *code = elf_file_bytes_at(place->object->elf, section->address, size);

	for (size_t i = 0; i < section->reloc_count && code != NULL; i++) {
		const struct elf_reloc *reloc = &section->relocs[i];
		const struct elf_symbol *symbol = &place->unit->symtab.items[reloc->symbol];
		const struct arch *arch = place->object->arch;
		const struct reloc_type *type = arch_reloc_type(arch, reloc->type);

		if (symbol->section == SHN_UNDEF && slice_equals(name_of(symbol), name) &&
		    type != NULL && range_fits(reloc->offset, type->size, size) &&
		    arch->reloc_value(type, section->address + reloc->offset, code + reloc->offset,
				      &value) &&
		    value - (uint64_t)reloc->addend == address)
			return true;
	}
	return false;
}

bool place_refers_to(const struct place *place, struct slice name, uint64_t address)
{
	for (size_t i = 1; i < place->unit->section_count; i++)
		if ((place->unit->sections[i].flags & SHF_EXECINSTR) != 0 &&
		    place->sections[i].state == PLACE_KNOWN &&
		    section_refers_to(place, i, name, address))
			return true;
	return false;
}

bool place_proves(const struct place *place, const struct elf_symbol *symbol,
		  struct place_function *ret)
{
	uint64_t address = 0;
	const uint8_t *bytes;

	if (place_address(place, symbol, &address) != PLACE_KNOWN || !is_compared(place, symbol))
		return false;
	bytes = compare_code(place, symbol, address, true);
	if (bytes == NULL)
		return false;
	*ret = (struct place_function){ address, (uint32_t)symbol->size, bytes };
	return true;
}
