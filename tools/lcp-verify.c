/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lcp verify: are patch files as they were made, and do they fit a program or library on disk?
 */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "patchfile.h"

enum {
	OPTION_OBJECT = 1,
	OPTION_NEED_DIGEST
};

static const char *const synopsis[] = { "FILE... [--object BIN]", NULL };

static const struct option options[] = {
	{ OPTION_OBJECT, 0, "object", "BIN", "the program or library that the patches are to fit" },
	{ OPTION_NEED_DIGEST, 0, "need-digest", NULL,
	  "fail for files of the classic formats, which have no digest" },
	{ 0 },
};

struct wish {
	const char *object;
	bool need_digest;
};

static enum outcome look(void *userdata, struct lcp_kpatch *patch, struct failure *failure)
{
	const struct wish *wish = userdata;
	bool has_digest = lcp_kpatch_format(patch) == LCP_FORMAT_LCP;
	struct lcp_error *error = NULL;

	if (!has_digest && wish->need_digest) {
		(void)fail(failure, OUTCOME_NO_DIGEST,
			   "a file of a classic format: damage cannot be noticed");
		return failure->outcome;
	}
	if (wish->object != NULL) {
		if (lcp_kpatch_verify(patch, wish->object, &error) == 0)
			return OUTCOME_FITS;
		(void)fail_library(failure, error);
		return failure->outcome;
	}
	return has_digest ? OUTCOME_INTACT : OUTCOME_WELL_FORMED;
}

static void print(const struct output *output, const struct patchfile *file, bool first)
{
	autofree char *word = outcome_painted(output, file->outcome);

	(void)first;
	printf("%s: %s\n", file->name, word);
	if (file->outcome == OUTCOME_WELL_FORMED)
		say(output,
		    "%s: no digest, as in all files of the classic formats: "
		    "damage cannot be noticed",
		    file->name);
}

static int run(struct arguments *arguments, struct output *output)
{
	struct wish wish = { 0 };
	const struct patchfile_visit visit = { .look = look, .print = print, .userdata = &wish };
	autowords struct words files = { 0 };
	int next;

	while ((next = arguments_next(arguments)) != ARGUMENT_END) {
		if (next == ARGUMENT_STOP)
			return arguments->status;
		if (next == ARGUMENT_WORD)
			words_add(&files, arguments->values[0]);
		else if (next == OPTION_OBJECT)
			wish.object = arguments->values[0];
		else
			wish.need_digest = true;
	}
	if (files.count == 0)
		return arguments_wrong(arguments, "which file?");
	return patchfile_visit(output, &files, &visit);
}

const struct command command_verify = {
	.name = "verify",
	.help = "check that patch files are intact and fit a binary",
	.synopsis = synopsis,
	.options = options,
	.run = run,
};
