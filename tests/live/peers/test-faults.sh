# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What other live patchers get wrong: see faults.c.

. "$top_srcdir/tests/live/peers/make.sh"
run faults
