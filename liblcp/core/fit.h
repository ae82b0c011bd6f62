/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A patch fitted to one object of a process: its functions compared with what is there, room found,
 * its image made, all of it written down as a new record of the ledger.
 */
#ifndef LCP_CORE_FIT_H
#define LCP_CORE_FIT_H

#include "core/frames.h"
#include "core/image.h"
#include "core/plan.h"
#include "format/kpatch.h"

struct fit {
	const struct lcp_kpatch *patch;
	const struct object *object;
	struct ledger_record *record;
	struct image_size size;
	struct image image;
	struct frames frames;
	struct entry_code *functions; /* the old ones as the object has them, by number */
	struct plan_part part;
};

/* By which a patch is applied and reverted. Classic files of one format have none: the build-id. */
const char *fit_id(const struct lcp_kpatch *patch);

/* Fit fit->patch to fit->object, as a part of @plan. @sequence: see struct ledger_record. */
int fit_make(struct plan *plan, struct fit *fit, uint64_t sequence, struct lcp_error **reterr);
void fit_fini(struct fit *fit);

#endif
