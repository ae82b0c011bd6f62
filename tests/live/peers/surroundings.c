/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Surroundings in which it is hard to patch a process: the victim says "ok" when it is in them, or
 * why it cannot be. What has to be arranged before a program begins is arranged by
 * test-surroundings.
 */
#define _GNU_SOURCE
#include "functions.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define PAGE 4096UL

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif
#ifndef SYS_mseal
#define SYS_mseal 462
#endif

static void say_done(long r)
{
	peers_say(r < 0 ? strerror(errno) : "ok");
}

static void seccomp_strict(void)
{
	peers_is_strict = 1;
	say_done(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT));
}

static long filter(struct sock_filter *rules, unsigned short count)
{
	const struct sock_fprog program = { count, rules };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0
		       ? -1
		       : prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void seccomp_mmap(void)
{
	struct sock_filter rules[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	say_done(filter(rules, sizeof(rules) / sizeof(rules[0])));
}

static void seccomp_own(void)
{
	struct sock_filter rules[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_read, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	say_done(filter(rules, sizeof(rules) / sizeof(rules[0])));
}

static void mdwe(void)
{
	say_done(prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0));
}

/* The page of the functions, for good. */
static void sealed(void)
{
	uintptr_t page = (uintptr_t)peers_value & -PAGE;

	say_done(syscall(SYS_mseal, page, PAGE, 0));
}

static void no_new_privs(void)
{
	say_done(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

static void undumpable(void)
{
	say_done(prctl(PR_SET_DUMPABLE, 0));
}

/* There are no libraries, and no /proc. */
static void other_root(void)
{
	say_done(chroot("/dev") < 0 ? -1 : chdir("/"));
}

static void user_namespace(void)
{
	say_done(unshare(CLONE_NEWUSER));
}

/* What its own files are on is covered by something else. */
static void mount_namespace(void)
{
	char path[512] = "", *end;

	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    readlink("/proc/self/exe", path, sizeof(path) - 1) < 0) {
		say_done(-1);
		return;
	}
	end = strrchr(path, '/');
	if (end != NULL)
		*end = '\0';
	say_done(mount("none", path, "tmpfs", 0, NULL));
}

/* test-surroundings put the program on a file system of its own. */
static void unmounted(void)
{
	char path[512] = "", *end;
	ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);

	end = size > 0 ? strrchr(path, '/') : NULL;
	if (end != NULL)
		*end = '\0';
	say_done(umount2(path, MNT_DETACH));
}

static void set_limit(int resource, rlim_t limit)
{
	const struct rlimit limits = { limit, limit };

	say_done(setrlimit((__rlimit_resource_t)resource, &limits));
}

static void limit_as(void)
{
	set_limit(RLIMIT_AS, PAGE);
}

static void limit_data(void)
{
	set_limit(RLIMIT_DATA, PAGE);
}

static void limit_files(void)
{
	set_limit(RLIMIT_NOFILE, 0);
}

static void limit_stack(void)
{
	set_limit(RLIMIT_STACK, PAGE);
}

static void limit_locked(void)
{
	set_limit(RLIMIT_MEMLOCK, 0);
	(void)mlockall(MCL_FUTURE);
}

static void block_signals(void)
{
	sigset_t set;

	(void)sigfillset(&set);
	say_done(sigprocmask(SIG_BLOCK, &set, NULL));
}

static int vfork_fds[2];

static void *be_parent(void *unused)
{
	char byte;

	if (vfork() == 0) { // NOLINT: what is wanted
		(void)!read(vfork_fds[0], &byte, 1);
		_exit(0);
	}
	(void)pause();
	return unused;
}

static void vfork_parent(void)
{
	pthread_t thread;

	if (pipe2(vfork_fds, O_CLOEXEC) < 0)
		abort();
	say_done(-pthread_create(&thread, NULL, be_parent, NULL));
}

static void vfork_ends(void)
{
	say_done(write(vfork_fds[1], "e", 1));
}

static pid_t traced_child;

static void traces(void)
{
	int status;

	traced_child = fork();
	if (traced_child == 0)
		for (;;)
			(void)pause();
	if (ptrace(PTRACE_SEIZE, traced_child, NULL, NULL) < 0 ||
	    ptrace(PTRACE_INTERRUPT, traced_child, NULL, NULL) < 0 ||
	    waitpid(traced_child, &status, __WALL) != traced_child || !WIFSTOPPED(status))
		say_done(-1);
	else
		peers_say("ok");
}

/* The child is where it was left, and ends when it is told. */
static void traces_no_more(void)
{
	int status = 0;
	long r = ptrace(PTRACE_CONT, traced_child, NULL, NULL);

	(void)kill(traced_child, SIGKILL);
	if (r == 0 && waitpid(traced_child, &status, __WALL) == traced_child && WIFSIGNALED(status))
		peers_say("ok");
	else
		peers_say("the child is not as it was left");
}

static void on_signal(int signal)
{
	(void)signal;
	peers_say("ok");
	peers_listen();
	peers_exit();
}

/* A handler on a stack of its own listens from now on. */
static void alternate_stack(void)
{
	const stack_t stack = { .ss_sp = malloc(16 * PAGE), .ss_size = 16 * PAGE };
	const struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };

	if (sigaltstack(&stack, NULL) < 0 || sigaction(SIGUSR1, &action, NULL) < 0)
		say_done(-1);
	else
		(void)raise(SIGUSR1);
}

static ucontext_t tiny, never;

static void be_tiny(void)
{
	peers_say("ok");
	peers_listen();
	peers_exit();
}

/* A stack of one page, with memory below it that must not be written. */
static void tiny_stack(void)
{
	char *memory = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			    0);

	if (memory == MAP_FAILED || mprotect(memory, PAGE, PROT_READ) < 0 || getcontext(&tiny) < 0)
		abort();
	tiny.uc_stack.ss_sp = memory + PAGE;
	tiny.uc_stack.ss_size = 1024;
	makecontext(&tiny, be_tiny, 0);
	(void)swapcontext(&never, &tiny);
}

static void *sleep_for_ever(void *unused)
{
	for (;;)
		(void)pause();
	return unused;
}

static void tiny_stack_and_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, sleep_for_ever, NULL) != 0)
		abort();
	tiny_stack();
}

static void *sleep_on_little(void *unused)
{
	return sleep_for_ever(unused);
}

/* Beside a thread that has the smallest stack there is. */
static void small_thread(void)
{
	pthread_attr_t attributes;
	pthread_t thread;

	if (pthread_attr_init(&attributes) != 0 ||
	    pthread_attr_setstacksize(&attributes, 16384) != 0 ||
	    pthread_create(&thread, &attributes, sleep_on_little, NULL) != 0)
		abort();
	peers_say("ok");
}

const struct peers_word peers_surroundings[] = {
	{ "seccomp-strict", seccomp_strict },
	{ "seccomp-mmap", seccomp_mmap },
	{ "seccomp-own", seccomp_own },
	{ "mdwe", mdwe },
	{ "sealed", sealed },
	{ "no-new-privs", no_new_privs },
	{ "undumpable", undumpable },
	{ "other-root", other_root },
	{ "user-namespace", user_namespace },
	{ "mount-namespace", mount_namespace },
	{ "unmounted", unmounted },
	{ "limit-as", limit_as },
	{ "limit-data", limit_data },
	{ "limit-files", limit_files },
	{ "limit-stack", limit_stack },
	{ "limit-locked", limit_locked },
	{ "block-signals", block_signals },
	{ "vfork-parent", vfork_parent },
	{ "vfork-ends", vfork_ends },
	{ "traces", traces },
	{ "traces-no-more", traces_no_more },
	{ "alternate-stack", alternate_stack },
	{ "tiny-stack", tiny_stack },
	{ "tiny-stack-and-thread", tiny_stack_and_thread },
	{ "small-thread", small_thread },
	{ NULL, NULL },
};
