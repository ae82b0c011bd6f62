/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one function that takes in option structs, whose layout grows with the versions.
 */
#ifndef LCP_BASE_OPTIONS_H
#define LCP_BASE_OPTIONS_H

#include <stddef.h>

#include <lcp/error.h>

/*
 * Copy the caller's option struct @from, whose first member is its size as a uint32_t, over @to of
 * @size bytes, which is ours; a NULL @from means all defaults. Members the caller does not know
 * become 0.
 *
 * 0; -EINVAL if the struct is shorter than the @first_size it had when it came; -E2BIG if it is
 * longer than ours and what we do not know of it is not all zero.
 */
int options_take_in(const void *from, void *to, size_t size, size_t first_size,
		    struct lcp_error **reterr);

#endif
