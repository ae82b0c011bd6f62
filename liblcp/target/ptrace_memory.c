/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The memory and files of a process.
 *
 * The descriptor of /proc/PID/mem stays with the memory it was opened for: once the process has
 * ended or become another program, reading from it returns 0 bytes (fs/proc/base.c, mem_rw:
 * mmget_not_zero), even if the number was given to another process. So it is the way that cannot
 * hit the wrong one.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "target/ptrace.h"
#include "target/task.h"

/* 65,530 mappings (vm.max_map_count) with paths of 4 KiB each, and no more. */
#define FILE_SIZE_MAX ((size_t)256 << 20)

/* What one call reads together: above 8 the kernel allocates for it (lib/iov_iter.c), and once. */
#define PIECES_MAX 64

/* What the kernel says of a place where nothing is mapped is EIO. */
static int memory_errno(int error)
{
	return error == EIO || error == EINVAL ? -EFAULT : -error;
}

int ptrace_read(struct target *target, uint64_t address, void *ret, size_t size)
{
	struct target_ptrace *ptrace = ptrace_of(target);
	size_t done = 0;

	while (done < size) {
		ssize_t part = pread(ptrace->mem, (char *)ret + done, size - done,
				     (off_t)(address + done));

		if (part < 0 && errno != EINTR)
			return memory_errno(errno);
		if (part == 0)
			return -LCP_EGONE;
		if (part > 0)
			done += (size_t)part;
	}
	return 0;
}

/*
 * process_vm_readv(2), since it does not read what the process itself could not: with /proc/PID/mem
 * a guard page of a stack would be zeros. It copies page after page, and returns how far it came
 * (mm/process_vm_access.c). It goes by the number, so who was read is asked afterwards. Not while
 * all threads stand still: what is traced keeps its number until its tracer has waited for it, and
 * executes nothing; two calls less for each stack. A first thread that has ended has no memory
 * (ESRCH); the others have, and the call takes their numbers, too.
 */
size_t ptrace_read_some(struct target *target, uint64_t address, void *ret, size_t size)
{
	const struct target_ptrace *ptrace = ptrace_of(target);
	int32_t tid = target->pid;
	size_t done = 0;

	while (done < size) {
		struct iovec to = { (char *)ret + done, size - done };
		struct iovec from = { (void *)(uintptr_t)(address + done), size - done };
		ssize_t part = process_vm_readv(tid, &to, 1, &from, 1, 0);

		if (part < 0 && errno == EINTR)
			continue;
		if (part < 0 && errno == ESRCH && tid == target->pid) {
			tid = task_first(ptrace->proc, ptrace->tasks);
			if (tid > 0 && tid != target->pid)
				continue;
		}
		if (part <= 0)
			break;
		done += (size_t)part;
	}
	return target->threads != NULL || ptrace_alive(target) == 0 ? done : 0;
}

/*
 * One call for as many pieces as it takes: of stacks of 1.5 KiB each costs a third of what a call
 * of its own does. It ends at the first that is not all there: how many are.
 */
static size_t read_together(struct target *target, struct target_piece *pieces, size_t count)
{
	struct iovec to[PIECES_MAX] = { 0 }, from[PIECES_MAX] = { 0 };
	ssize_t got;
	size_t done = 0;

	if (count > PIECES_MAX)
		count = PIECES_MAX;
	for (size_t i = 0; i < count; i++) {
		to[i] = (struct iovec){ pieces[i].bytes, pieces[i].size };
		from[i] = (struct iovec){ (void *)(uintptr_t)pieces[i].address, pieces[i].size };
	}
	got = process_vm_readv(target->pid, to, count, from, count, 0);
	while (done < count && got >= (ssize_t)pieces[done].size) {
		pieces[done].got = pieces[done].size;
		got -= (ssize_t)pieces[done++].size;
	}
	return done;
}

void ptrace_read_pieces(struct target *target, struct target_piece *pieces, size_t count)
{
	for (size_t done = 0; done < count; done++) {
		struct target_piece *piece;

		done += read_together(target, &pieces[done], count - done);
		piece = &pieces[done];
		if (done < count)
			piece->got = ptrace_read_some(target, piece->address, piece->bytes,
						      piece->size);
	}
	if (target->threads == NULL && ptrace_alive(target) < 0)
		for (size_t i = 0; i < count; i++)
			pieces[i].got = 0;
}

static int write_mem(int fd, uint64_t address, const void *bytes, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t part = pwrite(fd, (const char *)bytes + done, size - done,
				      (off_t)(address + done));

		if (part < 0 && errno != EINTR)
			return memory_errno(errno);
		if (part == 0)
			return -LCP_EGONE;
		if (part > 0)
			done += (size_t)part;
	}
	return 0;
}

/* A thread that stands still, or 0. */
static int32_t stopped_thread(const struct target_ptrace *ptrace)
{
	for (size_t i = 0; i < ptrace->count; i++)
		if (ptrace->threads[i].state == PTRACE_STOPPED)
			return ptrace->table[i].tid;
	return 0;
}

/*
 * With proc_mem.force_override=ptrace the kernel lets only those write over protected memory who
 * trace the thread that the file belongs to (fs/proc/base.c, proc_mem_foll_force).
 */
static int write_as_tracer(struct target_ptrace *ptrace, uint64_t address, const void *bytes,
			   size_t size)
{
	char path[64];

	if (ptrace->held == 0)
		return -EPERM;
	if (ptrace->thread_mem < 0) {
		(void)snprintf(path, sizeof(path), "task/%d/mem", ptrace->held);
		ptrace->thread_mem = openat(ptrace->proc, path, O_RDWR | O_CLOEXEC);
	}
	if (ptrace->thread_mem < 0)
		return -errno;
	return write_mem(ptrace->thread_mem, address, bytes, size);
}

/*
 * The last way, for kernels that have no other (proc_mem.force_override=never): word by word. The
 * kernel writes each as a whole, but not the page, and @tid has to stand still.
 */
static int write_words(int32_t tid, uint64_t address, const uint8_t *bytes, size_t size)
{
	size_t done = 0;

	while (done < size) {
		uint64_t at = (address + done) & ~UINT64_C(7), word;
		size_t offset = (size_t)(address + done - at);
		size_t part = sizeof(word) - offset;
		int r;

		if (part > size - done)
			part = size - done;
		r = ptrace_do(PTRACE_PEEKDATA, tid, at, (uint64_t)(uintptr_t)&word);
		if (r < 0)
			return memory_errno(-r);
		memcpy((uint8_t *)&word + offset, bytes + done, part);
		r = ptrace_do(PTRACE_POKEDATA, tid, at, word);
		if (r < 0)
			return memory_errno(-r);
		done += part;
	}
	return 0;
}

/*
 * /proc/PID/mem: the kernel writes over any private page, whatever its protection (FOLL_FORCE), and
 * what lies in one page with one copy (mm/memory.c, __access_remote_vm).
 */
int ptrace_write(struct target *target, uint64_t address, const void *bytes, size_t size)
{
	struct target_ptrace *ptrace = ptrace_of(target);
	int r = write_mem(ptrace->mem, address, bytes, size);
	int32_t tid;

	if (r == -EFAULT || r == -EPERM || r == -EACCES) {
		int again = write_as_tracer(ptrace, address, bytes, size);

		tid = stopped_thread(ptrace);
		if (again < 0 && again != -LCP_EGONE && tid != 0)
			again = write_words(tid, address, bytes, size);
		r = again == 0 || again == -LCP_EGONE ? again : r;
	}
	if (r == -LCP_EGONE)
		return target_fail(target, r, "process %d has ended or is another program now",
				   target->pid);
	if (r < 0)
		return target_fail_errno(target, -r, "process %d: cannot write %zu bytes at 0x%llx",
					 target->pid, size, (unsigned long long)address);
	return 0;
}

static int open_file(const struct target_ptrace *ptrace, int32_t tid, const char *name)
{
	char path[128];

	if (tid != 0)
		(void)snprintf(path, sizeof(path), "task/%d/%s", tid, name);
	else
		(void)snprintf(path, sizeof(path), "%s", name);
	return openat(ptrace->proc, path, O_RDONLY | O_CLOEXEC);
}

/* One more byte, for the NUL, is always left. */
static int read_all(int fd, char **text, size_t *ret_size)
{
	size_t room = 4096, size = 0;
	ssize_t part = 1;

	while (part != 0) {
		char *more = realloc(*text, room);

		if (more == NULL)
			return -ENOMEM;
		*text = more;
		part = read(fd, *text + size, room - 1 - size);
		if (part < 0 && errno != EINTR)
			return -errno;
		if (part > 0)
			size += (size_t)part;
		if (size == room - 1)
			room *= 2;
		if (room > FILE_SIZE_MAX)
			return -EIO;
	}
	(*text)[size] = '\0';
	*ret_size = size;
	return 0;
}

static int read_file(const struct target_ptrace *ptrace, int32_t tid, const char *name, char **text,
		     size_t *ret_size)
{
	autoclose int fd = open_file(ptrace, tid, name);

	return fd < 0 ? -errno : read_all(fd, text, ret_size);
}

/*
 * Of a process whose first thread has ended, only the others' files say something: that one's may
 * not be looked into any more, or are empty, or say that it is a zombie.
 */
int ptrace_file(struct target *target, const char *name, char **ret, size_t *ret_size)
{
	struct target_ptrace *ptrace = ptrace_of(target);
	autofree char *text = NULL;
	int r, tid = 0;

	r = read_file(ptrace, 0, name, &text, ret_size);
	if (ptrace_alive(target) < 0)
		return -LCP_EGONE;
	if ((r < 0 || *ret_size == 0 || strncmp(name, "stat", 4) == 0) &&
	    task_is_dead(ptrace->proc, 0))
		tid = task_first(ptrace->proc, ptrace->tasks);
	if (tid != 0) {
		free(take(text));
		r = read_file(ptrace, tid, name, &text, ret_size);
	}
	if (r == -ESRCH)
		return -LCP_EGONE;
	if (r < 0)
		return r;
	*ret = take(text);
	return 0;
}

/*
 * The descriptor of the memory sees an end as well as another program. Who else shares the memory
 * (a child of vfork(2)) can keep it alive, and so the process is asked for too.
 */
int ptrace_alive(struct target *target)
{
	const struct target_ptrace *ptrace = ptrace_of(target);
	struct pollfd end = { .fd = ptrace->pidfd, .events = POLLIN };
	char byte;

	if (pread(ptrace->mem, &byte, 1, 0) == 0 || poll(&end, 1, 0) > 0)
		return -LCP_EGONE;
	return 0;
}
