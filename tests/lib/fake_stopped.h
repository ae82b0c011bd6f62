/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A process that is only memory and registers, for tests of what reads them: arrays that say they
 * are at some address, threads that stand where they are put. Nothing can be written or called.
 */
#ifndef LCP_TESTS_FAKE_STOPPED_H
#define LCP_TESTS_FAKE_STOPPED_H

#include "core/process.h"

#define FAKE_PIECES_MAX 16
#define FAKE_THREADS_MAX 32

struct fake_piece {
	uint64_t address;
	size_t size;
	uint8_t *bytes;
};

struct fake_stopped {
	struct target target;
	struct lcp_process process;
	struct fake_piece pieces[FAKE_PIECES_MAX];
	size_t piece_count;
	struct target_thread threads[FAKE_THREADS_MAX];
	bool gone; /* the process has ended */
	size_t reads; /* calls of read() and read_some() */
};

/* An x86-64 process with these mappings, in which nothing is yet. It must not be moved. */
void fake_stopped_init(struct fake_stopped *fake, const char *maps);
void fake_stopped_fini(struct fake_stopped *fake);

/* Zero bytes at @address; pieces that touch are read as one. */
void fake_stopped_add(struct fake_stopped *fake, uint64_t address, size_t size);

/* Our copy of @size bytes at @address, all in one piece. */
uint8_t *fake_stopped_at(struct fake_stopped *fake, uint64_t address, size_t size);
void fake_stopped_put(struct fake_stopped *fake, uint64_t address, uint64_t word);

/* One more thread, stopped, all other registers 0. */
void fake_stopped_thread(struct fake_stopped *fake, int32_t tid, uint64_t pc, uint64_t sp);
void fake_stopped_register(struct fake_stopped *fake, size_t thread, uint16_t offset,
			   uint64_t value);

#endif
