/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/process.h"

#include <elf.h>
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "core/ledger.h"
#include "core/lookup.h"
#include "core/process_parts.h"

/* How often a process is looked at that changes its objects all the time. */
#define LOOKS_MAX 6

/* Why reading /proc/PID/@name failed. */
static int file_failed(const struct lcp_process *process, int code, const char *name,
		       struct lcp_error **reterr)
{
	if (code == -ENOMEM)
		return error_set_nomem(reterr);
	if (code == -LCP_EGONE)
		return error_set(reterr, code,
				 "process %" PRId32 " has ended or is another program",
				 process->target->pid);
	return error_set(reterr, code, "reading /proc/%" PRId32 "/%s: %s", process->target->pid,
			 name, strerrordesc_np(-code));
}

/*
 * 1 if nothing was mapped or unmapped since the last look: then the objects are the same, too, for
 * an object comes and goes with its mappings.
 */
static int read_maps(struct process_view *view, struct lcp_error **reterr)
{
	const struct lcp_process *process = view->process;
	struct target *target = process->target;
	size_t size;
	int r;

	r = target->ops->file(target, "maps", &view->maps_text, &size);
	if (r < 0)
		return file_failed(process, r, "maps", reterr);
	if (process->maps_text != NULL && strcmp(process->maps_text, view->maps_text) == 0)
		return 1;
	return proc_maps_parse(view->maps_text, size, &view->maps, reterr);
}

static int read_auxv(struct process_view *view, struct lcp_error **reterr)
{
	struct target *target = view->process->target;
	autofree char *text = NULL;
	Elf64_auxv_t entry;
	size_t size;
	int r;

	r = target->ops->file(target, "auxv", &text, &size);
	if (r < 0)
		return file_failed(view->process, r, "auxv", reterr);
	for (size_t at = 0; range_fits(at, sizeof(entry), size); at += sizeof(entry)) {
		memcpy(&entry, text + at, sizeof(entry));
		if (entry.a_type == AT_PHDR)
			view->auxv.headers = entry.a_un.a_val;
		else if (entry.a_type == AT_BASE)
			view->auxv.linker = entry.a_un.a_val;
		else if (entry.a_type == AT_SYSINFO_EHDR)
			view->auxv.vdso = entry.a_un.a_val;
	}
	return 0;
}

/* Why no objects were found. Memory that is gone altogether is that of a process that has ended. */
static int objects_failed(const struct process_view *view, int code, struct lcp_error **reterr)
{
	const struct lcp_process *process = view->process;

	if (code == -LCP_EFORMAT && view->maps.count == 0)
		code = -LCP_EGONE;
	if (code != -LCP_EFORMAT)
		return file_failed(process, code, "mem", reterr);
	return error_set(reterr, code,
			 "process %" PRId32 ": no program is mapped with its headers at 0x%" PRIx64,
			 process->target->pid, view->auxv.headers);
}

/* 1 if there is nothing new to see. */
static int look(struct process_view *view, struct lcp_error **reterr)
{
	int r;

	r = read_maps(view, reterr);
	if (r != 0)
		return r;
	r = read_auxv(view, reterr);
	if (r < 0)
		return r;
	r = process_view_objects(view);
	if (r < 0)
		return objects_failed(view, r, reterr);
	if (view->too_many)
		return error_set(reterr, -LCP_EFORMAT,
				 "process %" PRId32
				 ": the dynamic linker lists more than %d objects",
				 view->process->target->pid, PROCESS_OBJECTS_MAX);
	return 0;
}

static bool same_objects(const struct process_view *a, const struct process_view *b)
{
	if (a->objects.count != b->objects.count)
		return false;
	for (size_t i = 0; i < a->objects.count; i++)
		if (a->objects.items[i].start != b->objects.items[i].start ||
		    a->objects.items[i].dynamic.address != b->objects.items[i].dynamic.address)
			return false;
	return true;
}

void process_doubt(struct lcp_process *process)
{
	free(process->maps_text);
	process->maps_text = NULL;
}

static void forget_objects(struct lcp_process *process)
{
	lookup_forget(process);
	for (size_t i = 0; i < process->object_count; i++)
		process_object_fini(&process->objects[i]);
	free(process->objects);
	process->objects = NULL;
	process->object_count = 0;
	proc_maps_fini(&process->maps);
	process_doubt(process);
}

/* The process is from now on what the view has seen. */
static int take_view(struct lcp_process *process, struct process_view *view,
		     struct lcp_error **reterr)
{
	char *path = strdup(view->objects.items[0].path);

	if (path == NULL)
		return error_set_nomem(reterr);
	free(process->path);
	process->path = path;
	forget_objects(process);
	process->maps = view->maps;
	if (!view->doubtful)
		process->maps_text = take(view->maps_text);
	free(view->maps_text);
	process->objects = view->objects.items;
	process->object_count = view->objects.count;
	*view = (struct process_view){ 0 };
	return 0;
}

/*
 * While a library is being loaded or unloaded a look may see half of it. So another is taken, until
 * two agree; a process that does nothing else all day is taken as the last one shows it.
 */
int process_refresh(struct lcp_process *process, struct lcp_error **reterr)
{
	autoview struct process_view before = { 0 };
	int r;

	for (unsigned int i = 0;; i++) {
		autoview struct process_view view = { .process = process };

		r = look(&view, reterr);
		if (r != 0)
			return r < 0 ? r : 0;
		if (!view.doubtful || i + 1 == LOOKS_MAX || (i > 0 && same_objects(&view, &before)))
			return take_view(process, &view, reterr);
		process_view_fini(&before);
		before = view;
		view = (struct process_view){ 0 };
	}
}

int process_new(struct lcp_ctx *ctx, struct target *target, struct lcp_process **ret,
		struct lcp_error **reterr)
{
	struct lcp_process *process = calloc(1, sizeof(*process));
	int r;

	if (process == NULL)
		return error_set_nomem(reterr);
	process->target = target;
	r = process_refresh(process, reterr);
	if (r < 0) {
		process->target = NULL; /* the caller's */
		process_free(process);
		return r;
	}
	process->ctx = ctx_ref(ctx);
	*ret = process;
	return 0;
}

int process_attach(struct lcp_ctx *ctx, int32_t pid, uint32_t flags, struct lcp_process **ret,
		   struct lcp_error **reterr)
{
	struct target *target;
	int r;

	r = target_open(pid, (flags & LCP_ATTACH_IN_PROCESS) != 0 ? TARGET_IN_PROCESS : 0, &target,
			reterr);
	if (r < 0)
		return r;
	r = process_new(ctx, target, ret, reterr);
	if (r < 0)
		target_close(target);
	return r;
}

void process_free(struct lcp_process *process)
{
	if (process == NULL)
		return;
	forget_objects(process);
	ledger_seen_free(process->ledger_seen);
	target_close(process->target);
	if (process->ctx != NULL)
		ctx_unref(process->ctx);
	free(process->path);
	free(process);
}

const struct object *process_object_at(const struct lcp_process *process, uint64_t address)
{
	for (size_t i = 0; i < process->object_count; i++) {
		const struct object *object = &process->objects[i];

		if (address >= object->start && address < object->end &&
		    process_object_holds(object, address, 1))
			return object;
	}
	return NULL;
}

const struct object *process_object_by_build_id(const struct lcp_process *process,
						const char *build_id, const struct object *after)
{
	size_t first = after != NULL ? (size_t)(after - process->objects) + 1 : 0;

	for (size_t i = first; i < process->object_count; i++) {
		const struct object *object = &process->objects[i];

		if (object->build_id != NULL && strcmp(object->build_id, build_id) == 0)
			return object;
	}
	return NULL;
}

int process_read(const struct lcp_process *process, uint64_t address, void *ret, size_t size,
		 const char *what, struct lcp_error **reterr)
{
	int r = process->target->ops->read(process->target, address, ret, size);

	if (r == 0)
		return 0;
	if (r == -LCP_EGONE || r == -ENOMEM)
		return file_failed(process, r, "mem", reterr);
	return error_set_errno(reterr, -r, "reading %s at 0x%" PRIx64 ": %s", what, address,
			       strerrordesc_np(-r));
}
