/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How compilers see the patched sources at the paths of the originals, without a byte of the
 * user's tree being changed: names in messages, debug information and __FILE__ then agree.
 *
 * Best is a mount namespace: a process of its own sees patched files bound over the originals,
 * and when it ends, nothing is left. It needs root, or user namespaces. Where neither is to be
 * had, a copy of the tree stands in: directories and symbolic links, with the patched files in
 * between, and the compiler is told to call it by the original's name (-ffile-prefix-map).
 */
#ifndef TOOLS_TREE_H
#define TOOLS_TREE_H

#include "changes.h"
#include "scratch.h"

enum tree_kind {
	TREE_NAMESPACE,
	TREE_COPY,
};

struct tree_mount {
	char *from; /* a file, or a directory with what is new */
	char *to;
	bool overlay;
};

struct tree {
	enum tree_kind kind;
	char *place; /* our part of the scratch directory */
	char *root; /* of what was copied; NULL in a namespace */
	char *copy;
	struct {
		struct tree_mount *items;
		size_t count;
		size_t room;
	} mounts;
};

void tree_fini(struct tree *tree);

/*
 * Make the patched tree ready, in @name of the scratch directory. With @marks, #line directives
 * keep the numbers of unchanged lines. @root is what a copy has to hold. A namespace is tried
 * first, unless @copy. 0 or -1.
 */
int tree_make(const struct changes *changes, const struct scratch *scratch, const char *name,
	      bool marks, const char *root, bool copy, struct tree *ret, struct failure *failure);

/* In a process about to become a compiler: see the patched files. 0 or a negative errno. */
int tree_enter(const struct tree *tree);

/* The directory and the arguments of a compiler that is to see the patched files. */
char *tree_directory(const struct tree *tree, const char *directory);
void tree_arguments(const struct tree *tree, const char *directory, const struct words *argv,
		    struct words *ret);

#endif
