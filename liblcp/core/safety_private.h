/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the parts of the safety check share: the ranges and who points into them (safety_ranges.c),
 * threads (safety.c), suspended contexts (safety_contexts.c), unwind tables (safety_tables.c and
 * safety_frames.c).
 */
#ifndef LCP_CORE_SAFETY_PRIVATE_H
#define LCP_CORE_SAFETY_PRIVATE_H

#include "core/safety.h"
#include "target/unwind.h"

/*
 * What is read of a stack. glibc makes threads with stacks as large as the limit of the first
 * one's, 8 MiB where nobody asked for more.
 */
#define SAFETY_STACK_MAX (16u << 20)

struct safety_memory {
	uint64_t start;
	uint64_t end;
};

/* All of a thread's stack: it was looked at, and the thread has no other. */
struct safety_stack {
	uint64_t low; /* from here to @end it is in one piece */
	uint64_t end;
	uint64_t gap; /* what is below here is not; 0: not known */
};

struct safety {
	const struct arch *arch;
	uint32_t flags;
	struct safety_range *ranges; /* by start */
	uint8_t **code; /* of each range, its bytes; NULL where contexts are not looked for */
	size_t range_count;
	/* Words in them may be addresses in a range, or return addresses into it. */
	struct safety_span *spans; /* the ranges as spans, by address; none touches another */
	size_t span_count;
	uint64_t main_stack_end; /* of the first thread's stack; 0 if not known */

	bool contexts; /* some may be suspended in @memory */
	bool too_large; /* and it cannot be scanned in time */
	struct safety_memory *memory;
	size_t memory_count;
	const struct safety_watch *watch; /* or NULL */
	struct safety_range watched; /* no range, a name for blockers */
	struct safety_stack *stacks; /* room for @stack_room threads */
	size_t stack_count, stack_room;

	struct unwinder *unwinder;
	uint8_t **tables; /* bytes of unwind tables, which the unwinder refers to */
	size_t table_count;
	uint8_t *buffer; /* SAFETY_STACK_MAX and a red zone, mapped; touched as far as stacks go */

	struct safety_blocker blockers[SAFETY_BLOCKERS_MAX];
	size_t blocker_count;
	struct safety_counts counts;
};

/* How an address is meant. */
enum safety_use {
	SAFETY_PC, /* the instruction there is executed next */
	SAFETY_RETURN, /* the call in front of it is executed */
	SAFETY_EITHER,
	SAFETY_MIDDLE, /* whatever it is, it is where no function begins or has ended */
};

int safety_ranges_init(struct safety *safety, const struct safety_range *ranges, size_t count,
		       struct lcp_error **reterr);
void safety_ranges_fini(struct safety *safety);

/* The first range that @address is in, used in that way; NULL. */
const struct safety_range *safety_range_at(const struct safety *safety, uint64_t address,
					   enum safety_use use);

/* The offset of the first word at or behind @offset that may point into a range; @size if none. */
size_t safety_find_word(const struct safety *safety, const uint8_t *bytes, size_t offset,
			size_t size);

/* Room for the stacks that are known whole. 0 or -ENOMEM. */
int safety_stacks_init(struct safety *safety, struct lcp_error **reterr);

/* The registers of @thread and its stack, and the places: whoever points to what is watched. */
void safety_watch_thread(struct safety *safety, const struct target_thread *thread,
			 const struct unwind_copy *stack);
void safety_watch_places(struct safety *safety);

/* Suspended contexts: 0; a failure to read. */
int safety_contexts_init(struct safety *safety, const struct lcp_process *process,
			 struct lcp_error **reterr);
void safety_contexts_fini(struct safety *safety);
void safety_contexts_check(struct safety *safety, struct target *target);

/* The unwinder, with the tables of all objects and @tables. */
int safety_tables_init(struct safety *safety, const struct lcp_process *process,
		       const struct safety_table *tables, size_t count, struct lcp_error **reterr);

void safety_tables_fini(struct safety *safety);

/* A pair of an index as in .eh_frame_hdr, both relative to the index's base. */
struct safety_pair {
	int32_t function;
	int32_t entry;
};

struct safety_pairs {
	struct safety_pair *items;
	size_t count;
	size_t room;
};

/*
 * Append the entries of .eh_frame that are somewhere in the @size bytes that are at @address and
 * tell of code of @object; relative to @base. 0 or -ENOMEM.
 */
int safety_frames_find(const struct object *object, uint64_t base, uint64_t address,
		       const uint8_t *bytes, size_t size, struct safety_pairs *ret);

/* A blocker to be filled in, or NULL if there are more than are listed. */
struct safety_blocker *safety_block(struct safety *safety, int32_t tid, uint64_t pc,
				    const struct safety_range *range, uint64_t found, bool certain);

#endif
