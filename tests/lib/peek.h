/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A target that only looks: read, read_some and file of a living process, through
 * process_vm_readv(2) and /proc. It counts what is asked of it.
 */
#ifndef LCP_TESTS_PEEK_H
#define LCP_TESTS_PEEK_H

#include "target/target.h"

struct peek {
	struct target target;
	uint64_t reads;
	uint64_t files;
};

/* Close it with its close(). Ends the test without memory. */
struct peek *peek_new(int32_t pid);

#endif
