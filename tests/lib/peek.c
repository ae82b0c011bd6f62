/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "peek.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"

#define FILE_STEP ((size_t)65536)

static void *pointer(uint64_t address)
{
	return (void *)(uintptr_t)address; // NOLINT(performance-no-int-to-ptr)
}

static size_t peek_read_some(struct target *target, uint64_t address, void *ret, size_t size)
{
	struct peek *peek = (struct peek *)target;
	struct iovec to = { ret, size }, from = { pointer(address), size };
	ssize_t done = process_vm_readv(target->pid, &to, 1, &from, 1, 0);

	peek->reads++;
	return done < 0 ? 0 : (size_t)done;
}

static int peek_read(struct target *target, uint64_t address, void *ret, size_t size)
{
	errno = EFAULT;
	if (peek_read_some(target, address, ret, size) == size)
		return 0;
	return errno == ESRCH ? -LCP_EGONE : -errno;
}

static int peek_file(struct target *target, const char *name, char **ret, size_t *ret_size)
{
	struct peek *peek = (struct peek *)target;
	autofree char *text = NULL;
	autoclose int fd = -1;
	size_t size = 0;
	char path[64];
	ssize_t done;

	peek->files++;
	(void)snprintf(path, sizeof(path), "/proc/%d/%s", target->pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -LCP_EGONE : -errno;
	do {
		char *more = realloc(text, size + FILE_STEP + 1);

		if (more == NULL)
			return -ENOMEM;
		text = more;
		done = read(fd, text + size, FILE_STEP);
		if (done < 0)
			return errno == ESRCH ? -LCP_EGONE : -errno;
		size += (size_t)done;
	} while (done > 0);
	text[size] = '\0';
	*ret = take(text);
	*ret_size = size;
	return 0;
}

static void peek_close(struct target *target)
{
	free(target);
}

static const struct target_ops peek_ops = {
	.read = peek_read,
	.read_some = peek_read_some,
	.file = peek_file,
	.close = peek_close,
};

struct peek *peek_new(int32_t pid)
{
	struct peek *peek = calloc(1, sizeof(*peek));

	if (peek == NULL)
		abort();
	peek->target = (struct target){ .ops = &peek_ops, .arch = arch_native(), .pid = pid };
	return peek;
}
