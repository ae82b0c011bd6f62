/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the layout check says of two objects, a line each: for tests in shell, and to look at.
 *
 *	layout-diff [--time] ORIGINAL.o PATCHED.o
 *
 * Lines are TYPE, a tab, WHAT; or "not checked", a tab, the reason. Status: 0 the same, 1
 * different, 2 an error, 3 not checked. --time adds how long it took.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "build/layout.h"
#include "format/file.h"

static uint8_t *read_object(const char *path, size_t *ret_size)
{
	autoclose int fd = file_open(path, NULL);
	uint8_t *object = NULL;

	if (fd < 0 || file_read(fd, UINT32_MAX, &object, ret_size, NULL) < 0) {
		(void)fprintf(stderr, "layout-diff: %s cannot be read\n", path);
		exit(2);
	}
	return object;
}

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int print_diff(const struct layout_diff *diff)
{
	if (!diff->checked) {
		printf("not checked\t%s\n", diff->why_not);
		return 3;
	}
	vec_foreach (&diff->changes, change)
		printf("%s\t%s\n", change->type, change->what);
	return diff->changes.count > 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
	bool timed = argc == 4 && strcmp(argv[1], "--time") == 0;
	autofree uint8_t *old = NULL, *new = NULL;
	struct layout_diff diff;
	size_t old_size = 0, new_size = 0;
	double start;
	int status;

	if (argc != 3 + timed) {
		(void)fprintf(stderr, "usage: layout-diff [--time] ORIGINAL.o PATCHED.o\n");
		return 2;
	}
	old = read_object(argv[argc - 2], &old_size);
	new = read_object(argv[argc - 1], &new_size);
	start = now();
	if (layout_compare(old, old_size, new, new_size, &diff, NULL) < 0)
		return 2;
	start = now() - start;
	status = print_diff(&diff);
	if (timed)
		printf("time\t%.3f s\n", start);
	layout_diff_fini(&diff);
	return status;
}
