# SPDX-License-Identifier: LGPL-2.1-or-later
#
# See soak.c.

. "$top_srcdir/tests/kill/make.sh"
run soak
