/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/vec.h"

#include "base/num.h"

#define VEC_FIRST_ROOM 8

int vec_grow(void **items, size_t *room, size_t count, size_t item_size)
{
	size_t wanted = *room == 0 ? VEC_FIRST_ROOM : *room;
	size_t bytes;
	void *grown;

	if (count < *room)
		return 0;
	if (*room > 0 && !mul_size(*room, 2, &wanted))
		return -ENOMEM;
	if (!mul_size(wanted, item_size, &bytes))
		return -ENOMEM;

	grown = realloc(*items, bytes);
	if (grown == NULL)
		return -ENOMEM;
	*items = grown;
	*room = wanted;
	return 0;
}
