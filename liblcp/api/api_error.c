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
