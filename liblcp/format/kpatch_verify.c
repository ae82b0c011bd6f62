/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Does a patch fit an object on disk? What the file holds where the patch replaces functions is
 * compared with what the patch expects; applying it compares memory in the same way.
 */
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "format/kpatch.h"

static int verify_build_id(const struct lcp_kpatch *patch, const struct elf_file *elf,
			   struct lcp_error **reterr)
{
	autostr struct str text = { 0 };

	str_put_hex(&text, elf->build_id, elf->build_id_size);
	if (text.failed)
		return error_set_nomem(reterr);
	if (text.size == 0)
		return error_set(reterr, -LCP_EMISMATCH, "it has no build-id");
	if (strcmp(text.text, patch->build_id) != 0)
		return error_set(reterr, -LCP_EMISMATCH,
				 "its build-id is %s, and the patch is for %s", text.text,
				 patch->build_id);
	return 0;
}

static int verify_function(const struct kpatch_function *function, const struct elf_file *elf,
			   struct lcp_error **reterr)
{
	const uint8_t *bytes;
	uint8_t digest[SHA256_SIZE];

	if (function->old_size == 0)
		return 0;
	bytes = elf_file_bytes_at(elf, function->old_address, function->old_size);
	if (bytes == NULL)
		return error_set(reterr, -LCP_EMISMATCH,
				 "there is no function '%s' at 0x%" PRIx64 " of it", function->name,
				 function->old_address);
	if (function->digest == NULL)
		return 0;
	sha256(bytes, function->old_size, digest);
	if (memcmp(digest, function->digest, sizeof(digest)) != 0)
		return error_set(reterr, -LCP_EMISMATCH,
				 "its function '%s' at 0x%" PRIx64 " has other bytes",
				 function->name, function->old_address);
	return 0;
}

int kpatch_verify(const struct lcp_kpatch *patch, const char *object, struct lcp_error **reterr)
{
	autoelf struct elf_file *elf = NULL;
	int r;

	r = elf_file_open(object, &elf, reterr);
	if (r < 0)
		return error_add_path(reterr, r, object);
	if (elf->machine != patch->arch->machine)
		return error_set(reterr, -LCP_EMISMATCH, "%s: it is for another CPU", object);
	r = verify_build_id(patch, elf, reterr);
	for (size_t i = 0; i < patch->function_count && r == 0; i++)
		r = verify_function(&patch->functions[i], elf, reterr);
	return r < 0 ? error_add_path(reterr, r, object) : 0;
}
