/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/api.h"

#include <string.h>

#include "base/utf8.h"
#include "build/build.h"
#include "format/kpatch.h"
#include "format/kpatch_parse.h"

#define TEXT_MAX 4096
#define JOBS_MAX 1024
#define BUILD_FLAGS ((uint32_t)LCP_BUILD_NO_LAYOUT)

EXPORT int32_t lcp_build_new(struct lcp_ctx *ctx, const char *object, const char *id,
			     struct lcp_build **ret, struct lcp_error **reterr)
{
	struct lcp_build *build;

	if (ctx == NULL || object == NULL || id == NULL || ret == NULL)
		return api_null(reterr, __func__,
				ctx == NULL	 ? "ctx"
				: object == NULL ? "object"
				: id == NULL	 ? "id"
						 : "ret");
	if (!kpatch_id_is_valid(id))
		return error_set(reterr, -EINVAL, "'%s' is no id for a patch", id);
	build = build_new(ctx, object, id);
	if (build == NULL)
		return error_set_nomem(reterr);
	*ret = build;
	return 0;
}

EXPORT void lcp_build_free(struct lcp_build *build)
{
	build_free(build);
}

EXPORT int32_t lcp_build_add_asm(struct lcp_build *build, const char *original, const char *patched,
				 struct lcp_error **reterr)
{
	if (build == NULL || patched == NULL)
		return api_null(reterr, __func__, build == NULL ? "build" : "patched");
	return build_add_pair(build, original, patched) < 0 ? error_set_nomem(reterr) : 0;
}

/* Replace the string at *@place, or with NULL take it away. */
static int set_text(char **place, const char *text, struct lcp_error **reterr)
{
	char *copy = text != NULL ? strdup(text) : NULL;

	if (text != NULL && copy == NULL)
		return error_set_nomem(reterr);
	free(*place);
	*place = copy;
	return 0;
}

EXPORT int32_t lcp_build_set_debug_file(struct lcp_build *build, const char *path,
					struct lcp_error **reterr)
{
	if (build == NULL)
		return api_null(reterr, __func__, "build");
	return set_text(&build->debug_file, path, reterr);
}

EXPORT int32_t lcp_build_set_level(struct lcp_build *build, uint32_t level)
{
	if (build == NULL)
		return -EINVAL;
	build->level = level;
	return 0;
}

static int check_text(const char *function, const char *text, struct lcp_error **reterr)
{
	if (strlen(text) > TEXT_MAX)
		return error_set(reterr, -EINVAL, "%s: text is longer than %d bytes", function,
				 TEXT_MAX);
	if (!utf8_is_printable(text))
		return error_set(reterr, -EINVAL, "%s: text is not printable UTF-8", function);
	return 0;
}

EXPORT int32_t lcp_build_set_description(struct lcp_build *build, const char *text,
					 struct lcp_error **reterr)
{
	int r;

	if (build == NULL)
		return api_null(reterr, __func__, "build");
	r = text != NULL ? check_text(__func__, text, reterr) : 0;
	return r < 0 ? r : set_text(&build->description, text, reterr);
}

EXPORT int32_t lcp_build_add_cve(struct lcp_build *build, const char *name,
				 struct lcp_error **reterr)
{
	int r;

	if (build == NULL || name == NULL)
		return api_null(reterr, __func__, build == NULL ? "build" : "name");
	if (*name == '\0')
		return error_set(reterr, -EINVAL, "%s: name is empty", __func__);
	r = check_text(__func__, name, reterr);
	if (r == 0 && build_add_cve(build, name) < 0)
		r = error_set_nomem(reterr);
	return r;
}

EXPORT int32_t lcp_build_add_assembler_arg(struct lcp_build *build, const char *arg,
					   struct lcp_error **reterr)
{
	if (build == NULL || arg == NULL)
		return api_null(reterr, __func__, build == NULL ? "build" : "arg");
	return build_add_assembler_arg(build, arg) < 0 ? error_set_nomem(reterr) : 0;
}

EXPORT int32_t lcp_build_set_jobs(struct lcp_build *build, uint32_t jobs)
{
	if (build == NULL || jobs > JOBS_MAX)
		return -EINVAL;
	build->jobs = jobs;
	return 0;
}

EXPORT int32_t lcp_build_set_flags(struct lcp_build *build, uint32_t flags)
{
	if (build == NULL || (flags & ~BUILD_FLAGS) != 0)
		return -EINVAL;
	build->flags = flags;
	return 0;
}

EXPORT int32_t lcp_build_set_progress(struct lcp_build *build, lcp_build_progress_fn progress,
				      void *userdata)
{
	if (build == NULL)
		return -EINVAL;
	build->progress = progress;
	build->userdata = userdata;
	return 0;
}

EXPORT int32_t lcp_patch_build_from_asm(struct lcp_build *build, struct lcp_kpatch **ret,
					struct lcp_error **reterr)
{
	if (build == NULL || ret == NULL)
		return api_null(reterr, __func__, build == NULL ? "build" : "ret");
	if (build->pairs.count == 0)
		return error_set(reterr, -EINVAL, "no assembler files were given");
	return build_run(build, ret, reterr);
}

EXPORT int32_t lcp_build_get_report(struct lcp_build *build, struct lcp_build_report **ret,
				    struct lcp_error **reterr)
{
	if (build == NULL || ret == NULL)
		return api_null(reterr, __func__, build == NULL ? "build" : "ret");
	if (build->report == NULL)
		return error_set(reterr, -ENOENT, "there is no report, or it was handed out");
	*ret = take(build->report);
	return 0;
}
