# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Doctors are killed: see kill.c.

. "$top_srcdir/tests/kill/make.sh"
run kill
