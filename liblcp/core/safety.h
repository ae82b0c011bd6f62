/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * May code be switched now? Only if no thread is inside what is replaced, and none will return into
 * it. All that can be prepared is, before the threads stop; the check itself allocates nothing,
 * locks nothing of ours, and parses nothing.
 *
 * 1. Each thread's registers and its stack, as one copy, hold no address of the ranges: clear.
 * 2. Otherwise its stack is unwound, on the copy: only live frames count, and registers that point
 *    into the middle of a range. If the unwinder does not get past the last address found, that
 *    counts; a thread on a stack that is not known to be all it has must be unwound to its start.
 * 3. Where contexts are suspended in other memory (coroutines), that is scanned as well.
 *
 * It is about the objects and mappings that the process had when the check was prepared: prepare it
 * shortly before threads stop, and anew when the process was refreshed.
 */
#ifndef LCP_CORE_SAFETY_H
#define LCP_CORE_SAFETY_H

#include "core/process.h"

/* A range of code that has to be clear. */
struct safety_range {
	uint64_t start;
	uint64_t end;
	/*
	 * Only the instruction a thread is at, and where it returns to, strictly inside the range:
	 * bytes that are overwritten. Otherwise all of the range, return addresses less one.
	 */
	bool bytes_only;
	const char *name; /* of the function; lives as long as the check */
};

/* Unwind tables beyond those of the process's objects: of patches that it holds or gets. */
struct safety_table {
	uint64_t start; /* of the code */
	uint64_t end;
	struct object_table eh_frame_hdr;
	struct object_table eh_frame;
	struct object_table
		around; /* memory with tables of many patches, read as one; size 0: none */
};

/* Words from @first to @last are meant. */
struct safety_span {
	uint64_t first;
	uint64_t last;
};

/* The word at @address points to what is watched; it is in the mapping from @start to @end. */
struct safety_place {
	uint64_t address;
	uint64_t start;
	uint64_t end;
};

#define SAFETY_WATCH_MAX 2

/*
 * Memory that must not be pointed to from any register, nor from what is in use of any stack; nor
 * from places where such words were seen before threads stopped, unless these are below what is in
 * use of a stack.
 */
struct safety_watch {
	struct safety_span spans[SAFETY_WATCH_MAX];
	size_t span_count;
	const struct safety_place *places; /* in mappings that nothing can be right below of */
	size_t place_count;
	/*
	 * The code that is part of it: of return addresses into it those on stacks are left to the
	 * rest of the check, which tells live ones from what calls have left behind.
	 */
	uint64_t code_start;
	const uint8_t *code;
	size_t code_size; /* 0: all words count */
	const char *name; /* as in struct safety_range */
};

#define SAFETY_FRAMES_MAX 32
#define SAFETY_BLOCKERS_MAX 16

struct safety_blocker {
	int32_t tid; /* 0: a suspended context, or memory that was too large to look for one */
	uint64_t pc; /* of the thread */
	uint64_t found; /* the address inside the range; 0 if none was */
	const char *name; /* of the range; NULL if a stack is unknown and nothing was found */
	uint64_t frames[SAFETY_FRAMES_MAX]; /* return addresses, innermost first */
	size_t frame_count;
	bool certain; /* the unwinder saw a live frame; otherwise it could not tell */
};

/* What was looked at, for reports. */
struct safety_counts {
	uint64_t threads;
	uint64_t stack_bytes;
	uint64_t unwound; /* threads that were unwound */
	uint64_t memory_bytes; /* scanned for suspended contexts */
};

struct safety;

#define SAFETY_SCAN_ALL 1 /* look for suspended contexts even if nothing says there are any */

/*
 * Prepare a check of @ranges (copied) in @process. @tables may be NULL. 0, -ENOMEM and what reading
 * the process gives.
 */
int safety_new(const struct lcp_process *process, const struct safety_range *ranges,
	       size_t range_count, const struct safety_table *tables, size_t table_count,
	       uint32_t flags, struct safety **ret, struct lcp_error **reterr);
void safety_free(struct safety *safety);

/* Let the check watch memory as well. @watch lives as long as the check. 0 or -ENOMEM. */
int safety_watch(struct safety *safety, const struct safety_watch *watch,
		 struct lcp_error **reterr);

DEFINE_GUARD(safety, struct safety *, safety_free);
#define autosafety cleanup(safety_guard)

/*
 * With all threads stopped: 0 if all is clear; -LCP_EINUSE, and safety_blockers() says who;
 * -LCP_EGONE. Inside operate(): see target.h. If that was interrupted, the check cannot be used
 * again, only freed: a lock of libunwind's that belongs to it may be held for good.
 */
int safety_check(struct safety *safety, struct target *target);

/* Who was in the way at the last check; more than SAFETY_BLOCKERS_MAX are not listed. */
const struct safety_blocker *safety_blockers(const struct safety *safety, size_t *ret_count);
const struct safety_counts *safety_counts(const struct safety *safety);

/* What it unwinds with; inside operate() only, as safety_check(). */
struct unwinder *safety_unwinder(const struct safety *safety);

#endif
