/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Unwind tables of patches, made known to the process itself: backtrace(3), pthread_cancel(3) and
 * C++ exceptions go by libgcc, which finds the tables of objects, and those it was told of by
 * __register_frame_info(). It takes 48 bytes of our memory for each and allocates nothing for them
 * before version 13; later ones may. Nothing is told where no libgcc is loaded.
 *
 * Telling it to forget a table it does not know ends the process (gcc_assert in unwind-dw2-fde.c),
 * and of one it is told twice its list becomes a ring. So it is a word of memory for each that says
 * what was done, and the thread that does it takes the word away in one instruction (arch->once):
 * at every instant the words say what libgcc knows, or will know when no thread is in its code or
 * ours any more, whether or not a doctor lives to see it.
 */
#ifndef LCP_CORE_FRAMES_H
#define LCP_CORE_FRAMES_H

#include "core/ledger.h"
#include "core/surgery.h"

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

/* The two words of a record's frames. */
#define FRAMES_WORDS_SIZE (LEDGER_FRAMES_SIZE - LEDGER_FRAMES_TELL)

/* The words of a record that libgcc was told nothing of. */
void frames_words(const struct frames *frames, uint8_t *ret);

/* Does libgcc know of @record, whose words are @words, once no thread is on its way? */
bool frames_known(const struct frames *frames, const struct ledger_record *record,
		  const uint8_t *words);

/* What the surgeon needs to have the table of @record told, or forgotten. */
struct surgery_frames frames_call(const struct frames *frames, const struct ledger_record *record);

#endif
