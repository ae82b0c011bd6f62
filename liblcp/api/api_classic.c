/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/api.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/options.h"
#include "build/classic.h"

/* The size of the struct in the version that brought it. */
#define GENSRC_OPTIONS_0_1 56

#define GENSRC_FLAGS ((uint32_t)(2 * LCP_GENSRC_FILTER_NEWLINES - 1))

struct lcp_bytes {
	struct str str;
};

EXPORT const void *lcp_bytes_data(const struct lcp_bytes *bytes)
{
	if (bytes == NULL)
		return NULL;
	return bytes->str.text != NULL ? bytes->str.text : "";
}

EXPORT uint64_t lcp_bytes_size(const struct lcp_bytes *bytes)
{
	return bytes != NULL ? bytes->str.size : 0;
}

EXPORT void lcp_bytes_free(struct lcp_bytes *bytes)
{
	if (bytes != NULL)
		str_fini(&bytes->str);
	free(bytes);
}

/* Give what was built in @str out, or the failure that @r is. */
static int give(int r, struct str *str, struct lcp_bytes **ret, struct lcp_error **reterr)
{
	struct lcp_bytes *bytes;

	if (r < 0)
		return r;
	bytes = calloc(1, sizeof(*bytes));
	if (bytes == NULL)
		return error_set_nomem(reterr);
	bytes->str = *str;
	*str = (struct str){ 0 };
	*ret = bytes;
	return 0;
}

static struct slice slice_of(const void *bytes, uint64_t size)
{
	return (struct slice){ bytes, (size_t)size };
}

EXPORT int32_t lcp_classic_gensrc(struct lcp_ctx *ctx, const char *original, uint64_t original_size,
				  const char *patched, uint64_t patched_size,
				  const struct lcp_classic_gensrc_options *options,
				  struct lcp_bytes **ret, struct lcp_error **reterr)
{
	struct lcp_classic_gensrc_options settings = { 0 };
	autostr struct str str = { 0 };
	int r;

	if (ctx == NULL || original == NULL || ret == NULL)
		return api_null(reterr, __func__,
				ctx == NULL   ? "ctx"
				: ret == NULL ? "ret"
					      : "original");
	r = options_take_in(options, &settings, sizeof(settings), GENSRC_OPTIONS_0_1, reterr);
	if (r < 0)
		return r;
	if (settings.flags & ~GENSRC_FLAGS)
		return error_set(reterr, -EINVAL, "options: flags 0x%" PRIx32 " are not all known",
				 settings.flags);
	r = classic_gensrc(ctx, slice_of(original, original_size), slice_of(patched, patched_size),
			   &settings, &str, reterr);
	return give(r, &str, ret, reterr);
}

EXPORT int32_t lcp_classic_strip(struct lcp_ctx *ctx, const void *linked, uint64_t linked_size,
				 struct lcp_bytes **ret, struct lcp_error **reterr)
{
	autostr struct str str = { 0 };

	if (ctx == NULL || linked == NULL || ret == NULL)
		return api_null(reterr, __func__,
				ctx == NULL   ? "ctx"
				: ret == NULL ? "ret"
					      : "linked");
	return give(classic_strip(slice_of(linked, linked_size), &str, reterr), &str, ret, reterr);
}

/* The arguments that the steps which look at the original have in common. */
static int check_pair(const char *function, const struct lcp_ctx *ctx, const void *original,
		      const void *patch, struct lcp_bytes **ret, struct lcp_error **reterr)
{
	if (ctx == NULL || ret == NULL)
		return api_null(reterr, function, ctx == NULL ? "ctx" : "ret");
	if (original == NULL || patch == NULL)
		return api_null(reterr, function, original == NULL ? "original" : "patch");
	return 0;
}

EXPORT int32_t lcp_classic_rel_fixup(struct lcp_ctx *ctx, const void *original,
				     uint64_t original_size, const void *patch, uint64_t patch_size,
				     struct lcp_bytes **ret, struct lcp_error **reterr)
{
	autostr struct str str = { 0 };
	int r = check_pair(__func__, ctx, original, patch, ret, reterr);

	if (r < 0)
		return r;
	r = classic_rel_fixup(ctx, slice_of(original, original_size), slice_of(patch, patch_size),
			      &str, reterr);
	return give(r, &str, ret, reterr);
}

EXPORT int32_t lcp_classic_undo_link(struct lcp_ctx *ctx, const void *original,
				     uint64_t original_size, const void *patch, uint64_t patch_size,
				     struct lcp_bytes **ret, struct lcp_error **reterr)
{
	autostr struct str str = { 0 };
	int r = check_pair(__func__, ctx, original, patch, ret, reterr);

	if (r < 0)
		return r;
	r = classic_undo_link(slice_of(original, original_size), slice_of(patch, patch_size), &str,
			      reterr);
	return give(r, &str, ret, reterr);
}

EXPORT int32_t lcp_classic_make(struct lcp_ctx *ctx, const void *object, uint64_t object_size,
				const char *build_id, const char *id, uint64_t build_time,
				struct lcp_bytes **ret, struct lcp_error **reterr)
{
	autostr struct str str = { 0 };
	int r;

	if (ctx == NULL || object == NULL || build_id == NULL || ret == NULL)
		return api_null(reterr, __func__,
				ctx == NULL	   ? "ctx"
				: object == NULL   ? "object"
				: build_id == NULL ? "build_id"
						   : "ret");
	r = classic_make(slice_of(object, object_size), build_id, id, build_time, &str, reterr);
	return give(r, &str, ret, reterr);
}
