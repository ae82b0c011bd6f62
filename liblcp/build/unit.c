/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/unit.h"

#include <string.h>

#include "base/error.h"
#include "build/assemble.h"
#include "build/layout.h"
#include "build/resolve.h"
#include "format/file.h"

static const struct asm_syntax *syntax_of(const struct arch *arch)
{
	return arch->machine == asm_syntax_aarch64.machine ? &asm_syntax_aarch64
							   : &asm_syntax_x86_64;
}

static int read_text(const char *path, uint8_t **ret, size_t *ret_size, struct lcp_error **reterr)
{
	autoclose int fd = file_open(path, reterr);
	int r = fd < 0 ? fd : file_read(fd, ELF_FILE_SIZE_MAX, ret, ret_size, reterr);

	return r < 0 ? error_add_path(reterr, r, path) : 0;
}

/* A unit that is new has an original without anything in it. */
static int read_unit(struct unit *unit, int which, const struct arch *arch, const char *path,
		     struct lcp_error **reterr)
{
	size_t size = 0;
	int r = 0;

	if (path != NULL)
		r = read_text(path, &unit->texts[which], &size, reterr);
	if (r < 0)
		return r;
	return asm_unit_init(&unit->units[which], syntax_of(arch), path != NULL ? path : "(none)",
			     path != NULL ? (const char *)unit->texts[which] : "", size, reterr);
}

/* .file "nginx.c", without a number in front, names the unit; .file 1 "..." is for .loc. */
static struct slice name_in_text(const struct asm_text *text)
{
	vec_foreach (&text->statements, statement) {
		struct slice operands;

		if (statement->kind != ASM_NOTE ||
		    !slice_equals(asm_statement_word(text, statement), SLICE(".file")))
			continue;
		operands = asm_statement_operands(text, statement);
		if (operands.size > 2 && operands.text[0] == '"' &&
		    operands.text[operands.size - 1] == '"')
			return (struct slice){ operands.text + 1, operands.size - 2 };
	}
	return (struct slice){ "", 0 };
}

static int find_name(struct unit *unit, const char *path)
{
	struct slice name = name_in_text(&unit->units[UNIT_NEW].text);
	const char *slash = strrchr(path, '/');

	if (name.size == 0)
		name = (struct slice){ slash != NULL ? slash + 1 : path,
				       strlen(slash != NULL ? slash + 1 : path) };
	unit->name = strndup(name.text, name.size);
	return unit->name == NULL ? -ENOMEM : 0;
}

/* What the assembler makes of a text. */
struct image {
	uint8_t *bytes;
	size_t size;
};

static void image_fini(struct image *image)
{
	free(image->bytes);
}

static int assemble_version(const struct unit *unit, const struct unit_setting *setting, int which,
			    struct image *ret, struct lcp_error **reterr)
{
	const struct asm_text *text = &unit->units[which].text;

	return assemble(setting->assembler, text->path, text->text, text->size, &ret->bytes,
			&ret->size, reterr);
}

static int open_object(const struct unit_setting *setting, const char *name,
		       const struct image *image, struct elf_file **ret, struct lcp_error **reterr)
{
	int r = elf_file_open_mem(image->bytes, image->size, ret, reterr);

	if (r < 0)
		return r;
	if ((*ret)->type != ET_REL || (*ret)->machine != setting->object->arch->machine)
		return error_set(reterr, -LCP_EASSEMBLER, "%s: what '%s' made is no object for %s",
				 name, setting->assembler[0], setting->object->arch->name);
	return 0;
}

static int report_layout(struct unit *unit, const struct layout_diff *layout)
{
	int r = 0;

	if (!layout->checked)
		return report_say(unit->report, LCP_REPORT_IGNORED, NULL, unit->name,
				  "types were not compared: %s", layout->why_not);
	vec_foreach (&layout->changes, change) {
		unit->refusals++;
		if (r == 0)
			r = report_say(unit->report, LCP_REPORT_REFUSAL, change->type, unit->name,
				       "a type changed: %s", change->what);
	}
	return r;
}

static bool has_debug_information(const struct asm_text *text)
{
	vec_foreach (&text->sections, section)
		if (slice_begins(section->name, SLICE(".debug_info")))
			return true;
	return false;
}

/* Types are in the debug information, which the patched version is assembled for. */
static int compare_layouts(struct unit *unit, const struct unit_setting *setting,
			   const struct image *original, struct lcp_error **reterr)
{
	struct layout_diff layout cleanup(layout_diff_fini) = { 0 };
	struct image patched cleanup(image_fini) = { 0 };
	int r;

	if ((setting->flags & LCP_BUILD_NO_LAYOUT) != 0)
		layout.why_not = "that was not wanted";
	else if (!has_debug_information(&unit->units[UNIT_OLD].text) ||
		 !has_debug_information(&unit->units[UNIT_NEW].text))
		layout.why_not = "there is no debug information (-g)";
	if (layout.why_not == NULL) {
		r = assemble_version(unit, setting, UNIT_NEW, &patched, reterr);
		if (r == 0)
			r = layout_compare(original->bytes, original->size, patched.bytes,
					   patched.size, &layout, reterr);
		if (r < 0)
			return r;
	}
	return report_layout(unit, &layout) < 0 ? error_set_nomem(reterr) : 0;
}

/* Lay the original over the object, and compare types. */
static int judge(struct unit *unit, const struct unit_setting *setting, struct lcp_error **reterr)
{
	struct image original cleanup(image_fini) = { 0 };
	int r;

	r = assemble_version(unit, setting, UNIT_OLD, &original, reterr);
	if (r == 0)
		r = open_object(setting, unit->name, &original, &unit->original, reterr);
	if (r == 0)
		r = place_init(&unit->place, setting->object, unit->original, reterr);
	if (r < 0)
		return r;
	if (unit_prove(unit, setting->object) < 0)
		return error_set_nomem(reterr);
	return compare_layouts(unit, setting, &original, reterr);
}

/* The unit's part of the patch. */
static int emit(struct unit *unit, const struct unit_setting *setting, struct lcp_error **reterr)
{
	struct image image cleanup(image_fini) = { 0 };
	autostr struct str text = { 0 }, name = { 0 };
	int r;

	r = asm_emit_write(&unit->emit, resolve_is_far, setting->object, &text, reterr);
	if (r < 0)
		return r;
	str_printf(&name, "patch of %s", unit->name);
	if (name.failed)
		return error_set_nomem(reterr);
	r = assemble(setting->assembler, name.text, text.text, text.size, &image.bytes, &image.size,
		     reterr);
	return r < 0 ? r : open_object(setting, name.text, &image, &unit->patch, reterr);
}

static bool brings_anything(const struct unit *unit)
{
	for (size_t i = 0; i < unit->units[UNIT_NEW].blocks.count; i++)
		if (unit->emit.brought[i])
			return true;
	return unit->emit.commons.count > 0;
}

static int compare(struct unit *unit, struct lcp_error **reterr)
{
	int r;

	r = asm_diff_init(&unit->diff, &unit->units[UNIT_OLD], &unit->units[UNIT_NEW], reterr);
	if (r < 0)
		return r;
	unit->refusals = (uint32_t)unit->diff.refusals.count;
	r = asm_emit_init(&unit->emit, &unit->diff, NULL, NULL, reterr);
	if (r < 0)
		return r;
	return unit_report_diff(unit) < 0 ? error_set_nomem(reterr) : 0;
}

/*
 * What the linker left out is brought only if something new refers to it, and what other units have
 * is not.
 */
static int emit_for_object(struct unit *unit, struct lcp_error **reterr)
{
	if (unit->absent == NULL && unit->present == NULL)
		return 0;
	asm_emit_fini(&unit->emit);
	return asm_emit_init(&unit->emit, &unit->diff, unit->absent, unit->present, reterr);
}

int unit_init(struct unit *ret, const struct unit_setting *setting, const struct build_pair *pair,
	      struct lcp_error **reterr)
{
	int r;

	*ret = (struct unit){ .report = report_new() };
	if (ret->report == NULL)
		return error_set_nomem(reterr);
	r = read_unit(ret, UNIT_OLD, setting->object->arch, pair->original, reterr);
	if (r == 0)
		r = read_unit(ret, UNIT_NEW, setting->object->arch, pair->patched, reterr);
	if (r == 0 && find_name(ret, pair->patched) < 0)
		r = error_set_nomem(reterr);
	if (r == 0)
		r = compare(ret, reterr);
	if (r < 0 || !brings_anything(ret))
		return r;
	r = judge(ret, setting, reterr);
	if (r < 0 || ret->refusals > 0 || ret->mismatches > 0)
		return r;
	r = emit_for_object(ret, reterr);
	return r < 0 || !brings_anything(ret) ? r : emit(ret, setting, reterr);
}

void unit_fini(struct unit *unit)
{
	place_fini(&unit->place);
	asm_emit_fini(&unit->emit);
	free(unit->absent);
	free(unit->present);
	asm_diff_fini(&unit->diff);
	elf_file_close(unit->original);
	elf_file_close(unit->patch);
	for (int i = UNIT_OLD; i <= UNIT_NEW; i++) {
		asm_unit_fini(&unit->units[i]);
		free(unit->texts[i]);
	}
	vec_foreach (&unit->names, name)
		free(*name);
	vec_fini(&unit->names);
	vec_fini(&unit->functions);
	free(unit->name);
	report_free(unit->report);
}
