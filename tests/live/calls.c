/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <mqueue.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"

static const struct timespec soon = { .tv_nsec = CALL_TIMEOUT_NS };
static const uint64_t no_signals = 0;

#define MASK_SIZE sizeof(no_signals)

/* The time of @clock when the call is to end. */
static struct timespec later(clockid_t clock)
{
	struct timespec time;

	(void)clock_gettime(clock, &time);
	time.tv_nsec += CALL_TIMEOUT_NS;
	time.tv_sec += time.tv_nsec / 1000000000;
	time.tv_nsec %= 1000000000;
	return time;
}

static void put_byte(struct call *call)
{
	if (write(call->fds[1], "x", 1) != 1)
		call->id = -1;
}

/* Take out what fills it. */
static void drain(struct call *call)
{
	char bytes[4096];

	(void)fcntl(call->fds[0], F_SETFL, O_NONBLOCK);
	while (read(call->fds[0], bytes, sizeof(bytes)) > 0)
		;
}

static void fill(int fd)
{
	char bytes[4096] = { 0 };

	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	while (write(fd, bytes, sizeof(bytes)) > 0)
		;
	while (write(fd, bytes, 1) > 0)
		;
	(void)fcntl(fd, F_SETFL, 0);
}

static int have_pipe(struct call *call)
{
	return pipe2(call->fds, O_CLOEXEC);
}

static int have_full_pipe(struct call *call)
{
	if (pipe2(call->fds, O_CLOEXEC) < 0)
		return -1;
	fill(call->fds[1]);
	return 0;
}

static int have_sockets(struct call *call)
{
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, call->fds);
}

static int have_datagrams(struct call *call)
{
	return socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, call->fds);
}

static int set_timeout(int fd, int option, long seconds)
{
	const struct timeval time = { .tv_sec = seconds,
				      .tv_usec = seconds != 0 ? 0 : CALL_TIMEOUT_NS / 1000 };

	return setsockopt(fd, SOL_SOCKET, option, &time, sizeof(time));
}

static int have_timed_sockets(struct call *call)
{
	return have_sockets(call) < 0 ? -1 : set_timeout(call->fds[0], SO_RCVTIMEO, 0);
}

/* Its timeout is not what ends the call. */
static int have_patient_sockets(struct call *call)
{
	return have_sockets(call) < 0 ? -1 : set_timeout(call->fds[0], SO_RCVTIMEO, 100);
}

static int have_patient_datagrams(struct call *call)
{
	return have_datagrams(call) < 0 ? -1 : set_timeout(call->fds[0], SO_RCVTIMEO, 100);
}

static int have_full_sockets(struct call *call)
{
	if (have_sockets(call) < 0)
		return -1;
	fill(call->fds[1]);
	return 0;
}

static int have_timed_full_sockets(struct call *call)
{
	return have_full_sockets(call) < 0 ? -1 : set_timeout(call->fds[1], SO_SNDTIMEO, 0);
}

static long wait_nanosleep(struct call *call)
{
	(void)call;
	return syscall(SYS_nanosleep, &soon, NULL);
}

static long wait_clock_nanosleep(struct call *call)
{
	struct timespec end = later(CLOCK_MONOTONIC);

	(void)call;
	return syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL);
}

static long wait_ppoll_timed(struct call *call)
{
	struct pollfd fd = { .fd = call->fds[0], .events = POLLIN };
	struct timespec time = soon;

	return syscall(SYS_ppoll, &fd, 1, &time, &no_signals, MASK_SIZE);
}

static long wait_ppoll(struct call *call)
{
	struct pollfd fd = { .fd = call->fds[0], .events = POLLIN };

	return syscall(SYS_ppoll, &fd, 1, NULL, &no_signals, MASK_SIZE);
}

static long wait_poll_timed(struct call *call)
{
	struct pollfd fd = { .fd = call->fds[0], .events = POLLIN };

	return poll(&fd, 1, CALL_TIMEOUT_NS / 1000000);
}

static long wait_poll(struct call *call)
{
	struct pollfd fd = { .fd = call->fds[0], .events = POLLIN };

	return poll(&fd, 1, -1);
}

static long wait_pselect_timed(struct call *call)
{
	struct timespec time = soon;
	fd_set set;

	FD_ZERO(&set);
	FD_SET(call->fds[0], &set);
	return syscall(SYS_pselect6, call->fds[0] + 1, &set, NULL, NULL, &time, NULL);
}

static long wait_pselect(struct call *call)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(call->fds[0], &set);
	return syscall(SYS_pselect6, call->fds[0] + 1, &set, NULL, NULL, NULL, NULL);
}

static int have_epoll(struct call *call)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (have_pipe(call) < 0)
		return -1;
	call->id = epoll_create1(EPOLL_CLOEXEC);
	return epoll_ctl(call->id, EPOLL_CTL_ADD, call->fds[0], &event);
}

static long wait_epoll(struct call *call)
{
	struct epoll_event event;

	return epoll_wait(call->id, &event, 1, -1);
}

static long wait_epoll_timed(struct call *call)
{
	struct epoll_event event;

	return epoll_wait(call->id, &event, 1, CALL_TIMEOUT_NS / 1000000);
}

static long wait_epoll_pwait(struct call *call)
{
	struct epoll_event event;

	return syscall(SYS_epoll_pwait, call->id, &event, 1, -1, &no_signals, MASK_SIZE);
}

static long wait_epoll_pwait2(struct call *call)
{
	struct epoll_event event;

	return syscall(SYS_epoll_pwait2, call->id, &event, 1, &soon, NULL, MASK_SIZE);
}

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

static long wait_read(struct call *call)
{
	char byte;

	return read(call->fds[0], &byte, 1);
}

static long wait_write(struct call *call)
{
	return write(call->fds[1], "y", 1);
}

static long wait_recv(struct call *call)
{
	char byte;

	return recv(call->fds[0], &byte, 1, 0);
}

static long wait_recvmsg(struct call *call)
{
	char byte;
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	return recvmsg(call->fds[0], &message, 0);
}

static long wait_recvmmsg(struct call *call)
{
	char byte;
	struct iovec part = { &byte, 1 };
	struct mmsghdr message = { .msg_hdr = { .msg_iov = &part, .msg_iovlen = 1 } };

	return recvmmsg(call->fds[0], &message, 1, 0, NULL);
}

static long wait_send(struct call *call)
{
	return send(call->fds[1], "y", 1, MSG_NOSIGNAL);
}

static long wait_sendmsg(struct call *call)
{
	struct iovec part = { (void *)(uintptr_t) "y", 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	return sendmsg(call->fds[1], &message, MSG_NOSIGNAL);
}

static long wait_sendmmsg(struct call *call)
{
	struct iovec part = { (void *)(uintptr_t) "y", 1 };
	struct mmsghdr message = { .msg_hdr = { .msg_iov = &part, .msg_iovlen = 1 } };

	return sendmmsg(call->fds[1], &message, 1, MSG_NOSIGNAL);
}

/* An abstract address of its own: the kernel makes it (unix(7), autobind). */
static int have_listener(struct call *call)
{
	const struct sockaddr_un any = { .sun_family = AF_UNIX };

	call->fds[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	call->fds[1] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(call->fds[0], (const void *)&any, sizeof(any.sun_family)) < 0)
		return -1;
	return listen(call->fds[0], 0);
}

static long connect_to(int listener, int fd)
{
	struct sockaddr_un address;
	socklen_t size = sizeof(address);

	if (getsockname(listener, (void *)&address, &size) < 0)
		return -1;
	return connect(fd, (const void *)&address, size);
}

static int have_timed_listener(struct call *call)
{
	return have_listener(call) < 0 ? -1 : set_timeout(call->fds[0], SO_RCVTIMEO, 0);
}

static long wait_accept(struct call *call)
{
	return accept4(call->fds[0], NULL, NULL, SOCK_CLOEXEC);
}

static long wait_accept_old(struct call *call)
{
	return syscall(SYS_accept, call->fds[0], NULL, NULL);
}

static void wake_accept(struct call *call)
{
	(void)connect_to(call->fds[0], call->fds[1]);
}

static int have_busy_listener(struct call *call)
{
	int other = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return have_listener(call) < 0 || connect_to(call->fds[0], other) < 0 ? -1 : 0;
}

static int have_timed_busy_listener(struct call *call)
{
	return have_busy_listener(call) < 0 ? -1 : set_timeout(call->fds[1], SO_SNDTIMEO, 0);
}

static long wait_connect(struct call *call)
{
	return connect_to(call->fds[0], call->fds[1]);
}

static void wake_connect(struct call *call)
{
	(void)accept4(call->fds[0], NULL, NULL, SOCK_CLOEXEC);
}

static long wait_io_getevents(struct call *call)
{
	aio_context_t context = 0;
	struct io_event event;
	struct timespec time = soon;

	(void)call;
	if (syscall(SYS_io_setup, 1, &context) < 0)
		return -1;
	return syscall(SYS_io_getevents, context, 1, 1, &event, &time);
}

static int have_ring(struct call *call)
{
	struct io_uring_params params = { 0 };

	call->id = (int)syscall(SYS_io_uring_setup, 1, &params);
	return call->id < 0 || (params.features & IORING_FEAT_EXT_ARG) == 0 ? -1 : 0;
}

static long wait_io_uring(struct call *call)
{
	int64_t time[2] = { 0, CALL_TIMEOUT_NS };
	struct io_uring_getevents_arg arg = { .ts = (uint64_t)(uintptr_t)time };

	return syscall(SYS_io_uring_enter, call->id, 0, 1,
		       IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg, sizeof(arg));
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

/* SIGUSR1 has a handler, and a call that it ends returns EINTR. */
static void wake_user1(struct call *call)
{
	(void)pthread_kill(call->thread, SIGUSR1);
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

static int have_eventfd(struct call *call)
{
	call->fds[0] = eventfd(0, EFD_CLOEXEC);
	return call->fds[0] < 0 ? -1 : 0;
}

static long wait_number(struct call *call)
{
	uint64_t number;

	return read(call->fds[0], &number, sizeof(number));
}

static void wake_eventfd(struct call *call)
{
	const uint64_t one = 1;

	if (write(call->fds[0], &one, sizeof(one)) != sizeof(one))
		call->id = -1;
}

static long wait_timerfd(struct call *call)
{
	const struct itimerspec time = { .it_value = soon };

	call->fds[0] = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (timerfd_settime(call->fds[0], 0, &time, NULL) < 0)
		return -1;
	return wait_number(call);
}

const struct call_kind calls[] = {
	{ "nanosleep", NULL, wait_nanosleep, NULL, 0 },
	{ "clock_nanosleep, absolute", NULL, wait_clock_nanosleep, NULL, 0 },
	{ "poll, timeout", have_pipe, wait_poll_timed, NULL, 0 },
	{ "poll", have_pipe, wait_poll, put_byte, 1 },
	{ "ppoll, timeout and mask", have_pipe, wait_ppoll_timed, NULL, 0 },
	{ "ppoll, mask", have_pipe, wait_ppoll, put_byte, 1 },
	{ "pselect6, timeout", have_pipe, wait_pselect_timed, NULL, 0 },
	{ "pselect6", have_pipe, wait_pselect, put_byte, 1 },
	{ "epoll_wait, timeout", have_epoll, wait_epoll_timed, NULL, 0 },
	{ "epoll_wait", have_epoll, wait_epoll, put_byte, 1 },
	{ "epoll_pwait, mask", have_epoll, wait_epoll_pwait, put_byte, 1 },
	{ "epoll_pwait2, timeout", have_epoll, wait_epoll_pwait2, NULL, 0 },
	{ "epoll_wait, signal with handler", have_epoll, wait_epoll, wake_user1, -EINTR },
	{ "futex WAIT", NULL, wait_futex, wake_futex, 0 },
	{ "futex WAIT, timeout", NULL, wait_futex_timed, NULL, -ETIMEDOUT },
	{ "futex WAIT_BITSET, absolute", NULL, wait_futex_bitset, NULL, -ETIMEDOUT },
	{ "read, pipe", have_pipe, wait_read, put_byte, 1 },
	{ "write, full pipe", have_full_pipe, wait_write, drain, 1 },
	{ "read, socket", have_sockets, wait_read, put_byte, 1 },
	{ "recvfrom, SO_RCVTIMEO", have_timed_sockets, wait_recv, NULL, -EAGAIN },
	{ "recvfrom, SO_RCVTIMEO, woken", have_patient_sockets, wait_recv, put_byte, 1 },
	{ "recvmsg", have_datagrams, wait_recvmsg, put_byte, 1 },
	{ "recvmsg, SO_RCVTIMEO, woken", have_patient_datagrams, wait_recvmsg, put_byte, 1 },
	{ "recvmmsg", have_datagrams, wait_recvmmsg, put_byte, 1 },
	{ "recvmmsg, SO_RCVTIMEO, woken", have_patient_datagrams, wait_recvmmsg, put_byte, 1 },
	{ "sendto, full socket", have_full_sockets, wait_send, drain, 1 },
	{ "sendto, SO_SNDTIMEO", have_timed_full_sockets, wait_send, NULL, -EAGAIN },
	{ "sendmsg, SO_SNDTIMEO", have_timed_full_sockets, wait_sendmsg, NULL, -EAGAIN },
	{ "sendmmsg, SO_SNDTIMEO", have_timed_full_sockets, wait_sendmmsg, NULL, -EAGAIN },
	{ "accept4", have_listener, wait_accept, wake_accept, CALL_ANY },
	{ "accept4, SO_RCVTIMEO", have_timed_listener, wait_accept, NULL, -EAGAIN },
	{ "accept, SO_RCVTIMEO", have_timed_listener, wait_accept_old, NULL, -EAGAIN },
	{ "connect", have_busy_listener, wait_connect, wake_connect, 0 },
	{ "connect, SO_SNDTIMEO", have_timed_busy_listener, wait_connect, NULL, -EAGAIN },
	{ "io_getevents, timeout", NULL, wait_io_getevents, NULL, 0 },
	{ "io_uring_enter, timeout", have_ring, wait_io_uring, NULL, -ETIME },
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
	{ "read, eventfd", have_eventfd, wait_number, wake_eventfd, 8 },
	{ "read, timerfd", NULL, wait_timerfd, NULL, 8 },
};

const size_t call_count = ARRAY_SIZE(calls);
