/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/api.h"

#include <stdlib.h>

EXPORT void lcp_error_free(struct lcp_error *error)
{
	error_free(error);
}

EXPORT int32_t lcp_error_code(const struct lcp_error *error)
{
	return error != NULL ? error->code : 0;
}

EXPORT const char *lcp_error_message(const struct lcp_error *error)
{
	return error != NULL ? error->message : NULL;
}

EXPORT int32_t lcp_error_errno(const struct lcp_error *error)
{
	return error != NULL ? error->saved_errno : 0;
}

EXPORT const char *lcp_error_path(const struct lcp_error *error)
{
	return error != NULL ? error->path : NULL;
}

EXPORT uint32_t lcp_error_blocker_count(const struct lcp_error *error)
{
	return error != NULL ? (uint32_t)error->blocker_count : 0;
}

/* NULL if there is no such blocker. */
static const struct error_blocker *blocker_at(const struct lcp_error *error, uint32_t index)
{
	return error != NULL && index < error->blocker_count ? &error->blockers[index] : NULL;
}

EXPORT int32_t lcp_error_blocker_tid(const struct lcp_error *error, uint32_t index)
{
	const struct error_blocker *blocker = blocker_at(error, index);

	return blocker != NULL ? blocker->tid : 0;
}

EXPORT uint64_t lcp_error_blocker_pc(const struct lcp_error *error, uint32_t index)
{
	const struct error_blocker *blocker = blocker_at(error, index);

	return blocker != NULL ? blocker->pc : 0;
}

EXPORT const char *lcp_error_blocker_function(const struct lcp_error *error, uint32_t index)
{
	const struct error_blocker *blocker = blocker_at(error, index);

	return blocker != NULL ? blocker->function : NULL;
}

EXPORT const char *lcp_error_blocker_frame(const struct lcp_error *error, uint32_t index,
					   uint32_t which)
{
	const struct error_blocker *blocker = blocker_at(error, index);

	return blocker != NULL && which < blocker->frame_count ? blocker->frames[which] : NULL;
}

EXPORT int32_t lcp_error_json(const struct lcp_error *error, char **ret)
{
	if (error == NULL || ret == NULL)
		return -EINVAL;
	return error_json(error, ret);
}

EXPORT const char *lcp_error_name(int32_t code)
{
	return error_name(code);
}

EXPORT void lcp_string_free(char *string)
{
	free(string);
}
