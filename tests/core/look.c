/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Run a program that says of itself where things are, and compare with what the library finds out
 * by looking at it: look [VARIABLE=VALUE]... PROGRAM [ARGUMENT...]. What it says, a line each:
 *
 *	object BIAS NAME		an object is mapped there (NAME: the last part of its path)
 *	objects COUNT			of all namespaces, the vdso among them
 *	symbol FROM NAME VERSION WHAT	what code of object FROM means by NAME: an address, "none",
 *					or "unresolved"
 *	slot FROM SLOT NAME WHAT	where the slot at that address leads to
 *	tls FROM MODULE OFFSET		the block of FROM: its module, its place from the thread
 *					pointer; "-" where it is not to be known
 *	segment ADDRESS NAME		the object that has this address; "none"
 *	again TIMES LEAST MOST		each time there are so many objects, the program first
 *	ready				now look
 *
 * FROM is the last part of the object's path, "-" for the program; VERSION "-" for none. Prints
 * what differs; the exit status is 0 if there were lines and nothing does.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "core/lookup.h"
#include "peek.h"

#define WORDS_MAX 6
#define DEADLINE_SECONDS 20

struct look {
	struct lcp_process *process;
	unsigned int compared;
	unsigned int wrong;
};

/* The last part of a path, without what the kernel says behind that of a file that is gone. */
static const char *last_part(char *path)
{
	char *slash = strrchr(path, '/'), *gone = strstr(path, " (deleted)");

	if (gone != NULL)
		*gone = '\0';
	return slash != NULL ? slash + 1 : path;
}

static void differ(struct look *look, const char *line, const char *is)
{
	printf("%s\n\tfound: %s\n", line, is);
	look->wrong++;
}

static const struct object *find_object(const struct look *look, const char *name)
{
	for (size_t i = 0; i < look->process->object_count; i++) {
		struct object *object = &look->process->objects[i];

		if (strcmp(name, "-") == 0 ? object->is_program
					   : strcmp(last_part(object->path), name) == 0)
			return object;
	}
	return NULL;
}

static void look_object(struct look *look, const char *line, char **words)
{
	const struct object *object = find_object(look, words[2]);

	if (object == NULL)
		differ(look, line, "no such object");
	else if (object->bias != strtoull(words[1], NULL, 0))
		differ(look, line, "another address");
}

static void look_count(struct look *look, const char *line, char **words)
{
	if (look->process->object_count == strtoull(words[1], NULL, 0))
		return;
	differ(look, line, "other objects:");
	for (size_t i = 0; i < look->process->object_count; i++)
		printf("\t%s\n", look->process->objects[i].path);
}

static const char *version_of(const char *word)
{
	return strcmp(word, "-") != 0 ? word : NULL;
}

static void compare(struct look *look, const char *line, int r, const struct lookup *found,
		    struct lcp_error *error, const char *want)
{
	char text[80];

	if (r == -LCP_ESYMBOL)
		(void)snprintf(text, sizeof(text), "none");
	else if (r < 0)
		(void)snprintf(text, sizeof(text), "%.70s", error->message);
	else if (found->unresolved)
		(void)snprintf(text, sizeof(text), "unresolved");
	else
		(void)snprintf(text, sizeof(text), "0x%" PRIx64, found->address);
	error_free(error);
	if (strcmp(text, want) != 0)
		differ(look, line, text);
}

static void look_symbol(struct look *look, const char *line, char **words)
{
	const struct object *from = find_object(look, words[1]);
	struct lcp_error *error = NULL;
	struct lookup found;
	int r;

	if (from == NULL) {
		differ(look, line, "no such object");
		return;
	}
	r = lookup_symbol(look->process, from, words[2], version_of(words[3]), &found, &error);
	compare(look, line, r, &found, error, words[4]);
}

static void look_slot(struct look *look, const char *line, char **words)
{
	const struct object *from = find_object(look, words[1]);
	struct lcp_error *error = NULL;
	struct lookup found;
	int r;

	if (from == NULL) {
		differ(look, line, "no such object");
		return;
	}
	r = lookup_slot(look->process, from, strtoull(words[2], NULL, 0), words[3], NULL, &found,
			&error);
	compare(look, line, r, &found, error, words[4]);
}

static void look_tls(struct look *look, const char *line, char **words)
{
	const struct object *from = find_object(look, words[1]);
	struct lookup_tls tls = { 0 };
	char module[32] = "-", offset[32] = "-", text[80];

	if (from == NULL) {
		differ(look, line, "no such object");
		return;
	}
	(void)lookup_tls(look->process, from, &tls, NULL);
	if (tls.module != 0)
		(void)snprintf(module, sizeof(module), "%" PRIu64, tls.module);
	if (tls.fixed)
		(void)snprintf(offset, sizeof(offset), "%" PRId64, (int64_t)tls.from_thread);
	(void)snprintf(text, sizeof(text), "module %s, offset %s", module, offset);
	if (strcmp(module, words[2]) != 0 || strcmp(offset, words[3]) != 0)
		differ(look, line, text);
}

static void look_segment(struct look *look, const char *line, char **words)
{
	const struct object *object = process_object_at(look->process, strtoull(words[1], NULL, 0));
	const char *name = object != NULL ? last_part(object->path) : "none";

	if (strcmp(name, words[2]) != 0)
		differ(look, line, name);
}

static void look_again(struct look *look, const char *line, char **words)
{
	size_t least = strtoul(words[2], NULL, 0), most = strtoul(words[3], NULL, 0);
	struct lcp_error *error = NULL;

	for (unsigned long times = strtoul(words[1], NULL, 0); times > 0; times--) {
		if (process_refresh(look->process, &error) < 0) {
			differ(look, line, error->message);
			error_free(error);
			return;
		}
		if (look->process->object_count < least || look->process->object_count > most ||
		    !look->process->objects[0].is_program) {
			look_count(look, line, words);
			return;
		}
	}
}

static const struct {
	const char *name;
	int words;
	void (*look)(struct look *look, const char *line, char **words);
} verbs[] = {
	{ "object", 3, look_object }, { "objects", 2, look_count }, { "again", 4, look_again },
	{ "symbol", 5, look_symbol }, { "slot", 5, look_slot },	    { "segment", 3, look_segment },
	{ "tls", 4, look_tls },
};

static void look_at_line(struct look *look, const char *line)
{
	char copy[512], *words[WORDS_MAX] = { NULL }, *rest = copy;
	int count = 0;

	(void)snprintf(copy, sizeof(copy), "%s", line);
	while (count < WORDS_MAX && (words[count] = strsep(&rest, " ")) != NULL)
		count++;
	look->compared++;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(words[0], verbs[i].name) == 0 && count == verbs[i].words) {
			verbs[i].look(look, line, words);
			return;
		}
	differ(look, line, "a line that means nothing");
}

/* All lines up to "ready", in one text; NULL if the program ended or took too long. */
static char *read_lines(int fd)
{
	size_t size = 0, room = (size_t)1 << 20;
	char *text = calloc(1, room);

	while (text != NULL && strstr(text, "ready\n") == NULL) {
		ssize_t done = read(fd, text + size, room - size - 1);

		if (done <= 0) {
			free(text);
			return NULL;
		}
		size += (size_t)done;
	}
	return text;
}

/* Start the program; *@ret_out is what it prints, and it ends when *@ret_in is closed. */
static pid_t start(char **argv, int *ret_out, int *ret_in)
{
	int out[2], in[2];
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(in, O_CLOEXEC) < 0)
		abort();
	pid = fork();
	if (pid == 0) {
		(void)dup2(in[0], STDIN_FILENO);
		(void)dup2(out[1], STDOUT_FILENO);
		for (; strchr(argv[0], '=') != NULL; argv++)
			(void)putenv(argv[0]);
		(void)execv(argv[0], argv);
		_exit(127);
	}
	(void)close(out[1]);
	(void)close(in[0]);
	*ret_out = out[0];
	*ret_in = in[1];
	return pid;
}

static void look_at_text(struct look *look, char *text)
{
	for (char *line = strsep(&text, "\n"); strcmp(line, "ready") != 0;
	     line = strsep(&text, "\n"))
		look_at_line(look, line);
}

int main(int argc, char **argv)
{
	struct lcp_error *error = NULL;
	struct look look = { 0 };
	struct lcp_ctx *ctx;
	int out, in, r, status;
	char *text;
	pid_t pid;

	if (argc < 2)
		return 2;
	(void)alarm(DEADLINE_SECONDS);
	ctx = ctx_new(LCP_LOG_ERROR);
	pid = start(argv + 1, &out, &in);
	text = read_lines(out);
	if (text == NULL) {
		printf("%s did not get ready\n", argv[1]);
		return 1;
	}
	r = process_new(ctx, &peek_new(pid)->target, &look.process, &error);
	if (r < 0) {
		printf("%s\n", error->message);
		return 1;
	}
	look_at_text(&look, text);
	printf("%u compared, %u differ\n", look.compared, look.wrong);
	process_free(look.process);
	ctx_unref(ctx);
	free(text);
	(void)close(in);
	(void)close(out);
	(void)waitpid(pid, &status, 0);
	return look.wrong == 0 && look.compared > 0 && status == 0 ? 0 : 1;
}
