/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The debug information of a relocatable object, made ready for a reader of DWARF: the sections
 * that describe types, relocated, and all units in one section.
 *
 * Assemblers put the type units of -fdebug-types-section into section groups, where libdw does not
 * look. What is in the sections is not looked at here.
 */
#ifndef LCP_FORMAT_ELF_DEBUG_H
#define LCP_FORMAT_ELF_DEBUG_H

#include "base/str.h"
#include "format/elf_file.h"

struct elf_debug {
	struct Elf *view; /* libelf's, of the image; NULL if there is nothing to read */
	const char *why_not; /* the reason, if there is nothing to read */
	uint64_t size; /* bytes of all units */
	struct str image;
};

/* 0, also where there is nothing to read; an error if there is no memory. */
int elf_debug_init(struct elf_debug *ret, const struct elf_file *elf, struct lcp_error **reterr);
void elf_debug_fini(struct elf_debug *debug);

#define autodebug cleanup(elf_debug_fini)

#endif
