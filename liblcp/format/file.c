/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "format/file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

int file_open(const char *path, struct lcp_error **reterr)
{
	struct stat st;
	int fd;

	/* Opening alone does something to some devices: a tape rewinds, a watchdog starts. */
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return error_set(reterr, -EINVAL, "not a regular file");
	/* O_NONBLOCK: it may have become a FIFO since, and opening one waits for a writer. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return error_set_errno(reterr, errno, "cannot open: %s", strerrordesc_np(errno));
	return fd;
}

/* How large is the file, if it is one we read? */
static int file_size(int fd, uint64_t max_size, size_t *ret, struct lcp_error **reterr)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_set_errno(reterr, errno, "cannot stat: %s", strerrordesc_np(errno));
	if (!S_ISREG(st.st_mode))
		return error_set(reterr, -EINVAL, "not a regular file");
	if ((uint64_t)st.st_size > max_size)
		return error_set(reterr, -EFBIG,
				 "file has %" PRIu64 " bytes, more than the %" PRIu64 " allowed",
				 (uint64_t)st.st_size, max_size);
	*ret = (size_t)st.st_size;
	return 0;
}

int file_read(int fd, uint64_t max_size, uint8_t **ret, size_t *ret_size, struct lcp_error **reterr)
{
	autofree uint8_t *bytes = NULL;
	size_t size = 0, done = 0;
	int r;

	r = file_size(fd, max_size, &size, reterr);
	if (r < 0)
		return r;
	bytes = malloc(size + 1); /* + 1: malloc(0) may be NULL */
	if (bytes == NULL)
		return error_set_nomem(reterr);

	while (done < size) {
		ssize_t n = pread(fd, bytes + done, size - done, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set_errno(reterr, errno, "cannot read: %s",
					       strerrordesc_np(errno));
		if (n == 0)
			break; /* cut short since fstat: what is there is all there is */
		done += (size_t)n;
	}
	*ret = take(bytes);
	*ret_size = done;
	return 0;
}
