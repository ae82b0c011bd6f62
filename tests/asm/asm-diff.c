/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the differ says of two assembler files, a line each: for tests in shell, and to look at.
 *
 *	asm-diff [--time] ORIGINAL.s PATCHED.s
 *
 * Lines are KIND, a tab, NAME, for changes in the words of asm_change_text(), a tab and what they
 * come along with if they do; and for refusals "refused", a tab, NAME, a tab, the reason. Status: 0
 * the same, 1 different, 2 an error. --time adds how much time of a processor it took, how much
 * text that was, and the memory used.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/error.h"
#include "build/asm_diff.h"
#include "format/file.h"

struct input {
	uint8_t *text;
	size_t size;
	struct asm_unit unit;
};

static void need(int r, struct lcp_error *error)
{
	if (r >= 0)
		return;
	(void)fprintf(stderr, "asm-diff: %s%s%s\n", error->path != NULL ? error->path : "",
		      error->path != NULL ? ": " : "", error->message);
	exit(2);
}

static void read_input(struct input *input, const char *path)
{
	struct lcp_error *error = NULL;
	int fd = file_open(path, &error);

	if (fd < 0)
		need(error_add_path(&error, fd, path), error);
	need(file_read(fd, UINT32_MAX, &input->text, &input->size, &error), error);
	(void)close(fd);
}

static void parse_input(struct input *input, const char *path)
{
	struct lcp_error *error = NULL;

	need(asm_unit_init(&input->unit, &asm_syntax_x86_64, path, (const char *)input->text,
			   input->size, &error),
	     error);
}

/* Of this process, so that others on the machine do not matter. */
static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void print_diff(const struct asm_diff *diff)
{
	vec_foreach (&diff->changes, change)
		printf("%s\t%.*s%s%.*s\n", asm_change_text(change->kind), SLICE_ARG(change->name),
		       change->because.size > 0 ? "\t" : "", SLICE_ARG(change->because));
	vec_foreach (&diff->refusals, refusal)
		printf("refused\t%.*s\t%s\n", SLICE_ARG(refusal->name),
		       asm_refusal_text(refusal->kind));
}

static void print_cost(double seconds, size_t bytes)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage);
	printf("time\t%.3f s\t%.0f MB/s\t%zu bytes\t%ld kB peak\n", seconds,
	       (double)bytes / seconds / 1e6, bytes, usage.ru_maxrss);
}

int main(int argc, char **argv)
{
	bool timed = argc == 4 && strcmp(argv[1], "--time") == 0;
	struct lcp_error *error = NULL;
	struct input old, new;
	struct asm_diff diff;
	double start;
	bool same;

	if (argc != 3 + timed) {
		(void)fprintf(stderr, "usage: asm-diff [--time] ORIGINAL.s PATCHED.s\n");
		return 2;
	}
	read_input(&old, argv[argc - 2]);
	read_input(&new, argv[argc - 1]);
	start = now();
	parse_input(&old, argv[argc - 2]);
	parse_input(&new, argv[argc - 1]);
	need(asm_diff_init(&diff, &old.unit, &new.unit, &error), error);
	start = now() - start;
	print_diff(&diff);
	if (timed)
		print_cost(start, old.size + new.size);
	same = diff.changes.count == 0 && diff.refusals.count == 0;
	asm_diff_fini(&diff);
	asm_unit_fini(&old.unit);
	asm_unit_fini(&new.unit);
	free(old.text);
	free(new.text);
	return same ? 0 : 1;
}
