/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/api.h"

#include "core/status.h"

EXPORT int32_t lcp_query(struct lcp_process *process, struct lcp_status **ret,
			 struct lcp_error **reterr)
{
	if (process == NULL || ret == NULL)
		return api_null(reterr, __func__, process == NULL ? "process" : "ret");
	return status_read(process, ret, reterr);
}

EXPORT int32_t lcp_query_json(struct lcp_process *process, char **ret, struct lcp_error **reterr)
{
	autostatus_patches struct lcp_status *status = NULL;
	int r;

	if (process == NULL || ret == NULL)
		return api_null(reterr, __func__, process == NULL ? "process" : "ret");
	r = status_read(process, &status, reterr);
	if (r < 0)
		return r;
	return status_json(status, ret) < 0 ? error_set_nomem(reterr) : 0;
}

EXPORT void lcp_status_free(struct lcp_status *status)
{
	status_free(status);
}

EXPORT uint32_t lcp_status_patch_count(const struct lcp_status *status)
{
	return status != NULL ? (uint32_t)status->patch_count : 0;
}

/* NULL if there is no such patch. */
static const struct status_patch *patch_at(const struct lcp_status *status, uint32_t index)
{
	return status != NULL && index < status->patch_count ? &status->patches[index] : NULL;
}

EXPORT const char *lcp_status_patch_id(const struct lcp_status *status, uint32_t index)
{
	const struct status_patch *patch = patch_at(status, index);

	return patch != NULL ? patch->record->id : NULL;
}

EXPORT uint32_t lcp_status_patch_level(const struct lcp_status *status, uint32_t index)
{
	const struct status_patch *patch = patch_at(status, index);

	return patch != NULL ? patch->record->level : 0;
}

EXPORT uint32_t lcp_status_patch_state(const struct lcp_status *status, uint32_t index)
{
	const struct status_patch *patch = patch_at(status, index);

	return patch != NULL ? patch->state : 0;
}

EXPORT uint32_t lcp_status_patch_in_force(const struct lcp_status *status, uint32_t index)
{
	const struct status_patch *patch = patch_at(status, index);

	return patch != NULL && patch->in_force;
}

EXPORT const char *lcp_status_patch_build_id(const struct lcp_status *status, uint32_t index)
{
	const struct status_patch *patch = patch_at(status, index);

	return patch != NULL ? patch->record->build_id : NULL;
}

EXPORT const char *lcp_status_patch_object(const struct lcp_status *status, uint32_t index)
{
	const struct status_patch *patch = patch_at(status, index);

	return patch != NULL ? patch->record->target : NULL;
}

EXPORT uint64_t lcp_status_unwind_address(const struct lcp_status *status, uint32_t index)
{
	const struct status_patch *patch = patch_at(status, index);

	return patch != NULL && patch->record->eh_frame.size > 0 ? patch->record->eh_frame.address
								 : 0;
}

EXPORT uint64_t lcp_status_unwind_size(const struct lcp_status *status, uint32_t index)
{
	const struct status_patch *patch = patch_at(status, index);

	return patch != NULL ? patch->record->eh_frame.size : 0;
}

EXPORT uint32_t lcp_status_function_count(const struct lcp_status *status, uint32_t index)
{
	const struct status_patch *patch = patch_at(status, index);

	return patch != NULL ? (uint32_t)patch->record->row_count : 0;
}

/* NULL if there is no such function. */
static const struct ledger_row *row_at(const struct lcp_status *status, uint32_t index,
				       uint32_t which)
{
	const struct status_patch *patch = patch_at(status, index);

	return patch != NULL && which < patch->record->row_count ? &patch->record->rows[which]
								 : NULL;
}

EXPORT const char *lcp_status_function_name(const struct lcp_status *status, uint32_t index,
					    uint32_t which)
{
	const struct ledger_row *row = row_at(status, index, which);

	return row != NULL ? row->name : NULL;
}

EXPORT uint64_t lcp_status_function_address(const struct lcp_status *status, uint32_t index,
					    uint32_t which)
{
	const struct ledger_row *row = row_at(status, index, which);

	return row != NULL ? row->new_address : 0;
}

EXPORT uint32_t lcp_status_function_size(const struct lcp_status *status, uint32_t index,
					 uint32_t which)
{
	const struct ledger_row *row = row_at(status, index, which);

	return row != NULL ? row->new_size : 0;
}

EXPORT int32_t lcp_status_json(const struct lcp_status *status, char **ret)
{
	return status == NULL || ret == NULL ? -EINVAL : status_json(status, ret);
}
