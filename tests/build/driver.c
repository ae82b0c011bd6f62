/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs test_value() of a case before a patch is applied to this process, while it is, and after it
 * was reverted, and prints what it returned: "1 2 1". The case is linked with this program, or a
 * library that the program is linked with or opens.
 *
 *	driver PATCH [LIBRARY]
 *
 * It knows nothing of the case: what is right is said there.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "format/file.h"
#include "selfpatch.h"

typedef int (*value_fn)(void);

#ifndef OPENS_LIBRARY
int test_value(void);
#endif

static value_fn find_value(const char *library)
{
#ifdef OPENS_LIBRARY
	void *handle = dlopen(library, RTLD_NOW);
	void *symbol = handle != NULL ? dlsym(handle, "test_value") : NULL;
	value_fn value = NULL;

	if (symbol == NULL)
		(void)fprintf(stderr, "%s\n", dlerror());
	memcpy(&value, &symbol, sizeof(value)); /* no cast from data to function in ISO C */
	return value;
#else
	(void)library;
	return test_value;
#endif
}

static struct lcp_kpatch *load(const char *path)
{
	autofree uint8_t *bytes = NULL;
	struct lcp_error *error = NULL;
	struct lcp_kpatch *patch = NULL;
	autoclose int fd = file_open(path, &error);
	size_t size;

	if (fd >= 0 && file_read(fd, UINT32_MAX, &bytes, &size, &error) == 0)
		(void)kpatch_parse(bytes, size, 0, &patch, &error);
	if (patch == NULL)
		(void)fprintf(stderr, "%s: %s\n", path, error->message);
	error_free(error);
	return patch;
}

int main(int argc, char **argv)
{
	autokpatch struct lcp_kpatch *patch = argc > 1 ? load(argv[1]) : NULL;
	struct selfpatch applied = { 0 };
	value_fn value = find_value(argc > 2 ? argv[2] : NULL);
	uint64_t base = 0;
	int before, during;

	if (patch == NULL || value == NULL)
		return 2;
	before = value();
	if (!selfpatch_find(patch, &base) || !selfpatch_apply(&applied, patch, base)) {
		(void)fprintf(stderr, "the patch cannot be applied\n");
		return 1;
	}
	during = value();
	selfpatch_revert(&applied);
	(void)printf("%d %d %d\n", before, during, value());
	return 0;
}
