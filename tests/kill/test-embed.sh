# SPDX-License-Identifier: LGPL-2.1-or-later
#
# See embed.c.

. "$top_srcdir/tests/kill/make.sh"
run embed
