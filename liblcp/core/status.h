/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What patches a process holds, as its ledger says, without stopping it.
 */
#ifndef LCP_CORE_STATUS_H
#define LCP_CORE_STATUS_H

#include "core/ledger.h"

struct status_patch {
	struct ledger_record *record;
	uint32_t state; /* LCP_STATE_* */
	bool in_force;
	uint64_t memory; /* bytes of it in the process */
};

struct lcp_status {
	int32_t pid;
	uint64_t start_time;
	struct ledger ledger; /* holds the records */
	struct status_patch *patches; /* in the order in which they were applied */
	size_t patch_count;
};

int status_read(struct lcp_process *process, struct lcp_status **ret, struct lcp_error **reterr);
void status_free(struct lcp_status *status);

DEFINE_GUARD(status, struct lcp_status *, status_free);
#define autostatus_patches cleanup(status_guard)

/* "loaded", "applied": the words for LCP_STATE_*. */
const char *status_state_name(uint32_t state);

/* See lcp_query_json(); the caller frees *@ret. */
int status_json(const struct lcp_status *status, char **ret);

#endif
