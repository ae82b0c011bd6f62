/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The map that perf reads for code without a file: /tmp/perf-PID.map. Compilers inside of processes
 * write such files as well.
 */
#include <dirent.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "save.h"
#include "symbolfile.h"

void perfmap_put(const struct lcp_status *status, struct text *ret)
{
	const char *name;

	for (uint32_t i = 0; i < lcp_status_patch_count(status); i++) {
		for (uint32_t j = 0; (name = lcp_status_function_name(status, i, j)) != NULL; j++) {
			uint64_t address = lcp_status_function_address(status, i, j);

			if (address != 0)
				text_printf(ret, "%" PRIx64 " %" PRIx32 " %s\n", address,
					    lcp_status_function_size(status, i, j), name);
		}
	}
}

/* Has the process this file open? */
static bool has_open(int32_t pid, const char *path)
{
	autofree char *name = format_text("/proc/%" PRId32 "/fd", pid);
	DIR *directory = opendir(name);
	const struct dirent *entry;
	struct stat wanted, there;
	bool found = false;

	if (directory == NULL)
		return false;
	if (lstat(path, &wanted) == 0)
		while (!found && (entry = readdir(directory)) != NULL)
			found = fstatat(dirfd(directory), entry->d_name, &there, 0) == 0 &&
				there.st_dev == wanted.st_dev && there.st_ino == wanted.st_ino;
	(void)closedir(directory);
	return found;
}

int perfmap_write(const struct lcp_process *process, const struct lcp_status *status,
		  const char *path, struct failure *failure)
{
	int32_t pid = lcp_process_pid(process);
	autofree char *usual = format_text("/tmp/perf-%" PRId32 ".map", pid);
	const char *name = path != NULL ? path : usual;
	autotext struct text map = { 0 };
	int r;

	if (has_open(pid, name))
		return fail(
			failure, OUTCOME_CONFLICT,
			"%s: the process writes this file itself; --perf-map=FILE is for another",
			name);
	perfmap_put(status, &map);
	/* It gets its name by rename(2), which follows no link that somebody put there. */
	r = save_file(name, SAVE_MODE, map.bytes, map.size);
	return r < 0 ? fail_system(failure, r, name) : 0;
}
