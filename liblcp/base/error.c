/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"

#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/num.h"
#include "base/str.h"
#include "base/utf8.h"

/* The one error that needs no memory. Nothing writes to it, and error_free() knows it. */
static const struct lcp_error out_of_memory = {
	.code = -ENOMEM,
	.message = (char *)"out of memory",
};

void error_free(struct lcp_error *error)
{
	if (error == NULL || error == &out_of_memory)
		return;
	error_blockers_free(error->blockers, error->blocker_count);
	free(error->message);
	free(error->path);
	free(error);
}

void error_blockers_free(struct error_blocker *blockers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < blockers[i].frame_count; j++)
			free(blockers[i].frames[j]);
		free(blockers[i].frames);
		free(blockers[i].function);
	}
	free(blockers);
}

void error_add_blockers(struct lcp_error **reterr, struct error_blocker *blockers, size_t count)
{
	if (reterr == NULL || *reterr == &out_of_memory) {
		error_blockers_free(blockers, count);
		return;
	}
	(*reterr)->blockers = blockers;
	(*reterr)->blocker_count = count;
}

int error_set_nomem(struct lcp_error **reterr)
{
	if (reterr != NULL)
		*reterr = (struct lcp_error *)&out_of_memory;
	return -ENOMEM;
}

/* Names in a message come from files that somebody else made: none makes it longer than this. */
#define MESSAGE_MAX 500

static void cut_short(char *message)
{
	if (strlen(message) > MESSAGE_MAX)
		memcpy(message + MESSAGE_MAX - 3, "...", 4);
}

static int __attribute__((format(printf, 4, 0)))
error_make(struct lcp_error **reterr, int code, int saved_errno, const char *format, va_list args)
{
	autostr struct str text = { 0 };
	struct lcp_error *error;

	if (reterr == NULL)
		return code;

	error = calloc(1, sizeof(*error));
	if (error == NULL)
		return error_set_nomem(reterr);

	str_vprintf(&text, format, args);
	if (str_take(&text, &error->message) < 0) {
		free(error);
		return error_set_nomem(reterr);
	}
	cut_short(error->message);
	utf8_make_printable(error->message);
	error->code = code;
	error->saved_errno = saved_errno;
	*reterr = error;
	return code;
}

int error_set(struct lcp_error **reterr, int code, const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = error_make(reterr, code, 0, format, args);
	va_end(args);
	return r;
}

int error_set_errno(struct lcp_error **reterr, int saved_errno, const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = error_make(reterr, -saved_errno, saved_errno, format, args);
	va_end(args);
	return r;
}

int error_add_path(struct lcp_error **reterr, int code, const char *path)
{
	struct lcp_error *error;

	if (reterr == NULL || *reterr == &out_of_memory)
		return code;

	error = *reterr;
	free(error->path);
	error->path = strdup(path);
	if (error->path == NULL) {
		error_free(error);
		return error_set_nomem(reterr);
	}
	return code;
}

const char *error_name(int code)
{
	static const struct {
		int code;
		const char *name;
	} own[] = {
		{ LCP_EFORMAT, "LCP_EFORMAT" },
		{ LCP_EINTEGRITY, "LCP_EINTEGRITY" },
		{ LCP_EUNSUPPORTED, "LCP_EUNSUPPORTED" },
		{ LCP_EMISMATCH, "LCP_EMISMATCH" },
		{ LCP_EREFUSED, "LCP_EREFUSED" },
		{ LCP_ENOEFFECT, "LCP_ENOEFFECT" },
		{ LCP_ESYMBOL, "LCP_ESYMBOL" },
		{ LCP_EASSEMBLER, "LCP_EASSEMBLER" },
		{ LCP_EINUSE, "LCP_EINUSE" },
		{ LCP_ENOROOM, "LCP_ENOROOM" },
		{ LCP_EDAMAGED, "LCP_EDAMAGED" },
		{ LCP_ETRACED, "LCP_ETRACED" },
		{ LCP_ELOCKED, "LCP_ELOCKED" },
		{ LCP_EGONE, "LCP_EGONE" },
		{ LCP_ECONFLICT, "LCP_ECONFLICT" },
		{ LCP_ENOOBJECT, "LCP_ENOOBJECT" },
		{ LCP_ENOTAPPLIED, "LCP_ENOTAPPLIED" },
		{ LCP_ESTOP, "LCP_ESTOP" },
		{ LCP_EBORROW, "LCP_EBORROW" },
		{ LCP_EINTERRUPTED, "LCP_EINTERRUPTED" },
	};
	const char *name;

	if (code == INT_MIN || code == 0)
		return "UNKNOWN";
	code = abs(code);
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (own[i].code == code)
			return own[i].name;

	name = strerrorname_np(code);
	return name != NULL ? name : "UNKNOWN";
}

static void put_blocker(const struct error_blocker *blocker, struct json *json)
{
	json_object_begin(json, NULL);
	if (blocker->tid != 0)
		json_int(json, "tid", blocker->tid);
	else
		json_null(json, "tid");
	json_address(json, "pc", blocker->pc);
	json_string(json, "function", blocker->function);
	json_array_begin(json, "frames");
	for (size_t i = 0; i < blocker->frame_count; i++)
		json_string(json, NULL, blocker->frames[i]);
	json_array_end(json);
	json_object_end(json);
}

void error_put_json(const struct lcp_error *error, const char *key, struct json *json)
{
	json_object_begin(json, key);
	json_int(json, "code", error->code);
	json_string(json, "name", error_name(error->code));
	json_string(json, "message", error->message);
	if (error->saved_errno != 0)
		json_int(json, "errno", error->saved_errno);
	else
		json_null(json, "errno");
	json_string(json, "path", error->path);
	json_array_begin(json, "blockers");
	for (size_t i = 0; i < error->blocker_count; i++)
		put_blocker(&error->blockers[i], json);
	json_array_end(json);
	json_object_end(json);
}

int error_json(const struct lcp_error *error, char **ret)
{
	autojson struct json json = { 0 };

	error_put_json(error, NULL, &json);
	return json_take(&json, ret);
}
