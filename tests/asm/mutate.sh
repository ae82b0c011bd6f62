# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Programs made at random and changed in known ways, the same in each run; see mutate.

. "$top_srcdir/tests/api/rules.sh"

if ! command -v python3 >/dev/null || ! command -v gcc >/dev/null || ! command -v clang >/dev/null; then
	skip "it takes python3, gcc and clang" "200 changed programs are judged right"
	finish
fi
out=$(TMPDIR=$scratch python3 "$top_srcdir/tests/asm/mutate" "$top_builddir/tests/asm/asm-diff" 200 1 2>&1)
result $? "200 changed programs are judged right" "$out"
say "$out"
finish
