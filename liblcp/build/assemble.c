/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/assemble.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/num.h"
#include "format/elf_file.h"
#include "format/file.h"

/* Descriptors of the assembler; it is told to write to the last. */
#define OUTPUT_FD 3
#define OUTPUT_PATH "/proc/self/fd/3"

#define STACK_SIZE ((size_t)64 << 10)

/* What it says is shown up to here. */
#define COMPLAINT_MAX 400

/* What is to be run. Who runs it shares our memory. */
struct child {
	char *const *argv;
	int input;
	int output;
	int messages;
	sigset_t mask; /* to give back before the assembler runs */
	uint8_t *stack_top; /* of the assembler until it runs */
	int error; /* errno of what failed; 0 once the assembler runs */
	int status; /* how it ended */
};

/*
 * Handlers of the program around us must not run in the child, which shares its memory: until each
 * is away all signals are blocked. exec(2) would reset them, but only after the mask is back.
 */
static void reset_signals(void)
{
	struct sigaction action, plain = { .sa_handler = SIG_DFL };

	for (int i = 1; i < NSIG; i++)
		if (sigaction(i, NULL, &action) == 0 && action.sa_handler != SIG_DFL &&
		    action.sa_handler != SIG_IGN)
			(void)sigaction(i, &plain, NULL);
}

/*
 * Put @fd at number @to, and only there. The numbers wanted are low: each descriptor is first moved
 * out of their way by the caller.
 */
static bool place_fd(int fd, int to)
{
	return dup2(fd, to) == to;
}

static void try_to_run(struct child *child)
{
	static const char *const folders[] = { "/usr/local/bin/", "/usr/bin/", "/bin/" };
	static char *const environment[] = { (char *)"LC_ALL=C",
					     (char *)"PATH=/usr/local/bin:/usr/bin:/bin", NULL };
	const char *name = child->argv[0];
	int error = ENOENT;
	char path[4096];

	if (strchr(name, '/') != NULL) {
		(void)execve(name, child->argv, environment);
		child->error = errno;
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		size_t folder = strlen(folders[i]);

		if (folder + strlen(name) >= sizeof(path))
			continue;
		memcpy(path, folders[i], folder);
		memcpy(path + folder, name, strlen(name) + 1);
		(void)execve(path, child->argv, environment);
		if (error == ENOENT || error == ENOTDIR)
			error = errno;
	}
	child->error = error;
}

/* The assembler, as long as it is us. */
static int run_child(void *argument)
{
	struct child *child = argument;

	(void)sigprocmask(SIG_SETMASK, &child->mask, NULL);
	try_to_run(child);
	_exit(127);
}

/* Nothing is kept open longer than the program around us has it open. */
static bool take_descriptors(const struct child *child)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (null < 0 || !place_fd(child->input, 0) || !place_fd(null, 1) ||
	    !place_fd(child->messages, 2) || !place_fd(child->output, OUTPUT_FD))
		return false;
	/* Linux 5.9; before, what the program left open without O_CLOEXEC is inherited. */
	(void)syscall(SYS_close_range, OUTPUT_FD + 1, ~0U, 0);
	return true;
}

/*
 * Whose child the assembler is, and who waits for it. CLONE_VFORK holds this process until the
 * assembler runs, so that child->error is known then. It shares errno and the state of cancellation
 * with the thread that waits for it: so no function is called that may be cancelled, and with all
 * signals blocked nothing interrupts the wait. An ignored SIGCHLD would leave nothing to wait for.
 */
static int run_parent(void *argument)
{
	const struct sigaction plain = { .sa_handler = SIG_DFL };
	struct child *child = argument;
	int pid;

	reset_signals();
	(void)sigaction(SIGCHLD, &plain, NULL);
	if (!take_descriptors(child)) {
		child->error = errno;
		_exit(127);
	}
	pid = clone(run_child, child->stack_top, CLONE_VM | CLONE_VFORK | SIGCHLD, child);
	if (pid < 0 || syscall(SYS_wait4, pid, &child->status, 0, NULL) < 0)
		child->error = errno;
	_exit(0);
}

/*
 * Run the assembler to its end. A child whose end sends no signal is found by __WALL only, not by a
 * program that waits for any child (clone(2), waitpid(2)). execve(2) would make it an ordinary one
 * again, so this child does not: the assembler is a child of it.
 */
static int run(struct child *child)
{
	autofree uint8_t *stacks = malloc(2 * STACK_SIZE);
	uint8_t *top;
	sigset_t all;
	int saved, pid, status = 0;

	if (stacks == NULL)
		return -ENOMEM;
	top = stacks + 2 * STACK_SIZE - (uintptr_t)stacks % 16;
	child->stack_top = top - STACK_SIZE;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &child->mask);
	pid = clone(run_parent, top, CLONE_VM, child);
	saved = errno;
	(void)pthread_sigmask(SIG_SETMASK, &child->mask, NULL);
	if (pid < 0)
		return -saved;
	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	if (status != 0 && child->error == 0) /* somebody killed who waited */
		child->status = status;
	return 0;
}

/* A file in memory, its number above those that the assembler has, for place_fd(). */
static int memory_file(const char *name, const void *bytes, size_t size)
{
	autoclose int low = memfd_create(name, MFD_CLOEXEC);
	autoclose int fd = -1;
	size_t done = 0;

	if (low < 0)
		return -errno;
	fd = fcntl(low, F_DUPFD_CLOEXEC, OUTPUT_FD + 1);
	if (fd < 0)
		return -errno;
	while (done < size) {
		ssize_t part = write(fd, (const char *)bytes + done, size - done);

		if (part < 0 && errno != EINTR)
			return -errno;
		if (part > 0)
			done += (size_t)part;
	}
	return lseek(fd, 0, SEEK_SET) < 0 ? -errno : take_fd(&fd);
}

/* What the assembler said: the first complaint, as one line. */
static void read_complaint(int fd, char *ret)
{
	ssize_t size = pread(fd, ret, COMPLAINT_MAX, 0);
	char *text = ret, *end;

	ret[size > 0 ? size : 0] = '\0';
	/* GNU as: a headline first. */
	if (strstr(text, "Assembler messages:\n") != NULL)
		text = strchr(text, '\n') + 1;
	end = strchr(text, '\n');
	if (end != NULL)
		*end = '\0';
	memmove(ret, text, strlen(text) + 1);
}

static int judge(const struct child *child, const char *name, struct lcp_error **reterr)
{
	int status = child->status;
	char complaint[COMPLAINT_MAX + 1];

	if (child->error != 0)
		return error_set(reterr, -LCP_EASSEMBLER, "cannot run '%s': %s", child->argv[0],
				 error_name(child->error));
	if (WIFSIGNALED(status))
		return error_set(reterr, -LCP_EASSEMBLER, "%s: '%s' was ended by signal %d", name,
				 child->argv[0], WTERMSIG(status));
	if (WEXITSTATUS(status) == 0)
		return 0;
	read_complaint(child->messages, complaint);
	return error_set(reterr, -LCP_EASSEMBLER, "%s: '%s' ended with status %d: %s", name,
			 child->argv[0], WEXITSTATUS(status), complaint);
}

static int assemble_files(struct child *child, const char *name, uint8_t **ret, size_t *ret_size,
			  struct lcp_error **reterr)
{
	int r;

	r = run(child);
	if (r < 0)
		return error_set_errno(reterr, -r, "cannot start '%s'", child->argv[0]);
	r = judge(child, name, reterr);
	if (r < 0)
		return r;
	return file_read(child->output, ELF_FILE_SIZE_MAX, ret, ret_size, reterr);
}

int assemble(char *const *argv, const char *name, const void *text, size_t size, uint8_t **ret,
	     size_t *ret_size, struct lcp_error **reterr)
{
	autoclose int input = memory_file("lcp-text", text, size);
	autoclose int output = memory_file("lcp-object", NULL, 0);
	autoclose int messages = memory_file("lcp-messages", NULL, 0);
	autofree char **words = NULL;
	struct child child = { .input = input, .output = output, .messages = messages };
	size_t count = 0;

	if (input < 0 || output < 0 || messages < 0)
		return error_set_errno(reterr,
				       -(input < 0    ? input
					 : output < 0 ? output
						      : messages),
				       "%s: no file in memory for the assembler", name);
	while (argv[count] != NULL)
		count++;
	words = calloc(count + 3, sizeof(*words));
	if (words == NULL)
		return error_set_nomem(reterr);
	memcpy(words, argv, count * sizeof(*words));
	words[count] = (char *)"-o";
	words[count + 1] = (char *)OUTPUT_PATH;
	child.argv = words;
	return assemble_files(&child, name, ret, ret_size, reterr);
}
