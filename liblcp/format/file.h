/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Regular files, read as a whole. They are read and not mapped: a mapped file that somebody cuts
 * short kills its reader with SIGBUS, and the reader is our user's program.
 */
#ifndef LCP_FORMAT_FILE_H
#define LCP_FORMAT_FILE_H

#include <stddef.h>
#include <stdint.h>

#include <lcp/error.h>

/* Open @path for reading: a descriptor, or a negative errno. FIFOs and terminals do no harm. */
int file_open(const char *path, struct lcp_error **reterr);

/*
 * Read all of the regular file @fd, which may have up to @max_size bytes. The caller frees *@ret.
 * 0, -EFBIG, -EINVAL (not a regular file), -ENOMEM, a negative errno of fstat or pread.
 */
int file_read(int fd, uint64_t max_size, uint8_t **ret, size_t *ret_size,
	      struct lcp_error **reterr);

#endif
