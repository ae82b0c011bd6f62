/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/layout.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "build/dwarf.h"

/* Members of a type by name. */
struct members {
	const struct dwarf_type *type;
	struct map by_name;
};

static int members_init(struct members *ret, const struct dwarf_type *type)
{
	int r = 0;

	*ret = (struct members){ .type = type };
	for (size_t i = 0; r == 0 && i < type->members.count; i++) {
		const char *name = type->members.items[i].name;

		r = map_set(&ret->by_name, (struct slice){ name, strlen(name) }, (uint32_t)i);
	}
	return r;
}

static void members_fini(struct members *members)
{
	map_fini(&members->by_name);
}

#define automembers cleanup(members_fini)

static const struct dwarf_member *find_member(const struct members *members, const char *name)
{
	int64_t at = map_get(&members->by_name, (struct slice){ name, strlen(name) });

	return at < 0 ? NULL : &members->type->members.items[at];
}

/* "16", or "16:3" within a byte. */
static void put_position(struct str *to, uint64_t bits)
{
	str_printf(to, "%" PRIu64, bits / 8);
	if (bits % 8 != 0)
		str_printf(to, ":%" PRIu64, bits % 8);
}

static bool same_member(const struct dwarf_member *old, const struct dwarf_member *new)
{
	return old->at == new->at && old->bits == new->bits &&strcmp(old->type, new->type) == 0;
}

static void put_difference(struct str *to, const struct dwarf_member *old,
			   const struct dwarf_member *new)
{
	str_printf(to, "member '%s' ", old->name);
	if (strcmp(old->type, new->type) != 0) {
		str_printf(to, "was %s, is %s", old->type, new->type);
	} else if (old->at != new->at) {
		str_puts(to, "moved from ");
		put_position(to, old->at);
		str_puts(to, " to ");
		put_position(to, new->at);
	} else {
		str_printf(to, "had %" PRIu64 " bits, has %" PRIu64, old->bits, new->bits);
	}
}

/* The first member of @type by position that @other lacks or, with @differs, has differently. */
static const struct dwarf_member *first_odd(const struct dwarf_type *type,
					    const struct members *other, bool differs)
{
	const struct dwarf_member *first = NULL;

	vec_foreach (&type->members, member) {
		const struct dwarf_member *found = find_member(other, member->name);

		if (found != NULL && (!differs || same_member(found, member)))
			continue;
		if (first == NULL || member->at < first->at)
			first = member;
	}
	return first;
}

/*
 * The first difference by position: a member that is new or gone is the cause of others that moved
 * behind it.
 */
static void compare_aggregates(const struct members *old, const struct members *new,
			       struct str *what)
{
	const struct dwarf_member *gone = first_odd(old->type, new, false);
	const struct dwarf_member *odd = first_odd(new->type, old, true);
	const struct dwarf_member *was = odd != NULL ? find_member(old, odd->name) : NULL;

	if (gone != NULL && odd != NULL && was == NULL && same_member(gone, odd)) {
		str_printf(what, "member '%s' is now '%s'", gone->name, odd->name);
	} else if (gone != NULL && (odd == NULL || gone->at <= odd->at)) {
		str_printf(what, "member '%s' removed from ", gone->name);
		put_position(what, gone->at);
	} else if (was != NULL) {
		put_difference(what, was, odd);
	} else if (odd != NULL) {
		str_printf(what, "member '%s' added at ", odd->name);
		put_position(what, odd->at);
	} else if (old->type->size == new->type->size) {
		str_puts(what, "members that share a name differ");
	}
}

/* A new enumerator changes no data that lives. */
static void compare_enums(const struct dwarf_type *old, const struct members *new, struct str *what)
{
	vec_foreach (&old->members, enumerator) {
		const struct dwarf_member *found = find_member(new, enumerator->name);

		if (found == NULL)
			str_printf(what, "enumerator %s removed", enumerator->name);
		else if (found->at != enumerator->at)
			str_printf(what, "enumerator %s was %" PRId64 ", is %" PRId64,
				   enumerator->name, (int64_t)enumerator->at, (int64_t)found->at);
		if (what->size > 0)
			return;
	}
}

static void compare_forms(const struct dwarf_type *old, const struct dwarf_type *new,
			  struct str *what)
{
	const char *was = old->form != NULL ? old->form : "nothing";
	const char *is = new->form != NULL ? new->form : "nothing";

	if (old->kind != new->kind)
		str_puts(what, "another kind of type");
	else if (strcmp(was, is) != 0)
		str_printf(what, "was %s, is %s", was, is);
}

/* Say in @what how the types differ; nothing if they do not. */
static int compare_types(const struct dwarf_type *old, const struct dwarf_type *new,
			 struct str *what)
{
	automembers struct members old_members = { 0 }, new_members = { 0 };
	autostr struct str detail = { 0 };

	if (old->hash == new->hash)
		return 0;
	if (members_init(&old_members, old) < 0 || members_init(&new_members, new) < 0)
		return -ENOMEM;
	if (old->size != new->size)
		str_printf(what, "size %" PRIu64 " -> %" PRIu64, old->size, new->size);
	if (old->kind == DWARF_AGGREGATE && new->kind == DWARF_AGGREGATE)
		compare_aggregates(&old_members, &new_members, &detail);
	else if (old->kind == DWARF_ENUM && new->kind == DWARF_ENUM)
		compare_enums(old, &new_members, &detail);
	else
		compare_forms(old, new, &detail);
	if (detail.size > 0)
		str_printf(what, "%s%s", what->size > 0 ? ", " : "", detail.text);
	return what->failed || detail.failed ? -ENOMEM : 0;
}

static int add_change(struct layout_diff *diff, const char *type, struct str *what)
{
	struct layout_change change = { .type = strdup(type) };
	int r = change.type != NULL ? str_take(what, &change.what) : -ENOMEM;

	if (r == 0)
		r = vec_push(&diff->changes, change);
	if (r < 0) {
		free(change.type);
		free(change.what);
	}
	return r;
}

static const struct dwarf_type *next_of(const struct dwarf_types *types,
					const struct dwarf_type *type)
{
	return type->next != DWARF_NO_TYPE ? &types->items.items[type->next] : NULL;
}

/* *ret: the first from @type on that agrees with none of @others, or NULL. */
static int find_unmatched(const struct dwarf_types *types, const struct dwarf_type *type,
			  const struct dwarf_types *others, const struct dwarf_type *first,
			  bool type_is_old, const struct dwarf_type **ret)
{
	for (*ret = NULL; type != NULL; type = next_of(types, type)) {
		const struct dwarf_type *other = first;

		for (; other != NULL; other = next_of(others, other)) {
			autostr struct str what = { 0 };
			int r = compare_types(type_is_old ? type : other,
					      type_is_old ? other : type, &what);

			if (r < 0)
				return r;
			if (what.size == 0)
				break;
		}
		if (other != NULL)
			continue;
		*ret = type;
		return 0;
	}
	return 0;
}

/*
 * Compare the types of one name, of which a unit has several if they are local to functions. What
 * agrees is a pair; only if something is left on both sides did a type change.
 */
static int compare_name(struct layout_diff *diff, const struct dwarf_types *olds,
			const struct dwarf_type *old, const struct dwarf_types *news,
			const struct dwarf_type *new)
{
	const struct dwarf_type *old_left, *new_left = NULL;
	autostr struct str what = { 0 };
	int r = find_unmatched(olds, old, news, new, true, &old_left);

	if (r == 0 && old_left != NULL)
		r = find_unmatched(news, new, olds, old, false, &new_left);
	if (r < 0 || new_left == NULL)
		return r;
	r = compare_types(old_left, new_left, &what);
	return r < 0 ? r : add_change(diff, old_left->name, &what);
}

static int compare_units(struct layout_diff *diff, const struct dwarf_types *old,
			 const struct dwarf_types *new)
{
	for (size_t i = 0; i < old->items.count; i++) {
		const struct dwarf_type *type = &old->items.items[i];
		struct slice name = { type->name, strlen(type->name) };
		int64_t other = map_get(&new->by_name, name);
		int r;

		if (other < 0 || map_get(&old->by_name, name) != (int64_t)i)
			continue;
		r = compare_name(diff, old, type, new, &new->items.items[other]);
		if (r < 0)
			return r;
	}
	return 0;
}

int layout_compare(const void *old_object, size_t old_size, const void *new_object, size_t new_size,
		   struct layout_diff *ret, struct lcp_error **reterr)
{
	struct dwarf_types old, new;
	int r;

	*ret = (struct layout_diff){ 0 };
	r = dwarf_types_init(&old, old_object, old_size, reterr);
	if (r < 0)
		return r;
	r = dwarf_types_init(&new, new_object, new_size, reterr);
	if (r < 0) {
		dwarf_types_fini(&old);
		return r;
	}
	ret->why_not = old.why_not != NULL ? old.why_not : new.why_not;
	ret->checked = ret->why_not == NULL;
	if (ret->checked)
		r = compare_units(ret, &old, &new);
	dwarf_types_fini(&old);
	dwarf_types_fini(&new);
	if (r == 0)
		return 0;
	layout_diff_fini(ret);
	return error_set_nomem(reterr);
}

void layout_diff_fini(struct layout_diff *diff)
{
	vec_foreach (&diff->changes, change) {
		free(change->type);
		free(change->what);
	}
	vec_fini(&diff->changes);
}
