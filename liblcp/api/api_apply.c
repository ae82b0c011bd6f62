/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/api.h"

#include <inttypes.h>

#include "base/options.h"
#include "core/apply.h"

/* The size of the struct in the version that brought it. */
#define APPLY_OPTIONS_0_1 24

#define APPLY_FLAGS ((uint32_t)(LCP_APPLY_ENTRY_ONLY | LCP_APPLY_SCAN_ALL | LCP_APPLY_DRY_RUN))

#define PATCHES_MAX 65536

static int check_options(const struct lcp_apply_options *options,
			 struct lcp_apply_options *settings, struct lcp_error **reterr)
{
	int r;

	r = options_take_in(options, settings, sizeof(*settings), APPLY_OPTIONS_0_1, reterr);
	if (r < 0)
		return r;
	if (settings->flags & ~APPLY_FLAGS)
		return error_set(reterr, -EINVAL, "options: flags 0x%" PRIx32 " are not all known",
				 settings->flags);
	if (settings->reserved != 0)
		return error_set(reterr, -EINVAL, "options: reserved is not 0");
	return 0;
}

/* The arguments that lcp_apply() and lcp_process_check() have in common. */
static int check_apply(const char *function, const struct lcp_process *process,
		       struct lcp_kpatch *const *patches, uint32_t count,
		       const struct lcp_apply_options *options, struct lcp_apply_options *settings,
		       struct lcp_error **reterr)
{
	if (process == NULL || patches == NULL)
		return api_null(reterr, function, process == NULL ? "process" : "patches");
	if (count == 0 || count > PATCHES_MAX)
		return error_set(reterr, -EINVAL, "%s: count is %" PRIu32, function, count);
	for (uint32_t i = 0; i < count; i++)
		if (patches[i] == NULL)
			return error_set(reterr, -EINVAL, "%s: patch %" PRIu32 " is NULL", function,
					 i);
	return check_options(options, settings, reterr);
}

EXPORT int32_t lcp_apply(struct lcp_process *process, struct lcp_kpatch **patches, uint32_t count,
			 const struct lcp_apply_options *options, struct lcp_report **ret,
			 struct lcp_error **reterr)
{
	struct lcp_apply_options settings = { 0 };
	int r;

	r = check_apply(__func__, process, patches, count, options, &settings, reterr);
	return r < 0 ? r : apply(process, patches, count, &settings, ret, reterr);
}

EXPORT int32_t lcp_process_check(struct lcp_process *process, struct lcp_kpatch **patches,
				 uint32_t count, const struct lcp_apply_options *options,
				 struct lcp_report **ret, struct lcp_error **reterr)
{
	struct lcp_apply_options settings = { 0 };
	int r;

	if (ret == NULL)
		return api_null(reterr, __func__, "ret");
	r = check_apply(__func__, process, patches, count, options, &settings, reterr);
	return r < 0 ? r : apply_check(process, patches, count, &settings, ret, reterr);
}

EXPORT int32_t lcp_revert(struct lcp_process *process, const char *id,
			  const struct lcp_apply_options *options, struct lcp_report **ret,
			  struct lcp_error **reterr)
{
	struct lcp_apply_options settings = { 0 };
	int r;

	if (process == NULL || id == NULL)
		return api_null(reterr, __func__, process == NULL ? "process" : "id");
	r = check_options(options, &settings, reterr);
	return r < 0 ? r : revert(process, id, &settings, ret, reterr);
}

EXPORT void lcp_report_free(struct lcp_report *report)
{
	result_free(report);
}

EXPORT uint32_t lcp_report_outcome(const struct lcp_report *report)
{
	return report != NULL ? report->outcome : 0;
}

EXPORT uint64_t lcp_report_stop_ns(const struct lcp_report *report)
{
	return report != NULL ? report->stop_ns : 0;
}

EXPORT uint32_t lcp_report_attempts(const struct lcp_report *report)
{
	return report != NULL ? report->attempts : 0;
}

EXPORT uint32_t lcp_report_function_count(const struct lcp_report *report)
{
	return report != NULL ? report->functions : 0;
}

EXPORT uint32_t lcp_report_unguarded(const struct lcp_report *report)
{
	return report != NULL ? report->unguarded : 0;
}

EXPORT uint64_t lcp_report_memory(const struct lcp_report *report)
{
	return report != NULL ? report->memory : 0;
}

EXPORT uint64_t lcp_report_kept(const struct lcp_report *report)
{
	return report != NULL ? report->kept : 0;
}

EXPORT uint32_t lcp_report_threads(const struct lcp_report *report)
{
	return report != NULL ? report->threads : 0;
}

EXPORT uint32_t lcp_report_reason_count(const struct lcp_report *report)
{
	return report != NULL ? (uint32_t)report->reasons.count : 0;
}

EXPORT const struct lcp_error *lcp_report_reason(const struct lcp_report *report, uint32_t index)
{
	return report != NULL && index < report->reasons.count ? report->reasons.items[index]
							       : NULL;
}

EXPORT int32_t lcp_report_json(const struct lcp_report *report, char **ret)
{
	return report == NULL || ret == NULL ? -EINVAL : result_json(report, ret);
}
