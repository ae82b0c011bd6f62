/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Unwind tables of patches, made known to the process itself: backtrace(3), pthread_cancel(3) and
 * C++ exceptions go by libgcc, which finds the tables of objects, and those it was told of by
 * __register_frame_info(). It takes 48 bytes of our memory for each and allocates nothing for them
 * before version 13; later ones may. Nothing is told where no libgcc is loaded.
 *
 * Telling it to forget a table it does not know ends the process (gcc_assert in unwind-dw2-fde.c).
 * So what is known is seen in those bytes, and a doctor that begins to have a table forgotten says
 * so in the ledger first: if it dies then, nobody tries again, and the patch's memory stays.
 */
#ifndef LCP_CORE_FRAMES_H
#define LCP_CORE_FRAMES_H

#include "core/ledger.h"
#include "core/surgery.h"

/* Memory for what libgcc keeps of a table: six words, and one that newer versions add. */
#define FRAMES_OBJECT_SIZE 64

/* libgcc in a process. */
struct frames {
	uint64_t tell; /* __register_frame_info(); 0: there is none */
	uint64_t forget; /* __deregister_frame_info() */
	struct target_avoid avoid[TARGET_AVOID_MAX]; /* code whose locks it takes; libgcc's first */
};

/* For telling, or for forgetting too, which frees memory and so must not interrupt malloc(). */
int frames_find(struct lcp_process *process, bool forgets, struct frames *ret,
		struct lcp_error **reterr);

/* The same for a program without libraries, by the symbol table of its file. */
int frames_find_in_file(struct lcp_process *process, struct frames *ret, struct lcp_error **reterr);

enum frames_state {
	FRAMES_NONE, /* libgcc knows nothing of the record */
	FRAMES_KNOWN,
	FRAMES_DOUBT, /* perhaps */
};

/* What libgcc knows of @record, now. */
int frames_state(const struct lcp_process *process, const struct frames *frames,
		 const struct ledger_record *record, enum frames_state *ret,
		 struct lcp_error **reterr);

/* The call that has the table of @record told, or forgotten. */
struct surgery_frames frames_call(const struct frames *frames, const struct ledger_record *record);

#endif
