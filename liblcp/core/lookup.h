/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a name stands for in a process, as its own dynamic linker would answer: search order,
 * LD_PRELOAD, DF_SYMBOLIC, symbol versions, copy relocations, weak symbols, indirect functions,
 * namespaces. The process is read, never run; tables are hostile.
 *
 * Which objects see which is private to the dynamic linker. It is made again from the order of its
 * lists and from what objects need (DT_NEEDED):
 *
 *	global	of a namespace: its first object (the program), and all that needs, and so on; in
 *		the first namespace also what is listed in front of the dynamic linker, which is
 *		what glibc preloaded. Searched in the order of the list.
 *	local	of an object outside of that: what was opened so that it came along, and all that
 *		needs, breadth first. Searched after the global scope.
 *
 * What was opened with RTLD_GLOBAL cannot be told from other libraries, so it is searched for those
 * only that need it. Nor does RTLD_DEEPBIND show. musl lists preloaded libraries behind its linker:
 * one that nothing needs is not searched.
 */
#ifndef LCP_CORE_LOOKUP_H
#define LCP_CORE_LOOKUP_H

#include "core/process.h"

struct lookup {
	const struct object *object; /* that defines it */
	uint64_t address; /* in the process; of a thread-local symbol its offset in the block */
	uint8_t type; /* STT_* */
	/*
	 * @address is a function that has to be called to learn which one to use: nobody in the
	 * process has asked it yet.
	 */
	bool unresolved;
};

/*
 * Look @name up for code of @object: in itself first if it is DF_SYMBOLIC, in the global scope, in
 * the object's own. A @version of NULL means the default one. 0; -LCP_ESYMBOL if nothing defines
 * it.
 *
 * A function whose address a program without PIE takes is where that program has its PLT entry.
 *
 * An indirect function is resolved by a slot of any object that holds its answer already; otherwise
 * the answer that lookup_resolved() was told; otherwise *@ret is unresolved.
 */
int lookup_symbol(struct lcp_process *process, const struct object *object, const char *name,
		  const char *version, struct lookup *ret, struct lcp_error **reterr);

/* The same for the indirect function of @object whose resolver is at @resolver. */
int lookup_indirect(struct lcp_process *process, const struct object *object, uint64_t resolver,
		    struct lookup *ret, struct lcp_error **reterr);

/* @resolver was called and returned @address. */
int lookup_resolved(struct lcp_process *process, uint64_t resolver, uint64_t address);

/* Where the thread-local block of an object is. */
struct lookup_tls {
	uint64_t module; /* number of its module; 0 if not known */
	bool fixed; /* it is at the same place for every thread: */
	uint64_t from_thread; /* thread pointer + from_thread is its address (modulo 2^64) */
};

/*
 * By the slots that the dynamic linker has filled in for the object itself. -LCP_ESYMBOL if they do
 * not tell what a patch could use: neither the module nor a fixed place.
 */
int lookup_tls(struct lcp_process *process, const struct object *object, struct lookup_tls *ret,
	       struct lcp_error **reterr);

/*
 * The address a slot of @object at @slot (in the process) leads to: its content, or what the symbol
 * @name is looked up to if the slot is not bound yet and still leads to the lazy binder.
 */
int lookup_slot(struct lcp_process *process, const struct object *object, uint64_t slot,
		const char *name, const char *version, struct lookup *ret,
		struct lcp_error **reterr);

void lookup_forget(struct lcp_process *process); /* all that was cached: objects have changed */

#endif
