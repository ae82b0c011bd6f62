/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Is the unit's original what the object was built from? And is there room for a branch in what is
 * replaced?
 */
#include "build/unit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* May @theirs be a static symbol of another source file than the unit's? */
static bool is_of_another_file(const struct unit *unit, const struct elf_symbol *theirs)
{
	return theirs->bind != STB_LOCAL || (theirs->file != NULL && unit->place.file != NULL &&
					     strcmp(theirs->file, unit->place.file) != 0);
}

/* Does the object have something of that name and kind at all, that could be the unit's? */
static bool object_has(const struct unit *unit, const struct elf_symbol *ours)
{
	const struct object *object = unit->place.object;
	struct slice slice = { ours->name, strcspn(ours->name, "@") };

	for (uint32_t i = object_find(object, slice); i != OBJECT_NONE;
	     i = object_find_next(object, i)) {
		const struct elf_symbol *symbol = object_symbol(object, i);

		if (object_defines(symbol) && symbol->type == ours->type &&
		    (ours->bind != STB_LOCAL || !is_of_another_file(unit, symbol)))
			return true;
	}
	return false;
}

/*
 * Would the object have a symbol for @ours, if it had that at all? strip -x and ld -x throw away
 * what is local, and the names of files with it.
 */
static bool would_show(const struct unit *unit, const struct elf_symbol *ours)
{
	const struct object *object = unit->place.object;

	if (object->stripped)
		return false;
	return ours->bind == STB_LOCAL && unit->place.file != NULL ? unit->place.file_known
								   : object->has_files;
}

static int say_mismatch(struct unit *unit, const char *name, const char *what)
{
	unit->mismatches++;
	return report_say(unit->report, LCP_REPORT_REFUSAL, name, unit->name, "%s", what);
}

static const char *keep_name(struct unit *unit, struct slice name, const char *suffix)
{
	autostr struct str text = { 0 };
	char *made;

	str_printf(&text, "%.*s%s", SLICE_ARG(name), suffix);
	if (str_take(&text, &made) < 0)
		return NULL;
	if (vec_push(&unit->names, made) == 0)
		return made;
	free(made);
	return NULL;
}

static int check_room(struct unit *unit, const struct object *object,
		      const struct unit_function *function)
{
	const struct arch *arch = object->arch;
	unsigned int need = arch->branch_size +
			    arch->landing_pad(function->old.bytes, function->old.size).size;

	if (function->is_part || function->old.size + function->padding >= need)
		return 0;
	unit->refusals++;
	return report_say(unit->report, LCP_REPORT_REFUSAL, function->name, unit->name,
			  "the function is too short to be replaced: %u bytes and %u of padding, "
			  "where a branch takes %u",
			  function->old.size, function->padding, need);
}

/* Padding is used where a function is shorter than a branch, and is not looked at elsewhere. */
static uint32_t padding_for(const struct object *object, const struct unit_function *function)
{
	const struct place_function *old = &function->old;
	unsigned int need = object->arch->branch_size +
			    object->arch->landing_pad(old->bytes, old->size).size;
	uint32_t padding;

	if (function->is_part || old->size >= need)
		return 0;
	padding = object_padding(object, old->address + old->size);
	return padding < need - old->size ? padding : need - old->size;
}

/* Does the unit itself have @theirs where it has @ours: an alias, or another version of it? */
static bool has_at(const struct unit *unit, const struct elf_symbol *ours,
		   const struct elf_symbol *theirs)
{
	size_t size = strcspn(theirs->name, "@");

	for (size_t i = 1; i < unit->original->symtab.count; i++) {
		const struct elf_symbol *symbol = &unit->original->symtab.items[i];

		if (symbol->section == ours->section && symbol->value == ours->value &&
		    strcspn(symbol->name, "@") == size &&
		    memcmp(symbol->name, theirs->name, size) == 0)
			return true;
	}
	return false;
}

/*
 * Some linkers make one of functions that have the same code (--icf): to replace one is to replace
 * all. NULL if @function has its code for itself.
 */
static const struct elf_symbol *find_folded(const struct unit *unit, const struct object *object,
					    const struct elf_symbol *ours, uint64_t address)
{
	const struct elf_symbol *local = NULL;

	for (size_t i = 1; i < object->symbols->count; i++) {
		const struct elf_symbol *theirs = object_symbol(object, (uint32_t)i);

		if (theirs->value != address || theirs->type != STT_FUNC || theirs->size == 0 ||
		    !object_defines(theirs))
			continue;
		if (!has_at(unit, ours, theirs))
			return theirs;
		if (theirs->bind != STB_LOCAL)
			continue;
		/* A static function of that name in another file. */
		if (local != NULL && local->file_group != theirs->file_group &&
		    strcmp(local->name, theirs->name) == 0)
			return theirs;
		local = theirs;
	}
	return NULL;
}

static int check_folded(struct unit *unit, const struct object *object,
			const struct elf_symbol *ours, const struct unit_function *function)
{
	const struct elf_symbol *other =
		function->is_part ? NULL : find_folded(unit, object, ours, function->old.address);

	if (other == NULL)
		return 0;
	unit->refusals++;
	return report_say(unit->report, LCP_REPORT_REFUSAL, function->name, unit->name,
			  "the linker made one function of it and '%s', which would change too",
			  other->name);
}

/*
 * A function of the original that is replaced by @new_name has to be what the object holds. One
 * that the linker left out needs nothing; its new version is brought in case something refers to
 * it.
 */
static int prove_replaced(struct unit *unit, const struct object *object, struct slice name,
			  const char *new_name, bool is_part)
{
	const struct elf_symbol *symbol = place_symbol(&unit->place, name);
	struct unit_function function = { .new_name = new_name, .is_part = is_part };
	uint64_t address;

	if (new_name == NULL)
		return -ENOMEM;
	if (symbol == NULL)
		return say_mismatch(unit, new_name, "is not in the original, assembled");
	function.name = symbol->name;
	if (place_proves(&unit->place, symbol, &function.old)) {
		function.padding = padding_for(object, &function);
		if (vec_push(&unit->functions, function) < 0 ||
		    check_folded(unit, object, symbol, &function) < 0)
			return -ENOMEM;
		return check_room(unit, object, &function);
	}
	if (place_address(&unit->place, symbol, &address) == PLACE_AMBIGUOUS)
		return say_mismatch(unit, symbol->name,
				    "could be one of several functions of the object");
	if (object->stripped && place_address(&unit->place, symbol, &address) == PLACE_UNKNOWN)
		return say_mismatch(unit, symbol->name,
				    "is not found: the object is stripped, and there is no debug "
				    "file");
	if (object_has(unit, symbol))
		return say_mismatch(unit, symbol->name,
				    "the function is another one in the object");
	if (!would_show(unit, symbol))
		return say_mismatch(unit, symbol->name,
				    "is not found: the object has no static symbols of the unit");
	return report_say(unit->report, LCP_REPORT_IGNORED, symbol->name, unit->name,
			  "not in the object: the linker left it out");
}

/* A part without a counterpart in the new version goes away with its function. */
static int prove_removed_part(struct unit *unit, const struct object *object,
			      const struct asm_change *change)
{
	const struct asm_block *part = &unit->units[UNIT_OLD].blocks.items[change->old_block];
	struct slice parent = unit->units[UNIT_OLD].blocks.items[part->parent].name;
	const struct asm_change *parents = asm_diff_find(&unit->diff, parent);

	if (parents == NULL || parents->new_block == NO_BLOCK ||
	    !unit->emit.brought[parents->new_block])
		return 0;
	return prove_replaced(unit, object, part->name, keep_name(unit, parent, EMIT_NEW_VERSION),
			      true);
}

static int prove_change(struct unit *unit, const struct object *object,
			const struct asm_change *change)
{
	const struct asm_block *blocks = unit->units[UNIT_OLD].blocks.items;
	bool is_part = change->old_block != NO_BLOCK &&
		       blocks[change->old_block].parent != NO_BLOCK;

	switch (change->kind) {
	case CHANGE_FUNCTION:
	case CHANGE_FUNCTION_USES_DATA:
		if (change->old_block == NO_BLOCK)
			return 0;
		return prove_replaced(unit, object, blocks[change->old_block].name,
				      keep_name(unit, change->name, EMIT_NEW_VERSION), is_part);
	case CHANGE_FUNCTION_REMOVED:
		return is_part ? prove_removed_part(unit, object, change) : 0;
	default:
		return 0;
	}
}

static bool is_replaced(const struct unit *unit, const char *name)
{
	const struct asm_change *change = asm_diff_find(&unit->diff,
							(struct slice){ name, strlen(name) });

	return change != NULL && change->kind != CHANGE_LINE_ONLY;
}

/*
 * What does not change has to be in the object too: otherwise it was made from other sources, or by
 * another compiler, and what the new code expects of the rest may not hold. Weak functions may be
 * those of another unit.
 */
static int prove_unchanged(struct unit *unit)
{
	const struct elf_symbols *symbols = &unit->original->symtab;
	int r = 0;

	for (size_t i = 1; i < symbols->count && r == 0; i++) {
		const struct elf_symbol *symbol = &symbols->items[i];
		struct place_function function;
		uint64_t address;

		if (symbol->type != STT_FUNC || !object_defines(symbol) || symbol->reserved ||
		    symbol->size == 0 || symbol->bind == STB_WEAK ||
		    is_replaced(unit, symbol->name) ||
		    place_proves(&unit->place, symbol, &function))
			continue;
		if (place_address(&unit->place, symbol, &address) == PLACE_KNOWN ||
		    (symbol->bind == STB_GLOBAL && object_has(unit, symbol)))
			r = say_mismatch(unit, symbol->name,
					 "the function is another one in the object");
	}
	return r;
}

/* Was block @number of the new unit left out of the object, which has symbols that would say so? */
static bool is_absent(const struct unit *unit, size_t number)
{
	const struct asm_block *block = &unit->units[UNIT_NEW].blocks.items[number];
	const struct asm_symbol *symbol = asm_unit_symbol(&unit->units[UNIT_NEW], block->name);
	const struct elf_symbol *old = place_symbol(&unit->place, block->name);
	uint64_t address;

	return symbol != NULL && symbol->block == number && symbol->identity == 0 && old != NULL &&
	       old->section != SHN_UNDEF && would_show(unit, old) &&
	       place_address(&unit->place, old, &address) == PLACE_UNKNOWN &&
	       !object_has(unit, old);
}

static int find_absent(struct unit *unit)
{
	size_t count = unit->units[UNIT_NEW].blocks.count;

	for (size_t i = 0; i < count; i++) {
		if (!is_absent(unit, i))
			continue;
		if (unit->absent == NULL)
			unit->absent = calloc(count, sizeof(*unit->absent));
		if (unit->absent == NULL)
			return -ENOMEM;
		unit->absent[i] = true;
	}
	return 0;
}

/* Is it new to the unit, and can other units know it? */
static bool is_new_to_unit(const struct unit *unit, const struct asm_symbol *new)
{
	const struct asm_symbol *old = asm_unit_symbol(&unit->units[UNIT_OLD], new->name);

	if (new->bind == BIND_LOCAL || (new->block == NO_BLOCK && !new->common))
		return false;
	return old == NULL || (old->block == NO_BLOCK && !old->common && old->alias.size == 0);
}

static const struct elf_symbol *find_exported(const struct object *object, struct slice name)
{
	for (uint32_t i = object_find(object, name); i != OBJECT_NONE;
	     i = object_find_next(object, i))
		if (object_exports(object_symbol(object, i)))
			return object_symbol(object, i);
	return NULL;
}

static bool has_size(const struct asm_symbol *symbol, uint64_t size)
{
	autostr struct str text = { 0 };

	str_printf(&text, "%" PRIu64, size);
	return !text.failed && slice_equals(symbol->size, (struct slice){ text.text, text.size });
}

/* Why can the patch not use @theirs of another unit, as if this one had always done so? */
static const char *why_not_present(const struct unit *unit, const struct asm_symbol *new,
				   const struct elf_symbol *theirs)
{
	const struct asm_unit *version = &unit->units[UNIT_NEW];
	const struct asm_block *block = new->block != NO_BLOCK ? &version->blocks.items[new->block]
							       : NULL;

	if (block != NULL && block->kind == BLOCK_FUNCTION)
		return "is a function of another unit in the object, where it would stay as it is";
	if (!has_size(new, theirs->size))
		return "is data of another unit in the object, and has another size";
	if (new->bind == BIND_GLOBAL && block != NULL && !asm_block_is_written(version, block))
		return "is read-only data of another unit in the object";
	return NULL;
}

/*
 * What is new to the unit may be in the object: a variable moved from one unit to another, or an
 * inline function's static variable in C++. There is to be one of it. Inline functions may be there
 * twice.
 */
static int judge_new_symbol(struct unit *unit, const struct object *object, size_t number)
{
	const struct asm_symbol *symbol = &unit->units[UNIT_NEW].symbols.items[number];
	const struct elf_symbol *theirs = find_exported(object, symbol->name);
	const char *why_not;

	if (theirs == NULL)
		return 0;
	if (symbol->bind == BIND_WEAK && symbol->type == SYMBOL_FUNCTION)
		return 0;
	why_not = why_not_present(unit, symbol, theirs);
	if (why_not != NULL) {
		unit->refusals++;
		return report_say(unit->report, LCP_REPORT_REFUSAL, theirs->name, unit->name, "%s",
				  why_not);
	}
	if (unit->present == NULL)
		unit->present = calloc(unit->units[UNIT_NEW].symbols.count, sizeof(bool));
	if (unit->present == NULL)
		return -ENOMEM;
	unit->present[number] = true;
	return 0;
}

static int find_present(struct unit *unit, const struct object *object)
{
	int r = 0;

	for (size_t i = 0; i < unit->units[UNIT_NEW].symbols.count && r == 0; i++)
		if (is_new_to_unit(unit, &unit->units[UNIT_NEW].symbols.items[i]))
			r = judge_new_symbol(unit, object, i);
	return r;
}

int unit_prove(struct unit *unit, const struct object *object)
{
	int r = find_absent(unit);

	if (r == 0)
		r = find_present(unit, object);
	vec_foreach (&unit->diff.changes, change)
		if (r == 0)
			r = prove_change(unit, object, change);
	return r < 0 ? r : prove_unchanged(unit);
}
