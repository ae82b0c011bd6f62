/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parsers of /proc text: samples as kernels write them, samples as hostile processes would
 * like them, and each of them cut at every byte.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/num.h"
#include "base/str.h"
#include "format/procfs.h"
#include "tap.h"

static const char maps_text[] =
	"55d0c1a00000-55d0c1a02000 r--p 00000000 fe:00 247134                     /usr/bin/cat\n"
	"55d0c1a02000-55d0c1a07000 r-xp 00002000 fe:00 247134                     /usr/bin/cat\n"
	"55d0c2f00000-55d0c2f21000 rw-p 00000000 00:00 0                          [heap]\n"
	"7f3000000000-7f3000001000 rw-s 00001000 103:1ff 18446744073709551615     "
	"/tmp/a b\\012c (deleted)\n"
	"7f3000001000-7f3000002000 rw-s 00000000 00:01 1025                       /memfd:x "
	"(deleted)\n"
	"7f30001d5000-7f30001e2000 ---p 00000000 00:00 0 \n"
	"7ffd1523b000-7ffd1525c000 rw-p 00000000 00:00 0                          [a (deleted)\n"
	"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";

static const char status_text[] = "Name:\tcat\n"
				  "Umask:\t0022\n"
				  "State:\tS (sleeping)\n"
				  "Tgid:\t3554\n"
				  "Ngid:\t0\n"
				  "Pid:\t3555\n"
				  "PPid:\t3552\n"
				  "TracerPid:\t77\n"
				  "Uid:\t1000\t1001\t1002\t4294967295\n"
				  "Gid:\t100\t101\t102\t103\n"
				  "FDSize:\t256\n"
				  "Groups:\t24 25 100 \n"
				  "NStgid:\t3554\t7\n"
				  "NSpid:\t3555\t8\n"
				  "Kthread:\t0\n"
				  "VmPeak:\t    3060 kB\n"
				  "Threads:\t3\n"
				  "SigQ:\t0/96365\n"
				  "SigPnd:\t0000000000000100\n"
				  "ShdPnd:\t0000000000004000\n"
				  "SigBlk:\tfffffffe7ffbfeff\n"
				  "SigIgn:\t0000000000001000\n"
				  "SigCgt:\t0000000180014a07\n"
				  "NoNewPrivs:\t1\n"
				  "Seccomp:\t2\n"
				  "Seccomp_filters:\t4\n"
				  "Cpus_allowed:\t3\n"
				  "voluntary_ctxt_switches:\t12\n"
				  "nonvoluntary_ctxt_switches:\t3\n";

static const char stat_text[] =
	"3555 (cat) R 3552 3551 2786 0 -1 4194304 100 0 0 0 1 2 3 4 20 0 1 0 94313 3133440 383 "
	"18446744073709551615 94126229598208 94126229618089 140727563265456 0 0 0 0 0 0 0 0 0 17 1 "
	"0 0 0 0 0 94126229634096 94126229635712 94127129886720 140727563266699 140727563266719 "
	"140727563266719 140727563268075 0\n";

/* @text with @from replaced by @to, once. The caller frees it. */
static char *change(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	autostr struct str changed = { 0 };
	char *ret = NULL;

	if (at == NULL)
		abort();
	str_put(&changed, text, (size_t)(at - text));
	str_puts(&changed, to);
	str_puts(&changed, at + strlen(from));
	if (str_take(&changed, &ret) < 0)
		abort();
	return ret;
}

/* One parser, whatever its result is. */
typedef int parse_fn(const char *text, size_t size, struct lcp_error **reterr);

static int parse_maps(const char *text, size_t size, struct lcp_error **reterr)
{
	automaps struct proc_maps maps = { 0 };

	return proc_maps_parse(text, size, &maps, reterr);
}

static int parse_status(const char *text, size_t size, struct lcp_error **reterr)
{
	autostatus struct proc_status status = { 0 };

	return proc_status_parse(text, size, &status, reterr);
}

static int parse_stat(const char *text, size_t size, struct lcp_error **reterr)
{
	autostat struct proc_stat stat = { 0 };

	return proc_stat_parse(text, size, &stat, reterr);
}

static int parse_tasks(const char *text, size_t size, struct lcp_error **reterr)
{
	autotasks struct proc_tasks tasks = { 0 };

	return proc_tasks_parse(text, size, &tasks, reterr);
}

static void refused_bytes(parse_fn *parse, const char *text, size_t size, const char *message)
{
	autoerror struct lcp_error *error = NULL;
	int r;

	r = parse(text, size, &error);
	if (!ok(r == -LCP_EFORMAT && error != NULL && strcmp(error->message, message) == 0,
		"refused: %s", message))
		tap_say("is %d: %s", r, error != NULL ? error->message : "(no error)");
}

static void refused(parse_fn *parse, const char *text, const char *message)
{
	refused_bytes(parse, text, strlen(text), message);
}

static void refused_changed(parse_fn *parse, const char *text, const char *from, const char *to,
			    const char *message)
{
	autofree char *changed = change(text, from, to);

	refused(parse, changed, message);
}

/* Cut @text at every byte: how many of the cuts are accepted? Reads behind the cut are seen. */
static int64_t count_accepted_cuts(parse_fn *parse, const char *text)
{
	int64_t accepted = 0;

	for (size_t size = 0; size < strlen(text); size++) {
		autoerror struct lcp_error *error = NULL;
		autofree char *cut = malloc(size > 0 ? size : 1);

		memcpy(cut, text, size);
		accepted += parse(cut, size, &error) == 0;
	}
	return accepted;
}

static void test_maps(void)
{
	automaps struct proc_maps maps = { 0 };
	const struct proc_mapping *items;

	is_int(proc_maps_parse(maps_text, strlen(maps_text), &maps, NULL), 0, "maps are read");
	is_int(maps.count, 8, "every line is a mapping");
	items = maps.items;
	ok(items[1].start == 0x55d0c1a02000 && items[1].end == 0x55d0c1a07000,
	   "a mapping has its addresses");
	ok(items[1].readable && !items[1].writable && items[1].executable && !items[1].shared,
	   "and its permissions");
	is_int(items[1].offset, 0x2000, "and the offset in the file");
	ok(items[1].device_major == 0xfe && items[1].device_minor == 0 && items[1].inode == 247134,
	   "and which file that is");
	is_text(items[1].name, "/usr/bin/cat", "and its name");
	ok(!items[1].deleted, "which is there");
	is_text(items[3].name, "/tmp/a b\\012c (deleted)", "a name is kept as it is");
	ok(items[3].deleted && items[3].shared, "that the file is deleted is seen");
	ok(items[3].device_major == 0x103 && items[3].device_minor == 0x1ff &&
		   items[3].inode == UINT64_MAX,
	   "device and inode may be large");
	ok(items[4].deleted, "memory files are deleted files");
	is_text(items[5].name, "", "anonymous memory has no name");
	ok(!items[5].readable, "memory may be closed");
	ok(!items[6].deleted, "what is not a file cannot be deleted");
	is_int(items[7].start, 0xffffffffff600000, "addresses may be high");
}

static void test_maps_find(void)
{
	automaps struct proc_maps maps = { 0 };
	automaps struct proc_maps empty = { 0 };

	is_int(proc_maps_parse("", 0, &empty, NULL), 0, "a zombie has empty maps");
	is_int(empty.count, 0, "and no mapping");
	ok(proc_maps_find(&empty, 0) == NULL, "which holds nothing");

	(void)proc_maps_parse(maps_text, strlen(maps_text), &maps, NULL);
	ok(proc_maps_find(&maps, 0x55d0c1a02000) == &maps.items[1], "the first byte is found");
	ok(proc_maps_find(&maps, 0x55d0c1a06fff) == &maps.items[1], "the last byte is found");
	ok(proc_maps_find(&maps, 0x55d0c1a01fff) == &maps.items[0], "a neighbour has its own");
	ok(proc_maps_find(&maps, 0x55d0c1a07000) == NULL, "behind the last byte is a hole");
	ok(proc_maps_find(&maps, 0) == NULL, "nothing is at 0");
	ok(proc_maps_find(&maps, UINT64_MAX) == NULL, "nothing is at the end");
	ok(proc_maps_find(&maps, 0xffffffffff600000) == &maps.items[7], "the last one is found");
}

static void test_bad_maps(void)
{
	static const char nul[] = "1000-2000 r-xp 0 0:0 0 /a\0b\n";

	refused(parse_maps, "\n", "maps: line 1: the start address is no number");
	refused(parse_maps, "1000 r-xp",
		"maps: line 1: the text is cut off: it does not end with "
		"a line end");
	refused(parse_maps, "1000 2000\n",
		"maps: line 1: the start address is not followed by "
		"'-'");
	refused(parse_maps, "1000-2G00 r-xp\n", "maps: line 1: the end address is no number");
	refused(parse_maps, "1000-2000\n",
		"maps: line 1: the end address is not followed by a "
		"blank");
	refused(parse_maps, "2000-2000 r-xp 0 0:0 0\n",
		"maps: line 1: the end address is not above the start address");
	refused(parse_maps, "10000000000000000-2000 r-xp 0 0:0 0\n",
		"maps: line 1: the start address is too large");
	refused(parse_maps, "1000-2000 rwx 0 0:0 0\n",
		"maps: line 1: the permissions are not as in \"r-xp\"");
	refused(parse_maps, "1000-2000 xr-p 0 0:0 0\n",
		"maps: line 1: the permissions are not as in \"r-xp\"");
	refused(parse_maps, "1000-2000 r-xpp 0 0:0 0\n",
		"maps: line 1: the permissions are not as in \"r-xp\"");
	refused(parse_maps, "1000-2000 r-xp -1 0:0 0\n", "maps: line 1: the offset is no number");
	refused(parse_maps, "1000-2000 r-xp 0 00 0\n",
		"maps: line 1: the device is not as in "
		"\"fe:00\"");
	refused(parse_maps, "1000-2000 r-xp 0 0:100000000 0\n",
		"maps: line 1: the device is too large");
	refused(parse_maps, "1000-2000 r-xp 0 0:0 1f /x\n", "maps: line 1: the inode is no number");
	refused(parse_maps, "1000-2000 r-xp 0 0:0 18446744073709551616\n",
		"maps: line 1: the inode is too large");
	refused(parse_maps, "1000-2000 r-xp 0 0:0 0\n1fff-3000 r-xp 0 0:0 0\n",
		"maps: line 2: the start address is below the end of the line before");
	refused_bytes(parse_maps, nul, sizeof(nul) - 1, "maps: line 1: the text holds a NUL");
	is_int(count_accepted_cuts(parse_maps, maps_text), 8,
	       "maps are accepted when they are cut between lines, and only then");
}

static void test_status(void)
{
	autostatus struct proc_status status = { 0 };

	is_int(proc_status_parse(status_text, strlen(status_text), &status, NULL), 0,
	       "status is read");
	is_text(status.name, "cat", "the name");
	is_int(status.state, 'S', "the state");
	is_int(status.tgid, 3554, "the process");
	is_int(status.pid, 3555, "the thread");
	is_int(status.ppid, 3552, "the parent");
	is_int(status.tracer_pid, 77, "the tracer");
	ok(status.uids[0] == 1000 && status.uids[1] == 1001 && status.uids[2] == 1002 &&
		   status.uids[3] == UINT32_MAX,
	   "four user ids");
	ok(status.gids[0] == 100 && status.gids[3] == 103, "four group ids");
	ok(status.ns_pid_count == 2 && status.ns_pids[0] == 3555 && status.ns_pids[1] == 8,
	   "its ids in each pid namespace");
	is_int(status.threads, 3, "the number of threads");
	ok(status.signals_pending == 0x100 && status.signals_shared_pending == 0x4000 &&
		   status.signals_blocked == 0xfffffffe7ffbfeff &&
		   status.signals_ignored == 0x1000 && status.signals_caught == 0x180014a07,
	   "five sets of signals");
	ok(status.no_new_privs == 1 && status.seccomp == 2 && status.seccomp_filters == 4,
	   "what seccomp does to it");
}

/* The text without the lines that begin with one of the words. */
static char *without(const char *text, const char *const *words)
{
	autostr struct str rest = { 0 };
	char *ret = NULL;

	while (*text != '\0') {
		const char *next = strchr(text, '\n') + 1;
		bool keep = true;

		for (size_t i = 0; words[i] != NULL; i++)
			keep = keep && strncmp(text, words[i], strlen(words[i])) != 0;
		if (keep)
			str_put(&rest, text, (size_t)(next - text));
		text = next;
	}
	if (str_take(&rest, &ret) < 0)
		abort();
	return ret;
}

static void test_status_of_other_kernels(void)
{
	static const char *const newer[] = { "NS", "NoNewPrivs", "Seccomp", NULL };
	autofree char *old = without(status_text, newer);
	autofree char *wide = change(status_text, "Threads:\t3\n", "Threads:\t3\t9 x\nNew:\t1\n");
	autofree char *tail = change(status_text, "switches:\t3\n", "switches:\t3\nx86:\t\n");
	autostatus struct proc_status status = { 0 };

	is_int(proc_status_parse(old, strlen(old), &status, NULL), 0, "older kernels say less");
	ok(status.ns_pids == NULL && status.ns_pid_count == 0 && status.no_new_privs == -1 &&
		   status.seccomp == -1 && status.seccomp_filters == -1,
	   "and what they do not say is told apart from 0");
	proc_status_fini(&status);
	is_int(proc_status_parse(wide, strlen(wide), &status, NULL) + status.threads, 3,
	       "newer ones may append to a line, and lines");
	proc_status_fini(&status);
	is_int(proc_status_parse(tail, strlen(tail), &status, NULL), 0,
	       "CPUs have lines of their own at the end");
}

static void test_status_names(void)
{
	static const struct {
		const char *text, *name;
	} names[] = {
		{ "Name:\t\n", "" },
		{ "Name:\t a \n", " a " },
		{ "Name:\ta\\nTgid:\t1\\n\n", "a\nTgid:\t1\n" },
		{ "Name:\t\\\\n\n", "\\n" },
		{ "Name:\tUid:\t0\t0\n", "Uid:\t0\t0" },
		{ "Name:\t\xff\x1b[m\n", "\xff\x1b[m" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		autofree char *text = change(status_text, "Name:\tcat\n", names[i].text);
		autostatus struct proc_status status = { 0 };

		is_int(proc_status_parse(text, strlen(text), &status, NULL), 0,
		       "a process may choose any name");
		is_text(status.name, names[i].name, "it is read as it was set");
		is_int(status.tgid, 3554, "and it fakes no other field");
	}
}

static void test_bad_status(void)
{
	static const struct {
		const char *from, *to, *message;
	} cases[] = {
		{ "Umask:\t0022", "Umask", "status: line 2: the field has no ':' behind its name" },
		{ "Name:\tcat", "Name:cat", "status: line 1: Name is not followed by a tabulator" },
		{ "cat\n", "c\\t\n", "status: line 1: Name has an escape other than \\n and \\\\" },
		{ "cat\n", "c\\\n", "status: line 1: Name has an escape other than \\n and \\\\" },
		{ "S (sleeping)", "0", "status: line 3: the state is no letter" },
		{ "S (sleeping)", "", "status: line 3: the state is no letter" },
		{ "S (sleeping)", "Sleep", "status: line 3: the state is more than a letter" },
		{ "Tgid:\t3554", "Tgid:\t", "status: line 4: Tgid is no number" },
		{ "Tgid:\t3554", "Tgid:\t-1", "status: line 4: Tgid is no number" },
		{ "Tgid:\t3554", "Tgid:\t12x", "status: line 4: Tgid is no number" },
		{ "Tgid:\t3554", "Tgid:\t2147483648", "status: line 4: Tgid is too large" },
		{ "Ngid:\t0", "Pid:\t3555", "status: line 6: Pid is there twice" },
		{ "\t1002\t4294967295", "", "status: line 9: Uid is no number" },
		{ "4294967295", "4294967296", "status: line 9: Uid is too large" },
		{ "NSpid:\t3555\t8", "NSpid:\t", "status: line 14: NSpid is no number" },
		{ "NSpid:\t3555\t8", "NSpid:\t8 x", "status: line 14: NSpid is no number" },
		{ "0000000000000100", "000000000000010",
		  "status: line 19: SigPnd has not 16 digits" },
		{ "0000000000000100", "00000000000000100",
		  "status: line 19: SigPnd has not 16 digits" },
		{ "0000000000000100", "10000000000000000", "status: line 19: SigPnd is too large" },
		{ "Seccomp:\t2", "Seccomp:\ttwo", "status: line 25: Seccomp is no number" },
		{ "Threads:", "Thread:", "status: line 29: the text ends, and Threads is missing" },
		{ "switches:\t3\n", "switches:\t3",
		  "status: line 29: the text is cut off: it does not end with a line end" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		refused_changed(parse_status, status_text, cases[i].from, cases[i].to,
				cases[i].message);
	refused(parse_status, "", "status: line 0: the text ends, and Name is missing");
	refused_bytes(parse_status, "Name:\ta\0b\n", 10, "status: line 1: the text holds a NUL");
	is_int(count_accepted_cuts(parse_status, status_text), 0,
	       "status that was cut anywhere is refused");
}

static void test_stat(void)
{
	autostat struct proc_stat stat = { 0 };

	is_int(proc_stat_parse(stat_text, strlen(stat_text), &stat, NULL), 0, "stat is read");
	is_text(stat.name, "cat", "the name");
	is_int(stat.pid, 3555, "the pid");
	is_int(stat.state, 'R', "the state");
	is_int(stat.ppid, 3552, "the parent");
	is_int(stat.pgrp, 3551, "the process group");
	is_int(stat.session, 2786, "the session");
	is_int(stat.threads, 1, "the number of threads");
	is_int(stat.start_time, 94313, "the start time");
	is_int(stat.start_code, 94126229598208, "where the code begins");
	is_int(stat.end_code, 94126229618089, "where it ends");
	is_int(stat.start_stack, 140727563265456, "where the stack began");
	is_int(stat.start_data, 94126229634096, "where the data begins");
	is_int(stat.end_data, 94126229635712, "where it ends");
	is_int(stat.start_brk, 94127129886720, "where the heap begins");
}

static void test_stat_names(void)
{
	static const char *const names[] = {
		"", ")", "(", "a b", ") R 1 1 1 (", "\n", "a)\n1 (b)"
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		autofree char *text = change(stat_text, "cat", names[i]);
		autostat struct proc_stat stat = { 0 };

		is_int(proc_stat_parse(text, strlen(text), &stat, NULL), 0,
		       "a process may choose any name");
		is_text(stat.name, names[i], "it is read as it was set");
		is_int(stat.ppid, 3552, "and it fakes no other field");
	}
}

static void test_stat_of_other_kernels(void)
{
	autofree char *longer = change(stat_text, "268075 0\n", "268075 0 17 -4 x\n");
	autofree char *reaped = change(stat_text, "R 3552 3551 2786", "X 0 -1 -1");
	autostat struct proc_stat stat = { 0 };

	is_int(proc_stat_parse(longer, strlen(longer), &stat, NULL), 0,
	       "newer kernels may append fields");
	proc_stat_fini(&stat);
	is_int(proc_stat_parse(reaped, strlen(reaped), &stat, NULL), 0, "one being reaped is read");
	ok(stat.pgrp == -1 && stat.session == -1 && stat.ppid == 0, "it belongs to nobody");
}

static void test_bad_stat(void)
{
	static const struct {
		const char *from, *to, *message;
	} cases[] = {
		{ "3555 (", "x (", "stat: line 1: the pid is no number" },
		{ "3555 (", "2147483648 (", "stat: line 1: the pid is too large" },
		{ "3555 (", "3555(", "stat: line 1: the pid is not followed by a blank" },
		{ "3555 (", "3555 ", "stat: line 1: the name does not begin with '('" },
		{ "cat)", "cat", "stat: line 1: the name does not end with ')'" },
		{ " R ", " RR ", "stat: line 1: the state is more than a letter" },
		{ " R ", " 5 ", "stat: line 1: the state is no letter" },
		{ " 3552 ", " --3552 ", "stat: line 1: ppid is no number" },
		{ " 3551 ", " 2147483648 ", "stat: line 1: pgrp is too large" },
		{ " 4194304 ", " 0x40 ", "stat: line 1: a field is no number" },
		{ " 94313 ", " -94313 ", "stat: line 1: starttime is no number" },
		{ " 94313 ", " 18446744073709551616 ", "stat: line 1: starttime is too large" },
		{ "0\n", "0",
		  "stat: line 1: the text is cut off: it does not end with a line end" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases) - 1; i++)
		refused_changed(parse_stat, stat_text, cases[i].from, cases[i].to,
				cases[i].message);
	refused_bytes(parse_stat, stat_text, strlen(stat_text) - 1,
		      cases[ARRAY_SIZE(cases) - 1].message);
	refused(parse_stat, "", "stat: line 1: the name does not end with ')'");
	refused(parse_stat, ")", "stat: line 1: the pid is no number");
	refused(parse_stat, "1 (a)\n", "stat: line 1: the state is no letter");
	is_int(count_accepted_cuts(parse_stat, stat_text), 0,
	       "stat that was cut anywhere is refused");
}

static void test_tasks(void)
{
	static const char names[] = ".\0..\0"
				    "100\0"
				    "7\0"
				    "2147483647\0"
				    "7";
	autotasks struct proc_tasks tasks = { 0 };
	autotasks struct proc_tasks lines = { 0 };
	autotasks struct proc_tasks none = { 0 };

	is_int(proc_tasks_parse(names, sizeof(names), &tasks, NULL), 0, "a task list is read");
	ok(tasks.count == 3 && tasks.tids[0] == 7 && tasks.tids[1] == 100 &&
		   tasks.tids[2] == INT32_MAX,
	   "it is sorted, and holds each thread once");
	ok(proc_tasks_have(&tasks, 100), "a thread is found");
	ok(!proc_tasks_have(&tasks, 8), "one that is not there is not");
	is_int(proc_tasks_parse("12\n3\n", 5, &lines, NULL), 0, "names may be lines");
	is_int(lines.count, 2, "of one thread each");
	is_int(proc_tasks_parse("", 0, &none, NULL), 0, "a task list may be empty");
	ok(!proc_tasks_have(&none, 0), "then nobody is there");
}

static void test_bad_tasks(void)
{
	refused(parse_tasks, "12", "task: line 1: the name is cut off: nothing ends it");
	refused(parse_tasks, "12\n13", "task: line 2: the name is cut off: nothing ends it");
	refused(parse_tasks, "0\n", "task: line 1: the task id is no number from 1");
	refused(parse_tasks, "\n", "task: line 1: the task id is no number");
	refused(parse_tasks, "1 2\n", "task: line 1: the task id is no number from 1");
	refused(parse_tasks, "-1\n", "task: line 1: the task id is no number");
	refused(parse_tasks, "...\n", "task: line 1: the task id is no number");
	refused(parse_tasks, "2147483648\n", "task: line 1: the task id is too large");
	is_int(count_accepted_cuts(parse_tasks, "12\n345\n"), 2,
	       "a task list is accepted when it is cut between names, and only then");
}

static void read_file(const char *path, struct str *ret)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	char buffer[4096];
	ssize_t count;

	while ((count = read(fd, buffer, sizeof(buffer))) > 0)
		str_put(ret, buffer, (size_t)count);
}

/* What this kernel says of this process. */
static void test_self(void)
{
	autostr struct str maps_read = { 0 }, status_read = { 0 }, stat_read = { 0 };
	automaps struct proc_maps maps = { 0 };
	autostatus struct proc_status status = { 0 };
	autostat struct proc_stat stat = { 0 };
	const struct proc_mapping *mapping;

	read_file("/proc/self/maps", &maps_read);
	read_file("/proc/self/status", &status_read);
	read_file("/proc/self/stat", &stat_read);
	is_int(proc_maps_parse(maps_read.text, maps_read.size, &maps, NULL), 0, "own maps");
	mapping = proc_maps_find(&maps, (uintptr_t)test_self);
	ok(mapping != NULL && mapping->executable && mapping->inode != 0 && mapping->name[0] == '/',
	   "a function lies in executable memory of a file");
	is_int(proc_status_parse(status_read.text, status_read.size, &status, NULL), 0,
	       "own status");
	ok(status.pid == getpid() && status.ppid == getppid() && status.threads == 1 &&
		   status.uids[1] == geteuid() && status.gids[1] == getegid(),
	   "is about this process");
	is_int(proc_stat_parse(stat_read.text, stat_read.size, &stat, NULL), 0, "own stat");
	ok(stat.pid == getpid() && stat.session == getsid(0) && stat.start_time > 0,
	   "is about this process too");
	is_text(stat.name, status.name, "and both give it one name");
	mapping = proc_maps_find(&maps, stat.start_stack);
	is_text(mapping != NULL ? mapping->name : "", "[stack]", "the stack is a stack");
}

int main(void)
{
	tap_begin();
	test_maps();
	test_maps_find();
	test_bad_maps();
	test_status();
	test_status_of_other_kernels();
	test_status_names();
	test_bad_status();
	test_stat();
	test_stat_names();
	test_stat_of_other_kernels();
	test_bad_stat();
	test_tasks();
	test_bad_tasks();
	test_self();
	return tap_end();
}
