/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzzing entry point of the patch loader. A file whose digest is wrong is signed and tried again:
 * otherwise no change would ever get behind the digest. What loads is walked, written as JSON, and
 * in our own format written and loaded once more.
 */
#include <stdlib.h>

#include "fuzz.h"
#include "format/kpatch_write.h"
#include "sample.h"

static void walk(const struct lcp_kpatch *patch)
{
	autofree char *json = NULL;
	uint64_t sum = 0;

	for (size_t i = 0; i < patch->section_count; i++) {
		const struct kpatch_section *section = &patch->sections[i];

		for (size_t k = 0; section->bytes != NULL && k < section->size; k++)
			sum += section->bytes[k];
		for (size_t k = 0; k < section->reloc_count; k++)
			sum += patch->symbols[section->relocs[k].symbol].value +
			       section->bytes[section->relocs[k].offset];
	}
	for (size_t i = 0; i < patch->function_count; i++) {
		const struct kpatch_function *function = &patch->functions[i];
		const struct kpatch_section *text = &patch->sections[function->new_section];

		sum += text->bytes[function->new_offset + function->new_size - 1];
		for (size_t k = 0; k < function->entry_size; k++)
			sum += function->entry[k];
	}
	fuzz_use(sum);
	if (kpatch_json(patch, &json) < 0)
		abort();
}

static void write_again(const struct lcp_kpatch *patch)
{
	autokpatch struct lcp_kpatch *again = NULL;
	autofree uint8_t *file = NULL;
	size_t size;

	if (patch->format != LCP_FORMAT_LCP)
		return;
	if (kpatch_write(patch, &file, &size, NULL) < 0 ||
	    kpatch_parse(file, size, LCP_KPATCH_NEED_DIGEST, &again, NULL) < 0 ||
	    again->function_count != patch->function_count)
		abort();
}

static int try_to_load(const uint8_t *data, size_t size)
{
	autokpatch struct lcp_kpatch *patch = NULL;
	autoerror struct lcp_error *error = NULL;
	int r = kpatch_parse(data, size, 0, &patch, &error);

	if (r < 0 && (error == NULL || error->message[0] == '\0' || error->code != r))
		abort();
	if (r == 0) {
		walk(patch);
		write_again(patch);
	}
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree uint8_t *is_signed = NULL;
	int r = try_to_load(data, size);

	fuzz_tell(r);
	if (r == -LCP_EINTEGRITY && sample_sign(data, size, &is_signed))
		(void)try_to_load(is_signed, size);
	return 0;
}
