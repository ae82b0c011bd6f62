/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The safety check of a victim, from outside: stop it, look, let it go on.
 */
#ifndef LCP_TESTS_LOOK_H
#define LCP_TESTS_LOOK_H

#include "core/safety.h"
#include "victim.h"

struct look {
	int r; /* what the last check returned; what failed before */
	size_t count; /* of blockers, and the first */
	struct safety_blocker blocker;
	struct safety_counts counts;
	unsigned int asked; /* how often memory was asked for meanwhile */
	uint64_t ns; /* the shortest check */
};

/*
 * Check @range in so many stops. Neither may be on a stack if the victim is a fork of the test: it
 * inherits what is there.
 */
void look_at(const struct victim *victim, const struct safety_range *range, uint32_t flags,
	     unsigned int stops, struct look *ret);

#endif
