/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The .lcp.* sections, which only our own patch files have: the digest of the file, what the patch
 * is (.lcp.meta), what its symbols are (.lcp.symbols), what its functions replace (.lcp.functions).
 * Strings of the last two are in .lcp.strings.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "base/utf8.h"
#include "format/kpatch_parse.h"

/* The section of that name, which has contents in chunks of @unit bytes; it is an error if not. */
static int need_section(const struct lcp_kpatch *patch, const char *name, size_t unit, size_t *ret,
			struct lcp_error **reterr)
{
	const struct kpatch_section *section;
	int r;

	r = kpatch_find_section(patch, name, ret, reterr);
	if (r < 0)
		return r;
	section = &patch->sections[*ret];
	if (*ret == 0 || (section->bytes == NULL && section->size > 0))
		return error_set(reterr, -LCP_EFORMAT, "ELF image: no '%s', or nothing in it",
				 name);
	if (section->size % unit != 0)
		return error_set(reterr, -LCP_EFORMAT,
				 IN_SECTION "size %" PRIu64 " is not a multiple of %zu", *ret, name,
				 section->size, unit);
	return 0;
}

int kpatch_check_digest(const struct lcp_kpatch *patch, const uint8_t *data, size_t size,
			struct lcp_error **reterr)
{
	static const uint8_t zeroes[SHA256_SIZE];
	uint8_t digest[SHA256_SIZE];
	struct sha256 hash;
	size_t index, at;
	int r;

	if (patch->size != size)
		return error_set(reterr, -LCP_EFORMAT, "%" PRIu64 " bytes follow the patch",
				 size - patch->size);
	r = need_section(patch, ".lcp.digest", SHA256_SIZE, &index, reterr);
	if (r < 0)
		return r;
	if (patch->sections[index].size != SHA256_SIZE)
		return error_set(reterr, -LCP_EFORMAT, IN_SECTION "size is not %d", index,
				 ".lcp.digest", SHA256_SIZE);

	/* The digest is that of the file with zeroes in place of the digest. */
	at = patch->layout->size + patch->elf->sections[index].offset;
	sha256_init(&hash);
	sha256_update(&hash, data, at);
	sha256_update(&hash, zeroes, SHA256_SIZE);
	sha256_update(&hash, data + at + SHA256_SIZE, size - at - SHA256_SIZE);
	sha256_final(&hash, digest);
	if (memcmp(digest, data + at, SHA256_SIZE) != 0)
		return error_set(reterr, -LCP_EINTEGRITY,
				 "the file was changed after it was made: its digest differs");
	return 0;
}

static int parse_number(const char *text, uint32_t *ret)
{
	uint64_t value = 0;

	for (const char *c = text; *c != '\0'; c++) {
		if (*c < '0' || *c > '9')
			return -EINVAL;
		value = value * 10 + (uint64_t)(*c - '0');
		if (value > UINT32_MAX)
			return -ERANGE;
	}
	*ret = (uint32_t)value;
	return *text != '\0' ? 0 : -EINVAL;
}

/* What .lcp.meta says, before it is compared with the header. */
struct meta {
	uint32_t version;
	bool has_version;
	bool has_level;
	const char *id;
	const char *build_id;
	VEC(const char *) cves;
};

static void meta_fini(struct meta *meta)
{
	vec_fini(&meta->cves);
}

static int set_text(const char **to, const char *value)
{
	if (*to != NULL)
		return -EEXIST;
	*to = value;
	return 0;
}

static int set_number(uint32_t *to, bool *has, const char *value)
{
	if (*has)
		return -EEXIST;
	*has = true;
	return parse_number(value, to);
}

/* Keys we do not know are passed over: a later version may have more to tell. */
static int set_meta(struct lcp_kpatch *patch, struct meta *meta, const char *key, const char *value)
{
	if (strcmp(key, "format") == 0)
		return set_number(&meta->version, &meta->has_version, value);
	if (strcmp(key, "level") == 0)
		return set_number(&patch->level, &meta->has_level, value);
	if (strcmp(key, "id") == 0)
		return kpatch_id_is_valid(value) ? set_text(&meta->id, value) : -EINVAL;
	if (strcmp(key, "build-id") == 0)
		return kpatch_build_id_is_valid(value) ? set_text(&meta->build_id, value) : -EINVAL;
	if (strcmp(key, "target") == 0)
		return strchr(value, '/') == NULL ? set_text(&patch->target, value) : -EINVAL;
	if (strcmp(key, "description") == 0)
		return set_text(&patch->description, value);
	if (strcmp(key, "builder") == 0)
		return set_text(&patch->builder, value);
	if (strcmp(key, "cve") == 0)
		return vec_push(&meta->cves, value);
	return 0;
}

/* Read one entry, "key=value" and a NUL, of which *@entry is moved past. */
static int read_entry(struct lcp_kpatch *patch, struct meta *meta, size_t index, const char **entry,
		      const char *end, struct lcp_error **reterr)
{
	size_t length = strnlen(*entry, (size_t)(end - *entry));
	const char *text = *entry;
	const char *equals = memchr(text, '=', length);
	char key[16];
	int r;

	if (text + length == end)
		return error_set(reterr, -LCP_EFORMAT, IN_SECTION "the last entry has no end",
				 index, ".lcp.meta");
	if (equals == NULL)
		return error_set(reterr, -LCP_EFORMAT, IN_SECTION "'%s' has no '='", index,
				 ".lcp.meta", text);
	*entry = text + length + 1;
	if ((size_t)(equals - text) >= sizeof(key))
		return 0;
	if (!utf8_is_printable(text))
		return error_set(reterr, -LCP_EFORMAT, IN_SECTION "'%s' is not printable", index,
				 ".lcp.meta", text);

	memcpy(key, text, (size_t)(equals - text));
	key[equals - text] = '\0';
	r = set_meta(patch, meta, key, equals + 1);
	if (r == -ENOMEM)
		return error_set_nomem(reterr);
	if (r < 0)
		return error_set(reterr, -LCP_EFORMAT, IN_SECTION "'%s' %s", index, ".lcp.meta",
				 text, r == -EEXIST ? "is said twice" : "is no valid value");
	return 0;
}

/* The header has room for the beginning of the id and of the build-id. */
static bool header_agrees(const char *header, size_t field_size, const char *whole)
{
	return strlen(header) == strnlen(whole, field_size - 1) &&
	       strncmp(header, whole, field_size - 1) == 0;
}

/*
 * The format comes first, and before anything else is judged: a later one may have other rules for
 * all that follows.
 */
static int check_version(size_t index, const char *meta, size_t size, struct lcp_error **reterr)
{
	static const char key[] = "format=";
	size_t length = size > 0 ? strnlen(meta, size) : 0;
	uint32_t version = 0;

	if (length == size || strncmp(meta, key, sizeof(key) - 1) != 0 ||
	    parse_number(meta + sizeof(key) - 1, &version) < 0 || version == 0)
		return error_set(reterr, -LCP_EFORMAT, IN_SECTION "does not begin with its format",
				 index, ".lcp.meta");
	if (version > KPATCH_FORMAT_VERSION)
		return error_set(reterr, -LCP_EUNSUPPORTED,
				 IN_SECTION "format %" PRIu32 " is newer than %d", index,
				 ".lcp.meta", version, KPATCH_FORMAT_VERSION);
	return 0;
}

static int adopt_meta(struct lcp_kpatch *patch, struct meta *meta, size_t index,
		      struct lcp_error **reterr)
{
	if (meta->id == NULL || meta->build_id == NULL)
		return error_set(reterr, -LCP_EFORMAT, IN_SECTION "no '%s'", index, ".lcp.meta",
				 meta->id == NULL ? "id" : "build-id");
	if (!header_agrees(patch->id, kpatch_layout_plus.id_size, meta->id) ||
	    !header_agrees(patch->build_id, kpatch_layout_plus.build_id_size, meta->build_id))
		return error_set(reterr, -LCP_EFORMAT,
				 IN_SECTION "the header has another id or build-id", index,
				 ".lcp.meta");

	free(patch->id);
	free(patch->build_id);
	patch->id = strdup(meta->id);
	patch->build_id = strdup(meta->build_id);
	if (patch->id == NULL || patch->build_id == NULL)
		return error_set_nomem(reterr);
	patch->cves = take(meta->cves.items);
	patch->cve_count = meta->cves.count;
	return 0;
}

int kpatch_parse_meta(struct lcp_kpatch *patch, struct lcp_error **reterr)
{
	struct meta meta cleanup(meta_fini) = { 0 };
	const char *entry, *end;
	size_t index;
	int r;

	r = need_section(patch, ".lcp.meta", 1, &index, reterr);
	if (r < 0)
		return r;
	entry = (const char *)patch->sections[index].bytes;
	end = entry;
	if (end != NULL)
		end += patch->sections[index].size;
	r = check_version(index, entry, (size_t)(end - entry), reterr);
	if (r < 0)
		return r;
	while (entry < end) {
		r = read_entry(patch, &meta, index, &entry, end, reterr);
		if (r < 0)
			return r;
	}
	return adopt_meta(patch, &meta, index, reterr);
}

/* A table of records, and the strings they name by offset. */
struct records {
	const char *name;
	size_t index; /* of its section */
	const uint8_t *bytes;
	size_t count;
	const char *strings;
	size_t strings_size; /* the last byte is a NUL */
};

static int records_init(struct records *records, const struct lcp_kpatch *patch, const char *name,
			size_t unit, struct lcp_error **reterr)
{
	const struct kpatch_section *strings;
	size_t index;
	int r;

	r = need_section(patch, name, unit, &records->index, reterr);
	if (r < 0)
		return r;
	r = need_section(patch, ".lcp.strings", 1, &index, reterr);
	if (r < 0)
		return r;
	strings = &patch->sections[index];
	if (strings->size == 0 || strings->bytes[0] != 0 || strings->bytes[strings->size - 1] != 0)
		return error_set(reterr, -LCP_EFORMAT,
				 IN_SECTION "does not begin and end with a NUL", index,
				 strings->name);
	records->name = name;
	records->bytes = patch->sections[records->index].bytes;
	records->count = patch->sections[records->index].size / unit;
	records->strings = (const char *)strings->bytes;
	records->strings_size = strings->size;
	return 0;
}

#define IN_RECORD IN_SECTION "record %zu "

static int record_error(const struct records *records, size_t i, const char *what,
			struct lcp_error **reterr)
{
	return error_set(reterr, -LCP_EFORMAT, IN_RECORD "%s", records->index, records->name, i,
			 what);
}

/* Offset 0 means that there is no string. */
static bool get_string(const struct records *records, const uint8_t *field, const char **ret)
{
	uint32_t offset = get_le32(field);

	if (offset >= records->strings_size)
		return false;
	*ret = offset == 0 ? NULL : records->strings + offset;
	return offset == 0 || utf8_is_printable(*ret);
}

/* May a record give @symbol that class? Where the class follows from the image it must agree. */
static bool class_is_possible(const struct kpatch_symbol *symbol, bool undefined, uint32_t class)
{
	if (!undefined)
		return class != 0 && class == symbol->class;
	return class == LCP_SYMBOL_BOUND || class == LCP_SYMBOL_IMPORT || class == LCP_SYMBOL_TLS ||
	       class == LCP_SYMBOL_TLS_BOUND;
}

static bool flags_are_possible(uint32_t class, uint32_t flags)
{
	if (class == LCP_SYMBOL_BOUND)
		return (flags & ~(uint32_t)SYMBOL_IS_PLT) == 0;
	if (class == LCP_SYMBOL_TLS_BOUND)
		return (flags & ~(uint32_t)SYMBOL_IS_TLS_PAIR) == 0;
	return flags == 0;
}

static int read_symbol_record(struct lcp_kpatch *patch, const struct records *records, size_t i,
			      uint32_t *last, struct lcp_error **reterr)
{
	const uint8_t *from = records->bytes + i * SYMBOL_SIZE;
	uint32_t index = get_le32(from + SYMBOL_INDEX), class = get_le32(from + SYMBOL_CLASS);
	struct kpatch_symbol *symbol;
	bool undefined;

	if (index <= *last || index >= patch->symbol_count)
		return record_error(records, i, "names a symbol that is not behind the one before",
				    reterr);
	*last = index;
	symbol = &patch->symbols[index];
	undefined = patch->elf->symtab.items[index].section == SHN_UNDEF;
	if (!class_is_possible(symbol, undefined, class) ||
	    !flags_are_possible(class, get_le32(from + SYMBOL_FLAGS)))
		return record_error(records, i, "gives its symbol an impossible class", reterr);
	if (!get_string(records, from + SYMBOL_VERSION, &symbol->version) ||
	    !get_string(records, from + SYMBOL_LIBRARY, &symbol->library) ||
	    !get_string(records, from + SYMBOL_UNIT, &symbol->unit))
		return record_error(records, i, "names a string that '.lcp.strings' does not have",
				    reterr);
	symbol->class = class;
	symbol->flags = get_le32(from + SYMBOL_FLAGS);
	if (undefined)
		symbol->value = get_le64(from + SYMBOL_VALUE);
	symbol->classified = true;
	return 0;
}

int kpatch_parse_symbol_records(struct lcp_kpatch *patch, struct lcp_error **reterr)
{
	struct records records;
	uint32_t last = 0;
	int r;

	r = records_init(&records, patch, ".lcp.symbols", SYMBOL_SIZE, reterr);
	if (r < 0)
		return r;
	for (size_t i = 0; i < records.count; i++) {
		r = read_symbol_record(patch, &records, i, &last, reterr);
		if (r < 0)
			return r;
	}
	for (size_t i = 1; i < patch->symbol_count; i++)
		if (patch->elf->symtab.items[i].section == SHN_UNDEF &&
		    !patch->symbols[i].classified)
			return error_set(reterr, -LCP_EFORMAT,
					 IN_SECTION
					 "symbol %zu '%s' is undefined and has no record",
					 records.index, records.name, i, patch->symbols[i].name);
	return 0;
}

/* Bytes at the entry that are expected, and the digest of the whole: of replaced functions only. */
static int read_expected(const struct records *records, size_t i, struct kpatch_function *function,
			 struct lcp_error **reterr)
{
	const uint8_t *from = records->bytes + i * FUNCTION_SIZE;
	uint64_t owned = (uint64_t)function->old_size + get_le32(from + FUNCTION_PADDING);
	uint32_t entry_size = get_le32(from + FUNCTION_ENTRY_SIZE);

	if (entry_size == 0 || entry_size > FUNCTION_ENTRY_MAX || entry_size > owned)
		return record_error(records, i,
				    "expects an impossible number of bytes at the entry", reterr);
	function->padding = get_le32(from + FUNCTION_PADDING);
	function->entry_size = entry_size;
	function->entry = from + FUNCTION_ENTRY;
	function->digest = from + FUNCTION_DIGEST;
	return 0;
}

static int read_function_record(const struct records *records, size_t i,
				struct kpatch_function *function, struct lcp_error **reterr)
{
	static const uint8_t zeroes[FUNCTION_SIZE - FUNCTION_PADDING];
	const uint8_t *from = records->bytes + i * FUNCTION_SIZE;
	uint32_t flags = get_le32(from + FUNCTION_FLAGS);

	if (!get_string(records, from + FUNCTION_UNIT, &function->unit))
		return record_error(records, i, "names a string that '.lcp.strings' does not have",
				    reterr);
	if ((flags & ~(uint32_t)FUNCTION_IS_PART) != 0)
		return record_error(records, i, "has a flag that this format does not have",
				    reterr);
	function->is_part = (flags & FUNCTION_IS_PART) != 0;
	if (function->is_part &&
	    (function->old_size == 0 || get_le32(from + FUNCTION_PADDING) != 0))
		return record_error(records, i, "is a part, but new or with padding", reterr);
	if (function->old_size > 0)
		return read_expected(records, i, function, reterr);
	if (memcmp(from + FUNCTION_PADDING, zeroes, sizeof(zeroes)) != 0)
		return record_error(records, i, "expects bytes of a function that is new", reterr);
	return 0;
}

int kpatch_parse_function_records(struct lcp_kpatch *patch, struct lcp_error **reterr)
{
	struct records records;
	int r;

	r = records_init(&records, patch, ".lcp.functions", FUNCTION_SIZE, reterr);
	if (r < 0)
		return r;
	if (records.count != patch->function_count)
		return error_set(reterr, -LCP_EFORMAT,
				 IN_SECTION "%zu records, but '.kpatch.info' has %zu",
				 records.index, records.name, records.count, patch->function_count);
	for (size_t i = 0; i < records.count; i++) {
		r = read_function_record(&records, i, &patch->functions[i], reterr);
		if (r < 0)
			return r;
	}
	return 0;
}
