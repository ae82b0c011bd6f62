# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Make a program and two levels of a patch for it, and let sweep fail each operation in turn.

. "$top_srcdir/tests/api/rules.sh"

build=$(cd "$top_builddir" && pwd)
source=$(cd "$top_srcdir" && pwd)/tests/sweep/victim.c
sweep=$build/tests/sweep/sweep
lcp=$build/tools/lcp
cd "$scratch" || exit 1

# shellcheck disable=SC2086 # words are wanted
{
	$CC -O2 -S -o 0.s "$source" &&
		$CC -O2 -DLEVEL=1 -S -o 1.s "$source" &&
		$CC -O2 -DLEVEL=2 -S -o 2.s "$source" &&
		$CC -static -Wl,--build-id -o victim 0.s
} >log 2>&1
result $? "the program is made" "$(cat log)"
for level in 1 2; do
	"$lcp" build --object victim --id swept --level $level --asm 0.s $level.s -o $level.kpatch >log 2>&1
	result $? "so is level $level of the patch" "$(cat log)"
done
"$lcp" build --object victim --id rival --level 2 --asm 0.s 2.s -o rival.kpatch >log 2>&1
result $? "and another patch" "$(cat log)"
"$sweep" victim 1.kpatch 2.kpatch rival.kpatch >log 2>&1
status=$?
sed -n 's/^# /# /p; /^ok\|^not ok/p' log | while read -r line; do
	echo "$line"
done >claims
count=$(grep -cE '^(not )?ok' claims)
awk -v first="$claims" '/^(not )?ok/ { sub(/ok [0-9]+/, "ok " (++first)) } { print }' claims
claims=$((claims + count))
failures=$((failures + $(grep -c '^not ok' claims)))
result $status "the sweep ends well" "$(grep -vE '^(not )?ok' log | tail -5)"
finish
