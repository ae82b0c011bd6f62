/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a source patch changes in the assembler text of units. The steps are in fromsource_pairs().
 */
#include "fromsource.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "compdb.h"
#include "includes.h"
#include "jobs.h"
#include "tree.h"
#include "units.h"

/* What the steps share. */
struct work {
	const struct source_request *request;
	const struct scratch *scratch;
	const struct output *output;
	struct failure *failure;
	uint32_t parallel;
	struct compdb compdb;
	struct changes changes;
	char *root; /* where the names in patches begin */
	struct units units;
	struct tree marked; /* with #line directives */
	struct tree plain;
};

void asm_pairs_fini(struct asm_pairs *pairs)
{
	for (size_t i = 0; i < pairs->count; i++) {
		free(pairs->items[i].unit);
		free(pairs->items[i].original);
		free(pairs->items[i].patched);
	}
	free(pairs->items);
}

/* The directory that both are in. */
static char *common_parent(const char *a, const char *b)
{
	char *parent = copy_text(a);

	while (!path_below(b, parent)) {
		char *above = path_parent(parent);

		free(parent);
		parent = above;
	}
	return parent;
}

static void widen(char **root, const char *path)
{
	char *wider = *root == NULL ? copy_text(path) : common_parent(*root, path);

	free(*root);
	*root = wider;
}

/* @from and the directories above it: the first in which all files of the diff are. */
static char *search_upwards(const struct work *work, const struct diff *diff, const char *from)
{
	char *root = copy_text(from);

	while (!changes_fit(&work->changes, diff, root)) {
		bool top = strcmp(root, "/") == 0;
		char *above = path_parent(root);

		free(root);
		root = above;
		if (top) {
			free(root);
			return NULL;
		}
	}
	return root;
}

static int find_root(struct work *work, const struct diff *diff)
{
	autofree char *compdb = path_real(".", work->request->compdb);
	autofree char *beside = path_parent(compdb), *common = NULL;

	free(take(work->root));
	if (work->request->source != NULL) {
		work->root = path_real(".", work->request->source);
		return 0;
	}
	for (size_t i = 0; i < work->compdb.count; i++) {
		autofree char *parent = path_parent(work->compdb.items[i].path);

		widen(&common, parent);
	}
	if (common != NULL)
		work->root = search_upwards(work, diff, common);
	if (work->root == NULL)
		work->root = search_upwards(work, diff, beside);
	if (work->root == NULL)
		return fail(work->failure, OUTCOME_DOES_NOT_APPLY,
			    "%s: no directory has all the files that it names, such as %s: see "
			    "--source and --strip",
			    diff->path,
			    diff->items[0].old_name != NULL ? diff->items[0].old_name
							    : diff->items[0].new_name);
	return 0;
}

static int apply_patches(struct work *work)
{
	for (size_t i = 0; i < work->request->patches->count; i++) {
		struct diff diff = { 0 };
		int r;

		r = diff_read(work->request->patches->items[i], work->request->strip, &diff,
			      work->failure);
		if (r == 0)
			r = find_root(work, &diff);
		if (r == 0)
			r = changes_apply(&work->changes, &diff, work->root, work->output,
					  work->failure);
		diff_fini(&diff);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_job(struct work *work, struct jobs *jobs, const struct unit *unit,
		   const struct tree *tree, const char *output)
{
	struct job job = { .directory = unit->command->directory, .tree = tree };
	autowords struct words argv = { 0 };

	if (compdb_command(unit->command, PRODUCT_ASSEMBLER, output, &argv, work->failure) < 0)
		return -1;
	job.log = format_text("%s.log", output);
	if (tree == NULL) {
		job.argv = argv;
		argv = (struct words){ 0 };
	} else {
		tree_arguments(tree, unit->command->directory, &argv, &job.argv);
		job.directory = unit->patched_directory;
	}
	append(jobs, job);
	return 0;
}

static int make_tree(struct work *work, const char *name, bool marks, struct tree *ret)
{
	autofree char *root = copy_text(work->root);
	bool copy = work->request->copy_tree || work->marked.kind == TREE_COPY;

	for (size_t i = 0; i < work->units.count; i++) {
		widen(&root, work->units.items[i].command->directory);
		widen(&root, work->units.items[i].command->path);
	}
	if (tree_make(&work->changes, work->scratch, name, marks, root, copy, ret, work->failure) <
	    0)
		return -1;
	say_more(work->output, "compilers see the patched files in a %s",
		 ret->kind == TREE_COPY ? "copy of the tree" : "mount namespace");
	return 0;
}

static int compile_failed(struct work *work, const struct unit *unit, const struct job *job,
			  const char *version)
{
	autofree char *words = job_words(job);

	return fail(work->failure, OUTCOME_COMPILER_FAILED, "%s: the %s does not compile:\n%s",
		    unit->command->path, version, words);
}

struct unit_list {
	struct unit **items;
	size_t count;
	size_t room;
};

/* Units that #line directives broke, once more without. */
static int compile_plainly(struct work *work, const struct unit_list *again)
{
	struct jobs jobs = { 0 };
	int r;

	if (again->count == 0)
		return 0;
	r = make_tree(work, "plain", false, &work->plain);
	for (size_t i = 0; i < again->count && r == 0; i++) {
		struct unit *unit = again->items[i];

		say_more(work->output, "%s: once more, without #line directives",
			 unit->command->path);
		free(unit->patched_directory);
		unit->patched_directory = tree_directory(&work->plain, unit->command->directory);
		r = add_job(work, &jobs, unit, &work->plain, unit->patched);
	}
	if (r == 0)
		r = jobs_run(&jobs, work->scratch, work->parallel, work->output, "compiling",
			     work->failure);
	for (size_t i = 0; i < jobs.count && r == 0; i++)
		if (!job_succeeded(&jobs.items[i]))
			r = compile_failed(work, again->items[i], &jobs.items[i], "patched source");
	jobs_fini(&jobs);
	return r;
}

/* The jobs are those of units in order, two for a unit that has an original. */
static int look_at_results(struct work *work, const struct jobs *jobs)
{
	struct unit_list again = { 0 };
	size_t next = 0;
	int r = 0;

	for (size_t i = 0; i < work->units.count && r == 0; i++) {
		struct unit *unit = &work->units.items[i];

		if (unit->original != NULL && !job_succeeded(&jobs->items[next++]))
			r = compile_failed(work, unit, &jobs->items[next - 1], "original source");
		if (!job_succeeded(&jobs->items[next++]))
			append(&again, unit);
	}
	if (r == 0)
		r = compile_plainly(work, &again);
	free(again.items);
	return r;
}

static int compile(struct work *work)
{
	struct jobs jobs = { 0 };
	int r;

	r = make_tree(work, "marked", true, &work->marked);
	for (size_t i = 0; i < work->units.count && r == 0; i++) {
		struct unit *unit = &work->units.items[i];
		const struct changed_file *source;

		source = changes_find(&work->changes, unit->command->path);
		if (source == NULL || source->existed)
			unit->original = format_text("%s/%zu-%s.original.s", work->scratch->path, i,
						     base_name(unit->command->path));
		unit->patched = format_text("%s/%zu-%s.patched.s", work->scratch->path, i,
					    base_name(unit->command->path));
		unit->patched_directory = tree_directory(&work->marked, unit->command->directory);
		if (unit->original != NULL)
			r = add_job(work, &jobs, unit, NULL, unit->original);
		if (r == 0)
			r = add_job(work, &jobs, unit, &work->marked, unit->patched);
	}
	if (r == 0)
		r = jobs_run(&jobs, work->scratch, work->parallel, work->output, "compiling",
			     work->failure);
	if (r == 0)
		r = look_at_results(work, &jobs);
	jobs_fini(&jobs);
	return r;
}

static int keep_file(struct work *work, char **path)
{
	autotext struct text text = { 0 };
	char *kept;
	int r;

	if (*path == NULL)
		return 0;
	kept = format_text("%s/%s", work->request->keep, base_name(*path));
	r = read_file(*path, &text);
	if (r == 0) {
		(void)unlink(kept);
		r = write_file(kept, text.bytes, text.size);
	}
	free(*path);
	*path = kept;
	return r < 0 ? fail_system(work->failure, r, kept) : 0;
}

static int differ(const struct unit *unit, bool *ret)
{
	autotext struct text original = { 0 }, patched = { 0 };
	int r = 0;

	if (unit->original != NULL)
		r = read_file(unit->original, &original);
	if (r == 0)
		r = read_file(unit->patched, &patched);
	*ret = unit->original == NULL || original.size != patched.size ||
	       memcmp(original.bytes, patched.bytes, original.size) != 0;
	return r;
}

/* Hand over what differs. */
static int collect(struct work *work, struct asm_pairs *ret)
{
	if (work->request->keep != NULL && mkdir(work->request->keep, 0777) < 0 && errno != EEXIST)
		return fail_system(work->failure, errno, work->request->keep);
	for (size_t i = 0; i < work->units.count; i++) {
		struct unit *unit = &work->units.items[i];
		struct asm_pair pair;
		bool differs;
		int r;

		r = differ(unit, &differs);
		if (r < 0)
			return fail_system(work->failure, r, unit->command->path);
		if (!differs)
			say_more(work->output, "%s: the same code", unit->command->path);
		if (work->request->keep != NULL &&
		    (keep_file(work, &unit->original) < 0 || keep_file(work, &unit->patched) < 0))
			return -1;
		if (!differs)
			continue;
		pair.unit = copy_text(unit->command->path);
		pair.original = take(unit->original);
		pair.patched = take(unit->patched);
		append(ret, pair);
	}
	if (ret->count == 0)
		return fail(
			work->failure, OUTCOME_NO_EFFECT,
			"the patched source compiles to the same code in all %zu units it touches",
			work->units.count);
	return 0;
}

static int do_work(struct work *work, struct asm_pairs *ret)
{
	const struct units_request wanted = {
		.compdb = &work->compdb,
		.compdb_path = work->request->compdb,
		.changes = &work->changes,
		.object = work->request->object,
		.scratch = work->scratch,
		.output = work->output,
		.parallel = work->parallel,
	};

	if (compdb_read(work->request->compdb, &work->compdb, work->failure) < 0 ||
	    apply_patches(work) < 0 || units_find(&wanted, &work->units, work->failure) < 0 ||
	    compile(work) < 0)
		return -1;
	return collect(work, ret);
}

int fromsource_pairs(const struct source_request *request, const struct scratch *scratch,
		     const struct output *output, struct asm_pairs *ret, struct failure *failure)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct work work = {
		.request = request,
		.scratch = scratch,
		.output = output,
		.failure = failure,
		.parallel = request->jobs > 0 ? request->jobs
			    : cpus > 0	      ? (uint32_t)cpus
					      : 1,
	};
	int r;

	r = do_work(&work, ret);
	tree_fini(&work.marked);
	tree_fini(&work.plain);
	units_fini(&work.units);
	changes_fini(&work.changes);
	compdb_fini(&work.compdb);
	free(work.root);
	return r;
}
