/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finding the units that a patch touches.
 */
#include "units.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>

#include "includes.h"
#include "jobs.h"

void units_fini(struct units *units)
{
	for (size_t i = 0; i < units->count; i++) {
		free(units->items[i].original);
		free(units->items[i].patched);
		free(units->items[i].patched_directory);
	}
	free(units->items);
}

static bool is_source_name(const char *path)
{
	static const char *const endings[] = { ".c", ".cc", ".cpp", ".cxx", ".C", ".c++" };

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
		if (ends_with(path, endings[i]))
			return true;
	return false;
}

static bool is_unit(const struct compdb *compdb, const char *path)
{
	for (size_t i = 0; i < compdb->count; i++)
		if (strcmp(compdb->items[i].path, path) == 0)
			return true;
	return false;
}

/*
 * A source that is new and in no command: nobody knows how to compile it, and where it would go.
 */
static int refuse_unknown(const struct units_request *request, struct failure *failure)
{
	for (size_t i = 0; i < request->changes->count; i++) {
		const struct changed_file *file = &request->changes->items[i];

		if (!file->existed && file->exists && is_source_name(file->path) &&
		    !is_unit(request->compdb, file->path))
			return fail(failure, OUTCOME_UNKNOWN_UNIT,
				    "%s: a new source, which %s has no command for", file->path,
				    request->compdb_path);
	}
	return 0;
}

/* A shared library has no interpreter; a position-independent program has one. */
static bool is_shared_library(const char *object)
{
	autoclose int fd = open(object, O_RDONLY | O_CLOEXEC);
	Elf64_Ehdr header;
	Elf64_Phdr segment;

	if (fd < 0 || pread(fd, &header, sizeof(header), 0) != sizeof(header) ||
	    memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_type != ET_DYN)
		return false;
	for (uint16_t i = 0; i < header.e_phnum; i++) {
		off_t at = (off_t)(header.e_phoff + i * sizeof(segment));

		if (pread(fd, &segment, sizeof(segment), at) != sizeof(segment) ||
		    segment.p_type == PT_INTERP)
			return false;
	}
	return true;
}

static bool is_pic(const struct compdb_unit *unit)
{
	return words_have(&unit->argv, "-fPIC") || words_have(&unit->argv, "-fpic");
}

static bool same_command(const struct compdb_unit *a, const struct compdb_unit *b)
{
	autowords struct words left = { 0 }, right = { 0 };
	struct failure ignored = { 0 };
	bool same;

	same = compdb_command(a, PRODUCT_ASSEMBLER, "", &left, &ignored) == 0 &&
	       compdb_command(b, PRODUCT_ASSEMBLER, "", &right, &ignored) == 0 &&
	       left.count == right.count && strcmp(a->directory, b->directory) == 0;
	for (size_t i = 0; same && i < left.count; i++)
		same = strcmp(left.items[i], right.items[i]) == 0;
	failure_fini(&ignored);
	return same;
}

/*
 * A source that is compiled in several ways, as libtool does for the shared library and the
 * archive: the way that suits the object, else the first. If that is wrong, the proof of the
 * builder says so, which compares all code with the object's.
 */
static void add_unit(const struct units_request *request, struct units *units,
		     const struct compdb_unit *command)
{
	const struct unit made = { .command = command };
	bool pic = is_shared_library(request->object);

	for (size_t i = 0; i < units->count; i++) {
		struct unit *unit = &units->items[i];

		if (strcmp(unit->command->path, command->path) != 0)
			continue;
		if (same_command(unit->command, command))
			return;
		if (is_pic(command) != is_pic(unit->command) && is_pic(command) == pic)
			unit->command = command;
		say(request->output, "%s is compiled in several ways; taken is that with the %s",
		    command->path, unit->command == command ? "later command" : "earlier command");
		return;
	}
	append(units, made);
}

static bool is_touched(const struct units_request *request, const struct compdb_unit *unit)
{
	const struct changed_file *file = changes_find(request->changes, unit->path);

	return file != NULL && file->exists;
}

/*
 * The units that may include something that the patch changes, and are not touched by themselves.
 */
static void find_candidates(const struct units_request *request, struct units *ret)
{
	struct includes includes = { 0 };
	autowords struct words names = { 0 };

	for (size_t i = 0; i < request->changes->count; i++)
		if (request->changes->items[i].existed)
			words_add(&names, base_name(request->changes->items[i].path));
	for (size_t i = 0; i < request->compdb->count; i++) {
		const struct compdb_unit *command = &request->compdb->items[i];
		const struct unit candidate = { .command = command };

		if (!is_touched(request, command) && includes_may_reach(&includes, command, &names))
			append(ret, candidate);
	}
	includes_fini(&includes);
}

static char *dependency_file(const struct units_request *request, size_t number)
{
	return format_text("%s/%zu.d", request->scratch->path, number);
}

static int run_preprocessors(const struct units_request *request, const struct units *candidates,
			     struct failure *failure)
{
	struct jobs jobs = { 0 };
	int r = 0;

	for (size_t i = 0; i < candidates->count && r == 0; i++) {
		autofree char *output = dependency_file(request, i);
		const struct compdb_unit *command = candidates->items[i].command;
		struct job job = { .directory = command->directory };

		r = compdb_command(command, PRODUCT_DEPENDENCIES, output, &job.argv, failure);
		job.log = format_text("%s.log", output);
		append(&jobs, job);
	}
	if (r == 0)
		r = jobs_run(&jobs, request->scratch, request->parallel, request->output, "looking",
			     failure);
	for (size_t i = 0; i < jobs.count && r == 0; i++) {
		autofree char *words = NULL;

		if (job_succeeded(&jobs.items[i]))
			continue;
		words = job_words(&jobs.items[i]);
		r = fail(failure, OUTCOME_COMPILER_FAILED, "%s: what it includes is not known:\n%s",
			 candidates->items[i].command->path, words);
	}
	jobs_fini(&jobs);
	return r;
}

/* Which changed files does the unit need? They are marked in @used. */
static bool needs_changed(const struct units_request *request, const struct words *files,
			  bool *used)
{
	bool any = false;

	for (size_t i = 0; i < files->count; i++) {
		const struct changed_file *file = changes_find(request->changes, files->items[i]);

		if (file == NULL)
			continue;
		used[file - request->changes->items] = true;
		any = true;
	}
	return any;
}

static int add_includers(const struct units_request *request, struct units *ret, bool *used,
			 struct failure *failure)
{
	struct units candidates = { 0 };
	int r;

	find_candidates(request, &candidates);
	r = run_preprocessors(request, &candidates, failure);
	for (size_t i = 0; i < candidates.count && r == 0; i++) {
		const struct compdb_unit *command = candidates.items[i].command;
		autofree char *path = dependency_file(request, i);
		autowords struct words files = { 0 };

		r = includes_read_dependencies(path, command->directory, &files);
		if (r < 0)
			r = fail_system(failure, r, path);
		else if (needs_changed(request, &files, used))
			add_unit(request, ret, command);
	}
	units_fini(&candidates);
	return r;
}

/* Part of a fix that goes nowhere must not go unnoticed. */
static void tell_unused(const struct units_request *request, const bool *used)
{
	for (size_t i = 0; i < request->changes->count; i++) {
		const struct changed_file *file = &request->changes->items[i];

		if (!file->exists && is_unit(request->compdb, file->path))
			complain("%s: the patch removes it; its functions stay as they are",
				 file->path);
		else if (is_source_name(file->path) && file->existed && !used[i])
			complain("%s: the patch changes it, but it is in no unit of %s", file->path,
				 request->compdb_path);
		else if (file->existed && !used[i])
			say_more(request->output, "%s: in no unit", file->path);
	}
}

int units_find(const struct units_request *request, struct units *ret, struct failure *failure)
{
	autofree bool *used = zalloc(request->changes->count, sizeof(*used));

	if (refuse_unknown(request, failure) < 0)
		return -1;
	for (size_t i = 0; i < request->compdb->count; i++) {
		const struct compdb_unit *command = &request->compdb->items[i];

		if (!is_touched(request, command))
			continue;
		used[changes_find(request->changes, command->path) - request->changes->items] =
			true;
		add_unit(request, ret, command);
	}
	if (add_includers(request, ret, used, failure) < 0)
		return -1;
	tell_unused(request, used);
	if (ret->count == 0)
		return fail(failure, OUTCOME_UNKNOWN_UNIT,
			    "the patch touches no unit that %s has a command for",
			    request->compdb_path);
	for (size_t i = 0; i < ret->count; i++)
		say_more(request->output, "unit %s", ret->items[i].command->path);
	return 0;
}
