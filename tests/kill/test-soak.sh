# SPDX-License-Identifier: LGPL-2.1-or-later
#
# See soak.c.

GLIBC_TUNABLES=glibc.malloc.tcache_count=0
export GLIBC_TUNABLES

. "$top_srcdir/tests/kill/make.sh"
run soak
