# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Patches in hostile surroundings: see hostile.c.

. "$top_srcdir/tests/live/peers/make.sh"
run hostile
