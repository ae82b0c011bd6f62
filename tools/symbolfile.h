/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names for the code of patches, for those who look at a process from outside: a file of symbols
 * that a debugger loads, and the map that perf reads. What is in them is what a query saw.
 */
#ifndef TOOLS_SYMBOLFILE_H
#define TOOLS_SYMBOLFILE_H

#include "output.h"

/*
 * An ELF file without contents: a section for the code of each patch at the address that it has in
 * the process, and a symbol for each function. 0, or -1 with the reason in @failure.
 */
int symbolfile_write(const struct lcp_process *process, const struct lcp_status *status,
		     const char *path, struct failure *failure);

/* The text of a map for perf: "START SIZE NAME", a line for each function. */
void perfmap_put(const struct lcp_status *status, struct text *ret);

/*
 * Write it to @path, or if that is NULL to where perf looks for it: not if the process has that
 * file open, since then it is a map that it writes of its own code. 0, or -1 with the reason in
 * @failure.
 */
int perfmap_write(const struct lcp_process *process, const struct lcp_status *status,
		  const char *path, struct failure *failure);

#endif
