/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A process as a JSON document: lcp_process_json(3).
 */
#include "base/json.h"
#include "core/process.h"

static void put_object(struct json *json, const struct object *object)
{
	json_object_begin(json, NULL);
	json_string(json, "name", object->path);
	json_string(json, "build_id", object->build_id);
	json_address(json, "base", object->start);
	json_address(json, "end", object->end);
	json_int(json, "namespace", object->scope);
	json_object_end(json);
}

int process_json(const struct lcp_process *process, char **ret)
{
	autojson struct json json = { 0 };

	json_object_begin(&json, NULL);
	json_int(&json, "pid", process->target->pid);
	json_counter(&json, "start_time", process->target->start_time);
	json_string(&json, "path", process->path);
	json_array_begin(&json, "objects");
	for (size_t i = 0; i < process->object_count; i++)
		put_object(&json, &process->objects[i]);
	json_array_end(&json);
	json_object_end(&json);
	return json_take(&json, ret);
}
