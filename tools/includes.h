/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A quick look at #include lines: which units may include a certain file? It errs on the side of
 * yes: conditionals and comments are not looked at. The compiler then says for sure, but for few.
 */
#ifndef TOOLS_INCLUDES_H
#define TOOLS_INCLUDES_H

#include "compdb.h"

struct includes {
	void *files; /* of tsearch(): each file is read once */
	uint32_t visit; /* number of the look at a unit */
};

void includes_fini(struct includes *includes);

/* May the unit include a file of one of these names (without directories)? */
bool includes_may_reach(struct includes *includes, const struct compdb_unit *unit,
			const struct words *names);

/* The files that the compiler wrote to @path as what @unit needs, as real paths. 0 or -errno. */
int includes_read_dependencies(const char *path, const char *directory, struct words *ret);

#endif
