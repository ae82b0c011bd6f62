/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What apply, revert and recovery have in common: rows of the ledger whose entries are to change
 * become what the surgeon does. The plan is made while the process runs and nothing traces it.
 *
 *	plan_init	look at the process and its ledger
 *	plan_join	a record takes part, with the states its slot goes through
 *	...		the caller sets from and to of the rows that change
 *	plan_seal	choose the pivot, make guards, write it all down in the records
 *	plan_run	do it, in the surgeon
 *
 * Rows that do not change have equal from and to.
 */
#ifndef LCP_CORE_PLAN_H
#define LCP_CORE_PLAN_H

#include "core/entry.h"
#include "core/pointers.h"
#include "core/surgery.h"
#include "core/result.h"
#include "core/space.h"

/* A record that takes part. */
struct plan_part {
	struct ledger_record *record;
	struct ledger_chunk *chunk;
	struct ledger_slot *slot;
	/* A new one: all bytes of its slot, from the record on. Otherwise the record's only. */
	uint8_t *bytes;
	uint64_t size;
	bool is_new;
	bool has_journal; /* from, to and the pivot are written into the record, guards are made */
	struct object_table data; /* bytes of a new one's data are written there */
	const uint8_t *data_bytes;
	uint32_t before, during, after; /* states of its slot */
	bool stays; /* its memory is not given back, whatever its state */
};

struct plan {
	struct lcp_process *process;
	struct ledger ledger;
	const struct plan_settings *settings;
	VEC(struct ledger_chunk *) new_chunks;
	VEC(struct plan_part) parts;
	VEC(struct safety_range) ranges; /* that have to be clear */
	VEC(struct safety_table) tables;
	VEC(void *) buffers; /* freed with the plan */
	struct surgery surgery;
	struct safety *safety;
	/*
	 * Where reasons go if all of them are wanted: there may be more than the one that is
	 * returned.
	 */
	struct lcp_report *reasons;
};

/* The caller's options, checked. */
struct plan_settings {
	uint32_t flags; /* LCP_APPLY_* */
	uint32_t attempts;
	uint64_t deadline; /* on the target's clock */
	uint64_t stop_limit_ns;
	const struct pointers
		*pointers; /* of the one record whose memory goes; NULL: see recover.c */
	bool all_reasons; /* do not stop at the first one why something cannot be done */
};

/* Refresh the process and read its ledger. */
int plan_init(struct plan *plan, struct lcp_process *process, const struct plan_settings *settings,
	      struct lcp_error **reterr);
void plan_fini(struct plan *plan);

#define autoplan cleanup(plan_fini)

/* @size zeroed bytes that live as long as the plan; NULL without memory. */
void *plan_alloc(struct plan *plan, size_t size);

/*
 * @error, with code @r, is a reason not to go on: the last one becomes *@reterr, and those before
 * are kept if all are wanted. Returns @r.
 */
int plan_refuse(struct plan *plan, int r, struct lcp_error *error, struct lcp_error **reterr);

/* Where @wish can be had, chunks of this plan considered. */
int plan_find_space(struct plan *plan, const struct space_wish *wish, uint64_t *ret,
		    struct lcp_error **reterr);

/* @chunk is new: it is to be mapped. */
int plan_map(struct plan *plan, struct ledger_chunk *chunk, struct lcp_error **reterr);

/* @chunk, in which nothing is, is to be given back. */
int plan_unmap(struct plan *plan, const struct ledger_chunk *chunk, struct lcp_error **reterr);

int plan_join(struct plan *plan, const struct plan_part *part, struct lcp_error **reterr);

/* [start, end) has to be clear of threads; see struct safety_range. */
int plan_clear(struct plan *plan, uint64_t start, uint64_t end, bool bytes_only, const char *name,
	       struct lcp_error **reterr);

/*
 * All code of a patch has to be. Its constants do not: nothing runs there, and threads keep their
 * addresses in registers long after they used them.
 */
int plan_clear_record(struct plan *plan, const struct ledger_record *record,
		      struct lcp_error **reterr);

/*
 * Make the surgery. What is given back in its end are the slots whose state is then
 * LCP_STATE_REVERTED or LCP_STATE_LOADED.
 */
int plan_seal(struct plan *plan, struct lcp_error **reterr);

/*
 * Run it: 0, -EAGAIN if the plan is out of date, or why not, with who is in the way; and also who
 * was in the way until another doctor took what was loaded, with -EAGAIN. @report gets what came of
 * it.
 */
int plan_run(struct plan *plan, struct lcp_report *report, struct lcp_error **reterr);

#endif
