/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ledger: what a process's own memory says of the patches in it. It is found by looking at the
 * process's mappings, inherited by fork, gone with exec, and needs no file.
 *
 * Patches live in chunks: private anonymous memory, readable and executable, never writable (it is
 * written from outside); behind it is memory for their writable data. A chunk begins with a header
 * and a table of slots; each slot that is in use holds a record, guards, and the patch's code. What
 * is read is hostile: a process may have anything there. A record that was read is proven: what it
 * points to lies in its slot.
 *
 *	header	LEDGER_CHUNK_*	magic, own address, size, generation
 *	slots	LEDGER_SLOT_*	place, size and state of each record, and a hash of its id
 *	record	LEDGER_RECORD_*	one patch on one object
 *	rows	LEDGER_ROW_*	its functions: what was at the entry, what is, what will be
 *	strings
 *	guards	ARCH_GUARD_MAX bytes a row; and moved beginnings of functions
 *	once	how libgcc is told of the unwind table, and made to forget it
 *	text	the patch's image, at the record's text address
 */
#ifndef LCP_CORE_LEDGER_H
#define LCP_CORE_LEDGER_H

#include <lcp/apply.h>

#include "base/hash.h"
#include "core/process.h"

#define LEDGER_MAGIC "lcpledgr"
#define LEDGER_VERSION 1

/* A chunk for many small patches; one that needs more gets its own. */
#define LEDGER_CHUNK_SIZE ((uint64_t)256 << 10)
#define LEDGER_DATA_SIZE ((uint64_t)64 << 10)
#define LEDGER_CHUNK_MAX ((uint64_t)1 << 30)

/* Of a chunk's header: offsets. */
#define LEDGER_CHUNK_MAGIC 0
#define LEDGER_CHUNK_VERSION 8
#define LEDGER_CHUNK_RESERVED 12
#define LEDGER_CHUNK_ADDRESS 16
#define LEDGER_CHUNK_BYTES 24
#define LEDGER_CHUNK_DATA_BYTES 32
#define LEDGER_CHUNK_GENERATION 40
#define LEDGER_CHUNK_NAME 48
#define LEDGER_CHUNK_NAME_SIZE 80 /* the kernel's limit, with the NUL */
#define LEDGER_CHUNK_SLOTS 128

#define LEDGER_SLOT_STATE 0
#define LEDGER_SLOT_OFFSET 4
#define LEDGER_SLOT_BYTES 8
#define LEDGER_SLOT_DATA_OFFSET 12
#define LEDGER_SLOT_DATA_BYTES 16
#define LEDGER_SLOT_KEY 24
#define LEDGER_SLOT_SIZE 32

#define LEDGER_SLOT_COUNT 252
#define LEDGER_HEADER_SIZE (LEDGER_CHUNK_SLOTS + LEDGER_SLOT_COUNT * LEDGER_SLOT_SIZE)

/* Slots begin at multiples of it, and so do the texts in them. */
#define LEDGER_ALIGN 64

#define LEDGER_ENTRY_MAX ARCH_BRANCH_MAX

#define LEDGER_FUNCTIONS_MAX 65536
#define LEDGER_CHUNKS_MAX 4096

/*
 * One function of a patch. Bytes of an entry are @size long: @pristine are the object's own, @from
 * those before the switch that is under way and @to those after it. @from and @to are equal for a
 * row that the switch does not touch.
 */
struct ledger_row {
	uint64_t address; /* of the row itself */
	uint64_t entry; /* 0: a function that is new */
	uint32_t old_size;
	uint32_t new_size;
	uint64_t new_address; /* 0: the function is removed */
	uint64_t moved; /* its old beginning, moved; 0: that could not be done */
	uint32_t moved_size;
	uint32_t flags; /* LEDGER_ROW_* */
	uint32_t size; /* 0: nothing is written there */
	uint64_t guard; /* room for its guard; 0: none */
	uint8_t pristine[LEDGER_ENTRY_MAX];
	uint8_t from[LEDGER_ENTRY_MAX];
	uint8_t to[LEDGER_ENTRY_MAX];
	uint32_t name_offset; /* in the record's strings */
	char *name;
};

#define LEDGER_ROW_PART 1 /* nothing is written over it: see is_part of struct kpatch_function */
#define LEDGER_ROW_STACKED 2 /* another patch was on the function before */

#define LEDGER_ROW_SIZE 128

/* The entry whose write commits a switch: the same in all records of one switch. */
struct ledger_pivot {
	uint64_t entry;
	uint32_t size;
	uint8_t from[LEDGER_ENTRY_MAX];
	uint8_t to[LEDGER_ENTRY_MAX];
};

/*
 * What libgcc is told of, in writable memory: its own record of a table, and behind that two words,
 * with the addresses of the functions that tell it and make it forget. The thread that goes to one
 * of them zeroes its word (arch->once), so the words say what libgcc knows.
 */
struct ledger_frames {
	uint64_t object; /* 0: there is none */
	uint64_t once; /* a copy of arch->once */
	uint64_t forget; /* the second word as it was at first: which libgcc it was */
};

#define LEDGER_FRAMES_TELL 64 /* libgcc's record has six words, and one more in newer versions */
#define LEDGER_FRAMES_FORGET 72
#define LEDGER_FRAMES_SIZE 80

/*
 * Addresses of what is in it may be anywhere in the process: when it is out, its memory is given
 * back only if no word points there (core/pointers.h).
 */
#define LEDGER_RECORD_HANDS_OUT 1

struct ledger_record {
	uint64_t address; /* of the slot */
	uint64_t bytes; /* of the slot */
	uint64_t sequence; /* when: the newest of two patches on a function has the higher one */
	uint64_t bias; /* of its object */
	struct object_table text;
	uint64_t code_size; /* of the text, from its beginning; what is behind it is never run */
	struct object_table data; /* size 0: none */
	struct object_table eh_frame;
	struct object_table eh_frame_hdr;
	struct ledger_frames frames;
	struct ledger_pivot pivot;
	uint32_t level;
	uint32_t flags; /* LEDGER_RECORD_* */
	uint8_t digest[SHA256_SIZE];
	char *id;
	char *build_id;
	char *target; /* name of the object */
	char *description;
	struct ledger_row *rows;
	size_t row_count;
};

struct ledger_slot {
	uint32_t state; /* LCP_STATE_*; 0: free */
	uint32_t offset; /* in the chunk */
	uint32_t bytes;
	uint32_t data_offset; /* in the chunk's data */
	uint32_t data_bytes;
	uint64_t key;
	struct ledger_record *record; /* once it was read */
};

struct ledger_chunk {
	uint64_t address;
	uint64_t bytes; /* its data is behind them */
	uint64_t data_bytes;
	uint64_t generation; /* another one after each change of the table */
	char name[LEDGER_CHUNK_NAME_SIZE]; /* of the memory, as /proc/PID/maps shows it */
	struct ledger_slot *slots; /* LEDGER_SLOT_COUNT of them */
};

struct ledger {
	struct ledger_chunk *chunks; /* by address */
	size_t count;
};

/*
 * Find the chunks of a process. 0; -LCP_EGONE, -EPERM, -ENOMEM. What only looks like one is none.
 */
int ledger_read(const struct lcp_process *process, struct ledger *ret, struct lcp_error **reterr);
void ledger_fini(struct ledger *ledger);

#define autoledger cleanup(ledger_fini)

/* The hash of an id. */
uint64_t ledger_key(const char *id);

/*
 * The record of a slot, read when it is first asked for. -LCP_EFORMAT if there is none to be read.
 */
int ledger_record(const struct lcp_process *process, const struct ledger_chunk *chunk,
		  struct ledger_slot *slot, struct ledger_record **ret, struct lcp_error **reterr);
void ledger_record_free(struct ledger_record *record);

/*
 * What all records of @chunk begin with: one of no rows and texts for each slot, with address 0
 * for those that cannot be read. The caller frees them. NULL if there is no memory.
 */
struct ledger_record *ledger_heads(const struct lcp_process *process,
				   const struct ledger_chunk *chunk);

/* Bytes of @chunk up to the end of its last slot. */
uint64_t ledger_extent(const struct ledger_chunk *chunk);

/*
 * Which of the slots, by number, hold the oldest applied record of an object, or one of which that
 * cannot be told; NULL if nothing can. The process remembers it until the chunk is of another
 * generation.
 */
const bool *ledger_oldest(struct lcp_process *process, const struct ledger_chunk *chunk);
void ledger_seen_free(struct ledger_seen *seen);

/*
 * An object that was closed took its patches with it, and if it was opened again, perhaps at the
 * same place, it has its own code. Is @record, which says it is applied, one of those?
 */
int ledger_is_void(const struct lcp_process *process, const struct ledger_record *record, bool *ret,
		   struct lcp_error **reterr);

/* The chunk and slot that @address lies in, or NULL. */
struct ledger_slot *ledger_slot_at(const struct ledger *ledger, uint64_t address,
				   struct ledger_chunk **ret_chunk);

/* The row of @record for @entry, or NULL. */
struct ledger_row *ledger_row_of(const struct ledger_record *record, uint64_t entry);

/* Address of a slot in its chunk's table. */
uint64_t ledger_slot_address(const struct ledger_chunk *chunk, const struct ledger_slot *slot);

/* Bytes that a record takes, without guards and text. */
uint64_t ledger_record_size(const struct ledger_record *record);

/* Write the record into @bytes, which has that many. */
void ledger_record_put(const struct ledger_record *record, uint8_t *bytes);
void ledger_row_put(const struct ledger_row *row, uint8_t *bytes); /* LEDGER_ROW_SIZE of them */

/* The header of a new chunk, without slots: LEDGER_HEADER_SIZE bytes. */
void ledger_header_put(const struct ledger_chunk *chunk, uint8_t *bytes);
void ledger_slot_put(const struct ledger_slot *slot, uint8_t *bytes);

#endif
