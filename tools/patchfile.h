/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Going through patch files that the command line names: what info and verify share.
 *
 * The document that --json prints: "patches", an array of objects with "file", "outcome" (the
 * word), "patch" (as lcp_kpatch_json(), or null) and "error" (as lcp_error_json(), or null).
 */
#ifndef TOOLS_PATCHFILE_H
#define TOOLS_PATCHFILE_H

#include "output.h"

struct patchfile {
	const char *name;
	enum outcome outcome;
	struct lcp_kpatch *patch; /* NULL if it could not be loaded */
};

struct patchfile_visit {
	/*
	 * What is to be said of a patch that was loaded. If it is nothing good, why, in @failure.
	 */
	enum outcome (*look)(void *userdata, struct lcp_kpatch *patch, struct failure *failure);
	/* Print it for a person. */
	void (*print)(const struct output *output, const struct patchfile *file, bool first);
	void *userdata;
};

/* All files, one after the other. The exit code is that of the first that is not as wanted. */
int patchfile_visit(const struct output *output, const struct words *files,
		    const struct patchfile_visit *visit);

#endif
