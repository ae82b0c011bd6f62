/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A patch as JSON. The names are an interface: lcp_kpatch_json() documents them.
 */
#include "base/json.h"
#include "format/kpatch.h"

static void put_function(struct json *json, const struct kpatch_function *function)
{
	json_object_begin(json, NULL);
	json_string(json, "name", function->name);
	json_string(json, "unit", function->unit);
	json_bool(json, "new", function->old_size == 0);
	json_bool(json, "part", function->is_part);
	json_address(json, "old_address", function->old_address);
	json_int(json, "old_size", function->old_size);
	json_int(json, "new_size", function->new_size);
	json_object_end(json);
}

static void put_symbol(struct json *json, const struct kpatch_symbol *symbol)
{
	json_object_begin(json, NULL);
	json_string(json, "name", symbol->name);
	json_string(json, "version", symbol->version);
	json_string(json, "class", kpatch_class_name(symbol->class));
	json_bool(json, "weak", symbol->weak);
	json_object_end(json);
}

int kpatch_json(const struct lcp_kpatch *patch, char **ret)
{
	autojson struct json json = { 0 };

	json_object_begin(&json, NULL);
	json_string(&json, "format", kpatch_format_name(patch->format));
	json_string(&json, "id", patch->id);
	json_int(&json, "level", patch->level);
	json_string(&json, "target", patch->target);
	json_string(&json, "build_id", patch->build_id);
	json_string(&json, "description", patch->description);
	json_array_begin(&json, "cves");
	for (size_t i = 0; i < patch->cve_count; i++)
		json_string(&json, NULL, patch->cves[i]);
	json_array_end(&json);
	json_string(&json, "builder", patch->builder);
	json_counter(&json, "build_time", patch->build_time);
	json_string(&json, "arch", patch->arch->name);
	json_string(&json, "digest", patch->digest);
	json_counter(&json, "size", patch->size);
	json_counter(&json, "text_size", kpatch_text_size(patch));
	json_counter(&json, "data_size", kpatch_data_size(patch));
	json_array_begin(&json, "functions");
	for (size_t i = 0; i < patch->function_count; i++)
		put_function(&json, &patch->functions[i]);
	json_array_end(&json);
	json_array_begin(&json, "symbols");
	for (size_t i = 0; i < patch->used_symbol_count; i++)
		put_symbol(&json, &patch->symbols[patch->used_symbols[i]]);
	json_array_end(&json);
	json_object_end(&json);
	return json_take(&json, ret);
}
