/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/api.h"

#define STRING(number) #number
#define VERSION_STRING(major, minor, patch) STRING(major) "." STRING(minor) "." STRING(patch)

EXPORT const char *lcp_version(void)
{
	return VERSION_STRING(LCP_VERSION_MAJOR, LCP_VERSION_MINOR, LCP_VERSION_PATCH);
}

EXPORT uint32_t lcp_version_number(void)
{
	return LCP_VERSION_MAJOR << 16 | LCP_VERSION_MINOR << 8 | LCP_VERSION_PATCH;
}
