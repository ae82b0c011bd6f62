/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Getters of a loaded patch. NULL, or an index beyond the last, gets NULL or 0.
 */
#include "api/api.h"

#include "format/kpatch.h"

static const struct kpatch_function *function_at(const struct lcp_kpatch *patch, uint32_t index)
{
	return patch != NULL && index < patch->function_count ? &patch->functions[index] : NULL;
}

static const struct kpatch_symbol *symbol_at(const struct lcp_kpatch *patch, uint32_t index)
{
	if (patch == NULL || index >= patch->used_symbol_count)
		return NULL;
	return &patch->symbols[patch->used_symbols[index]];
}

EXPORT uint32_t lcp_kpatch_format(const struct lcp_kpatch *patch)
{
	return patch != NULL ? patch->format : 0;
}

EXPORT const char *lcp_kpatch_id(const struct lcp_kpatch *patch)
{
	return patch != NULL ? patch->id : NULL;
}

EXPORT uint32_t lcp_kpatch_level(const struct lcp_kpatch *patch)
{
	return patch != NULL ? patch->level : 0;
}

EXPORT const char *lcp_kpatch_target(const struct lcp_kpatch *patch)
{
	return patch != NULL ? patch->target : NULL;
}

EXPORT const char *lcp_kpatch_build_id(const struct lcp_kpatch *patch)
{
	return patch != NULL ? patch->build_id : NULL;
}

EXPORT const char *lcp_kpatch_description(const struct lcp_kpatch *patch)
{
	return patch != NULL ? patch->description : NULL;
}

EXPORT const void *lcp_kpatch_data(const struct lcp_kpatch *patch)
{
	return patch != NULL ? patch->data : NULL;
}

EXPORT uint32_t lcp_kpatch_cve_count(const struct lcp_kpatch *patch)
{
	return patch != NULL ? (uint32_t)patch->cve_count : 0;
}

EXPORT const char *lcp_kpatch_cve(const struct lcp_kpatch *patch, uint32_t index)
{
	return patch != NULL && index < patch->cve_count ? patch->cves[index] : NULL;
}

EXPORT const char *lcp_kpatch_builder(const struct lcp_kpatch *patch)
{
	return patch != NULL ? patch->builder : NULL;
}

EXPORT uint64_t lcp_kpatch_build_time(const struct lcp_kpatch *patch)
{
	return patch != NULL ? patch->build_time : 0;
}

EXPORT const char *lcp_kpatch_arch(const struct lcp_kpatch *patch)
{
	return patch != NULL ? patch->arch->name : NULL;
}

EXPORT const char *lcp_kpatch_digest(const struct lcp_kpatch *patch)
{
	return patch != NULL ? patch->digest : NULL;
}

EXPORT uint64_t lcp_kpatch_size(const struct lcp_kpatch *patch)
{
	return patch != NULL ? patch->size : 0;
}

EXPORT uint64_t lcp_kpatch_text_size(const struct lcp_kpatch *patch)
{
	return patch != NULL ? kpatch_text_size(patch) : 0;
}

EXPORT uint64_t lcp_kpatch_data_size(const struct lcp_kpatch *patch)
{
	return patch != NULL ? kpatch_data_size(patch) : 0;
}

EXPORT uint32_t lcp_kpatch_function_count(const struct lcp_kpatch *patch)
{
	return patch != NULL ? (uint32_t)patch->function_count : 0;
}

EXPORT const char *lcp_kpatch_function_name(const struct lcp_kpatch *patch, uint32_t index)
{
	const struct kpatch_function *function = function_at(patch, index);

	return function != NULL ? function->name : NULL;
}

EXPORT const char *lcp_kpatch_function_unit(const struct lcp_kpatch *patch, uint32_t index)
{
	const struct kpatch_function *function = function_at(patch, index);

	return function != NULL ? function->unit : NULL;
}

EXPORT uint64_t lcp_kpatch_function_old_address(const struct lcp_kpatch *patch, uint32_t index)
{
	const struct kpatch_function *function = function_at(patch, index);

	return function != NULL ? function->old_address : 0;
}

EXPORT uint64_t lcp_kpatch_function_old_size(const struct lcp_kpatch *patch, uint32_t index)
{
	const struct kpatch_function *function = function_at(patch, index);

	return function != NULL ? function->old_size : 0;
}

EXPORT uint64_t lcp_kpatch_function_new_size(const struct lcp_kpatch *patch, uint32_t index)
{
	const struct kpatch_function *function = function_at(patch, index);

	return function != NULL ? function->new_size : 0;
}

EXPORT uint32_t lcp_kpatch_symbol_count(const struct lcp_kpatch *patch)
{
	return patch != NULL ? (uint32_t)patch->used_symbol_count : 0;
}

EXPORT const char *lcp_kpatch_symbol_name(const struct lcp_kpatch *patch, uint32_t index)
{
	const struct kpatch_symbol *symbol = symbol_at(patch, index);

	return symbol != NULL ? symbol->name : NULL;
}

EXPORT const char *lcp_kpatch_symbol_version(const struct lcp_kpatch *patch, uint32_t index)
{
	const struct kpatch_symbol *symbol = symbol_at(patch, index);

	return symbol != NULL ? symbol->version : NULL;
}

EXPORT uint32_t lcp_kpatch_symbol_class(const struct lcp_kpatch *patch, uint32_t index)
{
	const struct kpatch_symbol *symbol = symbol_at(patch, index);

	return symbol != NULL ? symbol->class : 0;
}
