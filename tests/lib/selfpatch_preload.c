/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A library that patches the program it is preloaded into, before main():
 *
 *	SELFPATCH=foo.kpatch LD_PRELOAD=selfpatch.so ./foo
 *
 * The object is the one with the patch's build-id, the program or a library it is linked with. A
 * program that cannot be patched ends with status 99, and says why.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "format/file.h"
#include "selfpatch.h"

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
		(void)fprintf(stderr, "# selfpatch: %s: %s\n", path, error->message);
	error_free(error);
	return patch;
}

static void __attribute__((constructor)) patch_myself(void)
{
	static struct selfpatch applied; /* for good */
	const char *path = getenv("SELFPATCH");
	struct lcp_kpatch *patch;
	uint64_t base;

	if (path == NULL)
		return;
	(void)unsetenv("LD_PRELOAD"); /* not the programs that this one runs */
	patch = load(path);
	if (patch == NULL)
		_exit(99);
	if (!selfpatch_find(patch, &base)) {
		(void)fprintf(stderr, "# selfpatch: no object has build-id %s\n", patch->build_id);
		_exit(99);
	}
	if (!selfpatch_apply(&applied, patch, base))
		_exit(99);
	kpatch_unref(patch);
}
