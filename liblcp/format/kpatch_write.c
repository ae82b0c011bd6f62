/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The writer of patch files: tables are made from the contents and put into an ELF object, the
 * header goes in front, and the digest of all of it into its place.
 *
 * The symbol table begins with a section symbol for each section that symbols can refer to, so that
 * the symbol of section n is symbol n; .kpatch.info is relocated against those.
 */
#include "format/kpatch_write.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "base/str.h"
#include "format/elf_write.h"
#include "format/kpatch_parse.h"

struct writer {
	const struct lcp_kpatch *patch;
	struct elf_out out;
	uint32_t *section_numbers; /* in the output, of patch->sections */
	uint32_t *symbol_numbers; /* in the output, of patch->symbols */
	bool *used; /* a relocation that is written refers to it, of patch->symbols */
	uint32_t object; /* number of .lcp.object */
	uint32_t names; /* number of .kpatch.strtab */
	uint32_t digest; /* number of .lcp.digest */
	struct str strings; /* .lcp.strings */
};

static void writer_fini(struct writer *writer)
{
	elf_out_fini(&writer->out);
	free(writer->section_numbers);
	free(writer->symbol_numbers);
	free(writer->used);
	str_fini(&writer->strings);
}

static uint64_t flags_of(enum kpatch_section_kind kind)
{
	if (kind == KPATCH_TEXT)
		return SHF_ALLOC | SHF_EXECINSTR;
	return kind == KPATCH_DATA ? SHF_ALLOC | SHF_WRITE : SHF_ALLOC;
}

/* Sections that symbols refer to come first: the patch's own, and the one that is the object. */
static int add_loaded(struct writer *writer)
{
	const struct lcp_kpatch *patch = writer->patch;
	const struct elf_out_section object = {
		.name = ".lcp.object",
		.type = SHT_NOBITS,
		.flags = SHF_ALLOC,
	};
	int r;

	for (size_t i = 0; i < patch->section_count; i++) {
		const struct kpatch_section *from = &patch->sections[i];
		const struct elf_out_section section = {
			.name = from->name,
			.type = from->bytes != NULL || from->size == 0 ? SHT_PROGBITS : SHT_NOBITS,
			.flags = flags_of(from->kind),
			.align = from->align,
			.bytes = from->bytes,
			.size = from->size,
		};

		if (!kpatch_is_loaded(from))
			continue;
		r = elf_out_add(&writer->out, section);
		if (r < 0)
			return r;
		writer->section_numbers[i] = (uint32_t)r;
	}
	r = elf_out_add(&writer->out, object);
	writer->object = (uint32_t)r;
	return r;
}

/* The offset of @text in the string table @strings, where equal ones are kept once. */
static uint32_t add_string(struct str *strings, const char *text)
{
	size_t at = 0;

	if (text == NULL || *text == '\0')
		return 0;
	while (at < strings->size && strcmp(strings->text + at, text) != 0)
		at += strlen(strings->text + at) + 1;
	if (at >= strings->size)
		str_put(strings, text, strlen(text) + 1);
	return (uint32_t)at;
}

static void put_info_record(const struct writer *writer, const struct kpatch_function *function,
			    struct str *names, struct str *info, struct str *relas)
{
	uint32_t type = writer->patch->arch->reloc_address64;
	uint8_t record[INFO_SIZE] = { 0 };
	uint64_t at = info->size;

	put_le32(record + INFO_OLD_SIZE, function->old_size);
	put_le32(record + INFO_NEW_SIZE, function->new_size);
	str_put(info, record, sizeof(record));
	if (function->old_size > 0)
		elf_put_rela(relas, at + INFO_OLD_ADDRESS, writer->object, type,
			     (int64_t)function->old_address);
	elf_put_rela(relas, at + INFO_NEW_ADDRESS, writer->section_numbers[function->new_section],
		     type, (int64_t)function->new_offset);
	elf_put_rela(relas, at + INFO_NAME, writer->names, type, (int64_t)names->size);
	str_puts(names, function->name);
	str_put(names, ".kpatch", sizeof(".kpatch"));
}

/* .kpatch.strtab and .kpatch.info, whose relocations say where functions are. */
static int add_info(struct writer *writer)
{
	const struct lcp_kpatch *patch = writer->patch;
	const struct elf_out_section strtab = { .name = ".kpatch.strtab", .flags = SHF_ALLOC };
	const struct elf_out_section table = {
		.name = ".kpatch.info",
		.flags = SHF_ALLOC,
		.align = 8,
	};
	autostr struct str names = { 0 }, info = { 0 }, relas = { 0 };
	int r;

	writer->names = elf_out_next(&writer->out);
	for (size_t i = 0; i < patch->function_count; i++)
		put_info_record(writer, &patch->functions[i], &names, &info, &relas);
	r = elf_out_add_table(&writer->out, strtab, &names);
	if (r >= 0)
		r = elf_out_add_table(&writer->out, table, &info);
	return r < 0 ? r : elf_out_add_relas(&writer->out, (uint32_t)r, &relas);
}

static bool is_undefined(const struct kpatch_symbol *symbol)
{
	return symbol->class != LCP_SYMBOL_PATCH && symbol->class != LCP_SYMBOL_OBJECT &&
	       symbol->class != LCP_SYMBOL_ABSOLUTE;
}

static uint16_t section_of(const struct writer *writer, const struct kpatch_symbol *symbol)
{
	switch (symbol->class) {
	case LCP_SYMBOL_PATCH:
		return (uint16_t)writer->section_numbers[symbol->section];
	case LCP_SYMBOL_OBJECT:
		return (uint16_t)writer->object;
	case LCP_SYMBOL_ABSOLUTE:
		return SHN_ABS;
	default:
		return SHN_UNDEF;
	}
}

/*
 * What the patch defines is local to it; what it wants is global, or weak. A section of the object
 * (classic patches have symbols for them) is an address like others.
 */
static uint8_t symbol_info(const struct kpatch_symbol *symbol)
{
	uint8_t type = symbol->type == STT_SECTION ? STT_NOTYPE : symbol->type;
	uint8_t bind = STB_LOCAL;

	if (is_undefined(symbol))
		bind = symbol->weak ? STB_WEAK : STB_GLOBAL;
	return (uint8_t)ELF64_ST_INFO(bind, type);
}

/*
 * Is this symbol of the patch one that the output does without? Nobody refers to it, or it is that
 * of a section of the patch, and those are made first of all.
 */
static bool is_left_out(struct writer *writer, size_t index)
{
	const struct kpatch_symbol *symbol = &writer->patch->symbols[index];

	if (!writer->used[index])
		return true;
	if (symbol->type != STT_SECTION || symbol->class != LCP_SYMBOL_PATCH)
		return false;
	writer->symbol_numbers[index] = writer->section_numbers[symbol->section];
	return true;
}

/* Local symbols stand before the others: gABI, "Symbol Table". */
static void put_symbols(struct writer *writer, bool undefined, struct str *symbols,
			struct str *names)
{
	const struct lcp_kpatch *patch = writer->patch;

	for (size_t i = 1; i < patch->symbol_count; i++) {
		const struct kpatch_symbol *symbol = &patch->symbols[i];

		if (is_undefined(symbol) != undefined || is_left_out(writer, i))
			continue;
		writer->symbol_numbers[i] = (uint32_t)(symbols->size / sizeof(Elf64_Sym));
		elf_put_symbol(symbols, elf_put_string(names, symbol->name), symbol_info(symbol),
			       section_of(writer, symbol), undefined ? 0 : symbol->value,
			       symbol->size);
	}
}

/* Number the symbols and make .symtab and .strtab. */
static int add_symbols(struct writer *writer)
{
	struct elf_out_section symtab = {
		.name = ".symtab",
		.type = SHT_SYMTAB,
		.align = 8,
		.entsize = sizeof(Elf64_Sym),
		.link = elf_out_next(&writer->out) + 1,
	};
	const struct elf_out_section strtab = { .name = ".strtab", .type = SHT_STRTAB };
	autostr struct str symbols = { 0 }, names = { 0 };
	int r;

	(void)elf_put_string(&names, "");
	elf_put_symbol(&symbols, 0, 0, SHN_UNDEF, 0, 0);
	for (uint16_t i = 1; i <= writer->names; i++)
		elf_put_symbol(&symbols, 0, ELF64_ST_INFO(STB_LOCAL, STT_SECTION), i, 0, 0);
	put_symbols(writer, false, &symbols, &names);
	symtab.info = (uint32_t)(symbols.size / sizeof(Elf64_Sym)); /* the first global one */
	put_symbols(writer, true, &symbols, &names);

	r = elf_out_add_table(&writer->out, symtab, &symbols);
	if (r < 0)
		return r;
	writer->out.symtab = (uint32_t)r;
	return elf_out_add_table(&writer->out, strtab, &names);
}

static int add_relocs(struct writer *writer)
{
	const struct lcp_kpatch *patch = writer->patch;
	int r = 0;

	for (size_t i = 0; i < patch->section_count && r >= 0; i++) {
		const struct kpatch_section *section = &patch->sections[i];
		autostr struct str relas = { 0 };

		if (!kpatch_is_loaded(section) || section->reloc_count == 0)
			continue;
		for (size_t k = 0; k < section->reloc_count; k++) {
			const struct kpatch_reloc *reloc = &section->relocs[k];

			elf_put_rela(&relas, reloc->offset, writer->symbol_numbers[reloc->symbol],
				     reloc->type->number, reloc->addend);
		}
		r = elf_out_add_relas(&writer->out, writer->section_numbers[i], &relas);
	}
	return r;
}

/* A symbol has a record if the ELF symbol table cannot say all there is to say of it. */
static bool needs_record(const struct kpatch_symbol *symbol)
{
	return is_undefined(symbol) || symbol->version != NULL || symbol->library != NULL ||
	       symbol->unit != NULL;
}

static void put_symbol_records(struct writer *writer, bool undefined, struct str *records)
{
	const struct lcp_kpatch *patch = writer->patch;

	for (size_t i = 1; i < patch->symbol_count; i++) {
		const struct kpatch_symbol *symbol = &patch->symbols[i];
		uint8_t record[SYMBOL_SIZE] = { 0 };

		if (is_undefined(symbol) != undefined || !needs_record(symbol) ||
		    is_left_out(writer, i))
			continue;
		put_le32(record + SYMBOL_INDEX, writer->symbol_numbers[i]);
		put_le32(record + SYMBOL_CLASS, symbol->class);
		put_le32(record + SYMBOL_VERSION, add_string(&writer->strings, symbol->version));
		put_le32(record + SYMBOL_LIBRARY, add_string(&writer->strings, symbol->library));
		put_le32(record + SYMBOL_UNIT, add_string(&writer->strings, symbol->unit));
		put_le32(record + SYMBOL_FLAGS, symbol->flags);
		put_le64(record + SYMBOL_VALUE, undefined ? symbol->value : 0);
		str_put(records, record, sizeof(record));
	}
}

static void put_function_records(struct writer *writer, struct str *records)
{
	const struct lcp_kpatch *patch = writer->patch;

	for (size_t i = 0; i < patch->function_count; i++) {
		const struct kpatch_function *function = &patch->functions[i];
		uint8_t record[FUNCTION_SIZE] = { 0 };

		put_le32(record + FUNCTION_UNIT, add_string(&writer->strings, function->unit));
		if (function->old_size > 0) {
			put_le32(record + FUNCTION_FLAGS, function->is_part ? FUNCTION_IS_PART : 0);
			put_le32(record + FUNCTION_PADDING, function->padding);
			put_le32(record + FUNCTION_ENTRY_SIZE, function->entry_size);
			memcpy(record + FUNCTION_ENTRY, function->entry, function->entry_size);
			memcpy(record + FUNCTION_DIGEST, function->digest, SHA256_SIZE);
		}
		str_put(records, record, sizeof(record));
	}
}

static void put_entry(struct str *meta, const char *key, const char *value)
{
	if (value == NULL)
		return;
	str_printf(meta, "%s=%s", key, value);
	str_putc(meta, '\0');
}

static void put_meta(const struct lcp_kpatch *patch, struct str *meta)
{
	str_printf(meta, "format=%d", KPATCH_FORMAT_VERSION);
	str_putc(meta, '\0');
	put_entry(meta, "id", patch->id);
	str_printf(meta, "level=%" PRIu32, patch->level);
	str_putc(meta, '\0');
	put_entry(meta, "target", patch->target);
	put_entry(meta, "build-id", patch->build_id);
	put_entry(meta, "description", patch->description);
	for (size_t i = 0; i < patch->cve_count; i++)
		put_entry(meta, "cve", patch->cves[i]);
	put_entry(meta, "builder", patch->builder);
}

static int add_own(struct writer *writer)
{
	static const uint8_t no_digest[SHA256_SIZE];
	autostr struct str meta = { 0 }, symbols = { 0 }, functions = { 0 }, digest = { 0 };
	struct {
		struct elf_out_section section;
		struct str *bytes;
	} tables[] = {
		{ { .name = ".lcp.meta" }, &meta },
		{ { .name = ".lcp.strings" }, &writer->strings },
		{ { .name = ".lcp.symbols", .align = 8, .entsize = SYMBOL_SIZE }, &symbols },
		{ { .name = ".lcp.functions", .align = 8, .entsize = FUNCTION_SIZE }, &functions },
		{ { .name = ".lcp.digest" }, &digest },
	};
	int r = 0;

	put_meta(writer->patch, &meta);
	str_putc(&writer->strings, '\0');
	put_symbol_records(writer, false, &symbols);
	put_symbol_records(writer, true, &symbols);
	put_function_records(writer, &functions);
	str_put(&digest, no_digest, sizeof(no_digest));

	for (size_t i = 0; i < ARRAY_SIZE(tables) && r >= 0; i++)
		r = elf_out_add_table(&writer->out, tables[i].section, tables[i].bytes);
	writer->digest = (uint32_t)r;
	return r;
}

/* Put @text into a field of @size bytes, cut to leave room for the NUL. */
static void put_field(uint8_t *to, const char *text, size_t size)
{
	if (size > 0)
		memcpy(to, text, strnlen(text, size - 1));
}

int kpatch_wrap(const struct kpatch_layout *layout, const char *id, const char *build_id,
		uint64_t build_time, const void *image, size_t image_size, uint8_t **ret,
		size_t *ret_size, struct lcp_error **reterr)
{
	uint64_t size;
	uint8_t *file;

	if (!align_up(image_size, KPATCH_ELF_ALIGN, &size) || !add_u64(size, layout->size, &size) ||
	    size > UINT32_MAX)
		return error_set(reterr, -EFBIG, "a patch of %zu bytes is larger than its format",
				 image_size);
	file = calloc(1, size);
	if (file == NULL)
		return error_set_nomem(reterr);

	memcpy(file, KPATCH_MAGIC, KPATCH_MAGIC_SIZE);
	put_field(file + layout->id, id, layout->id_size);
	put_field(file + layout->build_id, build_id, layout->build_id_size);
	put_le64(file + layout->build_time, build_time);
	put_le32(file + layout->kpatch_offset, layout->size);
	put_le32(file + layout->rel_offset, layout->size);
	put_le32(file + layout->total_size, (uint32_t)size);
	memcpy(file + layout->size, image, image_size);
	*ret = file;
	*ret_size = (size_t)size;
	return 0;
}

static void note_used(struct writer *writer)
{
	const struct lcp_kpatch *patch = writer->patch;

	for (size_t i = 0; i < patch->section_count; i++)
		for (size_t k = 0; k < patch->sections[i].reloc_count; k++)
			if (kpatch_is_loaded(&patch->sections[i]))
				writer->used[patch->sections[i].relocs[k].symbol] = true;
}

static int make_sections(struct writer *writer)
{
	const struct lcp_kpatch *patch = writer->patch;
	int r;

	writer->section_numbers = calloc(patch->section_count + 1, sizeof(uint32_t));
	writer->symbol_numbers = calloc(patch->symbol_count + 1, sizeof(uint32_t));
	writer->used = calloc(patch->symbol_count + 1, sizeof(bool));
	if (writer->section_numbers == NULL || writer->symbol_numbers == NULL ||
	    writer->used == NULL)
		return -ENOMEM;

	note_used(writer);
	r = elf_out_init(&writer->out);
	if (r >= 0)
		r = add_loaded(writer);
	if (r >= 0)
		r = add_info(writer);
	if (r >= 0)
		r = add_symbols(writer);
	if (r >= 0)
		r = add_relocs(writer);
	return r < 0 ? r : add_own(writer);
}

int kpatch_write(const struct lcp_kpatch *patch, uint8_t **ret, size_t *ret_size,
		 struct lcp_error **reterr)
{
	struct writer writer cleanup(writer_fini) = { .patch = patch };
	autostr struct str image = { 0 };
	uint8_t digest[SHA256_SIZE];
	uint64_t digest_offset;
	int r;

	if (patch->id == NULL || !kpatch_id_is_valid(patch->id))
		return error_set(reterr, -EINVAL, "'%s' is no id for a patch",
				 patch->id == NULL ? "" : patch->id);
	if (patch->build_id == NULL || !kpatch_build_id_is_valid(patch->build_id))
		return error_set(reterr, -EINVAL, "'%s' is no build-id",
				 patch->build_id == NULL ? "" : patch->build_id);

	r = make_sections(&writer);
	if (r >= 0)
		r = elf_out_finish(&writer.out, patch->arch->machine, &image);
	if (r < 0)
		return error_set_nomem(reterr);
	r = kpatch_wrap(&kpatch_layout_plus, patch->id, patch->build_id, 0, image.text, image.size,
			ret, ret_size, reterr);
	if (r < 0)
		return r;

	sha256(*ret, *ret_size, digest);
	digest_offset = kpatch_layout_plus.size + writer.out.sections.items[writer.digest].offset;
	memcpy(*ret + digest_offset, digest, SHA256_SIZE);
	return 0;
}
