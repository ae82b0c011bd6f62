/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "classic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "save.h"

static const char *tool_name = "", *message_prefix = "";
static int failure_status = EXIT_FAILURE;

void tool_begin(const char *name, const char *prefix, int failure)
{
	tool_name = name;
	message_prefix = prefix;
	failure_status = failure;
}

void fail(const char *format, ...)
{
	va_list args;

	if (*message_prefix != '\0')
		(void)fprintf(stderr, "%s", message_prefix);
	else
		(void)fprintf(stderr, "%s: ", tool_name);
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	(void)fputc('\n', stderr);
	(void)fflush(NULL);
	_exit(failure_status); /* what is open or allocated ends with the process */
}

void fail_with(const char *path, struct lcp_error *error)
{
	fail("%s%s%s", path != NULL ? path : "", path != NULL ? ": " : "",
	     error != NULL ? lcp_error_message(error) : "out of memory");
}

struct lcp_ctx *new_context(int32_t log_level, lcp_log_fn function)
{
	struct lcp_error *error = NULL;
	struct lcp_ctx *ctx = NULL;

	if (lcp_ctx_new(NULL, &ctx, &error) < 0)
		fail_with(NULL, error);
	(void)lcp_ctx_set_log_level(ctx, log_level);
	(void)lcp_ctx_set_log(ctx, function, NULL);
	return ctx;
}

static void read_descriptor(int fd, const char *path, struct content *content)
{
	uint64_t room = 0;
	ssize_t got;

	do {
		if (content->size + 1 >= room) {
			room = room * 2 + 65536;
			content->bytes = realloc(content->bytes, room);
			if (content->bytes == NULL)
				fail("%s: out of memory", path);
		}
		got = read(fd, content->bytes + content->size, room - content->size - 1);
		if (got < 0 && errno != EINTR)
			fail("%s: %s", path, strerror(errno));
		content->size += got > 0 ? (uint64_t)got : 0;
	} while (got != 0);
	content->bytes[content->size] = '\0';
}

struct content read_all(const char *path)
{
	int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	struct content content = { 0 };

	if (fd < 0)
		fail("%s: %s", path, strerror(errno));
	read_descriptor(fd, path, &content);
	if (fd != STDIN_FILENO)
		(void)close(fd);
	return content;
}

static int write_bytes(int fd, const struct lcp_bytes *bytes)
{
	const char *from = lcp_bytes_data(bytes);
	uint64_t left = lcp_bytes_size(bytes);

	while (left > 0) {
		ssize_t done = write(fd, from, left);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		from += done;
		left -= (uint64_t)done;
	}
	return 0;
}

/* A device or a pipe is written to, a file replaced. */
static int is_special(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && !S_ISREG(status.st_mode);
}

void write_all(const char *path, unsigned int mode, struct lcp_bytes *bytes)
{
	if (path != NULL && strcmp(path, "-") != 0 && !is_special(path)) {
		int r = save_file(path, (mode_t)mode, lcp_bytes_data(bytes), lcp_bytes_size(bytes));

		if (r < 0)
			fail("%s: %s", path, strerror(-r));
	} else {
		int fd = path == NULL || strcmp(path, "-") == 0 ? STDOUT_FILENO
								: open(path, O_WRONLY | O_CLOEXEC);

		if (fd < 0 || write_bytes(fd, bytes) < 0 || (fd != STDOUT_FILENO && close(fd) < 0))
			fail("%s: %s", path != NULL ? path : "-", strerror(errno));
	}
	lcp_bytes_free(bytes);
}
