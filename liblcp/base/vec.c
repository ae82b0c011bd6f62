/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/vec.h"

#include "base/num.h"

#define VEC_FIRST_ROOM 8

void *vec_grow(void *items, size_t *room, size_t count, size_t item_size)
{
	size_t wanted = VEC_FIRST_ROOM;
	size_t bytes;
	void *grown;

	if (count < *room)
		return items;
	if (*room > 0 && !mul_size(*room, 2, &wanted))
		return NULL;
	if (!mul_size(wanted, item_size, &bytes))
		return NULL;

	grown = realloc(items, bytes);
	if (grown != NULL)
		*room = wanted;
	return grown;
}
