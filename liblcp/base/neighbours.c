/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/neighbours.h"

#include <dirent.h>
#include <errno.h>
#include <linux/kcmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS UINT64_C(1000000000)

/* So many questions in a second are worth the order: it takes as long as ten of them, or so. */
#define QUESTIONS_MIN 4

/* What kcmp(2) says of two, where it has no words for it. */
enum order {
	SAME = 0,
	BEFORE = 1,
	BEHIND = 2,
};

void neighbours_init(struct neighbours *neighbours)
{
	*neighbours = (struct neighbours){ 0 };
	(void)pthread_mutex_init(&neighbours->lock, NULL);
}

void neighbours_fini(struct neighbours *neighbours)
{
	(void)pthread_mutex_destroy(&neighbours->lock);
	vec_fini(&neighbours->seen);
}

static long compare(int32_t one, int32_t other)
{
	return syscall(SYS_kcmp, one, other, KCMP_VM, 0, 0);
}

bool neighbours_share(int32_t one, int32_t other)
{
	return compare(one, other) == SAME;
}

/* It is there, and we may ask about it. */
static bool can_be_compared(int32_t pid)
{
	return neighbours_share(pid, pid);
}

/* Put the last one where it belongs. An answer that is none does no harm: see check(). */
static void insert_last(struct neighbours *neighbours)
{
	size_t low = 0, high = neighbours->seen.count - 1;
	struct neighbour *items = neighbours->seen.items, last = items[high];

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(last.pid, items[middle].pid) == BEFORE)
			high = middle;
		else
			low = middle + 1;
	}
	memmove(&items[low + 1], &items[low], (neighbours->seen.count - 1 - low) * sizeof(*items));
	items[low] = last;
}

/* All processes that can be compared. */
static int list(struct neighbours *neighbours)
{
	DIR *folder = opendir("/proc");
	const struct dirent *entry;
	int r = 0;

	if (folder == NULL)
		return -errno;
	while (r == 0 && (entry = readdir(folder)) != NULL) {
		struct neighbour new = { .pid = (int32_t)strtoull(entry->d_name, NULL, 10) };

		if (new.pid <= 0 || !can_be_compared(new.pid))
			continue;
		r = vec_push(&neighbours->seen, new);
		if (r == 0)
			insert_last(neighbours);
	}
	(void)closedir(folder);
	return r;
}

/*
 * Is each behind the one in front of it, or shares its memory? Then those that share it stand
 * together, whatever happened while they were listed. (One that stands between two of them would
 * have to execute a program twice, once of these between two comparisons of this loop.) Those that
 * have ended are left out.
 */
static bool check(struct neighbours *neighbours)
{
	struct neighbour *items = neighbours->seen.items;
	size_t count = 0;

	for (size_t i = 0; i < neighbours->seen.count; i++) {
		long order = BEFORE;

		if (!can_be_compared(items[i].pid))
			continue;
		while (count > 0 && (order = compare(items[count - 1].pid, items[i].pid)) < 0)
			count--;
		if (count > 0 && order != BEFORE && order != SAME)
			return false;
		if (count > 0 && order == SAME)
			items[count - 1].shares = items[i].shares = true;
		items[count++] = items[i];
	}
	neighbours->seen.count = count;
	return true;
}

static void look(struct neighbours *neighbours)
{
	neighbours->seen.count = 0;
	if (list(neighbours) < 0 || !check(neighbours))
		neighbours->seen.count = 0;
}

static uint64_t now(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_BOOTTIME, &time);
	return (uint64_t)time.tv_sec * SECOND_NS + (uint64_t)time.tv_nsec;
}

/* It goes on as it was in the last second. */
static void begin_second(struct neighbours *neighbours, uint64_t time)
{
	neighbours->questions = neighbours->questions < QUESTIONS_MIN ? 0 : QUESTIONS_MIN - 1;
	neighbours->seen.count = 0;
	neighbours->begin_ns = time;
}

static bool is_alone(const struct neighbours *neighbours, int32_t pid, uint64_t start_time)
{
	/* Of those that began later it may be another one's number. */
	if (start_time >= neighbours->begin_ns / (SECOND_NS / (uint64_t)sysconf(_SC_CLK_TCK)))
		return false;
	vec_foreach (&neighbours->seen, seen)
		if (seen->pid == pid)
			return !seen->shares;
	return false;
}

bool neighbours_saw_alone(struct neighbours *neighbours, int32_t pid, uint64_t start_time)
{
	bool alone;
	uint64_t time;

	(void)pthread_mutex_lock(&neighbours->lock);
	time = now();
	if (time - neighbours->begin_ns >= SECOND_NS)
		begin_second(neighbours, time);
	if (++neighbours->questions == QUESTIONS_MIN) {
		neighbours->begin_ns = time;
		look(neighbours);
	}
	alone = is_alone(neighbours, pid, start_time);
	(void)pthread_mutex_unlock(&neighbours->lock);
	return alone;
}
