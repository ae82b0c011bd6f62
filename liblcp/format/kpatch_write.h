/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing patch files. What is written here the loader reads; a caller gives nothing out that it
 * has not read back. The same input gives the same bytes.
 */
#ifndef LCP_FORMAT_KPATCH_WRITE_H
#define LCP_FORMAT_KPATCH_WRITE_H

#include "format/kpatch.h"

/*
 * Write a file in our own format from the contents of @patch, loaded or filled in by hand: arch,
 * id, build_id, what of target, description, builder, cves, level there is, and
 *
 * - sections of the kinds TEXT, RODATA and DATA, with their relocations; others are passed over,
 * - symbols, [0] the null symbol, which those relocations refer to,
 * - functions.
 *
 * *@ret is the caller's to free. 0, -EINVAL (the id or the build-id is none; a message says what),
 * -EFBIG, -ENOMEM.
 */
int kpatch_write(const struct lcp_kpatch *patch, uint8_t **ret, size_t *ret_size,
		 struct lcp_error **reterr);

/*
 * Put a classic header in front of an ELF image. @id is cut to what @layout has room for, and so is
 * @build_id. As above.
 */
int kpatch_wrap(const struct kpatch_layout *layout, const char *id, const char *build_id,
		uint64_t build_time, const void *image, size_t image_size, uint8_t **ret,
		size_t *ret_size, struct lcp_error **reterr);

#endif
