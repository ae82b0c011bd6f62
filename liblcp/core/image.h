/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A patch made ready for one object of one process: laid out, its symbols resolved, relocated for
 * the addresses it will have, all in our own memory. Nothing is written to the process.
 *
 *	text: code, read-only data, stubs for calls out of reach, slots (constant once filled in),
 *	      unwind table with a search table; mapped readable and executable
 *	data: writable data; mapped readable and writable; often there is none
 */
#ifndef LCP_CORE_IMAGE_H
#define LCP_CORE_IMAGE_H

#include "base/str.h"
#include "core/lookup.h"
#include "core/process.h"
#include "format/kpatch.h"

/* Room that the parts need, whatever the addresses: measured before there are any. */
struct image_size {
	uint64_t text;
	uint64_t data; /* 0: none */
	bool below_2g; /* it holds references that work below 2 GiB only */
	bool hands_out; /* the program can come to keep addresses of what is in it */
};

struct image_part {
	uint64_t address;
	uint64_t size; /* as measured */
	uint8_t *bytes; /* size of them */
};

struct image {
	struct image_part text;
	struct image_part data;
	uint64_t code_end; /* what is behind it in the text is data */
	uint64_t *functions; /* by number: address of the new code, or 0 */
	size_t function_count;
	uint64_t eh_frame; /* ends in a zero word, as __register_frame_info() wants it; 0: none */
	uint64_t eh_frame_size; /* with the zero word */
	uint64_t eh_frame_hdr; /* a binary search table over it, as in PT_GNU_EH_FRAME; 0: none */
	uint64_t eh_frame_hdr_size;
	/* Indirect functions that must be called before the image can be made: see lookup.h. */
	VEC(uint64_t) resolvers;
};

/* Addresses given to image_make() are multiples of this; more is seen to inside. */
#define IMAGE_ALIGN 64

/* 0; -ENOMEM, -LCP_EUNSUPPORTED (too large), -LCP_EFORMAT (its unwind table is none). */
int image_measure(const struct lcp_kpatch *patch, struct image_size *ret,
		  struct lcp_error **reterr);

/*
 * Make the image for @text_address and @data_address, of the size that was measured: in reach of
 * each other and of the object. The same inputs give the same bytes.
 *
 * 0, and if ret->resolvers is not empty the bytes are not complete: call them, tell
 * lookup_resolved(), make it again. -LCP_ESYMBOL, -LCP_EUNSUPPORTED (thread-local data that has no
 * fixed place and so on), -LCP_ENOROOM (a reference does not reach), -LCP_EFORMAT (the unwind
 * table), -EINVAL (an address is not aligned), -ENOMEM, and what reading the process gives.
 */
int image_make(struct lcp_process *process, const struct object *object,
	       const struct lcp_kpatch *patch, const struct image_size *size, uint64_t text_address,
	       uint64_t data_address, struct image *ret, struct lcp_error **reterr);
void image_fini(struct image *image);

#define autoimage cleanup(image_fini)

#endif
