/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads the types of an object: finds libdw, goes through all units, and keeps each type that has a
 * name. What a type is made of is put into words in dwarf_text.c and dwarf_members.c.
 */
#include "build/dwarf.h"

#include "base/error.h"
#include "format/elf_debug.h"

static void type_fini(struct dwarf_type *type)
{
	vec_foreach (&type->members, member) {
		free(member->name);
		free(member->type);
	}
	vec_fini(&type->members);
	free(type->name);
	free(type->form);
}

void dwarf_types_fini(struct dwarf_types *types)
{
	vec_foreach (&types->items, type)
		type_fini(type);
	vec_fini(&types->items);
	map_fini(&types->by_name);
}

#ifdef HAVE_LIBDW
#include <dlfcn.h>

#include "build/dwarf_reader.h"

/* Where a type stands: its unit's contents nest. */
struct scope {
	const char *path; /* "N::" */
	unsigned int depth;
};

static void libdw_fini(struct libdw *libdw)
{
	if (libdw->handle != NULL)
		(void)dlclose(libdw->handle);
}

/* Find all functions, or leave the handle NULL. */
static void libdw_init(struct libdw *libdw)
{
	*libdw = (struct libdw){ .handle = dlopen("libdw.so.1", RTLD_NOW | RTLD_LOCAL) };
	if (libdw->handle == NULL)
		return;
#define FIND(name)                                                     \
	libdw->name = (__typeof__(name) *)dlsym(libdw->handle, #name); \
	if (libdw->name == NULL)                                       \
		goto missing;
	LIBDW_FUNCTIONS(FIND)
#undef FIND
	return;
missing:
	libdw_fini(libdw);
	libdw->handle = NULL;
}

bool reader_spend(struct reader *reader, uint64_t steps)
{
	if (reader->r < 0)
		return false;
	if (steps > reader->budget)
		reader->r = -LCP_EFORMAT;
	else
		reader->budget -= steps;
	return reader->r == 0;
}

/* What libdw said of a step to another entry: 0 done, 1 there is none, -1 damaged. */
static bool stepped(struct reader *reader, int answer)
{
	if (answer < 0 && reader->r == 0)
		reader->r = -LCP_EFORMAT;
	return answer == 0 && reader_spend(reader, 1);
}

bool reader_first(struct reader *reader, Dwarf_Die *die, Dwarf_Die *ret)
{
	return stepped(reader, reader->libdw.dwarf_child(die, ret));
}

bool reader_next(struct reader *reader, Dwarf_Die *die)
{
	const char *before = die->addr;

	if (!stepped(reader, reader->libdw.dwarf_siblingof(die, die)))
		return false;
	/* DW_AT_sibling may lead anywhere; what it is for is ahead. */
	return stepped(reader, (const char *)die->addr > before ? 0 : -1);
}

const char *reader_string(struct reader *reader, Dwarf_Die *die, unsigned int name)
{
	Dwarf_Attribute attribute;

	/* A type defined outside of its class has its name in the declaration inside. */
	return reader->libdw.dwarf_formstring(
		reader->libdw.dwarf_attr_integrate(die, name, &attribute));
}

bool reader_number(struct reader *reader, Dwarf_Die *die, unsigned int name, uint64_t *ret)
{
	Dwarf_Attribute attribute;
	Dwarf_Word value;

	if (reader->libdw.dwarf_attr(die, name, &attribute) == NULL ||
	    reader->libdw.dwarf_formudata(&attribute, &value) != 0)
		return false;
	*ret = value;
	return true;
}

bool reader_flag(struct reader *reader, Dwarf_Die *die, unsigned int name)
{
	Dwarf_Attribute attribute;
	bool flag = false;

	return reader->libdw.dwarf_attr(die, name, &attribute) != NULL &&
	       reader->libdw.dwarf_formflag(&attribute, &flag) == 0 && flag;
}

bool reader_type(struct reader *reader, Dwarf_Die *die, Dwarf_Die *ret)
{
	Dwarf_Attribute attribute;

	if (reader->libdw.dwarf_attr(die, DW_AT_type, &attribute) == NULL)
		return false;
	if (reader->libdw.dwarf_formref_die(&attribute, ret) != NULL)
		return true;
	(void)stepped(reader, -1);
	return false;
}

bool reader_is_aggregate(struct reader *reader, Dwarf_Die *die)
{
	int tag = reader->libdw.dwarf_tag(die);

	return tag == DW_TAG_structure_type || tag == DW_TAG_union_type ||
	       tag == DW_TAG_class_type || tag == DW_TAG_interface_type;
}

static uint64_t hash_text(uint64_t seed, const char *text)
{
	return text != NULL ? hash_bytes(seed, text, strlen(text)) : hash_number(seed, 0);
}

static uint64_t hash_type(const struct dwarf_type *type)
{
	uint64_t hash = hash_text(hash_number(type->kind, type->size), type->form);

	vec_foreach (&type->members, member)
		hash += hash_text(hash_text(hash_number(member->at, member->bits), member->name),
				  member->type);
	return hash;
}

/* Keep @type, unless there is an equal one: 0 if it was taken. */
static int keep(struct reader *reader, struct dwarf_type *type)
{
	struct dwarf_types *types = reader->types;
	struct slice name = { type->name, strlen(type->name) };
	int64_t last = map_get(&types->by_name, name);
	int r;

	type->hash = hash_type(type);
	type->next = last < 0 ? DWARF_NO_TYPE : (uint32_t)last;
	for (uint32_t at = type->next; at != DWARF_NO_TYPE; at = types->items.items[at].next)
		if (types->items.items[at].hash == type->hash || !reader_spend(reader, 1))
			return -EEXIST;
	r = map_set(&types->by_name, name, (uint32_t)types->items.count);
	if (r == 0)
		r = vec_push(&types->items, *type);
	/* The map points to the name, which has to outlive it. */
	if (r < 0)
		map_fini(&types->by_name);
	return r;
}

static void add_type(struct reader *reader, Dwarf_Die *die, enum dwarf_kind kind, struct str *name,
		     struct str *form)
{
	struct dwarf_type type = { .kind = kind };
	int r = str_take(name, &type.name);

	if (r == 0 && (form->text != NULL || form->failed))
		r = str_take(form, &type.form);
	if (r == 0) {
		(void)reader_number(reader, die, DW_AT_byte_size, &type.size);
		reader_add_members(reader, die, &type);
	}
	if (r == 0 && reader->r == 0)
		r = keep(reader, &type);
	else if (r == 0)
		r = -EEXIST;
	if (r < 0)
		type_fini(&type);
	if (r == -ENOMEM)
		reader->r = r;
}

static enum dwarf_kind kind_of(struct reader *reader, Dwarf_Die *die)
{
	if (reader_is_aggregate(reader, die))
		return DWARF_AGGREGATE;
	return reader->libdw.dwarf_tag(die) == DW_TAG_enumeration_type ? DWARF_ENUM : DWARF_OTHER;
}

static bool is_type(struct reader *reader, Dwarf_Die *die)
{
	return kind_of(reader, die) != DWARF_OTHER ||
	       reader->libdw.dwarf_tag(die) == DW_TAG_base_type;
}

/* A typedef names what has no name, or it is a type of its own that stands for another. */
static void add_typedef(struct reader *reader, Dwarf_Die *die, const char *name,
			const struct scope *scope)
{
	autostr struct str full = { 0 }, form = { 0 };
	Dwarf_Die target = *die;
	enum dwarf_kind kind = DWARF_OTHER;
	const char *alias;

	if (reader_strip(reader, &target, &alias) && alias != NULL && strcmp(alias, name) == 0 &&
	    reader_string(reader, &target, DW_AT_name) == NULL)
		kind = kind_of(reader, &target);
	if (kind == DWARF_OTHER) {
		str_puts(&full, "typedef ");
		reader_put_type(reader, die, &form, 0);
		target = *die;
	}
	str_puts(&full, scope->path);
	str_puts(&full, name);
	add_type(reader, &target, kind, &full, &form);
}

static void add_named(struct reader *reader, Dwarf_Die *die, const char *name,
		      const struct scope *scope)
{
	autostr struct str full = { 0 }, form = { 0 };
	enum dwarf_kind kind = kind_of(reader, die);
	uint64_t encoding = 0;

	if (reader_flag(reader, die, DW_AT_declaration))
		return;
	str_puts(&full, reader_word(reader->libdw.dwarf_tag(die)));
	str_puts(&full, scope->path);
	str_puts(&full, name);
	if (reader_number(reader, die, DW_AT_encoding, &encoding))
		str_printf(&form, "encoding %u", (unsigned int)encoding);
	add_type(reader, die, kind, &full, &form);
}

static void walk(struct reader *reader, Dwarf_Die *parent, const struct scope *scope);

static void walk_inside(struct reader *reader, Dwarf_Die *die, const char *name,
			const struct scope *scope)
{
	struct scope inner = { .path = scope->path, .depth = scope->depth + 1 };
	autostr struct str path = { 0 };

	if (inner.depth > DWARF_DEPTH_MAX || !reader_spend(reader, strlen(scope->path) / 16)) {
		(void)stepped(reader, -1);
		return;
	}
	if (name != NULL) {
		str_puts(&path, scope->path);
		str_puts(&path, name);
		str_puts(&path, "::");
		inner.path = path.text;
	}
	if (path.failed)
		reader->r = -ENOMEM;
	else
		walk(reader, die, &inner);
}

static void visit(struct reader *reader, Dwarf_Die *die, const struct scope *scope)
{
	const char *name = reader_string(reader, die, DW_AT_name);
	int tag = reader->libdw.dwarf_tag(die);

	if (tag == DW_TAG_typedef && name != NULL)
		add_typedef(reader, die, name, scope);
	else if (is_type(reader, die) && name != NULL)
		add_named(reader, die, name, scope);
	if (tag == DW_TAG_namespace || tag == DW_TAG_module)
		walk_inside(reader, die, name != NULL ? name : "{}", scope);
	else if (reader_is_aggregate(reader, die))
		walk_inside(reader, die, name, scope);
	else if (tag == DW_TAG_subprogram || tag == DW_TAG_lexical_block)
		walk_inside(reader, die, NULL, scope); /* its types have no path */
}

static void walk(struct reader *reader, Dwarf_Die *parent, const struct scope *scope)
{
	Dwarf_Die die;

	for (bool more = reader_first(reader, parent, &die); more; more = reader_next(reader, &die))
		visit(reader, &die, scope);
}

static void read_units(struct reader *reader)
{
	const struct scope top = { .path = "" };
	Dwarf_CU *unit = NULL;
	Dwarf_Die die;
	uint8_t type;

	while (stepped(reader, reader->libdw.dwarf_get_units(reader->dwarf, unit, &unit, NULL,
							     &type, &die, NULL))) {
		if (type == DW_UT_skeleton) {
			reader->types->why_not = "its debug information is in another file";
			return;
		}
		walk(reader, &die, &top);
	}
	if (reader->r == -LCP_EFORMAT)
		reader->types->why_not = "its debug information is damaged";
	else if (reader->types->items.count == 0)
		reader->types->why_not = "its debug information describes no types";
}

static int read_types(struct dwarf_types *types, const struct elf_debug *debug)
{
	struct reader reader = {
		.types = types,
		/* A member of a few bytes takes a dozen steps, of a function's type some more. */
		.budget = 4096 + 64 * debug->size,
	};

	libdw_init(&reader.libdw);
	if (reader.libdw.handle == NULL) {
		types->why_not = "libdw is not there";
		return 0;
	}
	reader.dwarf = reader.libdw.dwarf_begin_elf(debug->view, DWARF_C_READ, NULL);
	if (reader.dwarf != NULL) {
		read_units(&reader);
		(void)reader.libdw.dwarf_end(reader.dwarf);
	} else {
		types->why_not = "its debug information is damaged";
	}
	libdw_fini(&reader.libdw);
	return reader.r == -ENOMEM ? -ENOMEM : 0;
}
#else
static int read_types(struct dwarf_types *types, const struct elf_debug *debug)
{
	(void)debug;
	types->why_not = "built without libdw";
	return 0;
}
#endif

/* An object that cannot be read is one that cannot be checked. */
static int unless_nomem(struct dwarf_types *types, int r)
{
	types->why_not = "it is damaged, or no object";
	return r == -ENOMEM ? r : 0;
}

static int read_object(struct dwarf_types *types, const void *object, size_t size)
{
	autodebug struct elf_debug debug = { 0 };
	autoelf struct elf_file *elf = NULL;
	int r = elf_file_open_mem(object, size, &elf, NULL);

	if (r == 0)
		r = elf_debug_init(&debug, elf, NULL);
	if (r < 0)
		return unless_nomem(types, r);
	types->why_not = debug.why_not;
	return debug.why_not != NULL ? 0 : read_types(types, &debug);
}

int dwarf_types_init(struct dwarf_types *ret, const void *object, size_t size,
		     struct lcp_error **reterr)
{
	int r;

	*ret = (struct dwarf_types){ 0 };
	r = read_object(ret, object, size);
	if (r == 0)
		return 0;
	dwarf_types_fini(ret);
	return error_set_nomem(reterr);
}
