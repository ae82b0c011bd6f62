/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A process and the objects mapped into it, as its own memory tells: deleted or replaced files,
 * other mount namespaces and chroots make no difference. What is read is hostile: the process chose
 * it.
 *
 * Which mappings are objects is what the process's dynamic linker says (r_debug, all namespaces of
 * dlmopen), and without one the program that its auxiliary vector names. An ELF file that is merely
 * mapped is none.
 */
#ifndef LCP_CORE_PROCESS_H
#define LCP_CORE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include <lcp/error.h>
#include <lcp/process.h>

#include "base/cleanup.h"
#include "base/ctx.h"
#include "base/vec.h"
#include "format/procfs.h"
#include "target/target.h"

struct object_segment {
	uint64_t start; /* in the process */
	uint64_t end;
	bool writable;
	bool executable;
};

/* A table in the process's memory; size 0 where there is none. */
struct object_table {
	uint64_t address;
	uint64_t size;
};

#define OBJECT_IDENTITY_MAX 16

struct object {
	/*
	 * As /proc/PID/maps has it, but printable; "[vdso]", "" if no file is mapped; never NULL.
	 */
	char *path;
	char *build_id; /* hexadecimal digits, or NULL */
	struct object_table identity; /* its first bytes in the process */
	uint8_t identity_bytes[OBJECT_IDENTITY_MAX];
	uint16_t machine;
	bool is_program; /* what was executed, not a library */
	bool is_linker; /* the dynamic linker, which all namespaces share */
	uint64_t bias; /* address in the process - address in the file */
	uint64_t start; /* of all its segments, in the process */
	uint64_t end;
	struct object_segment *segments; /* by address */
	size_t segment_count;
	struct object_table headers; /* program headers */
	struct object_table dynamic;
	struct object_table eh_frame_hdr;
	uint64_t tls_size; /* of its thread-local block, 0 if it has none */
	uint64_t tls_align; /* a power of two */
	uint64_t tls_address; /* of what the block begins as, in the process */
	uint32_t scope; /* namespace: 0, or that of a dlmopen */
	uint32_t order; /* in the namespace's search order */
	struct object_symbols *symbols; /* of lookup.c, read on demand */
};

struct lcp_process {
	struct lcp_ctx *ctx;
	struct target *target;
	char *path; /* of its program, as /proc/PID/maps has it: what /proc/PID/exe leads to */
	struct proc_maps maps;
	char *maps_text; /* what they were made of; NULL: objects have to be looked at again */
	struct object *objects; /* in search order: the program first */
	size_t object_count;
	bool alone; /* nobody else ran in its memory when that was looked into */
	struct process_lookups *lookups; /* of lookup.c */
	struct ledger_seen *ledger_seen; /* of ledger_heads.c */
};

/* Look at the process again: mappings and objects. -LCP_EGONE, -EPERM, -LCP_EFORMAT, -ENOMEM. */
int process_refresh(struct lcp_process *process, struct lcp_error **reterr);

/* What the last look saw is not to be relied on: the next one is a thorough one. */
void process_doubt(struct lcp_process *process);

/* A process of @target, which it takes over on success. */
int process_new(struct lcp_ctx *ctx, struct target *target, struct lcp_process **ret,
		struct lcp_error **reterr);
void process_free(struct lcp_process *process);

/*
 * The process @pid: @flags are LCP_ATTACH_*. What target_open() and process_refresh() return.
 */
int process_attach(struct lcp_ctx *ctx, int32_t pid, uint32_t flags, struct lcp_process **ret,
		   struct lcp_error **reterr);

/* See lcp_process_json(); 0 or -ENOMEM. */
int process_json(const struct lcp_process *process, char **ret);

DEFINE_GUARD(process, struct lcp_process *, process_free);
#define autoprocess cleanup(process_guard)

/* The first object that has a segment at @address, or NULL. */
const struct object *process_object_at(const struct lcp_process *process, uint64_t address);

/* Do @size bytes at @address lie within one segment of @object? */
bool process_object_holds(const struct object *object, uint64_t address, uint64_t size);

/* The next object with that build-id behind @after (NULL: from the first), or NULL. */
const struct object *process_object_by_build_id(const struct lcp_process *process,
						const char *build_id, const struct object *after);

/*
 * Read @size bytes: 0; -LCP_EGONE, -EPERM, -EFAULT and so on, and the message says of what:
 * "reading WHAT at 0xADDRESS".
 */
int process_read(const struct lcp_process *process, uint64_t address, void *ret, size_t size,
		 const char *what, struct lcp_error **reterr);

#endif
