/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What may happen while a borrowed thread makes a call: functions that wait, crash or never return,
 * signals, the end of the process; and threads that must not be borrowed.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "borrow.h"
#include "tap.h"
#include "target/remote.h"

#define MS UINT64_C(1000000)

/*
 * Functions to be called in the victim, which is a copy of the test: their addresses are the same.
 */

static uint64_t six(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	_Alignas(16) volatile char here[16];
	bool aligned = (uintptr_t)here % 16 == 0;
	double sum = 0;

	for (int i = 1; i < 10; i++)
		sum += 1.0 / i;
	if (!aligned || sum < 2.8 || sum > 2.9)
		return 0;
	return a + 10 * b + 100 * c + 1000 * d + 10000 * e + 100000 * f + (UINT64_C(1) << 63);
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int locked, returned, handled, gate;

static int take_lock(void)
{
	atomic_store(&locked, 2);
	(void)pthread_mutex_lock(&lock);
	(void)pthread_mutex_unlock(&lock);
	return atomic_fetch_add(&returned, 1) + 1;
}

static void wait_at_gate(void)
{
	atomic_store(&locked, 2);
	while (atomic_load(&gate) == 0)
		(void)usleep(100);
	(void)atomic_fetch_add(&returned, 1);
}

/* The thread cannot be stopped as long as its child, which shares its memory, waits. */
static void wait_in_vfork(void)
{
	pid_t pid = vfork();

	if (pid == 0) {
		while (atomic_load(&gate) == 0)
			(void)usleep(100);
		_exit(0);
	}
	(void)waitpid(pid, NULL, __WALL);
	(void)atomic_fetch_add(&returned, 1);
}

static void crash(void)
{
	volatile char *volatile nowhere = (volatile char *)16;

	*nowhere = 1;
}

static void on_signal(int signal)
{
	(void)signal;
	(void)atomic_fetch_add(&handled, 1);
}

/* The lock is held until the caller of take_lock() waits for it, and a while longer. */
static void hold_lock(void)
{
	(void)pthread_mutex_lock(&lock);
	victim_say("locked");
	while (atomic_load(&locked) != 2)
		(void)usleep(100);
	(void)usleep(20000);
	(void)pthread_mutex_unlock(&lock);
}

static void hear(const char *word)
{
	struct sigaction action;

	if (strcmp(word, "lock") == 0) {
		hold_lock();
	} else if (strcmp(word, "returned") == 0) {
		victim_say("%d", atomic_load(&returned));
	} else if (strcmp(word, "handled") == 0) {
		victim_say("%d", atomic_load(&handled));
	} else if (strcmp(word, "open") == 0) {
		atomic_store(&gate, 1);
		while (atomic_load(&returned) == 0)
			(void)usleep(100);
		victim_say("opened");
	} else if (strcmp(word, "gate") == 0) {
		atomic_store(&gate, 1);
	} else if (strcmp(word, "handler") == 0) {
		(void)sigaction(SIGSEGV, NULL, &action);
		victim_say("%s", action.sa_handler == on_signal ? "there" : "gone");
	}
}

static void body(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	(void)sigaction(SIGUSR1, &action, NULL);
	(void)sigaction(SIGSEGV, &action, NULL);
	subject_hear = hear;
	subjects_body();
}

struct scene {
	struct victim victim;
	struct target *target;
	int32_t tid;
};

static void begin(struct scene *scene, enum subject subject)
{
	subjects_wanted = 1U << subject;
	victim_start(&scene->victim, body);
	scene->target = borrow_open(&scene->victim);
	scene->tid = subject_tid(&scene->victim, subject);
}

static void end(struct scene *scene)
{
	is_text(victim_ask(&scene->victim, "check"), "ok", "the thread noticed nothing");
	ok(victim_is_free(&scene->victim), "and it is not traced");
	target_close(scene->target);
	ok(victim_end(&scene->victim) == 0, "the victim ends well");
}

static struct target_call function(uint64_t address)
{
	return (struct target_call){ .function = address, .args = { 1, 2, 3, 4, 5, 6 } };
}

#define FUNCTION(name) function((uint64_t)(uintptr_t)(name))

/* A call on a usable stop; the thread goes on when it is done. */
static int call(struct scene *scene, const struct target_call *what, uint64_t patience,
		uint64_t *ret)
{
	int r = borrow_stop_usable(scene->target, scene->tid);

	if (r == 0)
		r = remote_call(scene->target, scene->tid, what, now_ns() + patience, ret);
	if (r != -LCP_EGONE)
		borrow_release(scene->tid);
	return r;
}

static void try_functions(enum subject subject)
{
	struct target_call what = FUNCTION(six);
	struct scene scene;
	uint64_t value = 0;
	int r;

	begin(&scene, subject);
	r = call(&scene, &what, 10000 * MS, &value);
	is_int(r, 0, "a function is called");
	is_int(value, (UINT64_C(1) << 63) + 654321,
	       "it got six arguments, and its value came back");

	is_text(victim_ask(&scene.victim, "lock"), "locked", "a lock is held for a while");
	what = FUNCTION(take_lock);
	r = call(&scene, &what, 10000 * MS, &value);
	is_int(r, 0, "a function that waits for it is called");
	is_int(value, 1, "and returns when it has had it");
	end(&scene);
}

static void try_no_return(enum subject subject)
{
	struct target_call what = FUNCTION(wait_at_gate);
	struct scene scene;
	uint64_t value;

	begin(&scene, subject);
	is_int(call(&scene, &what, 20 * MS, &value), -ETIMEDOUT, "a function that waits too long");
	is_int(scene.target->fault.code, -LCP_EBORROW, "is a thread that could not be borrowed");
	ok(strstr(scene.target->fault.text, "did not return in time") != NULL, "and it says so: %s",
	   scene.target->fault.text);
	is_text(victim_ask(&scene.victim, "returned"), "0", "the thread is still in it");
	is_text(victim_ask(&scene.victim, "open"), "opened", "and returns by itself");
	end(&scene);
}

static void try_no_stop(enum subject subject)
{
	struct target_call what = FUNCTION(wait_in_vfork);
	struct scene scene;
	uint64_t value;
	int status;

	begin(&scene, subject);
	is_int(call(&scene, &what, 20 * MS, &value), -LCP_ESTOP, "a thread that cannot be stopped");
	ok(strstr(scene.target->fault.text, "did not return in time") != NULL, "is left there");
	victim_tell(&scene.victim, "gate");
	ok(waitpid(scene.tid, &status, __WALL) == scene.tid && WIFSTOPPED(status),
	   "it stops when it can");
	borrow_release(scene.tid);
	is_text(victim_ask(&scene.victim, "open"), "opened", "and returns by itself");
	end(&scene);
}

static void try_crash(enum subject subject)
{
	struct target_call what = FUNCTION(crash);
	struct scene scene;
	uint64_t value;

	begin(&scene, subject);
	is_int(call(&scene, &what, 10000 * MS, &value), -LCP_EDAMAGED, "a function that crashes");
	ok(strstr(scene.target->fault.text, "signal 11") != NULL, "is named with its signal: %s",
	   scene.target->fault.text);
	is_text(victim_ask(&scene.victim, "handler"), "there", "the process keeps its handler");
	is_text(victim_ask(&scene.victim, "handled"), "0", "which was not called");
	end(&scene);
}

/* Sends @signal when the function that waits at the gate is in there, and opens the gate. */
struct sender {
	const struct scene *scene;
	int signal;
	pthread_t thread;
};

static void *send(void *argument)
{
	const struct sender *sender = argument;
	struct target *target = sender->scene->target;
	uint64_t end = now_ns() + 20000 * MS;
	int there = 0;

	while (there != 2 && now_ns() < end)
		if (target->ops->read(target, (uint64_t)(uintptr_t)&locked, &there, sizeof(there)) <
		    0)
			return NULL;
	(void)syscall(SYS_tgkill, sender->scene->victim.pid, sender->scene->tid, sender->signal);
	there = 1;
	(void)target->ops->write(target, (uint64_t)(uintptr_t)&gate, &there, sizeof(there));
	return NULL;
}

static int call_with_signal(struct scene *scene, int signal, uint64_t *ret)
{
	struct target_call what = FUNCTION(wait_at_gate);
	struct sender sender = { scene, signal, 0 };
	int r;

	if (pthread_create(&sender.thread, NULL, send, &sender) != 0)
		exit(99);
	r = call(scene, &what, 10000 * MS, ret);
	(void)pthread_join(sender.thread, NULL);
	return r;
}

static void try_signals(enum subject subject)
{
	struct scene scene;
	uint64_t value;

	begin(&scene, subject);
	is_int(call_with_signal(&scene, SIGUSR1, &value), 0, "a signal comes during a call");
	is_text(victim_ask(&scene.victim, "check"), "ok", "the thread noticed nothing else");
	is_text(victim_ask(&scene.victim, "handled"), "1", "its handler was called once");
	end(&scene);

	begin(&scene, subject);
	is_int(call_with_signal(&scene, SIGSEGV, &value), 0, "somebody sends SIGSEGV in a call");
	is_text(victim_ask(&scene.victim, "check"), "ok", "the thread noticed nothing else");
	is_text(victim_ask(&scene.victim, "handled"), "1", "its handler was called once");
	end(&scene);
}

static void try_stop_signal(enum subject subject)
{
	struct target_call what = { .number = SYSCALL_GETPID };
	struct scene scene;
	uint64_t value = 0;
	int r;

	begin(&scene, subject);
	r = borrow_stop_usable(scene.target, scene.tid);
	(void)kill(scene.victim.pid, SIGSTOP);
	if (r == 0)
		r = remote_call(scene.target, scene.tid, &what, now_ns() + 10000 * MS, &value);
	borrow_release(scene.tid);
	is_int(r, 0, "SIGSTOP comes before a call");
	is_int(value, scene.victim.pid, "the call is made");
	victim_await_state(&scene.victim, scene.tid, 'T');
	ok(true, "and the process is stopped");

	is_int(call(&scene, &what, 10000 * MS, &value), 0, "a stopped process makes a call");
	victim_await_state(&scene.victim, scene.tid, 'T');
	ok(true, "and is stopped again");
	(void)kill(scene.victim.pid, SIGCONT);
	end(&scene);
}

static void try_kill(enum subject subject)
{
	struct scene scene;
	uint64_t value;

	begin(&scene, subject);
	is_int(call_with_signal(&scene, SIGKILL, &value), -LCP_EGONE,
	       "SIGKILL comes during a call");
	(void)waitpid(scene.tid, NULL, __WALL); /* we trace it: nobody else can */
	ok(WIFSIGNALED(victim_end(&scene.victim)), "the process has ended");
	target_close(scene.target);
}

/* Signals that stop a process and let it go on do so, and the call is made all the same. */
static void try_stop_inside(enum subject subject)
{
	struct scene scene;
	uint64_t value;

	begin(&scene, subject);
	is_int(call_with_signal(&scene, SIGSTOP, &value), 0, "SIGSTOP comes during a call");
	victim_await_state(&scene.victim, scene.tid, 'T');
	victim_await_state(&scene.victim, scene.victim.pid, 'T');
	(void)kill(scene.victim.pid, SIGCONT);
	is_text(victim_ask(&scene.victim, "check"), "ok", "the process was stopped, and goes on");
	is_int(call_with_signal(&scene, SIGCONT, &value), 0, "SIGCONT comes during a call");
	end(&scene);
}

/* Victims that are no subjects: one thread, the first. */

static int say_and_wait(void)
{
	char line[32];

	victim_say("ready");
	while (victim_hear(line, sizeof(line)))
		victim_say("%s", line);
	return 0;
}

/* getpid, which the test calls, kills the process. */
static void body_of_filtered(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog filter = { ARRAY_SIZE(code), code };

	(void)prctl(PR_SET_DUMPABLE, 1);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
		_exit(96);
	(void)say_and_wait();
}

/* A call on the first thread of a victim: its result, and what is wrong if it failed. */
static int call_first(struct victim *victim, const struct target_call *what, char *text,
		      size_t room)
{
	struct target *target = borrow_open(victim);
	uint64_t value = 0;
	int r;

	r = borrow_call(target, victim->pid, what, &value);
	if (r == 0 && value != (uint64_t)victim->pid)
		r = -EIO;
	(void)snprintf(text, room, "%s", target->fault.text);
	target_close(target);
	return r;
}

static void try_filter(void)
{
	const struct target_call what = { .number = SYSCALL_GETPID };
	struct victim victim;
	char text[240];
	int r;

	victim_start(&victim, body_of_filtered);
	r = call_first(&victim, &what, text, sizeof(text));
	if (r == -LCP_EUNSUPPORTED) {
		tap_skip("this process may not suspend seccomp",
			 "a thread with a filter that kills makes a call");
	} else {
		is_int(r, 0, "a thread with a filter that kills makes a call");
	}
	is_text(victim_ask(&victim, "alive"), "alive", "and lives");
	ok(victim_end(&victim) == 0, "the victim ends well");
}

/* A test of its own, without privileges, that says on its pipe what it found. */
static void body_of_unprivileged(void)
{
	const struct target_call what = { .number = SYSCALL_GETPID };
	struct victim victim;
	char text[240];
	int r;

	if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
		_exit(95);
	(void)prctl(PR_SET_DUMPABLE, 1);
	victim_say("ready");
	victim_start(&victim, body_of_filtered);
	r = call_first(&victim, &what, text, sizeof(text));
	victim_say("%d", r);
	victim_say("%.200s", text);
	victim_say("%s", victim_ask(&victim, "alive"));
	victim_say("%d", victim_end(&victim));
}

static void try_refused_filter(void)
{
	struct victim tester;

	victim_start(&tester, body_of_unprivileged);
	is_int(atoi(victim_listen(&tester)), -LCP_EUNSUPPORTED,
	       "without privileges a thread with a filter is refused");
	ok(strstr(victim_listen(&tester), "has a seccomp filter that would kill the process") !=
		   NULL,
	   "and it says why");
	is_text(victim_listen(&tester), "alive", "it lives");
	is_text(victim_listen(&tester), "0", "and ends well");
	ok(victim_end(&tester) == 0, "so does the one without privileges");
}

int main(void)
{
	static const enum subject subjects[] = { SUBJECT_LOOP, SUBJECT_SLEEP, SUBJECT_NANOSLEEP };

	tap_begin();
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++) {
		tap_say("%s", subject_names[subjects[i]]);
		try_functions(subjects[i]);
		try_no_return(subjects[i]);
		try_crash(subjects[i]);
		try_stop_signal(subjects[i]);
		/* Its own nanosleep would be forgotten for that of the function: see remote.h. */
		if (subjects[i] != SUBJECT_NANOSLEEP)
			try_stop_inside(subjects[i]);
		try_kill(subjects[i]);
	}
	try_no_stop(SUBJECT_LOOP);
	try_signals(SUBJECT_LOOP);
	try_filter();
	try_refused_filter();
	return tap_end();
}
