/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The patched tree, in a mount namespace or as a copy.
 */
#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "linemark.h"

void tree_fini(struct tree *tree)
{
	for (size_t i = 0; i < tree->mounts.count; i++) {
		free(tree->mounts.items[i].from);
		free(tree->mounts.items[i].to);
	}
	free(tree->mounts.items);
	free(tree->place);
	free(tree->root);
	free(tree->copy);
	*tree = (struct tree){ 0 };
}

static int make_directories(const char *path)
{
	autofree char *parent = path_parent(path);
	int r;

	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return 0;
	if (errno != ENOENT)
		return -errno;
	r = make_directories(parent);
	if (r < 0)
		return r;
	return mkdir(path, 0700) == 0 || errno == EEXIST ? 0 : -errno;
}

static bool is_c_family(const char *name)
{
	static const char *const endings[] = { ".c",   ".h",   ".cc",  ".hh",  ".cpp", ".hpp",
					       ".cxx", ".hxx", ".C",   ".H",   ".inc", ".def",
					       ".inl", ".ipp", ".tcc", ".c++", ".h++" };

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
		if (ends_with(name, endings[i]))
			return true;
	return false;
}

/* The patched file at @path, with the original's time, which __TIMESTAMP__ tells. */
static int write_changed(const struct changed_file *file, bool marks, const char *path,
			 struct failure *failure)
{
	const struct timespec times[2] = { file->modified, file->modified };
	autofree char *parent = path_parent(path);
	autotext struct text marked = { 0 };
	const struct text *content = &file->content;
	int r;

	if (marks && is_c_family(file->path)) {
		linemark(file, &marked);
		content = &marked;
	}
	r = make_directories(parent);
	if (r == 0)
		r = write_file(path, content->bytes, content->size);
	if (r == 0 && utimensat(AT_FDCWD, path, times, 0) < 0)
		r = -errno;
	return r < 0 ? fail_system(failure, r, path) : 0;
}

/* The nearest directory above @path that exists. */
static char *existing_parent(const char *path)
{
	char *parent = path_parent(path);
	struct stat status;

	while (stat(parent, &status) < 0 && strcmp(parent, "/") != 0) {
		char *above = path_parent(parent);

		free(parent);
		parent = above;
	}
	return parent;
}

static struct tree_mount *overlay_for(struct tree *tree, const char *directory)
{
	struct tree_mount mount = { .overlay = true };

	for (size_t i = 0; i < tree->mounts.count; i++)
		if (tree->mounts.items[i].overlay &&
		    strcmp(tree->mounts.items[i].to, directory) == 0)
			return &tree->mounts.items[i];
	mount.from = format_text("%s/new-%zu", tree->place, tree->mounts.count);
	mount.to = copy_text(directory);
	append(&tree->mounts, mount);
	return &tree->mounts.items[tree->mounts.count - 1];
}

/* What is new goes into overlays, which are mounted first; what is changed is bound over it. */
static int plan_mounts(struct tree *tree, const struct changes *changes, bool marks,
		       struct failure *failure)
{
	for (size_t i = 0; i < changes->count; i++) {
		const struct changed_file *file = &changes->items[i];
		autofree char *parent = existing_parent(file->path), *path = NULL;

		if (file->existed || !file->exists)
			continue;
		path = path_from(overlay_for(tree, parent)->from, file->path + strlen(parent) + 1);
		if (write_changed(file, marks, path, failure) < 0)
			return -1;
	}
	for (size_t i = 0; i < changes->count; i++) {
		const struct changed_file *file = &changes->items[i];
		struct tree_mount mount = { 0 };

		if (!file->existed || !file->exists)
			continue;
		mount.from = format_text("%s/%zu-%s", tree->place, i, base_name(file->path));
		mount.to = copy_text(file->path);
		append(&tree->mounts, mount);
		if (write_changed(file, marks, mount.from, failure) < 0)
			return -1;
	}
	return 0;
}

static int write_proc(const char *path, const char *line)
{
	autoclose int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, line, strlen(line)) < 0)
		return -errno;
	return 0;
}

/* A mount namespace of our own; in a user namespace, as the same user, where that takes it. */
static int enter_namespace(void)
{
	autofree char *uid = format_text("%u %u 1", getuid(), getuid());
	autofree char *gid = format_text("%u %u 1", getgid(), getgid());
	int r;

	if (unshare(CLONE_NEWNS) < 0) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
			return -errno;
		r = write_proc("/proc/self/setgroups", "deny");
		if (r == 0)
			r = write_proc("/proc/self/uid_map", uid);
		if (r == 0)
			r = write_proc("/proc/self/gid_map", gid);
		if (r < 0)
			return r;
	}
	return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 ? 0 : -errno;
}

/* In the options of a mount, ':' and ',' have a meaning. */
static void put_escaped(struct text *text, const char *path)
{
	for (; *path != '\0'; path++) {
		if (strchr(":,\\", *path) != NULL)
			text_put(text, "\\", 1);
		text_put(text, path, 1);
	}
}

static int mount_overlay(const struct tree_mount *wanted)
{
	autotext struct text options = { 0 };

	text_puts(&options, "lowerdir=");
	put_escaped(&options, wanted->from);
	text_puts(&options, ":");
	put_escaped(&options, wanted->to);
	return mount("overlay", wanted->to, "overlay", MS_RDONLY, options.bytes) == 0 ? 0 : -errno;
}

int tree_enter(const struct tree *tree)
{
	int r;

	if (tree->kind == TREE_COPY)
		return 0;
	r = enter_namespace();
	for (size_t i = 0; i < tree->mounts.count && r == 0; i++) {
		const struct tree_mount *wanted = &tree->mounts.items[i];

		if (wanted->overlay)
			r = mount_overlay(wanted);
		else if (mount(wanted->from, wanted->to, NULL, MS_BIND, NULL) < 0)
			r = -errno;
	}
	return r;
}

/* Does a process really see the patched files? Permissions, containers and file systems differ. */
static bool namespace_works(const struct tree *tree)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		int r = tree_enter(tree);

		for (size_t i = 0; i < tree->mounts.count && r == 0; i++) {
			const struct tree_mount *wanted = &tree->mounts.items[i];
			struct stat from, to;

			if (!wanted->overlay &&
			    (stat(wanted->from, &from) < 0 || stat(wanted->to, &to) < 0 ||
			     from.st_ino != to.st_ino))
				r = -ENOENT;
		}
		_exit(r == 0 ? 0 : 1);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static char *in_copy(const struct tree *tree, const char *path)
{
	return path_from(tree->copy,
			 path + (strcmp(tree->root, "/") == 0 ? 1 : strlen(tree->root)) +
				 (path[strlen(tree->root)] == '/'));
}

/* A link within the tree leads to the same place of the copy. */
static int copy_link(const struct tree *tree, const char *from, const char *to)
{
	char target[4096];
	ssize_t size = readlink(from, target, sizeof(target) - 1);
	autofree char *mapped = NULL;

	if (size < 0)
		return -errno;
	target[size] = '\0';
	if (target[0] == '/' && path_below(target, tree->root))
		mapped = in_copy(tree, target);
	return symlink(mapped != NULL ? mapped : target, to) == 0 ? 0 : -errno;
}

static int copy_directory(const struct tree *tree, const char *from, const char *to);

static int copy_entry(const struct tree *tree, const char *from, const char *to, int kind)
{
	struct stat status;

	if (kind == DT_UNKNOWN) {
		if (lstat(from, &status) < 0)
			return -errno;
		kind = S_ISDIR(status.st_mode) ? DT_DIR : S_ISLNK(status.st_mode) ? DT_LNK : DT_REG;
	}
	if (kind == DT_DIR)
		return copy_directory(tree, from, to);
	if (kind == DT_LNK)
		return copy_link(tree, from, to);
	return symlink(from, to) == 0 ? 0 : -errno;
}

static int copy_directory(const struct tree *tree, const char *from, const char *to)
{
	struct dirent *entry;
	DIR *directory;
	int r = 0;

	if (path_below(tree->place, from) && strcmp(base_name(from), base_name(tree->place)) == 0)
		return 0;
	directory = opendir(from);
	if (directory == NULL)
		return errno == EACCES ? 0 : -errno;
	if (mkdir(to, 0700) < 0)
		r = -errno;
	while (r == 0 && (entry = readdir(directory)) != NULL) {
		autofree char *source = format_text("%s/%s", from, entry->d_name);
		autofree char *target = format_text("%s/%s", to, entry->d_name);

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    strcmp(entry->d_name, ".git") == 0)
			continue;
		r = copy_entry(tree, source, target, entry->d_type);
	}
	(void)closedir(directory);
	return r;
}

static int make_copy(struct tree *tree, const struct changes *changes, bool marks, const char *root,
		     struct failure *failure)
{
	int r;

	tree->kind = TREE_COPY;
	tree->root = copy_text(root);
	tree->copy = format_text("%s/tree", tree->place);
	r = make_directories(tree->place);
	if (r == 0)
		r = copy_directory(tree, root, tree->copy);
	if (r < 0)
		return fail_system(failure, r, root);
	for (size_t i = 0; i < changes->count; i++) {
		const struct changed_file *file = &changes->items[i];
		autofree char *path = in_copy(tree, file->path);

		if (file->existed && unlink(path) < 0)
			return fail_system(failure, errno, path);
		if (file->exists && write_changed(file, marks, path, failure) < 0)
			return -1;
	}
	return 0;
}

int tree_make(const struct changes *changes, const struct scratch *scratch, const char *name,
	      bool marks, const char *root, bool copy, struct tree *ret, struct failure *failure)
{
	ret->kind = TREE_NAMESPACE;
	ret->place = format_text("%s/%s", scratch->path, name);
	if (!copy) {
		if (plan_mounts(ret, changes, marks, failure) < 0)
			return -1;
		if (namespace_works(ret))
			return 0;
		tree_fini(ret);
		ret->place = format_text("%s/%s-copy", scratch->path, name);
	}
	return make_copy(ret, changes, marks, root, failure);
}

char *tree_directory(const struct tree *tree, const char *directory)
{
	return tree->kind == TREE_COPY && path_below(directory, tree->root)
		       ? in_copy(tree, directory)
		       : copy_text(directory);
}

/* Every mention of the root in @word becomes one of the copy. */
static char *rename_root(const struct tree *tree, const char *word)
{
	size_t size = strlen(tree->root);
	struct text renamed = { 0 };

	while (*word != '\0') {
		const char *found = strstr(word, tree->root);

		if (found == NULL) {
			text_puts(&renamed, word);
			break;
		}
		text_put(&renamed, word, (size_t)(found - word));
		word = found + size;
		/* Not the beginning of a longer name. */
		text_puts(&renamed,
			  *word == '/' || *word == '\0' || *word == '=' ? tree->copy : tree->root);
	}
	return text_take(&renamed);
}

/* A name that leads out of the tree leads nowhere from the copy: then the whole path. */
static char *rename_path(const struct tree *tree, const char *directory, const char *path)
{
	autofree char *whole = path_from(directory, path);

	if (!path_below(whole, tree->root))
		return take(whole);
	return path[0] == '/' ? in_copy(tree, whole) : copy_text(path);
}

static const char *const path_options[] = { "-iquote",	"-isystem", "-idirafter",
					    "-imacros", "-include", "-I" };

static size_t path_option(const char *word)
{
	for (size_t i = 0; i < sizeof(path_options) / sizeof(path_options[0]); i++)
		if (begins_with(word, path_options[i]) &&
		    word[strlen(path_options[i])] != '-') /* -include-pch is another option */
			return strlen(path_options[i]);
	return 0;
}

void tree_arguments(const struct tree *tree, const char *directory, const struct words *argv,
		    struct words *ret)
{
	for (size_t i = 0; i < argv->count; i++) {
		const char *word = argv->items[i];
		size_t option = path_option(word);

		if (tree->kind != TREE_COPY || begins_with(word, "-D") || begins_with(word, "-U")) {
			words_add(ret, word);
		} else if (option > 0 && word[option] != '\0') {
			autofree char *path = rename_path(tree, directory, word + option);

			words_take(ret, format_text("%.*s%s", (int)option, word, path));
		} else if (i > 0 && path_option(argv->items[i - 1]) > 0 &&
			   argv->items[i - 1][path_option(argv->items[i - 1])] == '\0') {
			words_take(ret, rename_path(tree, directory, word));
		} else {
			words_take(ret, rename_root(tree, word));
		}
		/*
		 * Behind the compiler's name, so that a map of the build's own comes later and
		 * wins.
		 */
		if (i == 0 && tree->kind == TREE_COPY)
			words_take(ret,
				   format_text("-ffile-prefix-map=%s=%s", tree->copy, tree->root));
	}
}
