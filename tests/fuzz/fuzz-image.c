/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzzing entry point of what makes images of patches, with the loader in front. What looks symbols
 * up and reads memory is replaced here: answers follow from names, so that there are all kinds of
 * them. What is made is made twice, and looked at.
 */
#include <elf.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/num.h"
#include "core/image.h"
#include "fuzz.h"
#include "sample.h"

#define BIAS UINT64_C(0x400000)
#define TEXT_AT UINT64_C(0x10000040)
#define DATA_AT UINT64_C(0x50000000)

static const struct object object = { .bias = BIAS };

/* A few are nowhere, more are thread-local or ask to be resolved, half of all are far. */
static int answer(const char *name, struct lookup *ret)
{
	uint64_t hash = hash_bytes(0, name, strlen(name));

	*ret = (struct lookup){ &object, BIAS + hash % 0x100000, STT_FUNC, false };
	if (hash & 0x10000000)
		ret->address += (uint64_t)1 << 40;
	if ((hash >> 32) % 64 == 0)
		return -LCP_ESYMBOL;
	if ((hash >> 43) % 8 == 0) {
		ret->type = STT_TLS;
		ret->address %= 4096;
	}
	ret->unresolved = (hash >> 48) % 8 == 0;
	return 0;
}

int lookup_symbol(struct lcp_process *process, const struct object *from, const char *name,
		  const char *version, struct lookup *ret, struct lcp_error **reterr)
{
	int r = answer(name, ret);

	(void)process;
	(void)from;
	(void)version;
	return r < 0 ? error_set(reterr, r, "nothing defines '%s'", name) : 0;
}

int lookup_slot(struct lcp_process *process, const struct object *of, uint64_t slot,
		const char *name, const char *version, struct lookup *ret,
		struct lcp_error **reterr)
{
	(void)slot;
	return lookup_symbol(process, of, name, version, ret, reterr);
}

int lookup_indirect(struct lcp_process *process, const struct object *from, uint64_t resolver,
		    struct lookup *ret, struct lcp_error **reterr)
{
	(void)process;
	(void)from;
	(void)reterr;
	*ret = (struct lookup){ &object, resolver, STT_GNU_IFUNC, resolver % 32 == 0 };
	return 0;
}

int lookup_tls(struct lcp_process *process, const struct object *of, struct lookup_tls *ret,
	       struct lcp_error **reterr)
{
	(void)process;
	(void)of;
	(void)reterr;
	*ret = (struct lookup_tls){ 1, true, (uint64_t)-4096 };
	return 0;
}

int process_read(const struct lcp_process *process, uint64_t address, void *ret, size_t size,
		 const char *what, struct lcp_error **reterr)
{
	(void)process;
	(void)what;
	(void)reterr;
	memset(ret, (int)(address / 8 % 3), size);
	return 0;
}

static void must(bool holds)
{
	if (!holds)
		abort();
}

static bool is_in(const struct image_part *part, uint64_t address, uint64_t size)
{
	return range_fits(address - part->address, size, part->size);
}

/* Functions are in the text; so is the search table, which is sorted and leads to the other one. */
static void look_at(const struct lcp_kpatch *patch, const struct image *image)
{
	const uint8_t *table;
	int64_t last = INT64_MIN;

	for (size_t i = 0; i < image->function_count; i++)
		must(is_in(&image->text, image->functions[i], patch->functions[i].new_size));
	if (image->eh_frame == 0)
		return;
	must(is_in(&image->text, image->eh_frame, image->eh_frame_size));
	must(is_in(&image->text, image->eh_frame_hdr, image->eh_frame_hdr_size));
	table = image->text.bytes + (image->eh_frame_hdr - image->text.address);
	must(get_le32(table + 8) * UINT64_C(8) + 12 == image->eh_frame_hdr_size);
	for (uint32_t i = 0; i < get_le32(table + 8); i++) {
		const uint8_t *entry = table + 12 + (uint64_t)i * 8;
		int64_t function = (int32_t)get_le32(entry);
		uint64_t at = image->eh_frame_hdr + (uint64_t)(int64_t)(int32_t)get_le32(entry + 4);

		must(function >= last);
		must(is_in(&image->text, image->eh_frame_hdr + (uint64_t)function, 0));
		must(at >= image->eh_frame && at < image->eh_frame + image->eh_frame_size);
		last = function;
	}
}

static int make(const struct lcp_kpatch *patch, const struct image_size *size, struct image *ret)
{
	autoerror struct lcp_error *error = NULL;
	int r = image_make(&(struct lcp_process){ 0 }, &object, patch, size, TEXT_AT, DATA_AT, ret,
			   &error);

	must(r == 0 || (error != NULL && error->code == r));
	must(r == 0 || r == -LCP_ESYMBOL || r == -LCP_EUNSUPPORTED || r == -LCP_ENOROOM ||
	     r == -LCP_EFORMAT);
	return r;
}

static bool same(const struct image_part *a, const struct image_part *b)
{
	return a->size == b->size && (a->size == 0 || memcmp(a->bytes, b->bytes, a->size) == 0);
}

static int make_images(const struct lcp_kpatch *patch)
{
	autoimage struct image image = { 0 }, again = { 0 };
	struct image_size size;
	int r = image_measure(patch, &size, NULL);

	/* What takes long to clear says nothing more. */
	if (r < 0 || size.text + size.data > 16 << 20)
		return r;
	r = make(patch, &size, &image);
	if (r < 0)
		return r;
	look_at(patch, &image);
	must(make(patch, &size, &again) == 0);
	must(same(&image.text, &again.text) && same(&image.data, &again.data));
	return 0;
}

static int try(const uint8_t *data, size_t size)
{
	autokpatch struct lcp_kpatch *patch = NULL;
	int r = kpatch_parse(data, size, 0, &patch, NULL);

	return r < 0 ? r : make_images(patch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree uint8_t *is_signed = NULL;
	int r = try(data, size);

	fuzz_tell(r);
	if (r == -LCP_EINTEGRITY && sample_sign(data, size, &is_signed))
		(void)try(is_signed, size);
	return 0;
}
