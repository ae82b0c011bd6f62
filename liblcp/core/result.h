/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reports: what an apply, a revert or a check did. Numbers are added up by the plans that it took.
 */
#ifndef LCP_CORE_RESULT_H
#define LCP_CORE_RESULT_H

#include <stdbool.h>

#include <lcp/apply.h>

#include "base/cleanup.h"
#include "base/vec.h"

struct lcp_report {
	uint32_t outcome; /* LCP_OUTCOME_*; 0: the patches cannot be applied */
	uint32_t attempts;
	uint32_t functions;
	uint32_t unguarded; /* of them, see lcp_report_unguarded() */
	uint32_t threads;
	uint64_t stop_ns;
	uint64_t memory;
	bool leaves; /* a patch went whose memory may be pointed to */
	uint64_t kept; /* of patches that are out, since the process may point to it */
	uint64_t stack_bytes;
	uint64_t unwound;
	uint64_t scanned_bytes;
	uint64_t searched_bytes; /* for pointers to what is out */
	VEC(struct lcp_error *) reasons;
};

void result_free(struct lcp_report *report);

DEFINE_GUARD(result, struct lcp_report *, result_free);
#define autoresult cleanup(result_guard)

/* "applied", "already-applied": the words for LCP_OUTCOME_*; NULL for 0. */
const char *result_outcome_name(uint32_t outcome);

/* See lcp_report_json(); the caller frees *@ret. */
int result_json(const struct lcp_report *report, char **ret);

#endif
