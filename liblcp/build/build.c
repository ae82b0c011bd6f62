/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "build/build.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

#include <lcp/version.h>

#include "base/error.h"
#include "base/log.h"
#include "build/link.h"
#include "build/unit.h"
#include "format/kpatch_write.h"

#define STRING(number) #number
#define VERSION(major, minor, patch) STRING(major) "." STRING(minor) "." STRING(patch)
#define BUILDER "liblcp " VERSION(LCP_VERSION_MAJOR, LCP_VERSION_MINOR, LCP_VERSION_PATCH)

/* Refused functions that are named in the message; the report has all. */
#define NAMED_MAX 4

struct lcp_build *build_new(struct lcp_ctx *ctx, const char *object, const char *id)
{
	struct lcp_build *build = calloc(1, sizeof(*build));

	if (build == NULL)
		return NULL;
	build->ctx = ctx_ref(ctx);
	build->object = strdup(object);
	build->id = strdup(id);
	if (build->object != NULL && build->id != NULL)
		return build;
	build_free(build);
	return NULL;
}

static void free_strings(char **strings, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(strings[i]);
}

void build_free(struct lcp_build *build)
{
	if (build == NULL)
		return;
	free_strings(build->cves.items, build->cves.count);
	vec_fini(&build->cves);
	free_strings(build->assembler.items, build->assembler.count);
	vec_fini(&build->assembler);
	vec_foreach (&build->pairs, pair) {
		free(pair->original);
		free(pair->patched);
	}
	vec_fini(&build->pairs);
	free(build->object);
	free(build->id);
	free(build->debug_file);
	free(build->description);
	report_free(build->report);
	ctx_unref(build->ctx);
	free(build);
}

int build_add_pair(struct lcp_build *build, const char *original, const char *patched)
{
	const struct build_pair pair = {
		.original = original != NULL ? strdup(original) : NULL,
		.patched = strdup(patched),
	};

	if (pair.patched != NULL && (original == NULL || pair.original != NULL) &&
	    vec_push(&build->pairs, pair) == 0)
		return 0;
	free(pair.original);
	free(pair.patched);
	return -ENOMEM;
}

int build_add_cve(struct lcp_build *build, const char *name)
{
	char *copy = strdup(name);

	if (copy != NULL && vec_push(&build->cves, copy) == 0)
		return 0;
	free(copy);
	return -ENOMEM;
}

int build_add_assembler_arg(struct lcp_build *build, const char *arg)
{
	char *copy = strdup(arg);

	if (copy != NULL && vec_push(&build->assembler, copy) == 0)
		return 0;
	free(copy);
	return -ENOMEM;
}

/*
 * Units, several at the same time
 */

/* What is shared by those who work on units; what changes is under the lock. */
struct work {
	const struct lcp_build *build;
	struct unit_setting setting;
	struct unit *units;
	struct lcp_error **errors; /* by unit */
	int *results; /* by unit */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t next; /* unit that nobody works on yet */
	size_t done;
};

static void work_fini(struct work *work)
{
	size_t count = work->build->pairs.count;

	for (size_t i = 0; i < count; i++) {
		if (work->units != NULL)
			unit_fini(&work->units[i]);
		if (work->errors != NULL)
			error_free(work->errors[i]);
	}
	free(work->units);
	free(work->errors);
	free(work->results);
	(void)pthread_mutex_destroy(&work->lock);
	(void)pthread_cond_destroy(&work->changed);
}

static void do_unit(struct work *work, size_t number)
{
	work->results[number] = unit_init(&work->units[number], &work->setting,
					  &work->build->pairs.items[number], &work->errors[number]);
}

static void *worker(void *argument)
{
	struct work *work = argument;

	(void)pthread_mutex_lock(&work->lock);
	while (work->next < work->build->pairs.count) {
		size_t number = work->next++;

		(void)pthread_mutex_unlock(&work->lock);
		do_unit(work, number);
		(void)pthread_mutex_lock(&work->lock);
		work->done++;
		(void)pthread_cond_signal(&work->changed);
	}
	(void)pthread_mutex_unlock(&work->lock);
	return NULL;
}

static void tell(const struct work *work, size_t done)
{
	const struct lcp_build *build = work->build;

	if (build->progress != NULL)
		build->progress(build->userdata, (uint32_t)done, (uint32_t)build->pairs.count);
}

/* Callbacks are ours alone, so this thread does nothing but wait and tell. */
static void wait_for_all(struct work *work)
{
	size_t told = 0;

	(void)pthread_mutex_lock(&work->lock);
	while (told < work->build->pairs.count) {
		while (work->done == told)
			(void)pthread_cond_wait(&work->changed, &work->lock);
		told = work->done;
		(void)pthread_mutex_unlock(&work->lock);
		tell(work, told);
		(void)pthread_mutex_lock(&work->lock);
	}
	(void)pthread_mutex_unlock(&work->lock);
}

static void do_all_here(struct work *work)
{
	for (size_t i = 0; i < work->build->pairs.count; i++) {
		do_unit(work, i);
		tell(work, i + 1);
	}
}

static size_t count_cpus(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 ? (size_t)CPU_COUNT(&set) : 1;
}

/* With signals blocked, the threads run no handlers of the program around us. */
static size_t start_threads(struct work *work, pthread_t *threads, size_t count)
{
	sigset_t all, mask;
	size_t started = 0;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &mask);
	while (started < count && pthread_create(&threads[started], NULL, worker, work) == 0)
		started++;
	(void)pthread_sigmask(SIG_SETMASK, &mask, NULL);
	return started;
}

static int do_units(struct work *work, struct lcp_error **reterr)
{
	size_t jobs = work->build->jobs != 0 ? work->build->jobs : count_cpus();
	autofree pthread_t *threads = NULL;
	size_t started = 0;

	if (jobs > work->build->pairs.count)
		jobs = work->build->pairs.count;
	if (jobs > 1) {
		threads = calloc(jobs, sizeof(*threads));
		if (threads == NULL)
			return error_set_nomem(reterr);
		started = start_threads(work, threads, jobs);
	}
	if (started == 0)
		do_all_here(work);
	else
		wait_for_all(work);
	for (size_t i = 0; i < started; i++)
		(void)pthread_join(threads[i], NULL);
	return 0;
}

/*
 * Verdict
 */

/* All units' reports become one. */
static int gather_reports(struct work *work, struct lcp_build_report *report)
{
	for (size_t i = 0; i < work->build->pairs.count; i++) {
		struct lcp_build_report *from = work->units[i].report;

		for (uint32_t kind = 1; from != NULL && kind <= REPORT_KINDS; kind++) {
			vec_foreach (&from->kinds[kind - 1], entry) {
				int r = report_add(report, kind, *entry);

				*entry = (struct report_entry){ 0 };
				if (r < 0)
					return r;
			}
			from->kinds[kind - 1].count = 0;
		}
	}
	report_sort(report);
	return 0;
}

/* "3 reasons, such as main: the size of a variable changed" */
static int say_refused(const struct lcp_build_report *report, int code, const char *what,
		       struct lcp_error **reterr)
{
	uint32_t count = report_count(report, LCP_REPORT_REFUSAL);
	autostr struct str text = { 0 };

	for (uint32_t i = 0; i < count && i < NAMED_MAX; i++) {
		const struct report_entry *entry = report_get(report, LCP_REPORT_REFUSAL, i);

		str_printf(&text, "%s%s%s%s", i > 0 ? "; " : "",
			   entry->symbol != NULL ? entry->symbol : "",
			   entry->symbol != NULL ? ": " : "", entry->reason);
	}
	if (count > NAMED_MAX)
		str_printf(&text, "; and %u more", count - NAMED_MAX);
	return error_set(reterr, code, "%s: %s", what, text.failed ? "(out of memory)" : text.text);
}

static int judge(const struct work *work, const struct lcp_build_report *report,
		 struct lcp_error **reterr)
{
	uint32_t refusals = 0, mismatches = 0, replaced = 0;

	for (size_t i = 0; i < work->build->pairs.count; i++) {
		const struct unit *unit = &work->units[i];

		refusals += unit->refusals;
		mismatches += unit->mismatches;
		vec_foreach (&unit->functions, function)
			replaced += !function->is_part;
	}
	if (mismatches > 0)
		return say_refused(report, -LCP_EMISMATCH,
				   "the object was not built from these originals", reterr);
	if (refusals > 0)
		return say_refused(report, -LCP_EREFUSED, "code alone cannot make the change",
				   reterr);
	if (replaced == 0)
		return error_set(reterr, -LCP_ENOEFFECT,
				 "no effect: no function of the object changes");
	return 0;
}

static int first_failure(struct work *work, struct lcp_error **reterr)
{
	for (size_t i = 0; i < work->build->pairs.count; i++) {
		if (work->results[i] == 0)
			continue;
		if (reterr != NULL)
			*reterr = take(work->errors[i]);
		return work->results[i];
	}
	return 0;
}

/*
 * The patch
 */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static char *hexadecimal(const uint8_t *bytes, size_t size)
{
	autostr struct str text = { 0 };
	char *made = NULL;

	str_put_hex(&text, bytes, size);
	(void)str_take(&text, &made);
	return made;
}

/* The bytes of the patch file, and *@patch, which they are made from. */
static int write_patch(const struct work *work, struct lcp_kpatch *patch, uint8_t **ret,
		       size_t *ret_size, struct lcp_error **reterr)
{
	const struct lcp_build *build = work->build;
	const struct object *object = work->setting.object;
	autofree char *build_id = hexadecimal(object->elf->build_id, object->elf->build_id_size);
	int r;

	if (build_id == NULL)
		return error_set_nomem(reterr);
	patch->arch = object->arch;
	patch->id = build->id;
	patch->build_id = build_id;
	patch->target = base_name(build->object);
	patch->description = build->description;
	patch->builder = BUILDER;
	patch->cves = (const char **)build->cves.items;
	patch->cve_count = build->cves.count;
	patch->level = build->level;
	r = link_units(object, work->units, build->pairs.count, patch, reterr);
	return r < 0 ? r : kpatch_write(patch, ret, ret_size, reterr);
}

static int make_patch(const struct work *work, struct lcp_kpatch **ret, struct lcp_error **reterr)
{
	struct lcp_kpatch patch = { 0 };
	autofree uint8_t *file = NULL;
	size_t size = 0;
	int r;

	r = write_patch(work, &patch, &file, &size, reterr);
	link_fini(&patch);
	return r < 0 ? r : kpatch_parse(file, size, 0, ret, reterr);
}

static int run(struct work *work, struct lcp_build_report *report, struct lcp_kpatch **ret,
	       struct lcp_error **reterr)
{
	size_t count = work->build->pairs.count;
	int r;

	work->units = calloc(count, sizeof(*work->units));
	work->errors = calloc(count, sizeof(*work->errors));
	work->results = calloc(count, sizeof(*work->results));
	if (work->units == NULL || work->errors == NULL || work->results == NULL)
		return error_set_nomem(reterr);
	r = do_units(work, reterr);
	if (r < 0)
		return r;
	if (gather_reports(work, report) < 0)
		return error_set_nomem(reterr);
	r = first_failure(work, reterr);
	if (r == 0)
		r = judge(work, report, reterr);
	return r < 0 ? r : make_patch(work, ret, reterr);
}

static int run_with_object(struct lcp_build *build, const struct object *object,
			   char *const *assembler, struct lcp_kpatch **ret,
			   struct lcp_error **reterr)
{
	struct work work cleanup(work_fini) = {
		.build = build,
		.setting = { .object = object, .assembler = assembler, .flags = build->flags },
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.changed = PTHREAD_COND_INITIALIZER,
	};

	return run(&work, build->report, ret, reterr);
}

int build_run(struct lcp_build *build, struct lcp_kpatch **ret, struct lcp_error **reterr)
{
	static char *const usual[] = { (char *)"as", NULL };
	autofree char **argv = calloc(build->assembler.count + 1, sizeof(*argv));
	struct object object cleanup(object_fini) = { 0 };
	int r;

	report_free(build->report);
	build->report = report_new();
	if (argv == NULL || build->report == NULL)
		return error_set_nomem(reterr);
	if (build->assembler.count > 0)
		memcpy(argv, build->assembler.items, build->assembler.count * sizeof(*argv));
	r = object_init(&object, build->object, build->debug_file, reterr);
	if (r < 0)
		return r;
	r = run_with_object(build, &object, build->assembler.count > 0 ? argv : usual, ret, reterr);
	log_debug(build->ctx, "patch %s for %s: %s", build->id, build->object,
		  r == 0 ? "built" : error_name(r));
	return r;
}
