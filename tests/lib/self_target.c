/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "self_target.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "base/str.h"

/* Through a file, since what is not mapped is an error there and not a signal. */
static size_t read_some(struct target *target, uint64_t address, void *ret, size_t size)
{
	autoclose int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	size_t done = 0;

	(void)target;
	while (fd >= 0 && done < size) {
		ssize_t got = pread(fd, (char *)ret + done, size - done, (off_t)(address + done));

		if (got <= 0)
			break;
		done += (size_t)got;
	}
	return done;
}

static int read_all(struct target *target, uint64_t address, void *ret, size_t size)
{
	return read_some(target, address, ret, size) == size ? 0 : -EFAULT;
}

static int read_file(struct target *target, const char *name, char **ret, size_t *ret_size)
{
	char path[64], piece[4096];
	autostr struct str text = { 0 };
	ssize_t got;

	(void)target;
	(void)snprintf(path, sizeof(path), "/proc/self/%s", name);
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	while ((got = read(fd, piece, sizeof(piece))) > 0)
		str_put(&text, piece, (size_t)got);
	if (got < 0)
		return -errno;
	*ret_size = text.size;
	return str_take(&text, ret);
}

static int alive(struct target *target)
{
	(void)target;
	return 0;
}

static void close_target(struct target *target)
{
	(void)target;
}

void self_target_init(struct target *ret)
{
	static const struct target_ops ops = {
		.read = read_all,
		.read_some = read_some,
		.file = read_file,
		.alive = alive,
		.close = close_target,
	};

	*ret = (struct target){ .ops = &ops, .arch = arch_native(), .pid = getpid() };
}
