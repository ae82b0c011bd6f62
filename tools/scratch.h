/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A scratch directory that is gone when lcp is gone, however it ends.
 *
 * A process of its own, the keeper, makes the directory and waits until the socket to lcp closes,
 * which it does even if lcp is killed with SIGKILL. Then it ends what runs in its process group,
 * which all compilers are put into, and removes the directory.
 */
#ifndef TOOLS_SCRATCH_H
#define TOOLS_SCRATCH_H

#include <sys/types.h>

#include "output.h"

struct scratch {
	char *path; /* NULL while there is none */
	pid_t keeper; /* also the process group */
	int socket;
};

/* One at a time. SIGINT, SIGTERM and SIGHUP then end lcp after the directory is gone. 0 or -1. */
int scratch_open(struct scratch *ret, struct failure *failure);

/* Remove it; waits until it is gone. */
void scratch_close(struct scratch *scratch);

#endif
