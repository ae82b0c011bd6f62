/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/api.h"

#include <inttypes.h>

#include "base/log.h"
#include "base/options.h"
#include "format/file.h"
#include "format/kpatch.h"

#define MAX_SIZE_DEFAULT ((uint64_t)256 << 20)
/* The size of the struct in the version that brought it. */
#define LOAD_OPTIONS_0_1 16

#define LOAD_FLAGS ((uint32_t)LCP_KPATCH_NEED_DIGEST)

/* The arguments that all ways to load have in common. */
static int check_load(const char *function, const struct lcp_ctx *ctx, const void *source,
		      const char *source_name, const struct lcp_kpatch_load_options *options,
		      struct lcp_kpatch **ret, struct lcp_kpatch_load_options *settings,
		      struct lcp_error **reterr)
{
	int r;

	if (ctx == NULL || source == NULL || ret == NULL)
		return api_null(reterr, function,
				ctx == NULL   ? "ctx"
				: ret == NULL ? "ret"
					      : source_name);
	r = options_take_in(options, settings, sizeof(*settings), LOAD_OPTIONS_0_1, reterr);
	if (r < 0)
		return r;
	if (settings->flags & ~LOAD_FLAGS)
		return error_set(reterr, -EINVAL, "options: flags 0x%" PRIx32 " are not all known",
				 settings->flags);
	if (settings->max_size > ELF_FILE_SIZE_MAX)
		return error_set(reterr, -EINVAL, "options: max_size is more than %" PRIu64,
				 (uint64_t)ELF_FILE_SIZE_MAX);
	if (settings->max_size == 0)
		settings->max_size = MAX_SIZE_DEFAULT;
	return 0;
}

static int parse(struct lcp_ctx *ctx, const void *data, size_t size,
		 const struct lcp_kpatch_load_options *settings, struct lcp_kpatch **ret,
		 struct lcp_error **reterr)
{
	int r;

	r = kpatch_parse(data, size, settings->flags, ret, reterr);
	if (r == 0)
		log_debug(ctx, "loaded patch %s for %s", (*ret)->id != NULL ? (*ret)->id : "(none)",
			  (*ret)->build_id);
	return r;
}

static int load_fd(struct lcp_ctx *ctx, int fd, const struct lcp_kpatch_load_options *settings,
		   struct lcp_kpatch **ret, struct lcp_error **reterr)
{
	autofree uint8_t *data = NULL;
	size_t size;
	int r;

	r = file_read(fd, settings->max_size, &data, &size, reterr);
	return r < 0 ? r : parse(ctx, data, size, settings, ret, reterr);
}

EXPORT int32_t lcp_kpatch_load(struct lcp_ctx *ctx, const char *path,
			       const struct lcp_kpatch_load_options *options,
			       struct lcp_kpatch **ret, struct lcp_error **reterr)
{
	struct lcp_kpatch_load_options settings = { 0 };
	autoclose int fd = -1;
	int r;

	r = check_load(__func__, ctx, path, "path", options, ret, &settings, reterr);
	if (r < 0)
		return r;
	fd = file_open(path, reterr);
	r = fd < 0 ? fd : load_fd(ctx, fd, &settings, ret, reterr);
	return r < 0 ? error_add_path(reterr, r, path) : 0;
}

EXPORT int32_t lcp_kpatch_load_fd(struct lcp_ctx *ctx, int32_t fd,
				  const struct lcp_kpatch_load_options *options,
				  struct lcp_kpatch **ret, struct lcp_error **reterr)
{
	struct lcp_kpatch_load_options settings = { 0 };
	int r;

	r = check_load(__func__, ctx, &fd, "fd", options, ret, &settings, reterr);
	return r < 0 ? r : load_fd(ctx, fd, &settings, ret, reterr);
}

EXPORT int32_t lcp_kpatch_load_mem(struct lcp_ctx *ctx, const void *data, uint64_t size,
				   const struct lcp_kpatch_load_options *options,
				   struct lcp_kpatch **ret, struct lcp_error **reterr)
{
	struct lcp_kpatch_load_options settings = { 0 };
	int r;

	r = check_load(__func__, ctx, data, "data", options, ret, &settings, reterr);
	if (r < 0)
		return r;
	if (size > settings.max_size)
		return error_set(reterr, -EFBIG,
				 "%" PRIu64 " bytes are more than the %" PRIu64 " allowed", size,
				 settings.max_size);
	return parse(ctx, data, size, &settings, ret, reterr);
}

EXPORT struct lcp_kpatch *lcp_kpatch_ref(struct lcp_kpatch *patch)
{
	return patch != NULL ? kpatch_ref(patch) : NULL;
}

EXPORT void lcp_kpatch_unref(struct lcp_kpatch *patch)
{
	kpatch_unref(patch);
}

EXPORT int32_t lcp_kpatch_verify(const struct lcp_kpatch *patch, const char *object,
				 struct lcp_error **reterr)
{
	if (patch == NULL || object == NULL)
		return api_null(reterr, __func__, patch == NULL ? "patch" : "object");
	return kpatch_verify(patch, object, reterr);
}

EXPORT int32_t lcp_kpatch_json(const struct lcp_kpatch *patch, char **ret)
{
	if (patch == NULL || ret == NULL)
		return -EINVAL;
	return kpatch_json(patch, ret);
}
