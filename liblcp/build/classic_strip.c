/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The steps around rel_fixup: taking the patch out of the linked file, undoing the link, and the
 * header. Between the steps people run strip(1) --strip-unneeded, so all that a later step needs is
 * in what relocations refer to.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "build/classic.h"
#include "build/classic_elf.h"
#include "format/kpatch.h"
#include "format/kpatch_write.h"

/* Half a record of zeroes ends .kpatch.info: an end has no old nor new address, and no sizes. */
#define INFO_END_SIZE 24

static struct classic_section *find_section(struct classic_elf *elf, const char *name)
{
	vec_foreach (&elf->sections, section)
		if (section->kept && strcmp(section->name, name) == 0)
			return section;
	return NULL;
}

/* The name of what record @record is about, from the relocation of its old address; or NULL. */
static const char *old_name(const struct classic_elf *elf, const struct classic_section *info,
			    uint64_t record)
{
	vec_foreach (&info->relocs, reloc)
		if (reloc->offset - info->addr == record * INFO_SIZE + INFO_OLD_ADDRESS)
			return elf->symbols.items[reloc->symbol].name;
	return NULL;
}

/* A function that is replaced has room for the branch. */
static int check_records(const struct classic_elf *elf, const struct classic_section *info,
			 struct lcp_error **reterr)
{
	const struct arch *arch = arch_by_machine(elf->view->machine);
	const uint8_t *bytes = info->bytes;

	if (bytes == NULL || info->size < INFO_SIZE)
		return error_set(reterr, -LCP_EFORMAT, "there is no record in '.kpatch.info'");
	for (uint64_t i = 0; i < info->size / INFO_SIZE; i++) {
		uint32_t size = get_le32(bytes + i * INFO_SIZE + INFO_OLD_SIZE);
		const char *name = old_name(elf, info, i);

		if (name != NULL && size < arch->branch_size)
			return error_set(reterr, -LCP_EFORMAT,
					 "too small function to patch: '%s' has %" PRIu32 " bytes",
					 name, size);
	}
	return 0;
}

/* Does @symbol name what stands at @aim? A label that ends a function names what is before it. */
static bool names(const struct classic_symbol *symbol, uint32_t section, uint64_t aim)
{
	struct slice name = { symbol->name, strlen(symbol->name) };

	if (symbol->is_absolute || symbol->section != section || name.size == 0 ||
	    slice_ends(name, SLICE(".Lfe")) || slice_ends(name, SLICE(".Lpi")))
		return false;
	if (symbol->type != STT_OBJECT && symbol->type != STT_FUNC)
		return symbol->type == STT_NOTYPE && symbol->value == aim;
	return aim >= symbol->value && aim - symbol->value < symbol->size;
}

/*
 * Assemblers refer to static functions and data by section and offset. Names last longer: the
 * original may have the same at another offset.
 */
static void name_reloc(struct classic_elf *elf, const struct classic_section *section,
		       struct classic_reloc *reloc)
{
	const struct classic_symbol *from = &elf->symbols.items[reloc->symbol];
	uint64_t aim = classic_elf_aim(elf, section, reloc);

	if (from->type != STT_SECTION || from->is_absolute ||
	    elf->sections.items[from->section].is_patch)
		return;
	for (size_t i = 1; i < elf->symbols.count; i++) {
		const struct classic_symbol *symbol = &elf->symbols.items[i];

		if (!names(symbol, from->section, aim))
			continue;
		reloc->addend += (int64_t)(from->value - symbol->value);
		reloc->symbol = (uint32_t)i;
		return;
	}
}

static int prepare_relocs(struct classic_elf *elf, struct lcp_error **reterr)
{
	int r = 0;

	vec_foreach (&elf->sections, section) {
		if (r == 0 && elf->view->machine == EM_X86_64)
			r = classic_elf_undo_tls(section, reterr);
		vec_foreach (&section->relocs, reloc)
			name_reloc(elf, section, reloc);
	}
	return r;
}

static int strip(struct classic_elf *elf, struct str *ret, struct lcp_error **reterr)
{
	static const uint8_t end[INFO_END_SIZE];
	struct classic_section *info = find_section(elf, ".kpatch.info");
	autostr struct str bytes = { 0 };
	int r;

	if (elf->type != ET_EXEC && elf->type != ET_DYN)
		return error_set(reterr, -LCP_EFORMAT, "not a program or library that was linked");
	if (info == NULL)
		return error_set(reterr, -LCP_EFORMAT,
				 "there is no patch in it: no section '.kpatch.info'");
	if (info->relocs.count == 0)
		return error_set(reterr, -LCP_EFORMAT,
				 "'.kpatch.info' has no relocations: link with -Wl,-q");
	r = check_records(elf, info, reterr);
	if (r == 0)
		r = prepare_relocs(elf, reterr);
	if (r < 0)
		return r;
	str_put(&bytes, info->bytes, info->size);
	str_put(&bytes, end, sizeof(end));
	if (bytes.failed)
		return error_set_nomem(reterr);
	info->bytes = bytes.text;
	info->size = bytes.size;
	return classic_elf_write(elf, ret, reterr);
}

int classic_strip(struct slice linked, struct str *ret, struct lcp_error **reterr)
{
	struct classic_elf elf;
	int r;

	r = classic_elf_read(linked, "linked file", &elf, reterr);
	if (r < 0)
		return r;
	r = strip(&elf, ret, reterr);
	classic_elf_fini(&elf);
	return r;
}

/* What counted from address 0 counts from the beginning of its section. */
static void make_relative(struct classic_elf *elf)
{
	vec_foreach (&elf->symbols, symbol)
		if (!symbol->is_absolute && symbol->type != STT_TLS)
			symbol->value -= elf->sections.items[symbol->section].addr;
	vec_foreach (&elf->sections, section)
		vec_foreach (&section->relocs, reloc)
			reloc->offset -= section->addr;
}

/* Sections of the patch have no address yet, others the one in the original. */
static void set_addresses(struct classic_elf *elf, const struct elf_file *original)
{
	vec_foreach (&elf->sections, section) {
		const struct elf_section *there = elf_file_section(original, section->name);

		section->addr = section->is_patch || there == NULL ? 0 : there->addr;
		if (!section->is_patch && there == NULL)
			section->kept = false;
	}
}

int classic_undo_link(struct slice original, struct slice patch, struct str *ret,
		      struct lcp_error **reterr)
{
	autoelf struct elf_file *object = NULL;
	struct classic_elf elf;
	int r;

	r = elf_file_open_mem(original.text, original.size, &object, reterr);
	if (r < 0)
		return error_add_path(reterr, r, "original");
	r = classic_elf_read(patch, "patch", &elf, reterr);
	if (r < 0)
		return r;
	if (elf.type == ET_REL) {
		r = error_set(reterr, -LCP_EFORMAT, "the link of the patch is undone already");
	} else {
		make_relative(&elf);
		set_addresses(&elf, object);
		elf.type = ET_REL;
		r = classic_elf_write(&elf, ret, reterr);
	}
	classic_elf_fini(&elf);
	return r;
}

static int check_id(const char *id, struct lcp_error **reterr)
{
	size_t most = kpatch_layout_plus.id_size - 1U;

	if (id != NULL && (*id == '\0' || strlen(id) > most))
		return error_set(reterr, -EINVAL,
				 "'%s' is no id for a patch: it has 1 to %zu characters", id, most);
	return 0;
}

int classic_make(struct slice object, const char *build_id, const char *id, uint64_t build_time,
		 struct str *ret, struct lcp_error **reterr)
{
	const struct kpatch_layout *layout = id != NULL ? &kpatch_layout_plus
							: &kpatch_layout_libcare;
	autokpatch struct lcp_kpatch *patch = NULL;
	autostr struct str lower = { 0 };
	autofree uint8_t *file = NULL;
	size_t size = 0;
	int r;

	for (const char *c = build_id; *c != '\0'; c++)
		str_putc(&lower, (char)(*c >= 'A' && *c <= 'F' ? *c - 'A' + 'a' : *c));
	if (lower.failed)
		return error_set_nomem(reterr);
	if (lower.size < 2 || lower.size % 2 != 0 || lower.size >= layout->build_id_size ||
	    strspn(lower.text, "0123456789abcdef") != lower.size)
		return error_set(reterr, -EINVAL, "'%s' is no build-id", build_id);
	r = check_id(id, reterr);
	if (r == 0)
		r = kpatch_wrap(layout, id != NULL ? id : "", lower.text, build_time, object.text,
				object.size, &file, &size, reterr);
	if (r == 0)
		r = kpatch_parse(file, size, 0, &patch, reterr);
	if (r < 0)
		return r;
	str_put(ret, file, size);
	return ret->failed ? error_set_nomem(reterr) : 0;
}
