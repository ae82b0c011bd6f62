/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Parsers for the text of files in /proc/PID (proc(5)). They are given the whole text and never
 * open a file.
 *
 * The process that the text is about chooses parts of it: its name and the paths it maps. What it
 * chooses cannot pass for another field or line. Text that is not what the kernel writes is refused
 * with -LCP_EFORMAT, the line, and what is wrong in it; so is text that was cut, as far as the
 * format can tell. What newer kernels append to a line or a file is ignored.
 */
#ifndef LCP_FORMAT_PROCFS_H
#define LCP_FORMAT_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lcp/error.h>

#include "base/cleanup.h"

struct proc_mapping {
	uint64_t start;
	uint64_t end; /* first address behind it */
	uint64_t offset; /* in the file */
	uint64_t inode; /* 0 if no file is mapped */
	uint32_t device_major;
	uint32_t device_minor;
	bool readable;
	bool writable;
	bool executable;
	bool shared;
	/*
	 * The name ends in " (deleted)", which the kernel appends when the file is unlinked. A file
	 * may bear such a name itself: only the inode at the path tells.
	 */
	bool deleted;
	/*
	 * Exactly as in the text: "/usr/lib/libc.so.6", "[heap]", or "" for anonymous memory. A
	 * line end in a path is written as "\012", but so is a path that holds these four
	 * characters: a name is for people, and a hint where to look.
	 */
	const char *name;
};

struct proc_maps {
	struct proc_mapping *items; /* by address, none overlaps another */
	size_t count;
	char *names;
};

/*
 * /proc/PID/maps. A process without memory (a zombie, a zombie leader with living threads, a
 * kernel thread) has an empty file, which is no error: *@ret then has no items. The format does not
 * tell whether lines are missing at the end.
 */
int proc_maps_parse(const char *text, size_t size, struct proc_maps *ret,
		    struct lcp_error **reterr);
void proc_maps_fini(struct proc_maps *maps);

#define automaps cleanup(proc_maps_fini)

/* The mapping that holds @address, or NULL. */
const struct proc_mapping *proc_maps_find(const struct proc_maps *maps, uint64_t address);

struct proc_status {
	char *name; /* as the process set it, escapes resolved: any bytes */
	char state; /* 'R', 'S', 'Z', ... */
	int32_t tgid;
	int32_t pid;
	int32_t ppid;
	int32_t tracer_pid; /* 0 if it is not traced */
	uint32_t uids[4]; /* real, effective, saved, file system */
	uint32_t gids[4];
	int32_t *ns_pids; /* in our pid namespace, then inwards; NULL before Linux 4.1 */
	size_t ns_pid_count;
	int32_t threads; /* 0 for one that is being reaped */
	uint64_t signals_pending; /* of the thread; signal n is bit n - 1 */
	uint64_t signals_shared_pending; /* of the process */
	uint64_t signals_blocked;
	uint64_t signals_ignored;
	uint64_t signals_caught;
	int32_t no_new_privs; /* 0 or 1; -1 before Linux 4.10 */
	int32_t seccomp; /* 0 off, 1 strict, 2 filter; -1 in kernels without seccomp */
	int32_t seccomp_filters; /* how many; -1 before Linux 5.9 */
};

/* /proc/PID/status or /proc/PID/task/TID/status. */
int proc_status_parse(const char *text, size_t size, struct proc_status *ret,
		      struct lcp_error **reterr);
void proc_status_fini(struct proc_status *status);

#define autostatus cleanup(proc_status_fini)

struct proc_stat {
	char *name; /* any bytes */
	char state;
	int32_t pid;
	int32_t ppid; /* 0 for one that is being reaped */
	int32_t pgrp; /* -1 for one that is being reaped */
	int32_t session; /* the same */
	int32_t threads;
	uint64_t start_time; /* since boot, in clock ticks: with the pid it names a process */
	/* Addresses; 0 without memory, 0 or 1 to those who may not look. */
	uint64_t start_code;
	uint64_t end_code;
	uint64_t start_stack;
	uint64_t start_data;
	uint64_t end_data;
	uint64_t start_brk;
};

/* /proc/PID/stat or /proc/PID/task/TID/stat. */
int proc_stat_parse(const char *text, size_t size, struct proc_stat *ret,
		    struct lcp_error **reterr);
void proc_stat_fini(struct proc_stat *stat);

#define autostat cleanup(proc_stat_fini)

struct proc_tasks {
	int32_t *tids; /* ascending, each once */
	size_t count;
};

/*
 * The names in /proc/PID/task, each ended by a NUL or a line end, in any order. "." and ".." may be
 * among them.
 */
int proc_tasks_parse(const char *text, size_t size, struct proc_tasks *ret,
		     struct lcp_error **reterr);
void proc_tasks_fini(struct proc_tasks *tasks);

#define autotasks cleanup(proc_tasks_fini)

/* Is @tid among them? */
bool proc_tasks_have(const struct proc_tasks *tasks, int32_t tid);

#endif
