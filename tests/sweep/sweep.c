/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fault sweep: patches are applied to a copy of a process, and reverted, with the n-th
 * operation on it failing, for every n and in every way. Afterwards the process runs its old code
 * or its new code whole and knows which, and the next doctor does what it is asked to.
 *
 * And what a doctor does who has to wait, and finds the process changed when he comes back.
 *
 *	sweep PROGRAM PATCH NEXT-LEVEL RIVAL
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/num.h"
#include "core/apply.h"
#include "core/status.h"
#include "fake_process.h"
#include "format/file.h"
#include "tap.h"

/* What is done to the process, and what it runs before and after. */
struct step {
	const char *name;
	struct lcp_kpatch *patch; /* to be applied; NULL: the one with @id is reverted */
	const char *id;
	int64_t before; /* level of the patch in force, -1 for none */
	int64_t after;
};

struct session {
	struct fake_process fake;
	struct lcp_process *process;
	struct lcp_ctx *ctx;
};

static const char *const failure_names[] = {
	[FAIL_ONCE] = "fails once",
	[FAIL_FOREVER] = "fails, and all after it",
	[FAIL_HALF] = "is half done",
	[FAIL_DEAD] = "is not made, the surgeon is dead",
	[FAIL_DEAD_HALF] = "is half done, the surgeon is dead",
};

static void __attribute__((noreturn)) die(const char *what, struct lcp_error *error)
{
	(void)fprintf(stderr, "%s: %s\n", what, error != NULL ? error->message : "?");
	exit(99);
}

static void open_session(struct session *session, const struct fake_process *from)
{
	struct lcp_error *error = NULL;

	fake_process_clone(&session->fake, from);
	session->ctx = ctx_new(LCP_LOG_ERROR);
	if (process_new(session->ctx, &session->fake.target, &session->process, &error) < 0)
		die("process_new", error);
}

static void close_session(struct session *session)
{
	process_free(session->process);
	ctx_unref(session->ctx);
	fake_process_free(&session->fake);
}

static int take_step(struct session *session, const struct step *step, struct lcp_error **reterr)
{
	const struct lcp_apply_options options = { .size = sizeof(options), .timeout_ms = 50 };
	struct lcp_kpatch *patch = step->patch;

	if (patch != NULL)
		return apply(session->process, &patch, 1, &options, NULL, reterr);
	return revert(session->process, step->id, &options, NULL, reterr);
}

static int32_t get_s32(const uint8_t *bytes)
{
	return (int32_t)get_le32(bytes);
}

/* Follow x86-64 code from @at: through branches and guards, to what is really run. */
static uint64_t follow(const struct fake_process *fake, uint64_t at)
{
	for (int i = 0; i < 16; i++) {
		const uint8_t *code = fake_process_at(fake, at, 32), *watch;

		if (code == NULL)
			return at;
		if (code[0] == 0xe9) {
			at += 5 + (uint64_t)(int64_t)get_s32(code + 1);
		} else if (code[0] == 0x81 && code[1] == 0x3d && code[10] == 0x75) {
			watch = fake_process_at(fake,
						at + 10 + (uint64_t)(int64_t)get_s32(code + 2), 4);
			at += 12U + (memcmp(watch, code + 6, 4) == 0 ? 0 : code[11]);
		} else {
			return at;
		}
	}
	return 0;
}

/* Which version of @row's function runs? The level of a patch, -1 for the old code, -2: neither. */
static int64_t version_of(const struct lcp_status *status, const struct fake_process *fake,
			  const struct ledger_row *row)
{
	const uint8_t *there = fake_process_at(fake, row->entry, row->size);
	uint64_t at = follow(fake, row->entry);

	if (memcmp(there, row->pristine, row->size) == 0)
		return -1;
	for (size_t i = 0; i < status->patch_count; i++) {
		const struct ledger_record *record = status->patches[i].record;
		const struct ledger_row *other = ledger_row_of(record, row->entry);

		/* The moved beginning may itself begin with a branch. */
		if (other != NULL && other->moved != 0 && at == follow(fake, other->moved))
			return -1;
		if (other != NULL && at == follow(fake, other->new_address))
			return record->level;
	}
	return -2;
}

/*
 * The version that all functions run: -3 if they do not run the same. Those that are in one level
 * only are old where it is not in force.
 */
static int64_t version(struct session *session)
{
	autostatus_patches struct lcp_status *status = NULL;
	int64_t all = -1;

	if (status_read(session->process, &status, NULL) < 0)
		return -4;
	for (size_t i = 0; i < status->patch_count; i++)
		if (status->patches[i].in_force)
			all = status->patches[i].record->level;
	for (size_t i = 0; i < status->patch_count; i++) {
		const struct ledger_record *record = status->patches[i].record;

		for (size_t j = 0; j < record->row_count; j++) {
			const struct ledger_row *row = &record->rows[j];
			int64_t mine = row->size > 0 ? version_of(status, &session->fake, row)
						     : all;

			if (mine != all && !(mine == -1 && record->level != all)) {
				tap_say("%s: %" PRId64 ", not %" PRId64, row->name, mine, all);
				return -3;
			}
		}
	}
	return all;
}

/*
 * A doctor that dies, or can do nothing any more, right behind its first mmap leaves memory that
 * nobody knows of: zero bytes that nothing refers to. It is taken for given back.
 */
static void drop_unknown(struct fake_process *fake, const struct fake_process *clean)
{
	size_t kept = 0;

	for (size_t i = 0; i < fake->regions.count; i++) {
		struct fake_region *region = &fake->regions.items[i];
		size_t size = region->end - region->start;

		if (fake->regions.count - (i - kept) == clean->regions.count + 1 &&
		    fake_process_at(clean, region->start, 1) == NULL && region->bytes[0] == 0 &&
		    memcmp(region->bytes, region->bytes + 1, size - 1) == 0) {
			free(region->name);
			free(region->bytes);
			continue;
		}
		fake->regions.items[kept++] = *region;
	}
	fake->regions.count = kept;
}

/* Afterwards, with nothing failing: the step is done, or done again, and all can be taken back. */
static bool recovers(struct session *session, const struct step *step, const struct step *undo,
		     const struct fake_process *clean)
{
	autoerror struct lcp_error *error = NULL, *again = NULL;
	char difference[200];
	int r;

	fake_process_fail(&session->fake, 0, FAIL_ONCE);
	r = take_step(session, step, &error);
	/* What is reverted already is no patch any more. */
	if (r < 0 && !(r == -LCP_ENOTAPPLIED && step->patch == NULL)) {
		tap_say("the next one fails: %s", error->message);
		return false;
	}
	if (version(session) != step->after) {
		tap_say("the next one leaves version %" PRId64, version(session));
		return false;
	}
	if (undo != NULL && take_step(session, undo, &again) < 0) {
		tap_say("it cannot be taken back: %s", again->message);
		return false;
	}
	drop_unknown(&session->fake, clean);
	if (fake_process_difference(&session->fake, clean, difference, sizeof(difference))[0] !=
	    '\0') {
		tap_say("afterwards: %s", difference);
		return false;
	}
	return true;
}

/* One run with operation @n failing: false if something is wrong. *@ret_more: it did fail. */
static bool run(const struct step *step, const struct step *undo, const struct fake_process *start,
		const struct fake_process *clean, uint64_t n, enum failure failure, bool *ret_more)
{
	autoerror struct lcp_error *error = NULL;
	struct session session;
	char difference[200] = "";
	bool right = true, dead = failure == FAIL_DEAD || failure == FAIL_DEAD_HALF;
	int64_t now;
	int r;

	open_session(&session, start);
	fake_process_fail(&session.fake, n, failure);
	r = take_step(&session, step, &error);
	*ret_more = session.fake.failed;
	fake_process_fail(&session.fake, 0, failure);
	now = version(&session);
	if (session.fake.wrong[0] != '\0') {
		tap_say("%s", session.fake.wrong);
		right = false;
	}
	if (r == 0 ? now != step->after : now != step->before && !dead && r != -LCP_EDAMAGED) {
		tap_say("returned %d, version %" PRId64, r, now);
		right = false;
	}
	if (dead && now != step->before && now != step->after) {
		tap_say("dead, version %" PRId64, now);
		right = false;
	}
	if (r < 0 && (error == NULL || error->message[0] == '\0')) {
		tap_say("no reason is given");
		right = false;
	}
	/*
	 * One failure that is over leaves nothing behind, except where giving back is what failed.
	 */
	if (r < 0 && failure == FAIL_ONCE && start == clean && r != -LCP_EDAMAGED)
		(void)fake_process_difference(&session.fake, start, difference, sizeof(difference));
	if (difference[0] != '\0') {
		tap_say("%s is left: %s", difference, error->message);
		right = false;
	}
	if (!recovers(&session, step, undo, clean))
		right = false;
	if (!right)
		tap_say("%s, operation %" PRIu64 " %s: %s", step->name, n, failure_names[failure],
			error != NULL ? error->message : "done");
	close_session(&session);
	return right;
}

static void sweep(const struct step *step, const struct step *undo,
		  const struct fake_process *start, const struct fake_process *clean)
{
	for (enum failure failure = FAIL_ONCE; failure <= FAIL_DEAD_HALF; failure++) {
		uint64_t wrong = 0, n = 1;
		bool more = true;

		for (; more; n++)
			wrong += !run(step, undo, start, clean, n, failure, &more);
		ok(wrong == 0, "%s: every operation %s, and all is well (%" PRIu64 " runs)",
		   step->name, failure_names[failure], n - 1);
	}
}

/* Start the program, take its copy when it has said something, and let it end. */
static void copy_program(const char *program, struct fake_process *ret)
{
	int in[2], out[2];
	char byte;
	pid_t pid;

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		die("pipe", NULL);
	pid = fork();
	if (pid == 0) {
		(void)dup2(in[0], 0);
		(void)dup2(out[1], 1);
		(void)execl(program, program, (char *)NULL);
		_exit(127);
	}
	(void)close(in[0]);
	(void)close(out[1]);
	if (read(out[0], &byte, 1) != 1)
		die(program, NULL);
	fake_process_copy(ret, pid);
	(void)close(in[1]);
	(void)close(out[0]);
	(void)waitpid(pid, NULL, 0);
}

static struct lcp_kpatch *load(const char *path)
{
	autofree uint8_t *bytes = NULL;
	struct lcp_error *error = NULL;
	struct lcp_kpatch *patch = NULL;
	autoclose int fd = file_open(path, &error);
	size_t size;

	if (fd < 0 || file_read(fd, UINT32_MAX, &bytes, &size, &error) < 0 ||
	    kpatch_parse(bytes, size, 0, &patch, &error) < 0)
		die(path, error);
	return patch;
}

/* The state that a step is taken from: @steps of them done without a failure. */
static void prepare(const struct fake_process *clean, const struct step *steps, size_t count,
		    struct fake_process *ret)
{
	autoerror struct lcp_error *error = NULL;
	struct session session;

	open_session(&session, clean);
	for (size_t i = 0; i < count; i++) {
		ok(take_step(&session, &steps[i], &error) == 0, "%s", steps[i].name);
		if (error != NULL)
			tap_say("%s", error->message);
		is_int(version(&session), steps[i].after, "and that is what runs");
	}
	is_text(session.fake.wrong, "", "in the right order");
	fake_process_clone(ret, &session.fake);
	close_session(&session);
}

/* libunwind opens a pipe when it is first used, and keeps it. */
static void warm_up(const struct fake_process *clean, struct lcp_kpatch *patch)
{
	const struct step step = { "apply", patch, patch->id, -1, patch->level };
	struct session session;

	open_session(&session, clean);
	(void)take_step(&session, &step, NULL);
	close_session(&session);
}

/* What another doctor does while the first one waits for a thread. */
struct wait {
	struct lcp_kpatch *rival;
	int rival_result;
};

/* The program is where its file says. */
static uint64_t last_entry(const struct lcp_kpatch *patch)
{
	return patch->functions[patch->function_count - 1].old_address;
}

static void another_doctor(struct fake_process *fake, void *arg)
{
	const struct lcp_apply_options options = { .size = sizeof(options), .timeout_ms = 50 };
	autoerror struct lcp_error *error = NULL;
	struct wait *wait = arg;
	struct lcp_process *process;
	struct lcp_ctx *ctx = ctx_new(LCP_LOG_ERROR);

	fake->on_sleep = NULL;
	if (process_new(ctx, &fake->target, &process, &error) < 0)
		die("process_new", error);
	wait->rival_result = apply(process, &wait->rival, 1, &options, NULL, &error);
	if (error != NULL)
		tap_say("the other doctor: %s", error->message);
	process_free(process);
	ctx_unref(ctx);
	fake_process_move(fake, 0x1000);
}

static void another_build(struct fake_process *fake, void *arg)
{
	(void)arg;
	fake->on_sleep = NULL;
	vec_foreach (&fake->regions, region)
		for (size_t i = 0; i + 20 < region->end - region->start; i += 4)
			if (memcmp(region->bytes + i, "\4\0\0\0\24\0\0\0\3\0\0\0GNU", 16) == 0)
				region->bytes[i + 16] ^= 1;
	fake_process_move(fake, 0x1000);
}

static void test_another_doctor(const struct fake_process *clean, struct lcp_kpatch *patch,
				struct lcp_kpatch *rival)
{
	const struct step mine = { "apply", patch, patch->id, -1, patch->level };
	const struct step revert_mine = { "revert", NULL, patch->id, patch->level, -1 };
	const struct step revert_rival = { "revert", NULL, rival->id, rival->level, -1 };
	struct wait wait = { rival, -1 };
	autoerror struct lcp_error *error = NULL;
	struct session session;
	char difference[200];

	open_session(&session, clean);
	fake_process_move(&session.fake, last_entry(patch) + 1);
	session.fake.on_sleep = another_doctor;
	session.fake.on_sleep_arg = &wait;
	is_int(take_step(&session, &mine, &error), 0, "a patch is applied that had to wait");
	if (error != NULL)
		tap_say("%s", error->message);
	is_int(wait.rival_result, 0, "and so was another one meanwhile, by another doctor");
	is_text(session.fake.wrong, "", "in the right order");
	is_int(take_step(&session, &revert_rival, NULL), 0, "the ledger holds the other one");
	is_int(version(&session), patch->level, "what had to wait is in force");
	is_int(take_step(&session, &revert_mine, NULL), 0, "the ledger holds it");
	is_text(fake_process_difference(&session.fake, clean, difference, sizeof(difference)), "",
		"nobody gave back what was the other one's");
	close_session(&session);
}

static void test_another_build(const struct fake_process *clean, struct lcp_kpatch *patch)
{
	const struct step mine = { "apply", patch, patch->id, -1, patch->level };
	autoerror struct lcp_error *error = NULL;
	struct session session;

	open_session(&session, clean);
	fake_process_move(&session.fake, last_entry(patch) + 1);
	session.fake.on_sleep = another_build;
	is_int(take_step(&session, &mine, &error), -LCP_ENOOBJECT,
	       "an object that became another build while a doctor waited is not patched");
	is_int(version(&session), -1, "it runs its own code");
	close_session(&session);
}

/* The object is closed, and opened again at the same place: all its bytes are its own. */
static void open_again(struct fake_process *fake, const struct fake_process *clean)
{
	vec_foreach (&clean->regions, region)
		memcpy(fake_process_at(fake, region->start, 1), region->bytes,
		       region->end - region->start);
}

static void test_open_again(const struct fake_process *applied, const struct fake_process *clean,
			    struct lcp_kpatch *patch)
{
	struct lcp_apply_options options = { .size = sizeof(options), .flags = LCP_APPLY_DRY_RUN };
	const struct step mine = { "apply", patch, patch->id, -1, patch->level };
	autoresult struct lcp_report *report = NULL;
	struct session session;

	open_session(&session, applied);
	open_again(&session.fake, clean);
	is_int(version(&session), -1, "a patch of an object that was opened again is not in force");
	is_int(apply(session.process, &patch, 1, &options, &report, NULL), 0, "it is looked at");
	is_int(report->outcome, LCP_OUTCOME_APPLICABLE, "and is not said to be applied already");
	is_int(take_step(&session, &mine, NULL), 0, "it is applied");
	is_int(version(&session), patch->level, "and then in force");
	close_session(&session);
}

/* Text that is mapped shared, for example: there the kernel writes nothing (FOLL_FORCE). */
static void test_sealed(const struct fake_process *clean, struct lcp_kpatch *patch)
{
	const struct step mine = { "apply", patch, patch->id, -1, patch->level };

	for (size_t i = 0; i < patch->function_count; i++) {
		autoerror struct lcp_error *error = NULL;
		struct session session;
		char difference[200];

		open_session(&session, clean);
		session.fake.sealed = patch->functions[i].old_address + 1;
		is_int(take_step(&session, &mine, &error), -EIO,
		       "an entry that cannot be written is a reason");
		is_text(fake_process_difference(&session.fake, clean, difference,
						sizeof(difference)),
			"", "and nothing is damaged");
		close_session(&session);
	}
}

/* The beginning of an old function that a guard leads to: 0 if entries do not lead to guards. */
static uint64_t guarded(struct session *session)
{
	autostatus_patches struct lcp_status *status = NULL;

	if (status_read(session->process, &status, NULL) < 0 || status->patch_count == 0 ||
	    status->patches[0].in_force)
		return 0;
	for (size_t i = 0; i < status->patches[0].record->row_count; i++) {
		const struct ledger_row *row = &status->patches[0].record->rows[i];

		if (row->moved != 0 && memcmp(fake_process_at(&session->fake, row->entry, 1),
					      row->pristine, row->size) != 0)
			return row->moved;
	}
	return 0;
}

/* A surgeon died in front of the pivot, and a thread went through a guard to its old function. */
static void test_moved(const struct fake_process *clean, struct lcp_kpatch *patch,
		       struct lcp_kpatch *rival)
{
	const struct step mine = { "apply", patch, patch->id, -1, patch->level };
	const struct step other = { "apply", rival, rival->id, -1, rival->level };
	bool dies = true;
	uint64_t moved = 0;

	for (uint64_t n = 1; dies && moved == 0; n++) {
		struct session session;

		open_session(&session, clean);
		fake_process_fail(&session.fake, n, FAIL_DEAD);
		(void)take_step(&session, &mine, NULL);
		dies = session.fake.failed;
		fake_process_fail(&session.fake, 0, FAIL_ONCE);
		moved = guarded(&session);
		if (moved != 0) {
			fake_process_move(&session.fake, moved + 1);
			is_int(take_step(&session, &other, NULL), -LCP_EINUSE,
			       "a thread in the moved beginning of a function is in the function");
		}
		close_session(&session);
	}
	ok(moved != 0, "such an instant was found");
}

/* Between two patches on one function the clock is set back. */
static void test_clock(const struct fake_process *applied, struct lcp_kpatch *patch,
		       struct lcp_kpatch *rival)
{
	const struct step other = { "apply", rival, rival->id, patch->level, rival->level };
	autostatus_patches struct lcp_status *status = NULL, *after = NULL;
	struct session session;

	open_session(&session, applied);
	is_int(status_read(session.process, &status, NULL), 0, "a patch is applied");
	/* The first eight bytes of a record are its magic and the number of its rows. */
	put_le64(fake_process_at(&session.fake, status->patches[0].record->address + 8, 8),
		 UINT64_MAX - 9);
	is_int(take_step(&session, &other, NULL), 0, "then the clock is set back, and another one");
	is_int(status_read(session.process, &after, NULL), 0, "both are seen");
	is_text(after->patches[1].record->id, rival->id, "the one on top is the newest");
	close_session(&session);
}

int main(int argc, char **argv)
{
	autokpatch struct lcp_kpatch *first = NULL, *next = NULL, *rival = NULL;
	struct fake_process clean, applied, replaced;
	char difference[200];

	if (argc < 5)
		die("usage: sweep PROGRAM PATCH NEXT-LEVEL RIVAL", NULL);
	copy_program(argv[1], &clean);
	first = load(argv[2]);
	next = load(argv[3]);
	rival = load(argv[4]);
	warm_up(&clean, first);
	tap_begin();

	const struct step steps[] = {
		{ "apply", first, first->id, -1, first->level },
		{ "replace by a higher level", next, next->id, first->level, next->level },
		{ "revert", NULL, first->id, first->level, -1 },
		{ "revert the higher level", NULL, first->id, next->level, -1 },
	};

	prepare(&clean, steps, 1, &applied);
	prepare(&clean, steps, 2, &replaced);
	is_text(fake_process_difference(&clean, &clean, difference, sizeof(difference)), "",
		"a copy is like itself");
	ok(fake_process_difference(&clean, &applied, difference, sizeof(difference))[0] != '\0',
	   "and unlike one that is patched");
	is_int(applied.told.count, 1, "libgcc knows the patch's unwind table");
	test_another_doctor(&clean, first, rival);
	test_another_build(&clean, first);
	test_open_again(&applied, &clean, first);
	test_sealed(&clean, first);
	test_moved(&clean, first, rival);
	test_clock(&applied, first, rival);
	sweep(&steps[0], &steps[2], &clean, &clean);
	sweep(&steps[2], NULL, &applied, &clean);
	sweep(&steps[1], &steps[3], &applied, &clean);
	sweep(&steps[3], NULL, &replaced, &clean);
	fake_process_free(&clean);
	fake_process_free(&applied);
	fake_process_free(&replaced);
	return tap_end();
}
