/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For tests in shell: print a file as source patches make it. With -l it has #line directives.
 *
 *	apply-diff [-l] ROOT FILE DIFF...
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "linemark.h"

int main(int argc, char **argv)
{
	bool marks = argc > 1 && strcmp(argv[1], "-l") == 0;
	const struct changed_file *file = NULL;
	struct output output = { 0 };
	struct failure failure = { 0 };
	struct changes changes = { 0 };
	struct text marked = { 0 };
	autofree char *root = NULL;

	argc -= marks;
	argv += marks;
	if (argc < 4)
		return 2;
	root = realpath(argv[1], NULL);
	for (int i = 3; i < argc && failure.message == NULL; i++) {
		struct diff diff = { 0 };

		if (diff_read(argv[i], 1, &diff, &failure) == 0)
			(void)changes_apply(&changes, &diff, root, &output, &failure);
		diff_fini(&diff);
	}
	if (failure.message == NULL) {
		autofree char *path = path_real(root, argv[2]);

		file = changes_find(&changes, path);
	}
	if (file != NULL && marks)
		linemark(file, &marked);
	else if (file != NULL)
		text_put(&marked, file->content.bytes, file->content.size);
	if (marked.size > 0)
		(void)fwrite(marked.bytes, 1, marked.size, stdout);
	if (failure.message != NULL)
		(void)fprintf(stderr, "%s\n", failure.message);
	text_fini(&marked);
	changes_fini(&changes);
	failure_fini(&failure);
	return file != NULL ? 0 : 1;
}
