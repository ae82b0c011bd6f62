/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Types in words: "struct foo *[4]". Two types are the same if their words are, so what does not
 * matter for living data, typedefs, const and volatile, is left out.
 *
 * A named type is only its name: it is compared by itself. In C++ that is the name without its
 * namespace, since an entry does not say in which other it is.
 */
#include <inttypes.h>

#include "build/dwarf_reader.h"

const char *reader_word(int tag)
{
	switch (tag) {
	case DW_TAG_structure_type:
		return "struct ";
	case DW_TAG_union_type:
		return "union ";
	case DW_TAG_class_type:
		return "class ";
	case DW_TAG_interface_type:
		return "interface ";
	case DW_TAG_enumeration_type:
		return "enum ";
	default:
		return "";
	}
}

bool reader_strip(struct reader *reader, Dwarf_Die *die, const char **ret_alias)
{
	*ret_alias = NULL;
	while (reader_spend(reader, 1)) {
		switch (reader->libdw.dwarf_tag(die)) {
		case DW_TAG_typedef:
			*ret_alias = reader_string(reader, die, DW_AT_name);
			break;
		case DW_TAG_const_type:
		case DW_TAG_volatile_type:
		case DW_TAG_restrict_type:
		case DW_TAG_atomic_type:
			break;
		default:
			return true;
		}
		if (!reader_type(reader, die, die))
			return false;
	}
	return false;
}

static void put_dimensions(struct reader *reader, Dwarf_Die *array, struct str *to)
{
	Dwarf_Die die;

	for (bool more = reader_first(reader, array, &die); more;
	     more = reader_next(reader, &die)) {
		uint64_t count;

		if (reader->libdw.dwarf_tag(&die) != DW_TAG_subrange_type)
			continue;
		if (reader_number(reader, &die, DW_AT_count, &count))
			str_printf(to, "[%" PRIu64 "]", count);
		else if (reader_number(reader, &die, DW_AT_upper_bound, &count))
			str_printf(to, "[%" PRIu64 "]", count + 1);
		else
			str_puts(to, "[]");
	}
}

static void put_parameters(struct reader *reader, Dwarf_Die *function, struct str *to,
			   unsigned int depth)
{
	const char *separator = "";
	Dwarf_Die die, type;

	str_puts(to, " (");
	for (bool more = reader_first(reader, function, &die); more;
	     more = reader_next(reader, &die)) {
		int tag = reader->libdw.dwarf_tag(&die);

		if (tag != DW_TAG_formal_parameter && tag != DW_TAG_unspecified_parameters)
			continue;
		str_puts(to, separator);
		separator = ", ";
		if (tag == DW_TAG_unspecified_parameters)
			str_puts(to, "...");
		else if (reader_type(reader, &die, &type))
			reader_put_type(reader, &type, to, depth + 1);
	}
	str_puts(to, ")");
}

/* What is in front of it: what it points to, what it returns, what it is an array of. */
static void put_target(struct reader *reader, Dwarf_Die *die, struct str *to, unsigned int depth)
{
	Dwarf_Die target;

	if (reader_type(reader, die, &target))
		reader_put_type(reader, &target, to, depth + 1);
	else
		str_puts(to, "void");
}

/* A type that is known by its name; one without a name by the typedef @alias, if there is one. */
static void put_named(struct reader *reader, Dwarf_Die *die, const char *alias, struct str *to)
{
	const char *name = reader_string(reader, die, DW_AT_name);
	const char *word = reader_word(reader->libdw.dwarf_tag(die));

	if (name == NULL && alias != NULL) {
		str_puts(to, alias);
		return;
	}
	str_puts(to, word);
	str_puts(to, name != NULL ? name : "{}");
	(void)reader_spend(reader, to->size / 16);
}

void reader_put_type(struct reader *reader, Dwarf_Die *at, struct str *to, unsigned int depth)
{
	Dwarf_Die die = *at;
	const char *alias;

	if (depth > DWARF_DEPTH_MAX || !reader_spend(reader, 1 + depth)) {
		str_puts(to, "...");
		return;
	}
	if (!reader_strip(reader, &die, &alias)) {
		str_puts(to, "void");
		return;
	}
	switch (reader->libdw.dwarf_tag(&die)) {
	case DW_TAG_pointer_type:
		put_target(reader, &die, to, depth);
		str_puts(to, " *");
		break;
	case DW_TAG_reference_type:
		put_target(reader, &die, to, depth);
		str_puts(to, " &");
		break;
	case DW_TAG_rvalue_reference_type:
		put_target(reader, &die, to, depth);
		str_puts(to, " &&");
		break;
	case DW_TAG_ptr_to_member_type:
		put_target(reader, &die, to, depth);
		str_puts(to, " ::*");
		break;
	case DW_TAG_array_type:
		put_target(reader, &die, to, depth);
		put_dimensions(reader, &die, to);
		break;
	case DW_TAG_subroutine_type:
		put_target(reader, &die, to, depth);
		put_parameters(reader, &die, to, depth);
		break;
	default:
		put_named(reader, &die, alias, to);
		break;
	}
}
