# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Threads that are easily missed: see threads.c.

. "$top_srcdir/tests/live/peers/make.sh"
run threads
