/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A victim that lies: its ledger is overwritten at random and at the fields that matter, and
 * doctors look at it and change it. They neither crash nor hang, and write nothing into code that
 * is not theirs.
 *
 *	hostile PROGRAM BOARD LEVEL-1 LEVEL-2 LIBRARY
 *
 * HOSTILE in the environment: how many mutations, 1000 if it is not set.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"
#include "ward.h"

#define MUTATIONS 1000

/* One of so many is a copy of the victim that is also changed by doctors. */
#define TREAT_EVERY 10

/* Seconds for one doctor. */
#define DOCTOR_MAX 60

/* The ledger: header, first slots, first record with its rows and strings; where they begin. */
#define HEAD_SIZE 128
#define RECORD_OFFSET 0x2000
#define RECORD_SIZE 2048

struct mutation {
	uint64_t offset; /* in the chunk */
	uint8_t bytes[8];
	size_t size;
};

static uint64_t find_chunk(const struct ward *ward)
{
	char path[64], line[400];
	uint64_t start = 0;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/maps", ward->victim.pid);
	file = fopen(path, "re");
	while (file != NULL && start == 0 && fgets(line, sizeof(line), file) != NULL)
		if (strstr(line, " r-xp 00000000 00:00 0 \n") != NULL)
			(void)sscanf(line, "%" SCNx64, &start);
	if (file != NULL)
		(void)fclose(file);
	return start;
}

static bool transfer(pid_t pid, uint64_t address, void *bytes, size_t size, bool write)
{
	char path[64];
	ssize_t done = -1;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		done = write ? pwrite(fd, bytes, size, (off_t)address)
			     : pread(fd, bytes, size, (off_t)address);
		(void)close(fd);
	}
	return done == (ssize_t)size;
}

/* Fields with 0, the most, one less and one more than they are; or anything. */
static struct mutation choose(const struct ward *ward, uint64_t chunk)
{
	struct mutation mutation = { .size = random() % 2 == 0 ? 4 : 8 };
	uint64_t value = 0;

	if (random() % 3 == 0)
		mutation.offset = (uint64_t)random() % (HEAD_SIZE / 4) * 4;
	else
		mutation.offset = RECORD_OFFSET + (uint64_t)random() % (RECORD_SIZE / 4) * 4;
	(void)transfer(ward->victim.pid, chunk + mutation.offset, &value, mutation.size, false);
	switch (random() % 6) {
	case 0:
		value = 0;
		break;
	case 1:
		value = UINT64_MAX;
		break;
	case 2:
		value++;
		break;
	case 3:
		value--;
		break;
	case 4:
		value ^= UINT64_C(1) << (random() % 64);
		break;
	default:
		value = (uint64_t)random() << 33 ^ (uint64_t)random();
	}
	memcpy(mutation.bytes, &value, sizeof(value));
	return mutation;
}

static void look(struct ward *ward)
{
	struct lcp_process *process = NULL;
	char *text = NULL;

	if (lcp_process_attach(ward->ctx, ward->victim.pid, NULL, &process, NULL) == 0 &&
	    lcp_query_json(process, &text, NULL) == 0)
		lcp_string_free(text);
	lcp_process_detach(process);
}

/* In a process of its own, since it may not survive: its status. */
static int run_doctor(struct ward *ward, bool treats)
{
	int status = -1;
	pid_t pid;

	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)alarm(DOCTOR_MAX);
		look(ward);
		if (treats) {
			(void)ward_treat(ward, (int)(random() % 3), NULL);
			(void)ward_treat(ward, 0, NULL);
		}
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* The program's code but for the entries, which doctors may change: a sum of it. */
static uint64_t sum_of_code(pid_t pid, uint64_t entries)
{
	uint64_t sum = 14695981039346656037U, page = entries & ~UINT64_C(4095);
	uint8_t bytes[4096];

	if (!transfer(pid, page, bytes, sizeof(bytes), false))
		return 0;
	for (size_t i = 0; i < (entries & 4095); i++)
		sum = (sum ^ bytes[i]) * 1099511628211U;
	return sum;
}

/* Where the first function of the patch is, as the query says. */
static uint64_t first_entry(struct ward *ward)
{
	struct lcp_process *process = NULL;
	uint64_t least = UINT64_MAX, entry;
	char *text = NULL;

	if (lcp_process_attach(ward->ctx, ward->victim.pid, NULL, &process, NULL) == 0 &&
	    lcp_query_json(process, &text, NULL) == 0)
		for (const char *at = text; (at = strstr(at, "\"entry\":\"")) != NULL; at++)
			if (sscanf(at + 9, "%" SCNx64, &entry) == 1 && entry < least)
				least = entry;
	lcp_string_free(text);
	lcp_process_detach(process);
	return least;
}

struct tally {
	unsigned int looks, treats, crashed, changed;
};

static void mutate(struct ward *ward, uint64_t chunk, uint64_t entry, bool treats,
		   struct tally *tally)
{
	const struct mutation mutation = choose(ward, chunk);
	struct ward copy = *ward;
	uint8_t saved[8];
	uint64_t sum;
	int status;

	if (treats)
		copy.victim.pid = atoi(victim_ask(&copy.victim, "fork"));
	(void)transfer(copy.victim.pid, chunk + mutation.offset, saved, mutation.size, false);
	(void)transfer(copy.victim.pid, chunk + mutation.offset, (void *)mutation.bytes,
		       mutation.size, true);
	sum = sum_of_code(copy.victim.pid, entry);
	status = run_doctor(&copy, treats);
	tally->looks++;
	tally->treats += treats;
	if (status != 0) {
		tally->crashed++;
		tap_say("at 0x%" PRIx64 ", %zu bytes from %02x: status 0x%x", mutation.offset,
			mutation.size, mutation.bytes[0], (unsigned int)status);
	}
	tally->changed += sum_of_code(copy.victim.pid, entry) != sum; /* unmapped counts, too */
	if (!treats) {
		(void)transfer(copy.victim.pid, chunk + mutation.offset, saved, mutation.size,
			       true);
		return;
	}
	(void)kill(copy.victim.pid, SIGKILL);
	(void)victim_listen(&ward->victim);
}

int main(int argc, char **argv)
{
	const char *text = getenv("HOSTILE");
	unsigned int count = text != NULL ? (unsigned int)atoi(text) : MUTATIONS;
	struct tally tally = { 0 };
	struct ward_files files;
	struct ward_state state;
	uint64_t chunk, entry;
	struct ward ward;

	ward_files_init(&files, argc, argv);
	ward_warm_up(&files);
	tap_begin();
	srandom(1);
	ward_begin(&ward, &files, 1);
	is_int(ward_treat(&ward, 1, NULL), 0, "the victim is patched");
	chunk = find_chunk(&ward);
	entry = first_entry(&ward);
	ok(chunk != 0 && entry != UINT64_MAX, "and its ledger found");
	for (unsigned int i = 0; i < count; i++)
		mutate(&ward, chunk, entry, i % TREAT_EVERY == 0, &tally);
	tap_say("%u doctors looked, %u of them changed the process", tally.looks, tally.treats);
	is_int(tally.looks, count, "all mutations were tried");
	is_int(tally.crashed, 0, "no doctor crashed or took too long");
	is_int(tally.changed, 0, "none wrote into code that is not its own");
	is_text(ward_complaint(&ward, 1, 1, &state), "", "with the ledger as it was, all is well");
	is_int(ward_treat(&ward, 0, NULL), 0, "and the patch can be taken out");
	is_text(ward_maps_difference(&ward), "", "with all of its memory");
	ward_end(&ward);
	ward_files_fini(&files);
	return tap_end();
}
