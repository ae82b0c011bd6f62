/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the dynamic linker would see: the dynamic section, and by way of it the dynamic symbols and
 * their versions. All of it is found through PT_DYNAMIC and its addresses, with and without
 * section headers, as ld.so does; a section header of .dynsym only says how many symbols there are.
 */
#include <stdlib.h>

#include "base/error.h"
#include "base/num.h"
#include "base/vec.h"
#include "format/elf_file_private.h"

#define VERSION_MAX 0x7fff /* bit 15 means hidden */

/* The records of DT_VERNEED or DT_VERDEF, chained by offsets. */
struct version_records {
	const char *label; /* "DT_VERNEED" */
	const uint8_t *bytes;
	uint64_t size;
	uint64_t count; /* of the outer records */
	uint64_t budget; /* how many more records fit: chains that cross have more */
};

struct version_names {
	const char **items; /* by version index, some NULL */
	size_t count;
	size_t room;
};

/* The value of @tag; of several the last one, as in ld.so (elf_get_dynamic_info). */
static bool find_tag(const struct elf_file *elf, int64_t tag, uint64_t *ret)
{
	for (size_t i = elf->dynamic_count; i > 0; i--) {
		if (elf->dynamic[i - 1].tag == tag) {
			*ret = elf->dynamic[i - 1].value;
			return true;
		}
	}
	return false;
}

static const struct elf_segment *find_dynamic(const struct elf_file *elf)
{
	for (size_t i = 0; i < elf->segment_count; i++)
		if (elf->segments[i].type == PT_DYNAMIC && elf->segments[i].data != NULL)
			return &elf->segments[i];
	return NULL;
}

static int take_entries(struct elf_file *elf, const struct elf_segment *segment,
			struct lcp_error **reterr)
{
	size_t room = segment->filesz / sizeof(Elf64_Dyn), count = 0;

	while (count < room && get_le64(segment->data + count * sizeof(Elf64_Dyn)) != DT_NULL)
		count++;
	if (count == room)
		return error_set(reterr, -LCP_EFORMAT,
				 "dynamic section: none of its %zu entries is DT_NULL, which ends "
				 "it",
				 room);
	elf->dynamic = calloc(count + 1, sizeof(*elf->dynamic));
	if (elf->dynamic == NULL)
		return error_set_nomem(reterr);
	elf->dynamic_count = count;
	for (size_t i = 0; i < count; i++) {
		const uint8_t *entry = segment->data + i * sizeof(Elf64_Dyn);

		elf->dynamic[i].tag = (int64_t)get_le64(entry);
		elf->dynamic[i].value = get_le64(entry + offsetof(Elf64_Dyn, d_un));
	}
	return 0;
}

/* The @size bytes at @address, which @tag speaks of. */
static int find_bytes(const struct elf_file *elf, const char *tag, uint64_t address, uint64_t size,
		      const uint8_t **ret, struct lcp_error **reterr)
{
	*ret = elf_file_bytes_at(elf, address, size);
	if (*ret == NULL)
		return error_set(reterr, -LCP_EFORMAT,
				 "dynamic section: %s: the file does not hold 0x%jx bytes of "
				 "address 0x%jx",
				 tag, (uintmax_t)size, (uintmax_t)address);
	return 0;
}

static int find_strings(const struct elf_file *elf, struct elf_strings *ret,
			struct lcp_error **reterr)
{
	const uint8_t *bytes;
	uint64_t address;
	int r;

	*ret = (struct elf_strings){ 0 };
	if (!find_tag(elf, DT_STRTAB, &address) || !find_tag(elf, DT_STRSZ, &ret->size) ||
	    ret->size == 0)
		return 0;
	r = find_bytes(elf, "DT_STRTAB", address, ret->size, &bytes, reterr);
	if (r < 0)
		return r;
	ret->bytes = (const char *)bytes;
	if (!elf_strings_end(ret))
		return error_set(reterr, -LCP_EFORMAT,
				 "dynamic section: DT_STRTAB: string table does not end with a "
				 "NUL");
	return 0;
}

static bool is_string_tag(int64_t tag)
{
	return tag == DT_NEEDED || tag == DT_SONAME || tag == DT_RPATH || tag == DT_RUNPATH;
}

static int resolve_strings(struct elf_file *elf, const struct elf_strings *strings,
			   struct lcp_error **reterr)
{
	for (size_t i = 0; i < elf->dynamic_count; i++) {
		struct elf_dynamic *entry = &elf->dynamic[i];

		if (!is_string_tag(entry->tag))
			continue;
		entry->string = elf_string(strings, entry->value);
		if (entry->string == NULL)
			return error_set(reterr, -LCP_EFORMAT,
					 "dynamic section: entry %zu names string %ju past the end "
					 "of DT_STRTAB",
					 i, (uintmax_t)entry->value);
	}
	return 0;
}

/* gABI, "Hash Table": nchain is the number of symbols. */
static int count_by_hash(const struct elf_file *elf, uint64_t address, uint64_t *ret,
			 struct lcp_error **reterr)
{
	const uint8_t *table;
	uint64_t buckets;
	int r;

	r = find_bytes(elf, "DT_HASH", address, 2 * sizeof(uint32_t), &table, reterr);
	if (r < 0)
		return r;
	buckets = get_le32(table);
	*ret = get_le32(table + sizeof(uint32_t));
	return find_bytes(elf, "DT_HASH", address, (2 + buckets + *ret) * sizeof(uint32_t), &table,
			  reterr);
}

/*
 * A GNU hash table does not say how many symbols there are, but the end of the chain that begins
 * last is the last symbol (glibc, elf/dl-lookup.c: the low bit ends a chain). Symbols in front of
 * the first hashed one are not in it, and an empty table says nothing of them.
 */
static int count_by_gnu_hash(const struct elf_file *elf, uint64_t address, uint64_t *ret,
			     struct lcp_error **reterr)
{
	enum {
		WORD = sizeof(uint32_t),
		HEADER = 4 * WORD
	};
	uint64_t room, bucket_count, first, chains, last = 0;
	const uint8_t *table;
	int r;

	r = find_bytes(elf, "DT_GNU_HASH", address, HEADER, &table, reterr);
	if (r < 0)
		return r;
	bucket_count = get_le32(table);
	first = get_le32(table + WORD);
	chains = HEADER + (uint64_t)get_le32(table + 2 * WORD) * sizeof(uint64_t) +
		 bucket_count * WORD;
	r = find_bytes(elf, "DT_GNU_HASH", address, chains, &table, reterr);
	if (r < 0)
		return r;
	for (uint64_t i = 1; i <= bucket_count; i++) {
		uint64_t bucket = get_le32(table + chains - i * WORD);

		if (bucket > last)
			last = bucket;
	}
	*ret = first;
	if (last < first)
		return last == 0 ? 0
				 : error_set(reterr, -LCP_EFORMAT,
					     "dynamic section: DT_GNU_HASH: a bucket begins with "
					     "symbol %ju, but the first hashed one is %ju",
					     (uintmax_t)last, (uintmax_t)first);
	table = elf_bytes_from(elf, address, &room);
	for (uint64_t at = chains + (last - first) * WORD; range_fits(at, WORD, room); at += WORD) {
		last++;
		if (get_le32(table + at) & 1) {
			*ret = last;
			return 0;
		}
	}
	return error_set(reterr, -LCP_EFORMAT,
			 "dynamic section: DT_GNU_HASH: its last chain has no end");
}

/* The relocations at @table refer to symbols: there are at least so many. */
static int count_by_relocs(const struct elf_file *elf, int64_t table, int64_t size_tag,
			   const char *label, uint64_t *count, struct lcp_error **reterr)
{
	uint64_t address, size;
	const uint8_t *relocs;
	int r;

	if (!find_tag(elf, table, &address) || !find_tag(elf, size_tag, &size) || size == 0)
		return 0;
	r = find_bytes(elf, label, address, size, &relocs, reterr);
	if (r < 0)
		return r;
	for (uint64_t i = 0; i < size / sizeof(Elf64_Rela); i++) {
		const uint8_t *reloc = relocs + i * sizeof(Elf64_Rela);
		uint64_t symbol = ELF64_R_SYM(get_le64(reloc + offsetof(Elf64_Rela, r_info)));

		if (symbol >= *count)
			*count = symbol + 1;
	}
	return 0;
}

/*
 * Programs that export nothing have an empty GNU hash table, but symbols that they import: those
 * which relocations name.
 */
static int count_without_sections(const struct elf_file *elf, uint64_t *ret,
				  struct lcp_error **reterr)
{
	uint64_t address;
	int r;

	if (find_tag(elf, DT_HASH, &address))
		return count_by_hash(elf, address, ret, reterr);
	*ret = 0;
	if (find_tag(elf, DT_GNU_HASH, &address)) {
		r = count_by_gnu_hash(elf, address, ret, reterr);
		if (r < 0)
			return r;
	}
	r = count_by_relocs(elf, DT_RELA, DT_RELASZ, "DT_RELA", ret, reterr);
	if (r < 0)
		return r;
	return count_by_relocs(elf, DT_JMPREL, DT_PLTRELSZ, "DT_JMPREL", ret, reterr);
}

/* The section header of .dynsym, which must agree with DT_SYMTAB; 0 if there is none. */
static int find_dynsym_section(const struct elf_file *elf, uint64_t address, size_t *ret,
			       struct lcp_error **reterr)
{
	*ret = 0;
	for (size_t i = 1; i < elf->section_count; i++) {
		const struct elf_section *section = &elf->sections[i];

		if (section->type != SHT_DYNSYM)
			continue;
		if (section->addr != address ||
		    section->data != elf_file_bytes_at(elf, address, section->size))
			return elf_section_error(elf, i, reterr,
						 "its bytes are not those at 0x%jx, where "
						 "DT_SYMTAB says the symbols are",
						 (uintmax_t)address);
		*ret = i;
		return 0;
	}
	return 0;
}

/* One more record of @size bytes at @offset; NULL if it is not there. */
static const uint8_t *next_record(struct version_records *records, uint64_t offset, uint64_t size)
{
	if (records->budget == 0 || !range_fits(offset, size, records->size))
		return NULL;
	records->budget--;
	return records->bytes + offset;
}

static int record_error(const struct version_records *records, uint64_t offset,
			struct lcp_error **reterr)
{
	return error_set(reterr, -LCP_EFORMAT,
			 "dynamic section: %s: the record at 0x%jx runs past the end, or the "
			 "records overlap",
			 records->label, (uintmax_t)offset);
}

static int add_version(const struct version_records *records, const struct elf_strings *strings,
		       uint16_t index, uint32_t string, struct version_names *names,
		       struct lcp_error **reterr)
{
	const char *name = elf_string(strings, string);

	index &= VERSION_MAX;
	if (name == NULL)
		return error_set(reterr, -LCP_EFORMAT,
				 "dynamic section: %s: version %u names string %u past the end of "
				 "DT_STRTAB",
				 records->label, index, string);
	while (names->count <= index)
		if (vec_push(names, NULL) < 0)
			return error_set_nomem(reterr);
	names->items[index] = name;
	return 0;
}

/* The versions needed from one library: the chain of @count at @offset. */
static int read_needed(struct version_records *records, const struct elf_strings *strings,
		       uint64_t offset, uint16_t count, struct version_names *names,
		       struct lcp_error **reterr)
{
	int r;

	for (uint16_t i = 0; i < count; i++) {
		const uint8_t *record = next_record(records, offset, sizeof(Elf64_Vernaux));

		if (record == NULL)
			return record_error(records, offset, reterr);
		r = add_version(
			records, strings, get_le16(record + offsetof(Elf64_Vernaux, vna_other)),
			get_le32(record + offsetof(Elf64_Vernaux, vna_name)), names, reterr);
		if (r < 0)
			return r;
		offset += get_le32(record + offsetof(Elf64_Vernaux, vna_next));
	}
	return 0;
}

static int read_verneed(struct version_records *records, const struct elf_strings *strings,
			struct version_names *names, struct lcp_error **reterr)
{
	uint64_t offset = 0;
	int r;

	for (uint64_t i = 0; i < records->count; i++) {
		const uint8_t *record = next_record(records, offset, sizeof(Elf64_Verneed));

		if (record == NULL)
			return record_error(records, offset, reterr);
		r = read_needed(records, strings,
				offset + get_le32(record + offsetof(Elf64_Verneed, vn_aux)),
				get_le16(record + offsetof(Elf64_Verneed, vn_cnt)), names, reterr);
		if (r < 0)
			return r;
		offset += get_le32(record + offsetof(Elf64_Verneed, vn_next));
	}
	return 0;
}

/* The first name of a definition is its own, the others are those it inherits from. */
static int read_verdef(struct version_records *records, const struct elf_strings *strings,
		       struct version_names *names, struct lcp_error **reterr)
{
	uint64_t offset = 0;
	int r;

	for (uint64_t i = 0; i < records->count; i++) {
		const uint8_t *record = next_record(records, offset, sizeof(Elf64_Verdef)), *name;
		uint64_t name_offset;

		if (record == NULL)
			return record_error(records, offset, reterr);
		name_offset = offset + get_le32(record + offsetof(Elf64_Verdef, vd_aux));
		name = next_record(records, name_offset, sizeof(Elf64_Verdaux));
		if (name == NULL)
			return record_error(records, name_offset, reterr);
		r = add_version(records, strings, get_le16(record + offsetof(Elf64_Verdef, vd_ndx)),
				get_le32(name + offsetof(Elf64_Verdaux, vda_name)), names, reterr);
		if (r < 0)
			return r;
		offset += get_le32(record + offsetof(Elf64_Verdef, vd_next));
	}
	return 0;
}

typedef int read_records_fn(struct version_records *records, const struct elf_strings *strings,
			    struct version_names *names, struct lcp_error **reterr);

static int read_records(const struct elf_file *elf, int64_t tag, int64_t count_tag,
			const char *label, read_records_fn *read, const struct elf_strings *strings,
			struct version_names *names, struct lcp_error **reterr)
{
	struct version_records records = { .label = label };
	uint64_t address;

	if (!find_tag(elf, tag, &address) || !find_tag(elf, count_tag, &records.count))
		return 0;
	records.bytes = elf_bytes_from(elf, address, &records.size);
	if (records.bytes == NULL)
		return record_error(&records, 0, reterr);
	records.budget = records.size / sizeof(Elf64_Verdaux); /* the smallest of them */
	return read(&records, strings, names, reterr);
}

static int find_versions(const struct elf_file *elf, struct elf_symbol_source *source,
			 struct version_names *names, struct lcp_error **reterr)
{
	uint64_t address;
	int r;

	if (!find_tag(elf, DT_VERSYM, &address))
		return 0;
	r = find_bytes(elf, "DT_VERSYM", address, source->count * sizeof(Elf64_Versym),
		       &source->versions, reterr);
	if (r < 0)
		return r;
	/* In ld.so's order: where both give one index, the definition wins. */
	r = read_records(elf, DT_VERNEED, DT_VERNEEDNUM, "DT_VERNEED", read_verneed,
			 &source->strings, names, reterr);
	if (r < 0)
		return r;
	r = read_records(elf, DT_VERDEF, DT_VERDEFNUM, "DT_VERDEF", read_verdef, &source->strings,
			 names, reterr);
	source->version_names = names->items;
	source->version_name_count = names->count;
	return r;
}

static int find_symbols(struct elf_file *elf, uint64_t address, struct elf_symbol_source *source,
			struct lcp_error **reterr)
{
	uint64_t count, entry_size, size;
	int r;

	if (find_tag(elf, DT_SYMENT, &entry_size) && entry_size != sizeof(Elf64_Sym))
		return error_set(reterr, -LCP_EFORMAT,
				 "dynamic section: DT_SYMENT: symbols of %ju bytes each, not %zu",
				 (uintmax_t)entry_size, sizeof(Elf64_Sym));
	r = find_dynsym_section(elf, address, &elf->dynsym.section, reterr);
	if (r < 0)
		return r;
	if (elf->dynsym.section != 0) {
		count = elf->sections[elf->dynsym.section].size / sizeof(Elf64_Sym);
	} else {
		r = count_without_sections(elf, &count, reterr);
		if (r < 0)
			return r;
	}
	source->count = count;
	(void)mul_u64(count, sizeof(Elf64_Sym), &size); /* all counts are below 2^33 */
	return find_bytes(elf, "DT_SYMTAB", address, size, &source->entries, reterr);
}

static int read_dynsym(struct elf_file *elf, const struct elf_strings *strings,
		       struct lcp_error **reterr)
{
	struct elf_symbol_source source = {
		.label = "dynamic symbols",
		.strings_label = "DT_STRTAB",
		.strings = *strings,
	};
	struct version_names names = { 0 };
	uint64_t address;
	int r;

	if (!find_tag(elf, DT_SYMTAB, &address))
		return 0;
	r = find_symbols(elf, address, &source, reterr);
	if (r < 0)
		return r;
	r = find_versions(elf, &source, &names, reterr);
	if (r >= 0)
		r = elf_read_symbols(elf, &source, &elf->dynsym, reterr);
	vec_fini(&names);
	return r;
}

int elf_read_dynamic(struct elf_file *elf, struct lcp_error **reterr)
{
	const struct elf_segment *segment = find_dynamic(elf);
	struct elf_strings strings;
	int r;

	if (segment == NULL)
		return 0;
	r = take_entries(elf, segment, reterr);
	if (r < 0)
		return r;
	r = find_strings(elf, &strings, reterr);
	if (r < 0)
		return r;
	r = resolve_strings(elf, &strings, reterr);
	if (r < 0)
		return r;
	return read_dynsym(elf, &strings, reterr);
}
