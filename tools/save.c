/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A temporary file without a name, which gets one when it is complete. File systems that have no
 * such files get one with a name beside the result.
 */
#include "save.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "util.h"

static int put_bytes(int fd, const char *at, size_t size)
{
	while (size > 0) {
		ssize_t written = write(fd, at, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		at += written;
		size -= (size_t)written;
	}
	return fsync(fd) == 0 ? 0 : -errno;
}

static int give_name(int fd, const char *name)
{
	autofree char *self = format_text("/proc/self/fd/%d", fd);

	return linkat(AT_FDCWD, self, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0 ? 0 : -errno;
}

/* The name is on disk when the directory is. */
static void sync_directory(const char *directory)
{
	autoclose int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		(void)fsync(fd);
}

static int save(const char *directory, const char *path, mode_t mode, const void *bytes,
		size_t size)
{
	autofree char *name = format_text("%s/.%s.%d", directory, base_name(path), getpid());
	autoclose int fd = open(directory, O_TMPFILE | O_WRONLY | O_CLOEXEC,
				mode != 0 ? mode : SAVE_MODE);
	bool nameless = fd >= 0;
	struct stat there;
	int r;

	if (!nameless)
		fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
			  mode != 0 ? mode : SAVE_MODE);
	if (fd < 0)
		return -errno;
	r = put_bytes(fd, bytes, size);
	if (r == 0 && mode == 0 && stat(path, &there) == 0 && fchmod(fd, there.st_mode & 07777) < 0)
		r = -errno;
	if (r == 0 && nameless)
		r = give_name(fd, name);
	if (r == 0 && rename(name, path) < 0)
		r = -errno;
	if (r < 0)
		(void)unlink(name);
	else
		sync_directory(directory);
	return r;
}

int save_file(const char *path, mode_t mode, const void *bytes, size_t size)
{
	autofree char *directory = path_parent(path);
	sigset_t all, before;
	int r;

	/* For the moment that the file has another name. */
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &before);
	r = save(directory, path, mode, bytes, size);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}
