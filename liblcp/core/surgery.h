/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the surgeon does to a process, as a list that the plan has made: everything that can be
 * decided is decided, everything that can be computed is bytes. It knows nothing of patches.
 *
 *	expect	is the process still as the plan found it? Otherwise the plan is out of date
 *	load	map memory, write it, tell libgcc of unwind tables; nothing runs it yet
 *	switch	all threads stand still: check, change all entries as one, mark it in the ledger
 *	unload	forget unwind tables, free slots, unmap memory: what is no longer needed after the
 *		switch; or, if there was none, what load had put there
 *
 * The changes of one surgery are whole at every instant, even if the surgeon is killed:
 *
 *	entries of all changes    the pivot's    what runs
 *	from                      from           old
 *	to guards, one by one     from           old: guards see the pivot
 *	to guards                 to             new: this one write commits
 *	to, one by one            to             new
 *
 * The pivot is the first change. A change without a guard is written right behind the pivot; there
 * is none in most (see arch->move).
 */
#ifndef LCP_CORE_SURGERY_H
#define LCP_CORE_SURGERY_H

#include "base/vec.h"
#include "core/ledger.h"
#include "core/safety.h"

struct surgery_write {
	uint64_t address;
	const uint8_t *bytes;
	size_t size;
};

/* What the plan rests on: these bytes are there (NULL: any), and once load is done those. */
struct surgery_expect {
	uint64_t address;
	size_t size; /* LEDGER_ENTRY_MAX at most */
	const uint8_t *bytes; /* NULL: before load nothing is */
	const uint8_t *loaded;
	bool stopped; /* looked at once more when all threads stand still */
};

/*
 * Memory to map: @size bytes, readable and executable, of which the last @data_size, if any, are
 * then made writable instead. @header is written first of all, so that a doctor who comes later
 * knows whose the memory is, if this one dies.
 */
struct surgery_map {
	uint64_t address;
	uint64_t size;
	uint64_t data_size;
	const uint8_t *header;
	size_t header_size;
	uint64_t name; /* address of its name in the header; 0: it gets none */
	bool done;
};

struct surgery_change {
	uint64_t entry;
	uint32_t size;
	bool has_guard;
	uint8_t from[LEDGER_ENTRY_MAX];
	uint8_t guarded[LEDGER_ENTRY_MAX];
	uint8_t to[LEDGER_ENTRY_MAX];
};

/* The state of a slot: a word in the ledger. */
struct surgery_mark {
	uint64_t address;
	uint32_t before; /* what it is, and will be if the switch is rolled back */
	uint32_t during;
	uint32_t after;
};

/* An unwind table that libgcc is told of, or that it forgets: see struct ledger_frames. */
struct surgery_frames {
	uint64_t table;
	uint64_t object;
	uint64_t once;
	struct target_avoid avoid[TARGET_AVOID_MAX];
};

struct surgery_unload {
	VEC(struct surgery_frames) frames;
	VEC(struct surgery_write) writes;
	VEC(struct surgery_write) stamps; /* made whatever else fails */
	VEC(struct object_table) unmaps;
};

struct surgery {
	struct target *target;
	struct safety *safety;
	uint64_t deadline; /* on the target's clock */
	uint32_t attempts_max; /* 0: no limit */
	uint64_t stop_limit_ns; /* 0: no limit */
	bool dry_run; /* stop and check, and that is all */

	VEC(struct surgery_expect) expects;
	VEC(struct surgery_map) maps;
	VEC(struct surgery_write)
	writes; /* in this order: contents first, then what makes them known */
	VEC(struct surgery_frames) frames;
	VEC(struct surgery_change) changes;
	VEC(struct surgery_mark) marks;
	struct surgery_unload after; /* if the switch was done */
	struct surgery_unload
		undo; /* if it was not, but load was; what load told is forgotten, too */

	/* What came of it. */
	uint32_t attempts;
	uint64_t stop_ns;
	size_t thread_count;
	bool held;
	bool loaded;
	/*
	 * Between two attempts the process is let go of, and another doctor takes what is loaded
	 * for what a dead one left: what is there now is not ours to use, nor to give back.
	 */
	bool lost;
	bool in_use; /* an attempt before the last one found threads in the way */
	bool switched;
};

void surgery_fini(struct surgery *surgery);

/*
 * Do it: 0; -EAGAIN if the plan is out of date, and then no entry was changed; or why not, as the
 * functions of target.h say, with the target's fault set; -LCP_EINUSE if threads were in the way
 * all the time. Unless it is -LCP_EDAMAGED, on failure the process's code is as before.
 */
int surgery_run(struct surgery *surgery);

#endif
