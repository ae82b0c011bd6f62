/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waiting for other threads and processes: locks, signals, messages, children.
 */
#include "calls_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"

static long wait_futex(struct call *call)
{
	return syscall(SYS_futex, &call->word, FUTEX_WAIT, 0, NULL, NULL, 0);
}

static void wake_futex(struct call *call)
{
	(void)syscall(SYS_futex, &call->word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static long wait_futex_timed(struct call *call)
{
	return syscall(SYS_futex, &call->word, FUTEX_WAIT, 0, &soon, NULL, 0);
}

static long wait_futex_bitset(struct call *call)
{
	struct timespec end = later(CLOCK_MONOTONIC);

	return syscall(SYS_futex, &call->word, FUTEX_WAIT_BITSET, 0, &end, NULL, ~0);
}

static const uint64_t user2 = UINT64_C(1) << (SIGUSR2 - 1);

static long wait_sigtimedwait(struct call *call)
{
	(void)call;
	return syscall(SYS_rt_sigtimedwait, &user2, NULL, NULL, MASK_SIZE);
}

static long wait_sigtimedwait_timed(struct call *call)
{
	(void)call;
	return syscall(SYS_rt_sigtimedwait, &user2, NULL, &soon, MASK_SIZE);
}

static void wake_user2(struct call *call)
{
	(void)pthread_kill(call->thread, SIGUSR2);
}

static long wait_pause(struct call *call)
{
	(void)call;
	return pause();
}

static long wait_sigsuspend(struct call *call)
{
	(void)call;
	return syscall(SYS_rt_sigsuspend, &user2, MASK_SIZE);
}

static int have_child(struct call *call)
{
	char byte;

	if (have_pipe(call) < 0)
		return -1;
	call->id = fork();
	if (call->id == 0) {
		(void)close(call->fds[1]);
		_exit(read(call->fds[0], &byte, 1) == 1 ? 7 : 0);
	}
	return call->id < 0 ? -1 : 0;
}

static long wait_wait4(struct call *call)
{
	return waitpid(call->id, NULL, 0);
}

static long wait_waitid(struct call *call)
{
	siginfo_t info;

	return waitid(P_PID, (id_t)call->id, &info, WEXITED);
}

struct letter {
	long type;
	char text[1];
};

static int have_queue(struct call *call)
{
	call->id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
	return call->id < 0 ? -1 : 0;
}

static long wait_msgrcv(struct call *call)
{
	struct letter letter;
	long result = msgrcv(call->id, &letter, 1, 0, 0);

	(void)msgctl(call->id, IPC_RMID, NULL);
	return result;
}

static void wake_msgrcv(struct call *call)
{
	const struct letter letter = { .type = 1 };

	(void)msgsnd(call->id, &letter, 1, 0);
}

static int have_semaphore(struct call *call)
{
	call->id = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
	return call->id < 0 ? -1 : 0;
}

static long wait_semop(struct call *call)
{
	struct sembuf down = { .sem_op = -1 };
	long result = semop(call->id, &down, 1);

	(void)semctl(call->id, 0, IPC_RMID);
	return result;
}

static void wake_semop(struct call *call)
{
	struct sembuf up = { .sem_op = 1 };

	(void)semop(call->id, &up, 1);
}

static long wait_semtimedop(struct call *call)
{
	struct sembuf down = { .sem_op = -1 };
	long result = semtimedop(call->id, &down, 1, &soon);
	int saved = errno;

	(void)semctl(call->id, 0, IPC_RMID);
	errno = saved;
	return result;
}

static int have_mail(struct call *call)
{
	struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = 8 };
	char name[32];

	(void)snprintf(name, sizeof(name), "/lcp-test-%d", getpid());
	call->id = (int)syscall(SYS_mq_open, name + 1, O_CREAT | O_RDWR | O_CLOEXEC, 0600, &attr);
	(void)syscall(SYS_mq_unlink, name + 1);
	return call->id < 0 ? -1 : 0;
}

static long wait_mq(struct call *call)
{
	struct timespec end = later(CLOCK_REALTIME);
	char bytes[8];

	return syscall(SYS_mq_timedreceive, call->id, bytes, sizeof(bytes), NULL, &end);
}

static int have_lock(struct call *call)
{
	char path[32];

	call->fds[0] = memfd_create("lock", MFD_CLOEXEC);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", call->fds[0]);
	call->fds[1] = open(path, O_RDWR | O_CLOEXEC);
	return flock(call->fds[0], LOCK_EX);
}

static long wait_flock(struct call *call)
{
	return flock(call->fds[1], LOCK_EX);
}

static void wake_flock(struct call *call)
{
	(void)flock(call->fds[0], LOCK_UN);
}

static const struct call_kind kinds[] = {
	{ "futex WAIT", NULL, wait_futex, wake_futex, 0 },
	{ "futex WAIT, timeout", NULL, wait_futex_timed, NULL, -ETIMEDOUT },
	{ "futex WAIT_BITSET, absolute", NULL, wait_futex_bitset, NULL, -ETIMEDOUT },
	{ "rt_sigtimedwait, timeout", NULL, wait_sigtimedwait_timed, NULL, -EAGAIN },
	{ "rt_sigtimedwait", NULL, wait_sigtimedwait, wake_user2, SIGUSR2 },
	{ "pause, signal with handler", NULL, wait_pause, wake_user1, -EINTR },
	{ "rt_sigsuspend, signal with handler", NULL, wait_sigsuspend, wake_user1, -EINTR },
	{ "wait4", have_child, wait_wait4, put_byte, CALL_ANY },
	{ "waitid", have_child, wait_waitid, put_byte, 0 },
	{ "msgrcv", have_queue, wait_msgrcv, wake_msgrcv, 1 },
	{ "semop", have_semaphore, wait_semop, wake_semop, 0 },
	{ "semop, signal with handler", have_semaphore, wait_semop, wake_user1, -EINTR },
	{ "semtimedop, timeout", have_semaphore, wait_semtimedop, NULL, -EAGAIN },
	{ "mq_timedreceive, timeout", have_mail, wait_mq, NULL, -ETIMEDOUT },
	{ "flock", have_lock, wait_flock, wake_flock, 0 },
};

const struct call_set calls_others = { kinds, ARRAY_SIZE(kinds) };
