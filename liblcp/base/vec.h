/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Growing arrays of any type: VEC(int) numbers = {}; vec_push(&numbers, 7).
 *
 * Growth doubles, so that n pushes cost O(n). Items move when the vector grows: keep indices, not
 * pointers, while it is being filled.
 */
#ifndef LCP_BASE_VEC_H
#define LCP_BASE_VEC_H

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#define VEC(type)             \
	struct {              \
		type *items;  \
		size_t count; \
		size_t room;  \
	}

/*
 * Make room for one more item of @item_size bytes behind @count: the array, which may have moved;
 * or NULL without memory, and then @items is as before.
 */
void *vec_grow(void *items, size_t *room, size_t count, size_t item_size);

/* Append @item: 0 or -ENOMEM. */
#define vec_push(vec, item)                                                    \
	({                                                                     \
		__typeof__(vec) vec_ = (vec);                                  \
		void *items_ = vec_grow(vec_->items, &vec_->room, vec_->count, \
					sizeof(*vec_->items));                 \
                                                                               \
		if (items_ != NULL) {                                          \
			vec_->items = items_;                                  \
			vec_->items[vec_->count++] = (item);                   \
		}                                                              \
		items_ != NULL ? 0 : -ENOMEM;                                  \
	})

#define vec_foreach(vec, item)                                 \
	for (__typeof__((vec)->items + 0) item = (vec)->items; \
	     item != NULL && item < (vec)->items + (vec)->count; item++)

#define vec_fini(vec)                \
	do {                         \
		free((vec)->items);  \
		(vec)->items = NULL; \
		(vec)->count = 0;    \
		(vec)->room = 0;     \
	} while (0)

#endif
