/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lines of /proc/PID/maps, as much as borrowing a thread needs of them: format/procfs.h has more,
 * but allocates, and may not be used where a thread is traced. What a line is worth is not judged
 * here.
 */
#ifndef LCP_TARGET_REMOTE_MAPS_H
#define LCP_TARGET_REMOTE_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct remote_mapping {
	uint64_t start;
	uint64_t end;
	bool readable;
	bool writable;
	bool executable;
	bool shared;
	const char *name; /* in the line, name_size characters */
	size_t name_size;
};

/* Parse the line of @size characters, its end not among them. */
bool remote_maps_parse(const char *line, size_t size, struct remote_mapping *ret);

bool remote_maps_is_named(const struct remote_mapping *mapping, const char *name);

/*
 * The mapping of thread @tid of @pid that holds @address; its name is in @buffer, where no line
 * may be longer than @size. Usable inside operate(). 0; -ENOENT if nothing is mapped there; a
 * negative errno.
 */
int remote_maps_find(int32_t pid, int32_t tid, uint64_t address, char *buffer, size_t size,
		     struct remote_mapping *ret);

#endif
