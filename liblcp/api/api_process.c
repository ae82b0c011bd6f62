/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/api.h"

#include <inttypes.h>

#include "base/log.h"
#include "base/options.h"
#include "core/process.h"

/* The size of the struct in the version that brought it. */
#define ATTACH_OPTIONS_0_1 8

#define ATTACH_FLAGS ((uint32_t)LCP_ATTACH_IN_PROCESS)

static const struct object *object_at(const struct lcp_process *process, uint32_t index)
{
	return process != NULL && index < process->object_count ? &process->objects[index] : NULL;
}

EXPORT int32_t lcp_process_attach(struct lcp_ctx *ctx, int32_t pid,
				  const struct lcp_process_attach_options *options,
				  struct lcp_process **ret, struct lcp_error **reterr)
{
	struct lcp_process_attach_options settings = { 0 };
	int r;

	if (ctx == NULL || ret == NULL)
		return api_null(reterr, __func__, ctx == NULL ? "ctx" : "ret");
	r = options_take_in(options, &settings, sizeof(settings), ATTACH_OPTIONS_0_1, reterr);
	if (r < 0)
		return r;
	if (settings.flags & ~ATTACH_FLAGS)
		return error_set(reterr, -EINVAL, "options: flags 0x%" PRIx32 " are not all known",
				 settings.flags);
	r = process_attach(ctx, pid, settings.flags, ret, reterr);
	if (r == 0)
		log_debug(ctx, "process %" PRId32 " (%s) has %zu objects", pid, (*ret)->path,
			  (*ret)->object_count);
	return r;
}

EXPORT void lcp_process_detach(struct lcp_process *process)
{
	process_free(process);
}

EXPORT int32_t lcp_process_pid(const struct lcp_process *process)
{
	return process != NULL ? process->target->pid : 0;
}

EXPORT uint64_t lcp_process_start_time(const struct lcp_process *process)
{
	return process != NULL ? process->target->start_time : 0;
}

EXPORT const char *lcp_process_path(const struct lcp_process *process)
{
	return process != NULL ? process->path : NULL;
}

EXPORT uint32_t lcp_process_object_count(const struct lcp_process *process)
{
	return process != NULL ? (uint32_t)process->object_count : 0;
}

EXPORT const char *lcp_process_object_name(const struct lcp_process *process, uint32_t index)
{
	const struct object *object = object_at(process, index);

	return object != NULL ? object->path : NULL;
}

EXPORT const char *lcp_process_object_build_id(const struct lcp_process *process, uint32_t index)
{
	const struct object *object = object_at(process, index);

	return object != NULL ? object->build_id : NULL;
}

EXPORT uint64_t lcp_process_object_base(const struct lcp_process *process, uint32_t index)
{
	const struct object *object = object_at(process, index);

	return object != NULL ? object->start : 0;
}

EXPORT int32_t lcp_process_json(const struct lcp_process *process, char **ret)
{
	if (process == NULL || ret == NULL)
		return -EINVAL;
	return process_json(process, ret);
}
