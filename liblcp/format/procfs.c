/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * /proc/PID/maps, /proc/PID/stat and the names in /proc/PID/task. Status is in procfs_status.c.
 */
#include "format/procfs.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/vec.h"
#include "format/procfs_words.h"

static bool ends_with(const char *text, const char *tail)
{
	size_t size = strlen(text), tail_size = strlen(tail);

	return size >= tail_size && strcmp(text + size - tail_size, tail) == 0;
}

/*
 * One line (fs/proc/task_mmu.c, show_vma_header_prefix): the name is padded to a column with
 * blanks, and none begins with one.
 */
static void parse_mapping(struct words *words, struct proc_mapping *mapping)
{
	mapping->start = words_number(words, 16, UINT64_MAX, "the start address");
	words_char(words, '-', "the start address", "is not followed by '-'");
	mapping->end = words_field(words, 16, UINT64_MAX, "the end address");
	words_char(words, ' ', "the end address", "is not followed by a blank");
	mapping->readable = words_flag(words, 'r', '-');
	mapping->writable = words_flag(words, 'w', '-');
	mapping->executable = words_flag(words, 'x', '-');
	mapping->shared = words_flag(words, 's', 'p');
	words_char(words, ' ', "the permissions", "are not as in \"r-xp\"");
	mapping->offset = words_field(words, 16, UINT64_MAX, "the offset");
	words_skip_blanks(words);
	mapping->device_major = (uint32_t)words_number(words, 16, UINT32_MAX, "the device");
	words_char(words, ':', "the device", "is not as in \"fe:00\"");
	mapping->device_minor = (uint32_t)words_field(words, 16, UINT32_MAX, "the device");
	mapping->inode = words_field(words, 10, UINT64_MAX, "the inode");
	words_skip_blanks(words);
	if (mapping->start >= mapping->end)
		words_fail(words, "the end address", "is not above the start address");
}

/*
 * In order, without overlap, even if the process changes its memory while it is read: the kernel
 * promises that (Documentation/filesystems/proc.rst: "never go backwards").
 */
static int parse_mappings(struct words *words, struct proc_maps *maps, char *end,
			  struct lcp_error **reterr)
{
	VEC(struct proc_mapping) mappings = { 0 };
	uint64_t lowest = 0;
	int r = 0;

	while (r == 0 && words_next_line(words, end)) {
		struct proc_mapping mapping = { 0 };

		parse_mapping(words, &mapping);
		if (mapping.start < lowest)
			words_fail(words, "the start address",
				   "is below the end of the line before");
		lowest = mapping.end;
		r = words_check(words, reterr);
		if (r < 0)
			break;
		mapping.name = words->at;
		maps->names[words->end - maps->names] = '\0';
		mapping.deleted = mapping.name[0] != '[' && ends_with(mapping.name, " (deleted)");
		if (vec_push(&mappings, mapping) < 0)
			r = error_set_nomem(reterr);
	}
	maps->items = mappings.items;
	maps->count = mappings.count;
	return r;
}

/* A copy of the text, with a NUL behind it. */
static char *copy_text(const char *text, size_t size)
{
	char *copy = malloc(size + 1);

	if (copy == NULL)
		return NULL;
	if (size > 0)
		memcpy(copy, text, size);
	copy[size] = '\0';
	return copy;
}

int proc_maps_parse(const char *text, size_t size, struct proc_maps *ret, struct lcp_error **reterr)
{
	automaps struct proc_maps maps = { .names = copy_text(text, size) };
	struct words words = { .file = "maps", .end = maps.names };
	int r;

	if (maps.names == NULL)
		return error_set_nomem(reterr);
	r = parse_mappings(&words, &maps, maps.names + size, reterr);
	if (r < 0)
		return r;
	*ret = maps;
	maps = (struct proc_maps){ 0 };
	return 0;
}

void proc_maps_fini(struct proc_maps *maps)
{
	free(maps->items);
	free(maps->names);
	*maps = (struct proc_maps){ 0 };
}

const struct proc_mapping *proc_maps_find(const struct proc_maps *maps, uint64_t address)
{
	size_t low = 0, high = maps->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (address >= maps->items[middle].end)
			low = middle + 1;
		else if (address < maps->items[middle].start)
			high = middle;
		else
			return &maps->items[middle];
	}
	return NULL;
}

/* Fields 3 to 47 (proc(5)); those behind, and those that newer kernels append, are not read. */
static void parse_stat_fields(struct words *words, struct proc_stat *stat)
{
	stat->state = words_state(words);
	stat->ppid = words_signed(words, "ppid");
	stat->pgrp = words_signed(words, "pgrp");
	stat->session = words_signed(words, "session");
	words_skip_fields(words, 13); /* tty_nr .. nice */
	stat->threads = words_i32(words, "num_threads");
	words_skip_fields(words, 1); /* itrealvalue */
	stat->start_time = words_field(words, 10, UINT64_MAX, "starttime");
	words_skip_fields(words, 3); /* vsize, rss, rsslim */
	stat->start_code = words_field(words, 10, UINT64_MAX, "startcode");
	stat->end_code = words_field(words, 10, UINT64_MAX, "endcode");
	stat->start_stack = words_field(words, 10, UINT64_MAX, "startstack");
	words_skip_fields(words, 16); /* kstkesp .. cguest_time */
	stat->start_data = words_field(words, 10, UINT64_MAX, "start_data");
	stat->end_data = words_field(words, 10, UINT64_MAX, "end_data");
	stat->start_brk = words_field(words, 10, UINT64_MAX, "start_brk");
}

/*
 * The name is not escaped here: it may hold blanks, parentheses and line ends. No field behind it
 * has a parenthesis, so the last one in the text ends it.
 */
static const char *find_name_end(const char *text, size_t size)
{
	return size > 0 ? memrchr(text, ')', size) : NULL;
}

int proc_stat_parse(const char *text, size_t size, struct proc_stat *ret, struct lcp_error **reterr)
{
	autostat struct proc_stat stat = { 0 };
	const char *close = find_name_end(text, size);
	struct words words = { .file = "stat", .line = 1, .at = text, .end = close };
	int r;

	if (close == NULL)
		words_fail(&words, "the name", "does not end with ')'");
	stat.pid = (int32_t)words_number(&words, 10, INT32_MAX, "the pid");
	words_char(&words, ' ', "the pid", "is not followed by a blank");
	words_char(&words, '(', "the name", "does not begin with '('");
	r = words_check(&words, reterr);
	if (r < 0)
		return r;
	stat.name = copy_text(words.at, (size_t)(close - words.at));
	if (stat.name == NULL)
		return error_set_nomem(reterr);

	words.at = close + 1;
	words.end = text + size - 1;
	if (text[size - 1] != '\n')
		words_fail(&words, "the text", "is cut off: it does not end with a line end");
	parse_stat_fields(&words, &stat);
	r = words_check(&words, reterr);
	if (r < 0)
		return r;
	*ret = stat;
	stat = (struct proc_stat){ 0 };
	return 0;
}

void proc_stat_fini(struct proc_stat *stat)
{
	free(stat->name);
	*stat = (struct proc_stat){ 0 };
}

static int compare_tids(const void *left, const void *right)
{
	int32_t a = *(const int32_t *)left, b = *(const int32_t *)right;

	return (a > b) - (a < b);
}

/* Sort, and keep of each tid one: a directory that changes while it is read may show it twice. */
static void sort_tids(struct proc_tasks *tasks)
{
	size_t kept = 0;

	if (tasks->count == 0)
		return;
	qsort(tasks->tids, tasks->count, sizeof(*tasks->tids), compare_tids);
	for (size_t i = 0; i < tasks->count; i++)
		if (i == 0 || tasks->tids[i] != tasks->tids[kept - 1])
			tasks->tids[kept++] = tasks->tids[i];
	tasks->count = kept;
}

static bool is_dots(const struct words *words)
{
	size_t size = (size_t)(words->end - words->at);

	return size > 0 && size <= 2 && memcmp(words->at, "..", size) == 0;
}

/* Put the name behind the last one into @words; false at the end. */
static bool words_next_name(struct words *words, const char *end)
{
	words->at = words->end;
	if (words->line > 0)
		words->at++; /* over what ended it */
	if (words->at == end)
		return false;
	words->line++;
	words->end = words->at;
	while (words->end < end && *words->end != '\n' && *words->end != '\0')
		words->end++;
	if (words->end == end)
		words_fail(words, "the name", "is cut off: nothing ends it");
	return true;
}

static int parse_tasks(struct words *words, const char *end, struct proc_tasks *tasks,
		       struct lcp_error **reterr)
{
	VEC(int32_t) tids = { 0 };
	int r = 0;

	while (r == 0 && words_next_name(words, end)) {
		int32_t tid;

		if (words->wrong == NULL && is_dots(words))
			continue;
		tid = (int32_t)words_number(words, 10, INT32_MAX, "the task id");
		if (words->at != words->end || tid == 0)
			words_fail(words, "the task id", "is no number from 1");
		r = words_check(words, reterr);
		if (r == 0 && vec_push(&tids, tid) < 0)
			r = error_set_nomem(reterr);
	}
	tasks->tids = tids.items;
	tasks->count = tids.count;
	return r;
}

int proc_tasks_parse(const char *text, size_t size, struct proc_tasks *ret,
		     struct lcp_error **reterr)
{
	autotasks struct proc_tasks tasks = { 0 };
	struct words words = { .file = "task", .end = text };
	int r;

	r = parse_tasks(&words, text + size, &tasks, reterr);
	if (r < 0)
		return r;
	sort_tids(&tasks);
	*ret = tasks;
	tasks = (struct proc_tasks){ 0 };
	return 0;
}

void proc_tasks_fini(struct proc_tasks *tasks)
{
	free(tasks->tids);
	*tasks = (struct proc_tasks){ 0 };
}

bool proc_tasks_have(const struct proc_tasks *tasks, int32_t tid)
{
	return tasks->count > 0 &&
	       bsearch(&tid, tasks->tids, tasks->count, sizeof(tid), compare_tids) != NULL;
}
