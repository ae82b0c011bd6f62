/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/result.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/json.h"

void result_free(struct lcp_report *report)
{
	if (report == NULL)
		return;
	vec_foreach (&report->reasons, reason)
		error_free(*reason);
	vec_fini(&report->reasons);
	free(report);
}

const char *result_outcome_name(uint32_t outcome)
{
	static const char *const names[] = {
		[LCP_OUTCOME_APPLIED] = "applied",
		[LCP_OUTCOME_ALREADY_APPLIED] = "already-applied",
		[LCP_OUTCOME_REVERTED] = "reverted",
		[LCP_OUTCOME_APPLICABLE] = "applicable",
	};

	return outcome < sizeof(names) / sizeof(names[0]) ? names[outcome] : NULL;
}

int result_json(const struct lcp_report *report, char **ret)
{
	autojson struct json json = { 0 };

	json_object_begin(&json, NULL);
	json_string(&json, "outcome", result_outcome_name(report->outcome));
	json_counter(&json, "stop_ns", report->stop_ns);
	json_int(&json, "attempts", report->attempts);
	json_int(&json, "functions", report->functions);
	json_int(&json, "unguarded", report->unguarded);
	json_counter(&json, "memory", report->memory);
	json_counter(&json, "kept", report->kept);
	json_int(&json, "threads", report->threads);
	json_counter(&json, "stack_bytes", report->stack_bytes);
	json_counter(&json, "unwound", (uint64_t)report->unwound);
	json_counter(&json, "scanned_bytes", report->scanned_bytes);
	json_counter(&json, "searched_bytes", report->searched_bytes);
	json_array_begin(&json, "reasons");
	vec_foreach (&report->reasons, reason)
		error_put_json(*reason, NULL, &json);
	json_array_end(&json);
	json_object_end(&json);
	return json_take(&json, ret);
}
