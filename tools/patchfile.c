/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loading the patch files of a command line, and telling about them.
 */
#include "patchfile.h"

#include <stdio.h>

static void put_json(struct text *json, const struct patchfile *file, const struct failure *failure)
{
	char *patch = NULL;

	if (json->size > 0)
		text_puts(json, ",");
	text_puts(json, "{\"file\":");
	text_json(json, file->name);
	text_printf(json, ",\"outcome\":\"%s\",\"patch\":", outcome_word(file->outcome));
	if (file->patch != NULL && lcp_kpatch_json(file->patch, &patch) == 0)
		text_puts(json, patch);
	else
		text_puts(json, "null");
	text_printf(json, ",\"error\":%s}", failure->json != NULL ? failure->json : "null");
	lcp_string_free(patch);
}

static void visit_one(struct lcp_ctx *ctx, const struct patchfile_visit *visit,
		      struct patchfile *file, struct failure *failure)
{
	struct lcp_error *error = NULL;

	if (lcp_kpatch_load(ctx, file->name, NULL, &file->patch, &error) < 0) {
		(void)fail_library(failure, error);
		file->outcome = failure->outcome;
		return;
	}
	file->outcome = visit->look(visit->userdata, file->patch, failure);
}

int patchfile_visit(const struct output *output, const struct words *files,
		    const struct patchfile_visit *visit)
{
	struct lcp_ctx *ctx = output_context(output);
	autotext struct text json = { 0 };
	int status = EXIT_DONE;

	if (ctx == NULL)
		return EXIT_ERROR;
	for (size_t i = 0; i < files->count; i++) {
		struct patchfile file = { .name = files->items[i] };
		struct failure failure = { 0 };

		visit_one(ctx, visit, &file, &failure);
		if (failure.message != NULL)
			complain("%s: %s", file.name, failure.message);
		if (output->json)
			put_json(&json, &file, &failure);
		else if (!output->quiet)
			visit->print(output, &file, i == 0);
		if (status == EXIT_DONE)
			status = outcome_exit(file.outcome);
		lcp_kpatch_unref(file.patch);
		failure_fini(&failure);
	}
	lcp_ctx_unref(ctx);
	if (output->json)
		printf("{\"patches\":[%s]}\n", json.bytes != NULL ? json.bytes : "");
	return status;
}
