/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The members of one type, and the enumerators, in a flat list: what has no name of its own is
 * described where it is used.
 */
#include "base/error.h"
#include "build/dwarf_reader.h"

/* Where members are added: the names in front of theirs, and where their aggregate begins. */
struct place {
	struct dwarf_type *type;
	const char *path;
	uint64_t at;
	unsigned int depth;
};

static void add_aggregate(struct reader *reader, Dwarf_Die *die, struct place place);

/* Add a member; its strings are taken. */
static void add(struct reader *reader, struct dwarf_type *type, struct str *name,
		struct str *type_text, uint64_t at, uint64_t bits)
{
	struct dwarf_member member = { .at = at, .bits = bits };
	int r;

	if (!reader_spend(reader, 1 + name->size / 16))
		return;
	r = str_take(name, &member.name);
	if (r == 0)
		r = str_take(type_text, &member.type);
	if (r == 0)
		r = vec_push(&type->members, member);
	if (r == 0)
		return;
	free(member.name);
	free(member.type);
	reader->r = r;
}

/*
 * In DWARF 5, and of clang always, DW_AT_data_bit_offset counts from the aggregate's begin. Before,
 * DW_AT_bit_offset counts from the most significant bit of the storage unit.
 */
static uint64_t bit_position(struct reader *reader, Dwarf_Die *die, uint64_t bits)
{
	uint64_t at = 0, offset, unit;
	Dwarf_Die type;
	const char *alias;

	(void)reader_number(reader, die, DW_AT_data_member_location, &at);
	at *= 8;
	if (reader_number(reader, die, DW_AT_data_bit_offset, &offset))
		return offset;
	if (!reader_number(reader, die, DW_AT_bit_offset, &offset))
		return at;
	if (reader_number(reader, die, DW_AT_byte_size, &unit) ||
	    (reader_type(reader, die, &type) && reader_strip(reader, &type, &alias) &&
	     reader_number(reader, &type, DW_AT_byte_size, &unit)))
		return at + unit * 8 - offset - bits;
	return at;
}

/*
 * Is the type at @die, or what it points to or is an array of, an aggregate without any name? Then
 * @die becomes that, and the marks of the way to it are appended to @path.
 */
static bool find_nameless(struct reader *reader, Dwarf_Die *die, struct str *path,
			  bool *ret_pointer)
{
	const char *alias;

	*ret_pointer = false;
	for (unsigned int i = 0; i < DWARF_DEPTH_MAX && reader_strip(reader, die, &alias); i++) {
		int tag = reader->libdw.dwarf_tag(die);

		if (reader_is_aggregate(reader, die)) {
			if (path->size > 0)
				str_puts(path, *ret_pointer ? "->" : ".");
			return alias == NULL && reader_string(reader, die, DW_AT_name) == NULL;
		}
		if (tag != DW_TAG_pointer_type && tag != DW_TAG_array_type)
			return false;
		if (tag == DW_TAG_array_type)
			str_puts(path, "[]");
		*ret_pointer = *ret_pointer || tag == DW_TAG_pointer_type;
		if (!reader_type(reader, die, die))
			return false;
	}
	return false;
}

static void add_member(struct reader *reader, Dwarf_Die *die, const char *name, struct place place)
{
	autostr struct str path = { 0 }, inner = { 0 }, text = { 0 };
	uint64_t bits = 0, at;
	Dwarf_Die type;
	bool nameless, pointer = false;

	if (!reader_type(reader, die, &type))
		return;
	(void)reader_number(reader, die, DW_AT_bit_size, &bits);
	at = place.at + bit_position(reader, die, bits);
	str_puts(&path, place.path);
	str_puts(&path, name);
	if (path.size > 0)
		str_put(&inner, path.text, path.size);
	reader_put_type(reader, &type, &text, 0);
	nameless = find_nameless(reader, &type, &inner, &pointer);
	if (name[0] != '\0')
		add(reader, place.type, &path, &text, at, bits);
	if (inner.failed)
		reader->r = -ENOMEM;
	if (!nameless || inner.failed)
		return;
	place.path = name[0] != '\0' ? inner.text : place.path;
	place.at = pointer ? 0 : at;
	place.depth++;
	add_aggregate(reader, &type, place);
}

static void add_base_class(struct reader *reader, Dwarf_Die *die, struct place place)
{
	autostr struct str name = { 0 };
	Dwarf_Die type;

	if (!reader_type(reader, die, &type))
		return;
	str_puts(&name, "base ");
	reader_put_type(reader, &type, &name, 0);
	if (name.failed)
		reader->r = -ENOMEM;
	else
		add_member(reader, die, name.text, place);
}

/* Objects point to tables of virtual functions: the place in the table is layout. */
static void add_virtual(struct reader *reader, Dwarf_Die *die, struct place place)
{
	const char *name = reader_string(reader, die, DW_AT_linkage_name);
	autostr struct str path = { 0 }, text = { 0 };
	Dwarf_Attribute attribute;
	Dwarf_Op *ops = NULL;
	size_t count = 0;

	if (reader->libdw.dwarf_attr(die, DW_AT_vtable_elem_location, &attribute) == NULL ||
	    reader->libdw.dwarf_getlocation(&attribute, &ops, &count) != 0 || count == 0)
		return;
	if (name == NULL)
		name = reader_string(reader, die, DW_AT_name);
	str_puts(&path, place.path);
	str_puts(&path, "virtual ");
	str_puts(&path, name != NULL ? name : "");
	str_puts(&text, "virtual function");
	add(reader, place.type, &path, &text, ops[0].number * sizeof(void *) * 8, 0);
}

static void add_aggregate(struct reader *reader, Dwarf_Die *aggregate, struct place place)
{
	Dwarf_Die die;

	if (place.depth > DWARF_DEPTH_MAX || !reader_spend(reader, 1 + place.depth)) {
		reader->r = reader->r < 0 ? reader->r : -LCP_EFORMAT;
		return;
	}
	for (bool more = reader_first(reader, aggregate, &die); more;
	     more = reader_next(reader, &die)) {
		const char *name = reader_string(reader, &die, DW_AT_name);
		int tag = reader->libdw.dwarf_tag(&die);

		if (tag == DW_TAG_inheritance)
			add_base_class(reader, &die, place);
		else if (tag == DW_TAG_subprogram)
			add_virtual(reader, &die, place);
		/* A static member is no part of an object. */
		else if (tag == DW_TAG_member && !reader_flag(reader, &die, DW_AT_external) &&
			 !reader_flag(reader, &die, DW_AT_declaration))
			add_member(reader, &die, name != NULL ? name : "", place);
	}
}

static void add_enumerators(struct reader *reader, Dwarf_Die *type_die, struct dwarf_type *type)
{
	Dwarf_Die die;

	for (bool more = reader_first(reader, type_die, &die); more;
	     more = reader_next(reader, &die)) {
		autostr struct str text = { 0 }, path = { 0 };
		const char *name = reader_string(reader, &die, DW_AT_name);
		uint64_t value = 0;

		if (reader->libdw.dwarf_tag(&die) != DW_TAG_enumerator || name == NULL)
			continue;
		(void)reader_number(reader, &die, DW_AT_const_value, &value);
		str_puts(&path, name);
		add(reader, type, &path, &text, value, 0);
	}
}

void reader_add_members(struct reader *reader, Dwarf_Die *die, struct dwarf_type *type)
{
	if (type->kind == DWARF_AGGREGATE)
		add_aggregate(reader, die, (struct place){ .type = type, .path = "" });
	else if (type->kind == DWARF_ENUM)
		add_enumerators(reader, die, type);
}
