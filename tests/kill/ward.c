/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ward.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tap.h"

/* How often it is looked whether memory that stays can be given back. */
#define LOOKS_MAX 100

static void __attribute__((noreturn)) give_up(const char *what, struct lcp_error *error)
{
	(void)printf("Bail out! %s%s%s\n", what, error != NULL ? ": " : "",
		     error != NULL ? lcp_error_message(error) : "");
	exit(99);
}

void ward_files_init(struct ward_files *files, int argc, char **argv)
{
	struct lcp_ctx *ctx = NULL;

	if (argc < 6 || lcp_ctx_new(NULL, &ctx, NULL) < 0)
		give_up("usage: PROGRAM BOARD LEVEL-1 LEVEL-2 LIBRARY", NULL);
	*files = (struct ward_files){ argv[1], argv[2], { NULL, NULL }, argv[5] };
	for (size_t i = 0; i < 2; i++) {
		struct lcp_error *error = NULL;

		if (lcp_kpatch_load(ctx, argv[3 + i], NULL, &files->levels[i], &error) < 0)
			give_up(argv[3 + i], error);
	}
	lcp_ctx_unref(ctx);
}

void ward_files_fini(struct ward_files *files)
{
	for (size_t i = 0; i < 2; i++)
		lcp_kpatch_unref(files->levels[i]);
}

/* What the victim is to become; its body has no argument. */
static const char *arguments[5];

static void become_program(void)
{
	victim_exec(arguments);
}

void ward_begin(struct ward *ward, const struct ward_files *files, unsigned int threads)
{
	int fd = open(files->board, O_RDWR | O_CLOEXEC);
	char count[16];

	*ward = (struct ward){ .files = files };
	(void)snprintf(count, sizeof(count), "%u", threads);
	arguments[0] = files->program;
	arguments[1] = files->board;
	arguments[2] = count;
	arguments[3] = files->library;
	ward->board = mmap(NULL, sizeof(*ward->board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (ward->board == MAP_FAILED || lcp_ctx_new(NULL, &ward->ctx, NULL) < 0)
		give_up("no board", NULL);
	(void)close(fd);
	victim_start(&ward->victim, become_program);
	(void)ward_check(ward);
	ward_note_maps(ward);
}

void ward_warm_up(const struct ward_files *files)
{
	struct ward ward;

	ward_begin(&ward, files, 1);
	if (ward_treat(&ward, 1, NULL) < 0 || ward_treat(&ward, 0, NULL) < 0)
		give_up("the patch cannot be applied, or not be reverted", NULL);
	(void)victim_end(&ward.victim);
	lcp_ctx_unref(ward.ctx);
	(void)munmap(ward.board, sizeof(*ward.board));
	free(ward.maps);
}

void ward_end(struct ward *ward)
{
	unsigned int outside = 0, sent = 1, received = 0, disorder = 1;
	const char *said = victim_ask(&ward->victim, "signals");
	int count = sscanf(said, "%u %u %u %u", &outside, &sent, &received, &disorder);

	is_int(count, 4, "the victim says what signals it received");
	is_int(outside, ward->signals, "those from outside");
	is_int(received, sent, "those that one of its threads sent to another");
	is_int(disorder, 0, "in their order");
	is_int(victim_end(&ward->victim), 0, "the victim ends well");
	lcp_ctx_unref(ward->ctx);
	(void)munmap(ward->board, sizeof(*ward->board));
	free(ward->maps);
}

struct ward_state ward_check(struct ward *ward)
{
	struct ward_state state = { .version = -2 };
	const char *said = victim_ask(&ward->victim, "check");

	if (sscanf(said, "%d %u %u %u", &state.version, &state.torn, &state.wrong,
		   &state.interrupted) != 4)
		state.version = -2;
	return state;
}

static struct lcp_status *read_status(struct ward *ward)
{
	struct lcp_process *process = NULL;
	struct lcp_status *status = NULL;
	struct lcp_error *error = NULL;

	if (lcp_process_attach(ward->ctx, ward->victim.pid, NULL, &process, &error) < 0 ||
	    lcp_query(process, &status, &error) < 0)
		tap_say("query: %s", lcp_error_message(error));
	lcp_error_free(error);
	lcp_process_detach(process);
	return status;
}

int ward_query(struct ward *ward)
{
	struct lcp_status *status = read_status(ward);
	int level = status != NULL ? 0 : -1;

	for (uint32_t i = 0; i < lcp_status_patch_count(status); i++) {
		if (!lcp_status_patch_in_force(status, i))
			continue;
		if (level != 0 || strcmp(lcp_status_patch_id(status, i), WARD_ID) != 0)
			level = -1;
		else
			level = (int)lcp_status_patch_level(status, i);
	}
	lcp_status_free(status);
	return level;
}

int32_t ward_treat_pid(struct ward *ward, int32_t pid, int level, struct lcp_error **reterr)
{
	const struct lcp_apply_options options = {
		.size = sizeof(options),
		.timeout_ms = WARD_PATIENCE_MS,
	};
	struct lcp_process *process = NULL;
	struct lcp_kpatch *patch = level > 0 ? ward->files->levels[level - 1] : NULL;
	int32_t r;

	r = lcp_process_attach(ward->ctx, pid, NULL, &process, reterr);
	if (r < 0)
		return r;
	ward->board->switches++;
	r = patch != NULL ? lcp_apply(process, &patch, 1, &options, NULL, reterr)
			  : lcp_revert(process, WARD_ID, &options, NULL, reterr);
	lcp_process_detach(process);
	return r;
}

int32_t ward_treat(struct ward *ward, int level, struct lcp_error **reterr)
{
	return ward_treat_pid(ward, ward->victim.pid, level, reterr);
}

void ward_signal(struct ward *ward)
{
	const union sigval value = { .sival_int = ward->signals + 1 };

	if (sigqueue(ward->victim.pid, SIGRTMIN, value) == 0)
		ward->signals++;
}

static char *read_maps(const struct ward *ward, size_t *ret_size)
{
	char path[64];
	char *text = NULL;
	size_t size = 0, room = 0;
	ssize_t part;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/maps", ward->victim.pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	do {
		if (room - size < 4096) {
			room += 65536;
			text = realloc(text, room);
			if (text == NULL)
				give_up("no memory", NULL);
		}
		part = fd >= 0 ? read(fd, text + size, room - size - 1) : 0;
		size += part > 0 ? (size_t)part : 0;
	} while (part > 0);
	if (fd >= 0)
		(void)close(fd);
	text[size] = '\0';
	*ret_size = size;
	return text;
}

struct mapping {
	uint64_t start, end;
	char protection[5];
	char name[256];
};

static bool is_code(const struct mapping *mapping)
{
	return mapping->name[0] == '\0' && strcmp(mapping->protection, "r-xp") == 0;
}

/* Heaps and stacks grow by themselves: where they begin or end is theirs. */
static bool grows(const struct mapping *mapping)
{
	return strcmp(mapping->name, "[heap]") == 0 || strcmp(mapping->name, "[stack]") == 0;
}

/* The line at @line, which ends where the next one begins. */
static bool parse_line(const char *line, const char *next, struct mapping *ret)
{
	char text[600];

	(void)snprintf(text, sizeof(text), "%.*s", (int)(next - line), line);
	ret->name[0] = '\0';
	return sscanf(text, "%" SCNx64 "-%" SCNx64 " %4s %*s %*s %*s %255s", &ret->start, &ret->end,
		      ret->protection, ret->name) >= 3;
}

/* All mappings that have to stay, a line each; and how much anonymous code there is besides. */
static char *stable_maps(const struct ward *ward, uint64_t *ret_code)
{
	size_t size, kept = 0;
	char *text = read_maps(ward, &size);

	*ret_code = 0;
	for (char *line = text, *next; *line != '\0'; line = next) {
		struct mapping mapping;

		next = line + strcspn(line, "\n");
		next += *next != '\0';
		if (!parse_line(line, next, &mapping))
			continue;
		if (is_code(&mapping)) {
			*ret_code += mapping.end - mapping.start;
		} else if (!grows(&mapping)) {
			memmove(text + kept, line, (size_t)(next - line));
			kept += (size_t)(next - line);
		}
	}
	text[kept] = '\0';
	return text;
}

void ward_note_maps(struct ward *ward)
{
	free(ward->maps);
	ward->maps = stable_maps(ward, &ward->code);
}

static const char *find_difference(const struct ward *ward)
{
	static char difference[300];
	const char *was = ward->maps, *is;
	uint64_t code;
	char *now = stable_maps(ward, &code);

	difference[0] = '\0';
	is = now;
	while (*was != '\0' && *was == *is) {
		was++;
		is++;
	}
	if (*was != *is) {
		while (is > now && is[-1] != '\n') {
			is--;
			was--;
		}
		(void)snprintf(difference, sizeof(difference), "'%.*s' was '%.*s'",
			       (int)strcspn(is, "\n"), is, (int)strcspn(was, "\n"), was);
	} else if (code != ward->code) {
		(void)snprintf(difference, sizeof(difference),
			       "%" PRIu64 " bytes of code, there were %" PRIu64, code, ward->code);
	}
	free(now);
	return difference;
}

/* Does it say that memory of a patch stays which is out? */
static bool keeps_memory(struct ward *ward)
{
	struct lcp_status *status = read_status(ward);
	bool keeps = false;

	for (uint32_t i = 0; i < lcp_status_patch_count(status); i++)
		keeps = keeps || lcp_status_patch_state(status, i) == LCP_STATE_REVERTED;
	lcp_status_free(status);
	return keeps;
}

/*
 * Memory of a patch that is out stays as long as something points to it: a thread may have had the
 * address of a text of the patch in a register just then. The next revert looks again.
 */
const char *ward_maps_difference(struct ward *ward)
{
	const char *difference = find_difference(ward);

	for (int i = 0; *difference != '\0' && keeps_memory(ward) && i < LOOKS_MAX; i++) {
		(void)ward_treat(ward, 0, NULL);
		difference = find_difference(ward);
	}
	return difference;
}

static bool is_zero(int fd, const struct mapping *mapping)
{
	uint8_t page[4096];

	for (uint64_t at = mapping->start; at < mapping->end; at += sizeof(page)) {
		if (pread(fd, page, sizeof(page), (off_t)at) != (ssize_t)sizeof(page))
			return false;
		for (size_t i = 0; i < sizeof(page); i++)
			if (page[i] != 0)
				return false;
	}
	return true;
}

uint64_t ward_left_over(struct ward *ward)
{
	char path[64];
	size_t size;
	char *text = read_maps(ward, &size);
	uint64_t code = 0;
	bool zero = true;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/mem", ward->victim.pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	for (char *line = text, *next; *line != '\0'; line = next) {
		struct mapping mapping;

		next = line + strcspn(line, "\n");
		next += *next != '\0';
		if (!parse_line(line, next, &mapping) || !is_code(&mapping))
			continue;
		code += mapping.end - mapping.start;
		zero = zero && is_zero(fd, &mapping);
	}
	(void)close(fd);
	free(text);
	return zero ? code - ward->code : UINT64_MAX;
}

const char *ward_complaint(struct ward *ward, int before, int after, struct ward_state *ret)
{
	static char text[160];
	int level;

	*ret = ward_check(ward);
	if (ret->version == -2)
		return "the victim is lost";
	if (ret->version == -1)
		return "threads see different versions";
	if (ret->version != before && ret->version != after)
		return "the version is one that nobody wanted";
	if (ret->torn != 0)
		return "a thread saw a mix";
	if (ret->wrong != 0)
		return "registers or results are wrong";
	if (!victim_is_free(&ward->victim))
		return "it is still traced";
	level = ward_query(ward);
	if (level == ret->version)
		return "";
	(void)snprintf(text, sizeof(text), "it runs version %d, the query says %d", ret->version,
		       level);
	return text;
}
