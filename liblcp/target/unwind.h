/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How a stopped thread got where it is: its frames, one after the other, from registers and copies
 * of its memory, by the unwind tables of the code (.eh_frame). It knows where tables are because it
 * is told; it guesses nothing: code without a table ends the walk.
 *
 * Everything is made before threads stop. A walk allocates nothing, ends after a bounded number of
 * frames, each of which reads a bounded number of words.
 */
#ifndef LCP_TARGET_UNWIND_H
#define LCP_TARGET_UNWIND_H

#include "base/cleanup.h"
#include "target/target.h"

/* Memory of the process that was read before; not copied. */
struct unwind_copy {
	uint64_t address;
	uint64_t size;
	const uint8_t *bytes;
};

/*
 * Code and its unwind table. @index are pairs of 32-bit numbers, relative to @base: where a
 * function begins and where its entry of .eh_frame is; sorted, as in .eh_frame_hdr.
 */
struct unwind_table {
	uint64_t start; /* of the code */
	uint64_t end;
	uint64_t base;
	uint64_t index; /* in the process, or in a copy */
	uint64_t count; /* pairs */
};

struct unwinder;

/* Tables and copies are copied; the bytes of copies are not: they live as long. 0 or -ENOMEM. */
int unwinder_new(const struct arch *arch, const struct unwind_table *tables, size_t table_count,
		 const struct unwind_copy *copies, size_t copy_count, struct unwinder **ret,
		 struct lcp_error **reterr);
void unwinder_free(struct unwinder *unwinder);

DEFINE_GUARD(unwinder, struct unwinder *, unwinder_free);
#define autounwinder cleanup(unwinder_guard)

enum unwind_result {
	UNWIND_FRAME, /* there is a frame */
	UNWIND_START, /* the frame before was where the thread began */
	UNWIND_CUT, /* it cannot be told */
};

struct unwind_frame {
	uint64_t pc; /* of the innermost frame and of one that a signal interrupted */
	uint64_t sp; /* frames further out are above it, unless they are on another stack */
	bool is_return; /* pc is where a call returns to, so the call is in front of it */
};

/* Memory may have changed since the last walk: the threads were running. */
void unwinder_forget(struct unwinder *unwinder);

/* Begin a walk at the registers of @thread, with a copy of its stack. */
void unwinder_begin(struct unwinder *unwinder, struct target *target,
		    const struct target_thread *thread, const struct unwind_copy *stack);

/* The next frame, innermost first. */
enum unwind_result unwinder_next(struct unwinder *unwinder, struct unwind_frame *ret);

#endif
