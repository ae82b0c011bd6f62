/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fuzzer of the parsers for /proc text. The first byte selects the parser: 'm' maps, 's' status,
 * 't' stat, 'l' the list of tasks; the rest is the text. What a parser accepts keeps its promises.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "format/procfs.h"

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_error(struct lcp_error *error, int code)
{
	require(error != NULL && code == -LCP_EFORMAT && error->code == code);
	require(strstr(error->message, ": line ") != NULL && strchr(error->message, '\n') == NULL);
	error_free(error);
}

static void parse_maps(const char *text, size_t size)
{
	automaps struct proc_maps maps = { 0 };
	struct lcp_error *error = NULL;
	uint64_t lowest = 0;
	int r;

	r = proc_maps_parse(text, size, &maps, &error);
	fuzz_tell(r);
	if (r < 0) {
		check_error(error, r);
		return;
	}
	for (size_t i = 0; i < maps.count; i++) {
		const struct proc_mapping *mapping = &maps.items[i];

		require(mapping->start >= lowest && mapping->start < mapping->end);
		require(strchr(mapping->name, '\n') == NULL);
		require(proc_maps_find(&maps, mapping->start) == mapping);
		require(proc_maps_find(&maps, mapping->end - 1) == mapping);
		require(proc_maps_find(&maps, mapping->end) != mapping);
		lowest = mapping->end;
	}
	require(size == 0 || text[size - 1] == '\n');
}

static void parse_status(const char *text, size_t size)
{
	autostatus struct proc_status status = { 0 };
	struct lcp_error *error = NULL;
	int r;

	r = proc_status_parse(text, size, &status, &error);
	fuzz_tell(r);
	if (r < 0) {
		check_error(error, r);
		return;
	}
	require(strlen(status.name) < size && status.pid >= 0 && status.threads >= 0);
	require(status.seccomp >= -1 && status.no_new_privs >= -1 && status.seccomp_filters >= -1);
	for (size_t i = 0; i < status.ns_pid_count; i++)
		require(status.ns_pids[i] >= 0);
}

static void parse_stat(const char *text, size_t size)
{
	autostat struct proc_stat stat = { 0 };
	struct lcp_error *error = NULL;
	int r;

	r = proc_stat_parse(text, size, &stat, &error);
	fuzz_tell(r);
	if (r < 0)
		check_error(error, r);
	else
		require(strlen(stat.name) < size && stat.pid >= 0 && stat.state != '\0');
}

static void parse_tasks(const char *text, size_t size)
{
	autotasks struct proc_tasks tasks = { 0 };
	struct lcp_error *error = NULL;
	int r;

	r = proc_tasks_parse(text, size, &tasks, &error);
	fuzz_tell(r);
	if (r < 0) {
		check_error(error, r);
		return;
	}
	for (size_t i = 0; i < tasks.count; i++) {
		require(tasks.tids[i] > (i > 0 ? tasks.tids[i - 1] : 0));
		require(proc_tasks_have(&tasks, tasks.tids[i]));
	}
	require(!proc_tasks_have(&tasks, 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of the exact size, so that a read in front of the text is seen too. */
	char *text = NULL;

	if (size == 0)
		return 0;
	text = malloc(size > 1 ? size - 1 : 1);
	if (text == NULL)
		return 0;
	memcpy(text, data + 1, size - 1);
	if (data[0] == 'm')
		parse_maps(text, size - 1);
	else if (data[0] == 's')
		parse_status(text, size - 1);
	else if (data[0] == 't')
		parse_stat(text, size - 1);
	else if (data[0] == 'l')
		parse_tasks(text, size - 1);
	free(text);
	return 0;
}
