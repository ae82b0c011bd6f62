/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hostile surroundings: in each of them a victim is patched and the patch taken out again, or the
 * patch is refused for the reason that is expected; and the victim is as it was in any case. The
 * table that is printed at the end says what came of it.
 *
 *	hostile FOLDER		that make.sh filled
 */
#include "bed.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lcp/lcp.h>

#include "tap.h"

#define NOBODY 65534

struct row {
	const char *surroundings;
	const char *program; /* of the folder; NULL: victim */
	void (*before)(void); /* what its process does before it runs that */
	const char *word; /* that the victim is told */
	const char *(*enter)(struct bed *bed); /* what the test does: NULL, or why it cannot */
	void (*leave)(struct bed *bed);
	const char *leave_word;
	void (*doctor)(void); /* what the doctor does before it begins */
	const char *patch; /* NULL: value */
	const char *new_value; /* NULL: 11 */
	int32_t error; /* 0: it is patched */
	const char *reason; /* in the message */
	uint32_t timeout_ms;
	bool needs_root;
};

static void need(int r)
{
	if (r < 0)
		_exit(90);
}

/* A user without privileges; who runs the test is one, or root. */
static void be_nobody(void)
{
	if (geteuid() != 0)
		return;
	need(setgroups(0, NULL));
	need(setresgid(NOBODY, NOBODY, NOBODY));
	need(setresuid(NOBODY, NOBODY, NOBODY));
}

/* The first process of a namespace of its own. */
static void be_first(void)
{
	int status = -1;
	pid_t pid;

	need(unshare(CLONE_NEWPID));
	pid = fork();
	need(pid);
	if (pid > 0) {
		*bed_pid = pid;
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		_exit(status != 0);
	}
	while (*bed_pid == 0)
		(void)sched_yield();
}

/* A file system for the folder's second program, seen by nobody else. */
static void mount_folder(void)
{
	char from[512], to[512];
	char command[1100];

	(void)snprintf(from, sizeof(from), "%s", bed_file("victim"));
	(void)snprintf(to, sizeof(to), "%s", bed_file("mounted"));
	(void)mkdir(to, 0755);
	need(unshare(CLONE_NEWNS));
	need(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
	need(mount("none", to, "tmpfs", 0, NULL));
	(void)snprintf(command, sizeof(command), "cp '%s' '%s/victim'", from, to);
	need(-system(command)); // NOLINT: a copy
}

static void copy(const char *name)
{
	char command[1100], from[512];

	(void)snprintf(from, sizeof(from), "%s", bed_file("victim"));
	(void)snprintf(command, sizeof(command), "cp '%s' '%s'", from, bed_file(name));
	need(-system(command)); // NOLINT: a copy
}

static void copy_program(void)
{
	copy("copy");
}

static const char *delete_program(struct bed *bed)
{
	(void)bed;
	return unlink(bed_file("copy")) < 0 ? strerror(errno) : NULL;
}

/* Another program is where it was, as after an update. */
static const char *replace_program(struct bed *bed)
{
	char other[512];

	(void)bed;
	(void)snprintf(other, sizeof(other), "%s", bed_file("other"));
	return unlink(bed_file("copy")) < 0 || link(other, bed_file("copy")) < 0 ? strerror(errno)
										 : NULL;
}

static void copy_with_setuid(void)
{
	(void)umask(0);
	copy("setuid");
	need(chmod(bed_file("setuid"), 04755));
	be_nobody();
}

static const char *stop(struct bed *bed)
{
	(void)kill(bed->pid, SIGSTOP);
	victim_await_state(&bed->victim, bed->pid, 'T');
	return NULL;
}

static void go_on(struct bed *bed)
{
	/* A thread that is let go of stops by itself (ptrace(2), Attaching and detaching). */
	victim_await_state(&bed->victim, bed->pid, 'T');
	ok(true, "a stopped process stays stopped");
	(void)kill(bed->pid, SIGCONT);
}

static bool put(const char *folder, const char *name, int number)
{
	char path[600], text[16];
	int fd, size = snprintf(text, sizeof(text), "%d", number);
	bool done;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	done = fd >= 0 && write(fd, text, (size_t)size) == size;
	if (fd >= 0)
		(void)close(fd);
	return done;
}

/* Where version 2 of control groups is mounted. */
static bool find_groups(char *ret)
{
	FILE *file = fopen("/proc/self/mounts", "re");
	char line[1024], type[64] = "";

	while (file != NULL && strcmp(type, "cgroup2") != 0 &&
	       fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "%*s %511s %63s", ret, type) != 2)
			type[0] = '\0';
	if (file != NULL)
		(void)fclose(file);
	return strcmp(type, "cgroup2") == 0;
}

static char groups[512], group[600];

static const char *freeze(struct bed *bed)
{
	if (!find_groups(groups))
		return "no control groups of version 2";
	(void)snprintf(group, sizeof(group), "%s/lcp-peers-%d", groups, bed->pid);
	if (mkdir(group, 0755) < 0 || !put(group, "cgroup.procs", bed->pid) ||
	    !put(group, "cgroup.freeze", 1)) {
		(void)rmdir(group);
		return "no right to freeze";
	}
	return NULL;
}

static void thaw(struct bed *bed)
{
	(void)put(group, "cgroup.freeze", 0);
	(void)put(groups, "cgroup.procs", bed->pid);
	ok(rmdir(group) == 0, "a frozen process has its group for itself");
}

static const struct row rows[] = {
	{ .surroundings = "none" },
	{ .surroundings = "none, same user", .before = be_nobody, .doctor = be_nobody },
	{ .surroundings = "seccomp, strict", .word = "seccomp-strict", .needs_root = true },
	{ .surroundings = "seccomp, strict, same user",
	  .before = be_nobody,
	  .word = "seccomp-strict",
	  .doctor = be_nobody,
	  .error = -LCP_EUNSUPPORTED,
	  .reason = "CAP_SYS_ADMIN" },
	{ .surroundings = "seccomp, mmap kills", .word = "seccomp-mmap", .needs_root = true },
	{ .surroundings = "seccomp, mmap kills, same user",
	  .before = be_nobody,
	  .word = "seccomp-mmap",
	  .doctor = be_nobody,
	  .error = -LCP_EUNSUPPORTED,
	  .reason = "CAP_SYS_ADMIN" },
	{ .surroundings = "seccomp, all kills but read and write",
	  .word = "seccomp-own",
	  .needs_root = true },
	{ .surroundings = "seccomp, all kills, same user",
	  .before = be_nobody,
	  .word = "seccomp-own",
	  .doctor = be_nobody,
	  .error = -LCP_EUNSUPPORTED,
	  .reason = "CAP_SYS_ADMIN" },
	{ .surroundings = "memory deny write execute", .word = "mdwe" },
	{ .surroundings = "memory deny write execute, data",
	  .word = "mdwe",
	  .patch = "data",
	  .new_value = "13" },
	{ .surroundings = "code sealed by mseal(2)", .word = "sealed" },
	{ .surroundings = "no new privileges", .word = "no-new-privs" },
	{ .surroundings = "no dumps", .word = "undumpable", .needs_root = true },
	{ .surroundings = "no dumps, same user",
	  .before = be_nobody,
	  .word = "undumpable",
	  .doctor = be_nobody,
	  .error = -EPERM,
	  .reason = "" },
	{ .surroundings = "another root directory", .word = "other-root", .needs_root = true },
	{ .surroundings = "a mount namespace of its own",
	  .word = "mount-namespace",
	  .needs_root = true },
	{ .surroundings = "its file system is unmounted",
	  .program = "mounted/victim",
	  .before = mount_folder,
	  .word = "unmounted",
	  .needs_root = true },
	{ .surroundings = "a process namespace of its own",
	  .before = be_first,
	  .needs_root = true },
	{ .surroundings = "a user namespace of its own", .word = "user-namespace" },
	{ .surroundings = "a user namespace of its own, same user",
	  .before = be_nobody,
	  .word = "user-namespace",
	  .doctor = be_nobody },
	{ .surroundings = "its program is deleted",
	  .program = "copy",
	  .before = copy_program,
	  .enter = delete_program },
	{ .surroundings = "its program is replaced by another",
	  .program = "copy",
	  .before = copy_program,
	  .enter = replace_program },
	{ .surroundings = "set-user-ID",
	  .program = "setuid",
	  .before = copy_with_setuid,
	  .needs_root = true },
	{ .surroundings = "set-user-ID, same user",
	  .program = "setuid",
	  .before = copy_with_setuid,
	  .doctor = be_nobody,
	  .error = -EPERM,
	  .reason = "",
	  .needs_root = true },
	{ .surroundings = "another user's process",
	  .doctor = be_nobody,
	  .error = -EPERM,
	  .reason = "",
	  .needs_root = true },
	{ .surroundings = "RLIMIT_AS is used up",
	  .word = "limit-as",
	  .error = -ENOMEM,
	  .reason = "mmap in the process" },
	{ .surroundings = "RLIMIT_DATA is used up",
	  .word = "limit-data",
	  .error = -ENOMEM,
	  .reason = "mmap in the process" },
	{ .surroundings = "RLIMIT_NOFILE is 0", .word = "limit-files" },
	{ .surroundings = "RLIMIT_STACK is one page", .word = "limit-stack" },
	{ .surroundings = "RLIMIT_MEMLOCK is 0, mappings are locked", .word = "limit-locked" },
	{ .surroundings = "a thread in vfork(2)",
	  .word = "vfork-parent",
	  .leave_word = "vfork-ends",
	  .error = -LCP_ESTOP,
	  .reason = "vfork",
	  .timeout_ms = 300 },
	{ .surroundings = "stopped by SIGSTOP", .enter = stop, .leave = go_on },
	{ .surroundings = "frozen by its control group",
	  .enter = freeze,
	  .leave = thaw,
	  .error = -LCP_EBORROW,
	  .reason = "was not run in time",
	  .timeout_ms = 500,
	  .needs_root = true },
	{ .surroundings = "all signals are blocked", .word = "block-signals" },
	{ .surroundings = "it traces a child", .word = "traces", .leave_word = "traces-no-more" },
	{ .surroundings = "a handler on an alternate stack",
	  .word = "alternate-stack",
	  .error = -LCP_EBORROW,
	  .reason = "stack of unknown size",
	  .timeout_ms = 1000 },
	{ .surroundings = "one thread, stack of 1 KiB",
	  .word = "tiny-stack",
	  .error = -LCP_EBORROW,
	  .reason = "stack of unknown size",
	  .timeout_ms = 1000 },
	{ .surroundings = "stack of 1 KiB, another thread",
	  .word = "tiny-stack-and-thread",
	  .error = -LCP_EINUSE,
	  .reason = "stack of unknown size",
	  .timeout_ms = 1000 },
	{ .surroundings = "a thread with a stack of 16 KiB", .word = "small-thread" },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static char table[ROWS][640];

/* In the surroundings: NULL, or why they are not to be had. */
static const char *enter(const struct row *row, struct bed *bed)
{
	const char *said = row->word != NULL ? victim_ask(&bed->victim, row->word) : "ok";

	if (strcmp(said, "ok") != 0)
		return said;
	said = row->enter != NULL ? row->enter(bed) : NULL;
	bed_note(bed);
	return said;
}

static void leave(const struct row *row, struct bed *bed)
{
	if (row->leave != NULL)
		row->leave(bed);
	if (row->leave_word != NULL)
		is_text(victim_ask(&bed->victim, row->leave_word), "ok", row->surroundings);
}

static bool is_refused(const struct row *row, const struct outcome *outcome)
{
	bool refused = ok(outcome->r == row->error && strstr(outcome->message, row->reason) != NULL,
			  "%s: refused for the reason", row->surroundings);

	if (!refused)
		tap_say("%s: %s", lcp_error_name(outcome->r), outcome->message);
	return refused;
}

static void treat(const struct row *row, struct bed *bed, char *ret)
{
	const struct task task = {
		.apply = { row->patch != NULL ? row->patch : "value" },
		.timeout_ms = row->timeout_ms,
		.before = row->doctor,
	};
	const struct task back = { .revert = task.apply[0], .before = row->doctor };
	struct outcome outcome = bed_treat(bed->pid, &task), end;

	if (row->error != 0)
		(void)is_refused(row, &outcome);
	else
		ok(bed_is(&outcome, 0), "%s: patched", row->surroundings);
	(void)snprintf(ret, sizeof(table[0]), "%-44s %-14s %s", row->surroundings,
		       outcome.r == 0 ? "patched" : lcp_error_name(outcome.r),
		       outcome.r == 0 ? "" : outcome.message);
	leave(row, bed);
	if (outcome.r < 0)
		return;
	is_text(victim_ask(&bed->victim, "value"), row->new_value != NULL ? row->new_value : "11",
		"it runs the new code");
	end = bed_treat(bed->pid, &back);
	ok(bed_is(&end, 0), "%s: taken out again", row->surroundings);
}

static void do_row(const struct row *row, char *ret)
{
	char claim[128];
	struct bed bed;
	const char *why;

	(void)snprintf(claim, sizeof(claim), "%s: unharmed", row->surroundings);
	(void)snprintf(ret, sizeof(table[0]), "%-44s skipped", row->surroundings);
	if (row->needs_root && geteuid() != 0) {
		tap_skip("needs root", claim);
		return;
	}
	bed_begin(&bed, row->program != NULL ? row->program : "victim", row->before);
	why = enter(row, &bed);
	if (why != NULL)
		tap_skip(why, claim);
	else
		treat(row, &bed, ret);
	if (why == NULL)
		bed_end(&bed, claim);
	else
		(void)victim_kill(&bed.victim);
}

int main(int argc, char **argv)
{
	const char *only = argc > 2 ? argv[2] : "";

	if (argc < 2)
		return 2;
	bed_files(argv[1]);
	bed_warm_up();
	tap_begin();
	for (size_t i = 0; i < ROWS; i++)
		if (strstr(rows[i].surroundings, only) != NULL)
			do_row(&rows[i], table[i]);
	for (size_t i = 0; i < ROWS; i++)
		if (table[i][0] != '\0')
			tap_say("%s", table[i]);
	return tap_end();
}
