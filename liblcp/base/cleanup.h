/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Scope guards: host resources that are released when their variable goes out of scope, so that
 * every early return is right. A resource is given away with take().
 *
 * The state of a process being patched is never cleaned up this way; that is the journal's work.
 */
#ifndef LCP_BASE_CLEANUP_H
#define LCP_BASE_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

#define cleanup(function) __attribute__((cleanup(function)))

/* Define the guard `NAME_guard` for variables of @type, which @release ends. */
#define DEFINE_GUARD(name, type, release)               \
	static inline void name##_guard(type *variable) \
	{                                               \
		release(*variable);                     \
	}                                               \
	struct guard_needs_a_semicolon

static inline void free_guard(void *pointer)
{
	free(*(void **)pointer);
}

static inline void close_guard(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

#define autofree cleanup(free_guard)
#define autoclose cleanup(close_guard)

/* Give a guarded pointer away: its value; the variable no longer holds it. */
#define take(pointer)                                   \
	({                                              \
		__typeof__(pointer) taken_ = (pointer); \
		(pointer) = NULL;                       \
		taken_;                                 \
	})

static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#endif
