/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/options.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"

/* No struct of ours will get there: a larger size was never initialised. */
#define OPTIONS_SIZE_MAX 4096

int options_take_in(const void *from, void *to, size_t size, size_t first_size,
		    struct lcp_error **reterr)
{
	const uint8_t *bytes = from;
	uint32_t given, ours = (uint32_t)size;

	memset(to, 0, size);
	memcpy(to, &ours, sizeof(ours));
	if (from == NULL)
		return 0;

	memcpy(&given, from, sizeof(given));
	if (given < first_size)
		return error_set(reterr, -EINVAL, "options: size %" PRIu32 " is too small", given);
	if (given > OPTIONS_SIZE_MAX)
		return error_set(reterr, -E2BIG, "options: size %" PRIu32 " is too large", given);
	for (size_t i = size; i < given; i++)
		if (bytes[i] != 0)
			return error_set(
				reterr, -E2BIG,
				"options: byte %zu is set, but this version knows only %zu", i,
				size);

	memcpy((uint8_t *)to + sizeof(given), bytes + sizeof(given),
	       (given < size ? given : size) - sizeof(given));
	return 0;
}
