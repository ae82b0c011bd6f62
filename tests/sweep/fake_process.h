/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A process that is a copy: the memory of a living one, taken once, with a target that reads and
 * writes that copy, makes the few calls that doctors make, of the system and of libgcc, and fails
 * when it is told to.
 *
 * Operations that may fail are counted: read, read_some, write, hold, call, stop, resume. Operation
 * @fail_at (from 1; 0: none) fails as @failure says.
 */
#ifndef LCP_TESTS_FAKE_PROCESS_H
#define LCP_TESTS_FAKE_PROCESS_H

#include <setjmp.h>

#include "base/vec.h"
#include "target/target.h"

enum failure {
	FAIL_ONCE, /* with -EIO; later ones work */
	FAIL_FOREVER, /* this one and all behind it */
	FAIL_HALF, /* a write writes half of its bytes, a function does not end; others fail once */
	FAIL_DEAD, /* the surgeon is killed before it: threads go on, all else stays as it is */
	/* A write across a page's end writes the first page, a thread makes its call; then that */
	FAIL_DEAD_HALF,
};

struct fake_region {
	uint64_t start;
	uint64_t end;
	char protection[5]; /* as in /proc/PID/maps */
	uint64_t offset, inode;
	char *name;
	uint8_t *bytes;
};

struct fake_process {
	struct target target;
	VEC(struct fake_region) regions; /* by address */
	VEC(uint64_t) told; /* libgcc's records of unwind tables, of which it is a list */
	char *auxv, *stat, *exe;
	size_t auxv_size, exe_size;
	struct target_thread threads[4];

	uint64_t operations; /* made so far */
	uint64_t fail_at;
	enum failure failure;
	bool failed; /* the failure has come */
	bool held, stopped, in_operate;
	uint64_t clock;
	uint64_t sealed; /* the byte there cannot be written; 0: none */
	void (*on_sleep)(struct fake_process *fake, void *arg); /* what happens meanwhile */
	void *on_sleep_arg;
	jmp_buf killed;
	char wrong[200]; /* what was called when it must not be; "" if nothing was */
};

/* Copy the process @pid, one's own child, with one thread, which stands in a system call. */
void fake_process_copy(struct fake_process *fake, int32_t pid);

/* A copy of the copy. */
void fake_process_clone(struct fake_process *fake, const struct fake_process *from);
void fake_process_free(struct fake_process *fake);

/* From now on operation @fail_at fails; they are counted from 1 again. */
void fake_process_fail(struct fake_process *fake, uint64_t fail_at, enum failure failure);

/* The first thread stands at @pc. */
void fake_process_move(struct fake_process *fake, uint64_t pc);

/* NULL unless all @size bytes are mapped. */
uint8_t *fake_process_at(const struct fake_process *fake, uint64_t address, size_t size);

/* Where they differ in mappings or bytes, in words; "" if they are the same. */
const char *fake_process_difference(const struct fake_process *a, const struct fake_process *b,
				    char *text, size_t room);

#endif
