/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * compile_commands.json: how the units of a project were compiled; and such a command made into
 * one that writes assembler text, or the names of the files that a unit includes.
 */
#ifndef TOOLS_COMPDB_H
#define TOOLS_COMPDB_H

#include "output.h"

struct compdb_unit {
	char *directory; /* absolute */
	char *path; /* real path of the source */
	char *name; /* the source as the command has it */
	struct words argv; /* response files read in, launchers such as ccache left out */
};

struct compdb {
	struct compdb_unit *items;
	size_t count;
	size_t room;
};

void compdb_fini(struct compdb *compdb);

int compdb_read(const char *path, struct compdb *ret, struct failure *failure);

/* What a recorded command is made into. */
enum compdb_product {
	PRODUCT_ASSEMBLER, /* -S */
	PRODUCT_DEPENDENCIES, /* -M */
};

/*
 * The command that makes @product of @unit in @output. Left out is what belongs to the recorded
 * product: its name, its dependency file, the linker's options. Warnings are not asked for again.
 * -1 for a unit that cannot be compared as assembler text.
 */
int compdb_command(const struct compdb_unit *unit, enum compdb_product product, const char *output,
		   struct words *ret, struct failure *failure);

/* Words of a command line as a shell splits it, without expansions. */
void words_split(const char *line, struct words *ret);

#endif
