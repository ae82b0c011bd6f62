/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the parts of process.c share: objects as they are being found, before a process has them.
 *
 * Failures here are plain codes. -LCP_EFORMAT and -EFAULT say that something is not as it should be
 * in one place of a hostile process, which is no reason to give up the others: process_fails()
 * tells them from those that are one.
 */
#ifndef LCP_CORE_PROCESS_PARTS_H
#define LCP_CORE_PROCESS_PARTS_H

#include "core/process.h"

/* More than that no process has, and a list of more is hostile. */
#define PROCESS_OBJECTS_MAX 16384

/* What the kernel told the process when it began (getauxval(3)); 0 where it did not. */
struct process_auxv {
	uint64_t headers; /* program headers of what was executed */
	uint64_t linker; /* where the dynamic linker is mapped */
	uint64_t vdso;
};

/* A look at the objects of a process at one moment. */
struct process_view {
	struct lcp_process *process; /* its target is used, nothing else */
	struct proc_maps maps;
	struct process_auxv auxv;
	VEC(struct object) objects;
	uint32_t tries; /* how often the beginning of an object was looked for: there is a limit */
	/* The lists were being changed, or did not agree with the mappings: look again. */
	bool doubtful;
	bool too_many; /* entries in a list: the view ends there */
};

void process_view_fini(struct process_view *view);

#define autoview cleanup(process_view_fini)

/* Find all objects; maps and auxv are there. 0, or a code that process_fails(). */
int process_view_objects(struct process_view *view);

bool process_fails(int code);

/*
 * The object whose ELF header @mapping begins with. 0; -LCP_EFORMAT if there is none that agrees
 * with the mappings; -EFAULT; a code that process_fails().
 */
int process_object_read(const struct process_view *view, const struct proc_mapping *mapping,
			struct object *ret);
void process_object_fini(struct object *object);

#endif
