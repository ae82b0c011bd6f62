/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writing a result: the file is there whole, or not at all.
 */
#ifndef TOOLS_SAVE_H
#define TOOLS_SAVE_H

#include <stddef.h>
#include <sys/types.h>

#define SAVE_MODE 0644

/*
 * Put the bytes into the file @path, which is replaced if it exists. Who looks at it sees the old
 * or the new contents whole, after a power cut too, and nothing else is left if we are
 * interrupted. The file gets @mode as the umask allows; 0 keeps the mode of what is there. 0 or a
 * negative errno.
 */
int save_file(const char *path, mode_t mode, const void *bytes, size_t size);

#endif
