/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * /proc/PID/status: lines of a key, a colon and a value. A table says which are read and how.
 */
#include "format/procfs.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "base/str.h"
#include "base/vec.h"
#include "format/procfs_words.h"

/* What a value of a field in status looks like, and so what takes it in. */
enum status_form {
	STATUS_NAME,
	STATUS_STATE,
	STATUS_I32, /* decimal, from 0 */
	STATUS_IDS, /* four of them */
	STATUS_PIDS, /* at least one */
	STATUS_SIGNALS, /* 16 hexadecimal digits */
	STATUS_END, /* see status_fields */
};

struct status_field {
	const char *key;
	size_t offset; /* of the member in struct proc_status */
	enum status_form form;
	bool optional;
};

/*
 * The fields we read, in no order. The context switches are read for one thing: they end what all
 * kernels write (fs/proc/array.c, proc_pid_status), so text without them was cut, and a field that
 * is missing in front of them is one that the kernel does not have.
 */
static const struct status_field status_fields[] = {
	{ "Name", offsetof(struct proc_status, name), STATUS_NAME, false },
	{ "State", offsetof(struct proc_status, state), STATUS_STATE, false },
	{ "Tgid", offsetof(struct proc_status, tgid), STATUS_I32, false },
	{ "Pid", offsetof(struct proc_status, pid), STATUS_I32, false },
	{ "PPid", offsetof(struct proc_status, ppid), STATUS_I32, false },
	{ "TracerPid", offsetof(struct proc_status, tracer_pid), STATUS_I32, false },
	{ "Uid", offsetof(struct proc_status, uids), STATUS_IDS, false },
	{ "Gid", offsetof(struct proc_status, gids), STATUS_IDS, false },
	{ "NSpid", 0, STATUS_PIDS, true },
	{ "Threads", offsetof(struct proc_status, threads), STATUS_I32, false },
	{ "SigPnd", offsetof(struct proc_status, signals_pending), STATUS_SIGNALS, false },
	{ "ShdPnd", offsetof(struct proc_status, signals_shared_pending), STATUS_SIGNALS, false },
	{ "SigBlk", offsetof(struct proc_status, signals_blocked), STATUS_SIGNALS, false },
	{ "SigIgn", offsetof(struct proc_status, signals_ignored), STATUS_SIGNALS, false },
	{ "SigCgt", offsetof(struct proc_status, signals_caught), STATUS_SIGNALS, false },
	{ "NoNewPrivs", offsetof(struct proc_status, no_new_privs), STATUS_I32, true },
	{ "Seccomp", offsetof(struct proc_status, seccomp), STATUS_I32, true },
	{ "Seccomp_filters", offsetof(struct proc_status, seccomp_filters), STATUS_I32, true },
	{ "nonvoluntary_ctxt_switches", 0, STATUS_END, false },
};

/*
 * The kernel escapes line ends and backslashes in the name, and nothing else (fs/proc/array.c,
 * proc_task_name): so a name never ends its line.
 */
static int parse_status_name(struct words *words, struct proc_status *status,
			     struct lcp_error **reterr)
{
	autostr struct str name = { 0 };

	words_char(words, '\t', "Name", "is not followed by a tabulator");
	for (; words->wrong == NULL && words->at < words->end; words->at++) {
		char c = *words->at;

		if (c == '\\') {
			words->at++;
			if (!words_is_char(words, 'n') && !words_is_char(words, '\\'))
				words_fail(words, "Name", "has an escape other than \\n and \\\\");
			else
				c = *words->at == 'n' ? '\n' : '\\';
		}
		str_putc(&name, c);
	}
	if (str_take(&name, &status->name) < 0)
		return error_set_nomem(reterr);
	return 0;
}

static int parse_status_pids(struct words *words, struct proc_status *status,
			     struct lcp_error **reterr)
{
	VEC(int32_t) pids = { 0 };
	int r = 0;

	do {
		if (vec_push(&pids, words_i32(words, "NSpid")) < 0)
			r = error_set_nomem(reterr);
		words_skip_blanks(words);
	} while (r == 0 && words->wrong == NULL && words->at < words->end);
	status->ns_pids = pids.items;
	status->ns_pid_count = pids.count;
	return r;
}

/* A set that is shorter than 64 signals was cut. */
static uint64_t parse_signals(struct words *words, const char *key)
{
	const char *begin;
	uint64_t set;

	words_skip_blanks(words);
	begin = words->at;
	set = words_field(words, 16, UINT64_MAX, key);
	if (words->at - begin != 16)
		words_fail(words, key, "has not 16 digits");
	return set;
}

static int parse_status_value(struct words *words, const struct status_field *field,
			      struct proc_status *status, struct lcp_error **reterr)
{
	void *member = (char *)status + field->offset;

	switch (field->form) {
	case STATUS_NAME:
		return parse_status_name(words, status, reterr);
	case STATUS_STATE:
		status->state = words_state(words);
		break;
	case STATUS_I32:
		*(int32_t *)member = words_i32(words, field->key);
		break;
	case STATUS_IDS:
		for (size_t i = 0; i < ARRAY_SIZE(status->uids); i++)
			((uint32_t *)member)[i] = words_u32(words, field->key);
		break;
	case STATUS_PIDS:
		return parse_status_pids(words, status, reterr);
	case STATUS_SIGNALS:
		*(uint64_t *)member = parse_signals(words, field->key);
		break;
	case STATUS_END:
		(void)words_field(words, 10, UINT64_MAX, field->key);
		break;
	}
	return 0;
}

/* The index of the field that the line begins with, ARRAY_SIZE(status_fields) for none of ours. */
static size_t find_field(struct words *words)
{
	const char *colon = memchr(words->at, ':', (size_t)(words->end - words->at));
	size_t size, i;

	if (colon == NULL) {
		words_fail(words, "the field", "has no ':' behind its name");
		return ARRAY_SIZE(status_fields);
	}
	size = (size_t)(colon - words->at);
	for (i = 0; i < ARRAY_SIZE(status_fields); i++)
		if (strlen(status_fields[i].key) == size &&
		    memcmp(status_fields[i].key, words->at, size) == 0)
			break;
	words->at = colon + 1;
	return i;
}

static int parse_status_line(struct words *words, struct proc_status *status, uint32_t *seen,
			     struct lcp_error **reterr)
{
	size_t i = find_field(words);
	int r;

	if (i < ARRAY_SIZE(status_fields)) {
		if ((*seen & UINT32_C(1) << i) != 0) {
			words_fail(words, status_fields[i].key, "is there twice");
			return words_check(words, reterr);
		}
		*seen |= UINT32_C(1) << i;
		r = parse_status_value(words, &status_fields[i], status, reterr);
		if (r < 0)
			return r;
	}
	return words_check(words, reterr);
}

int proc_status_parse(const char *text, size_t size, struct proc_status *ret,
		      struct lcp_error **reterr)
{
	autostatus struct proc_status status = { .no_new_privs = -1,
						 .seccomp = -1,
						 .seccomp_filters = -1 };
	struct words words = { .file = "status", .end = text };
	uint32_t seen = 0;
	int r;

	while (words_next_line(&words, text + size)) {
		r = parse_status_line(&words, &status, &seen, reterr);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < ARRAY_SIZE(status_fields); i++)
		if (!status_fields[i].optional && (seen & UINT32_C(1) << i) == 0)
			return error_set(reterr, -LCP_EFORMAT,
					 "status: line %zu: the text ends, and %s is missing",
					 words.line, status_fields[i].key);
	*ret = status;
	status = (struct proc_status){ 0 };
	return 0;
}

void proc_status_fini(struct proc_status *status)
{
	free(status->name);
	free(status->ns_pids);
	*status = (struct proc_status){ 0 };
}
