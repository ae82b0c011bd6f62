# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# Runs programs of tests/build/cases by case.sh, as many at a time as there are CPUs, for scripts that
# have made a driver to link them with, and set what case.sh wants to know. One claim for a case.

# Compilers that a case may ask for; empty if it is not here.
CLANG=
! command -v clang >/dev/null || CLANG=clang
GCC=
! command -v g++ >/dev/null || GCC=gcc
make_patch=$(cd "$top_builddir" && pwd)/tests/build/make-patch
export make_patch scratch CLANG GCC

# run_cases CASE...: what each did is in a folder of its name in $scratch.
run_cases() {
	cases=$(cd "$top_srcdir/tests/build/cases" && pwd)
	number=0
	for case; do
		number=$((number + 1))
		mkdir "$scratch/$case"
		echo "$cases/$case $scratch/$case $number"
	done >"$scratch/cases"
	xargs -P "$(nproc)" -L 1 sh "$top_srcdir/tests/build/case.sh" <"$scratch/cases"

	while read -r case folder number; do
		wrong=$(cat "$folder/wrong")
		[ "$(cat "$folder/runs" 2>/dev/null || echo 0)" -gt 0 ] || wrong="$wrong; never run"
		nothing "$wrong" "$(basename "$case"): $(sed -n '3{ s/^ \* //p; q; }' "$case")"
	done <"$scratch/cases"
	say "$(cat "$scratch"/*/runs | awk '{ sum += $1 } END { print sum }') programs"
}
