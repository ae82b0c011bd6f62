/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Write the sample patch to a file: for the README's example, for tests in shell, as a seed for the
 * fuzzers. The format is libcare, libcareplus or lcp.
 *
 *	make-sample FORMAT FUNCTIONS FILE
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "format/kpatch.h"
#include "sample.h"

int main(int argc, char **argv)
{
	autofree uint8_t *bytes = NULL;
	size_t size, functions;
	FILE *file;

	if (argc != 4 || (functions = strtoul(argv[2], NULL, 10)) == 0) {
		(void)fprintf(stderr,
			      "usage: make-sample libcare|libcareplus|lcp FUNCTIONS FILE\n");
		return 2;
	}
	if (strcmp(argv[1], "libcare") == 0)
		sample_make_classic(functions, LCP_FORMAT_LIBCARE, &bytes, &size);
	else if (strcmp(argv[1], "libcareplus") == 0)
		sample_make_classic(functions, LCP_FORMAT_LIBCAREPLUS, &bytes, &size);
	else
		sample_make(functions, &bytes, &size);

	file = fopen(argv[3], "we");
	if (file == NULL || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
		perror(argv[3]);
		return 1;
	}
	return 0;
}
