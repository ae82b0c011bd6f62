/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "target/task.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

#define STATUS_MAX 4096
#define KERNEL_THREAD 0x00200000 /* PF_KTHREAD, include/linux/sched.h */

int task_read(int proc, int32_t tid, const char *name, char *ret, size_t room)
{
	autoclose int fd = -1;
	char path[64];
	ssize_t size;

	if (tid != 0)
		(void)snprintf(path, sizeof(path), "task/%d/%s", tid, name);
	else
		(void)snprintf(path, sizeof(path), "%s", name);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	size = read(fd, ret, room - 1);
	if (size < 0)
		return -errno;
	ret[size] = '\0';
	return (int)size;
}

/* @text without its first @count words. */
static const char *skip_words(const char *text, unsigned int count)
{
	while (count > 0 && *text != '\0')
		count -= *text++ == ' ';
	return text;
}

static uint64_t number(const char *text)
{
	uint64_t value = 0;

	while (*text >= '0' && *text <= '9')
		value = value * 10 + (uint64_t)(*text++ - '0');
	return value;
}

int task_stat(int proc, int32_t tid, struct task_stat *ret)
{
	char text[512];
	const char *at;
	int size = task_read(proc, tid, "stat", text, sizeof(text));

	if (size < 0)
		return size;
	/* The process chooses its name; no field behind it has a parenthesis (proc(5)). */
	at = size > 0 ? memrchr(text, ')', (size_t)size) : NULL;
	if (at == NULL || at[1] != ' ')
		return -EIO;
	at += 2;
	ret->state = *at;
	ret->kernel = (number(skip_words(at, 6)) & KERNEL_THREAD) != 0; /* field 9 */
	ret->start_time = number(skip_words(at, 19)); /* field 22 */
	return 0;
}

/* What stands behind @key in the text of status; NULL if it is not there. */
static const char *status_value(const char *text, const char *key)
{
	size_t size = strlen(key);

	/* A line end in the name is escaped: no name passes for another line. */
	for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, size) == 0 && line[size] == ':')
			return line + size + 1 + strspn(line + size + 1, " \t");
	}
	return NULL;
}

int32_t task_status(int proc, int32_t tid, const char *key)
{
	char text[STATUS_MAX] = { 0 };
	const char *value;

	if (task_read(proc, tid, "status", text, sizeof(text)) < 0)
		return -1;
	value = status_value(text, key);
	return value != NULL ? (int32_t)number(value) : -1;
}

static uint64_t status_signals(const char *text, const char *key)
{
	const char *value = status_value(text, key);

	return value != NULL ? strtoull(value, NULL, 16) : 0;
}

bool task_signals_wait(int proc, int32_t tid)
{
	char text[STATUS_MAX] = { 0 };
	uint64_t pending;

	if (task_read(proc, tid, "status", text, sizeof(text)) < 0)
		return false;
	pending = status_signals(text, "SigPnd") | status_signals(text, "ShdPnd");
	return (pending & status_signals(text, "SigCgt") & ~status_signals(text, "SigBlk")) != 0;
}

bool task_is_dead(int proc, int32_t tid)
{
	struct task_stat stat;

	return task_stat(proc, tid, &stat) < 0 || stat.state == 'Z' || stat.state == 'X';
}

/* fs/proc/base.c, proc_task_getattr(): two links, and one for each thread. */
uint32_t task_count(int folder)
{
	struct stat stat;

	if (fstat(folder, &stat) < 0 || stat.st_nlink < 2)
		return 0;
	return (uint32_t)(stat.st_nlink - 2);
}

void task_walk_begin(struct task_walk *walk, int folder)
{
	walk->folder = folder;
	walk->size = walk->at = 0;
	(void)lseek(folder, 0, SEEK_SET);
}

/* readdir(3) would allocate. */
int32_t task_walk_next(struct task_walk *walk)
{
	for (;;) {
		const struct dirent64 *entry;
		int32_t tid;

		if (walk->at >= walk->size) {
			long size = syscall(SYS_getdents64, walk->folder, walk->entries,
					    sizeof(walk->entries));

			if (size <= 0)
				return 0;
			walk->size = (size_t)size;
			walk->at = 0;
		}
		entry = (const void *)(walk->entries + walk->at);
		walk->at += entry->d_reclen;
		tid = (int32_t)number(entry->d_name);
		if (tid > 0)
			return tid;
	}
}

int32_t task_first(int proc, int folder)
{
	struct task_walk walk;
	int32_t tid;

	task_walk_begin(&walk, folder);
	do
		tid = task_walk_next(&walk);
	while (tid != 0 && task_is_dead(proc, tid));
	return tid;
}
