# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What a program remembers of a patch that is taken out: see pointers.c.

. "$top_srcdir/tests/live/peers/make.sh"
run pointers
