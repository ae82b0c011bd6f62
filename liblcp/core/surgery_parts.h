/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parts of a surgery: they are called by surgery_run(), or by each other. Unless it is said
 * otherwise they give 0 or what an operation of the target gives.
 */
#ifndef LCP_CORE_SURGERY_PARTS_H
#define LCP_CORE_SURGERY_PARTS_H

#include "core/surgery.h"

static inline uint64_t surgery_now(const struct surgery *surgery)
{
	return surgery->target->ops->now(surgery->target);
}

int surgery_put(const struct surgery *surgery, uint64_t address, const void *bytes, size_t size);

/* Are @size bytes at @address those? 0; -EAGAIN if not, or if nothing is there any more. */
int surgery_compare(const struct surgery *surgery, uint64_t address, const uint8_t *bytes,
		    size_t size);

/* Is what the plan rests on as it was, or of that, what matters while all threads stand still? */
int surgery_check_expects(struct surgery *surgery, bool stopped);

/* Are all entries as they were, or as they are to be? */
int surgery_check_entries(const struct surgery *surgery, bool changed);

/*
 * All threads stand still: is the process as the plan found it, and every entry? A debugger may
 * have come since.
 */
int surgery_check_all(struct surgery *surgery);

int surgery_load(struct surgery *surgery);

/* Take back what surgery_load() did, as far as it came. */
void surgery_unload_undo(const struct surgery *surgery);

int surgery_unload(const struct surgery *surgery, const struct surgery_unload *unload);

/* All threads stand still, and none is in the way. */
int surgery_switch(struct surgery *surgery);

#endif
