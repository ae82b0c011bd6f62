/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Patch files as a whole: the classic headers, the order of parsing, the life of a loaded patch.
 */
#include "format/kpatch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "base/str.h"
#include "format/kpatch_parse.h"

const struct kpatch_layout kpatch_layout_libcare = {
	.name = "LibCare",
	.format = LCP_FORMAT_LIBCARE,
	.size = 688,
	.build_id = 80,
	.build_id_size = 256,
	.build_time = 336,
	.kpatch_offset = 352,
	.rel_offset = 356,
	.total_size = 360,
};

const struct kpatch_layout kpatch_layout_plus = {
	.name = "LibcarePlus",
	.format = LCP_FORMAT_LIBCAREPLUS,
	.size = 504,
	.id = 8,
	.id_size = 8,
	.build_id = 88,
	.build_id_size = KPATCH_BUILD_ID_MAX,
	.build_time = 136,
	.kpatch_offset = 152,
	.rel_offset = 156,
	.total_size = 160,
};

/* Nothing but the ELF image's place tells the two headers apart. */
static const struct kpatch_layout *find_layout(const uint8_t *data, size_t size)
{
	static const struct kpatch_layout *const layouts[] = {
		&kpatch_layout_plus,
		&kpatch_layout_libcare,
	};

	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		const struct kpatch_layout *layout = layouts[i];

		if (range_fits(layout->size, SELFMAG, size) &&
		    get_le32(data + layout->kpatch_offset) == layout->size &&
		    memcmp(data + layout->size, ELFMAG, SELFMAG) == 0)
			return layout;
	}
	return NULL;
}

/* Copy a text field of the header, which must hold a NUL and printable characters before it. */
static int read_field(const uint8_t *data, size_t offset, size_t size, const char *what, char **ret,
		      struct lcp_error **reterr)
{
	const char *text = (const char *)data + offset;
	size_t length = strnlen(text, size);

	if (length == size)
		return error_set(reterr, -LCP_EFORMAT, "header: the %s at byte %zu has no end",
				 what, offset);
	*ret = strdup(text);
	return *ret != NULL ? 0 : error_set_nomem(reterr);
}

static int read_identity(struct lcp_kpatch *patch, const uint8_t *data, struct lcp_error **reterr)
{
	const struct kpatch_layout *layout = patch->layout;
	int r;

	r = read_field(data, layout->build_id, layout->build_id_size, "build-id", &patch->build_id,
		       reterr);
	if (r < 0)
		return r;
	if (!kpatch_build_id_is_valid(patch->build_id))
		return error_set(reterr, -LCP_EFORMAT,
				 "header: the build-id at byte %d is not lower-case hexadecimal",
				 layout->build_id);
	if (layout->id == 0)
		return 0;

	r = read_field(data, layout->id, layout->id_size, "id", &patch->id, reterr);
	if (r < 0)
		return r;
	if (!kpatch_id_is_valid(patch->id))
		return error_set(reterr, -LCP_EFORMAT,
				 "header: the id at byte %d is empty or not printable", layout->id);
	return 0;
}

/* Read the header: whose it is, and how much of @data is the patch. */
static int parse_header(struct lcp_kpatch *patch, const uint8_t *data, size_t size,
			struct lcp_error **reterr)
{
	const struct kpatch_layout *layout;
	uint32_t total;

	if (size < KPATCH_MAGIC_SIZE || memcmp(data, KPATCH_MAGIC, KPATCH_MAGIC_SIZE) != 0)
		return error_set(reterr, -LCP_EFORMAT,
				 "not a patch file: it does not begin with %s", KPATCH_MAGIC);
	layout = find_layout(data, size);
	if (layout == NULL)
		return error_set(reterr, -LCP_EFORMAT,
				 "header: no ELF image behind a header of %d or of %d bytes",
				 kpatch_layout_plus.size, kpatch_layout_libcare.size);

	total = get_le32(data + layout->total_size);
	if (total > size)
		return error_set(reterr, -LCP_EFORMAT,
				 "header: total size is %" PRIu32 ", but the file has %zu bytes",
				 total, size);
	if (total < layout->size + sizeof(Elf64_Ehdr))
		return error_set(reterr, -LCP_EFORMAT,
				 "header: total size %" PRIu32 " leaves no room for an ELF header",
				 total);

	patch->layout = layout;
	patch->format = layout->format;
	patch->build_time = get_le64(data + layout->build_time);
	patch->size = total;
	return read_identity(patch, data, reterr);
}

/* Open the ELF image behind the header and see that it is for a CPU we know. */
static int parse_image(struct lcp_kpatch *patch, const uint8_t *data, struct lcp_error **reterr)
{
	size_t header = patch->layout->size;
	int r;

	r = elf_file_open_mem(data + header, patch->size - header, &patch->elf, reterr);
	if (r < 0)
		return r;
	if (patch->elf->type != ET_REL)
		return error_set(reterr, -LCP_EFORMAT, "ELF image: type is %d, not ET_REL",
				 patch->elf->type);
	patch->arch = arch_by_machine(patch->elf->machine);
	if (patch->arch == NULL)
		return error_set(reterr, -LCP_EUNSUPPORTED, "ELF image: unknown machine %d",
				 patch->elf->machine);
	return kpatch_parse_sections(patch, reterr);
}

/*
 * One .lcp.* section makes a file ours, and then all of them are needed: with one name damaged it
 * must not pass as a classic file, which has no digest.
 */
static size_t find_own_section(const struct lcp_kpatch *patch)
{
	for (size_t i = 1; i < patch->section_count; i++)
		if (strncmp(patch->sections[i].name, ".lcp.", 5) == 0)
			return i;
	return 0;
}

/* What the .lcp.* sections say of the patch as a whole; classic files have none. */
static int parse_own(struct lcp_kpatch *patch, const uint8_t *data, size_t size, uint32_t flags,
		     struct lcp_error **reterr)
{
	size_t own = find_own_section(patch);
	int r;

	if (own == 0) {
		if (flags & LCP_KPATCH_NEED_DIGEST)
			return error_set(reterr, -LCP_EINTEGRITY,
					 "the file carries no digest, and one is demanded");
		return 0;
	}
	if (patch->format != LCP_FORMAT_LIBCAREPLUS)
		return error_set(reterr, -LCP_EFORMAT,
				 IN_SECTION "only a LibcarePlus header may stand before it", own,
				 patch->sections[own].name);
	patch->format = LCP_FORMAT_LCP;
	r = kpatch_check_digest(patch, data, size, reterr);
	return r < 0 ? r : kpatch_parse_meta(patch, reterr);
}

static int parse_contents(struct lcp_kpatch *patch, struct lcp_error **reterr)
{
	bool own = patch->format == LCP_FORMAT_LCP;
	int r;

	r = kpatch_parse_symbols(patch, reterr);
	if (r == 0 && own)
		r = kpatch_parse_symbol_records(patch, reterr);
	if (r == 0)
		r = kpatch_parse_relocs(patch, reterr);
	if (r == 0)
		r = kpatch_parse_functions(patch, reterr);
	if (r == 0 && own)
		r = kpatch_parse_function_records(patch, reterr);
	return r < 0 ? r : kpatch_check_functions(patch, reterr);
}

static int name_by_digest(struct lcp_kpatch *patch, const uint8_t *data, struct lcp_error **reterr)
{
	autostr struct str hex = { 0 };
	uint8_t digest[SHA256_SIZE];

	sha256(data, patch->size, digest);
	str_put_hex(&hex, digest, sizeof(digest));
	if (hex.failed)
		return error_set_nomem(reterr);
	memcpy(patch->digest, hex.text, sizeof(patch->digest));
	return 0;
}

int kpatch_parse(const void *data, size_t size, uint32_t flags, struct lcp_kpatch **ret,
		 struct lcp_error **reterr)
{
	autokpatch struct lcp_kpatch *patch = calloc(1, sizeof(*patch));
	const uint8_t *bytes = data;
	int r;

	if (patch == NULL)
		return error_set_nomem(reterr);
	atomic_init(&patch->refs, 1);

	r = parse_header(patch, bytes, size, reterr);
	if (r == 0)
		r = parse_image(patch, bytes, reterr);
	if (r == 0)
		r = parse_own(patch, bytes, size, flags, reterr);
	if (r == 0)
		r = parse_contents(patch, reterr);
	if (r == 0)
		r = name_by_digest(patch, bytes, reterr);
	if (r < 0)
		return r;
	patch->data = malloc(patch->size);
	if (patch->data == NULL)
		return error_set_nomem(reterr);
	memcpy(patch->data, data, patch->size);
	*ret = take(patch);
	return 0;
}

struct lcp_kpatch *kpatch_ref(struct lcp_kpatch *patch)
{
	atomic_fetch_add(&patch->refs, 1);
	return patch;
}

void kpatch_unref(struct lcp_kpatch *patch)
{
	if (patch == NULL || atomic_fetch_sub(&patch->refs, 1) > 1)
		return;

	for (size_t i = 0; i < patch->section_count; i++)
		free(patch->sections[i].relocs);
	vec_foreach (&patch->strings, string)
		free(*string);
	vec_fini(&patch->strings);
	free(patch->sections);
	free(patch->symbols);
	free(patch->used_symbols);
	free(patch->functions);
	free(patch->data);
	free(patch->cves);
	free(patch->id);
	free(patch->build_id);
	elf_file_close(patch->elf);
	free(patch);
}

char *kpatch_own_string(struct lcp_kpatch *patch, char *string)
{
	if (string != NULL && vec_push(&patch->strings, string) < 0) {
		free(string);
		return NULL;
	}
	return string;
}

bool kpatch_count_name(struct lcp_kpatch *patch, const char *name)
{
	patch->name_bytes += strlen(name);
	return patch->name_bytes <= patch->size;
}

static uint64_t size_of(const struct lcp_kpatch *patch, enum kpatch_section_kind kind)
{
	uint64_t size = 0;

	/* The sum is bounded: kpatch_parse_sections() has seen to it. */
	for (size_t i = 0; i < patch->section_count; i++)
		if (patch->sections[i].kind == kind)
			size += patch->sections[i].size;
	return size;
}

uint64_t kpatch_text_size(const struct lcp_kpatch *patch)
{
	return size_of(patch, KPATCH_TEXT) + size_of(patch, KPATCH_RODATA);
}

uint64_t kpatch_data_size(const struct lcp_kpatch *patch)
{
	return size_of(patch, KPATCH_DATA);
}

const char *kpatch_format_name(uint32_t format)
{
	static const char *const names[] = {
		[LCP_FORMAT_LIBCARE] = "libcare",
		[LCP_FORMAT_LIBCAREPLUS] = "libcareplus",
		[LCP_FORMAT_LCP] = "lcp",
	};

	return format < ARRAY_SIZE(names) ? names[format] : NULL;
}

const char *kpatch_class_name(uint32_t class)
{
	static const char *const names[] = {
		[LCP_SYMBOL_PATCH] = "patch",	    [LCP_SYMBOL_OBJECT] = "object",
		[LCP_SYMBOL_BOUND] = "bound",	    [LCP_SYMBOL_IMPORT] = "import",
		[LCP_SYMBOL_TLS] = "tls",	    [LCP_SYMBOL_TLS_BOUND] = "tls-bound",
		[LCP_SYMBOL_ABSOLUTE] = "absolute",
	};

	return class < ARRAY_SIZE(names) ? names[class] : NULL;
}

bool kpatch_id_is_valid(const char *id)
{
	size_t length = strlen(id);

	if (length == 0 || length > 63)
		return false;
	for (; *id != '\0'; id++)
		if (*id <= ' ' || *id > '~' || *id == '/')
			return false;
	return true;
}

bool kpatch_build_id_is_valid(const char *build_id)
{
	size_t digits = strspn(build_id, "0123456789abcdef");

	return digits > 0 && digits % 2 == 0 && build_id[digits] == '\0';
}
