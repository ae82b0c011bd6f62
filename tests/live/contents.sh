# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What a patch may hold, on living processes: the programs of tests/build/cases are patched from
# outside while they run, once, three times in a row, before they have called anything, and while a
# thread calls all the time. With LIVE_MATRIX=1 every way is tried (make live-matrix), otherwise
# some of them for each case. CASES says which cases, if not all.

. "$top_srcdir/tests/api/rules.sh"
. "$top_srcdir/tests/build/cases.sh"

# driver FOLDER COMPILER: the victims' own part, and an archive that holds nothing else.
driver() {
	source=$top_srcdir/tests/live/case-victim.c
	flags='-std=gnu11 -O1 -fPIC -Wall -D_GNU_SOURCE'
	# shellcheck disable=SC2086 # words are wanted
	mkdir -p "$1" && $2 $flags -c -o "$1/driver.o" "$source" &&
		$2 $flags -DOPENS_LIBRARY -c -o "$1/driver-open.o" "$source" && ar rc "$1/driver.a"
}

driver "$scratch" "$CC"
result $? "the victim compiles"
variants='plain now cet'
if command -v musl-gcc >/dev/null; then
	driver "$scratch/musl" musl-gcc
	result $? "for musl too"
	variants="$variants musl"
else
	skip "musl-gcc is not installed" "for musl too"
fi

doctor=$(cd "$top_builddir" && pwd)/tests/live/doctor
driver_libs='-ldl -pthread'
share=$LIVE_MATRIX
export variants doctor driver_libs share="${share:-24}"

# Those that a patch can be made of.
# shellcheck disable=SC2046,SC2086 # words are wanted
run_cases ${CASES:-$(cd "$top_srcdir/tests/build/cases" && grep -l '^ \* expect:' ./* | sed 's,^\./,,')}

# One line for a case: how often it came out right, of how often, in each way.
awk '
{
	case_name = FILENAME
	sub(/\/table$/, "", case_name)
	sub(/.*\//, "", case_name)
	names[case_name]
	for (i = 1; i <= 3; i++) {
		done[case_name, $i]++
		right[case_name, $i] += $4
		sum[$i]++
		sum_right[$i] += $4
	}
}
function cell(right, done) {
	return done == 0 ? "-" : right == done ? done : right "/" done
}
END {
	count = split("pie no-pie static static-pie library dlopen plain now cet musl " \
		"once again unbound watched", ways)
	printf "%-26s", ""
	for (i = 1; i <= count; i++)
		printf " %8.8s", ways[i]
	print ""
	for (case_name in names) {
		line = sprintf("%-26s", case_name)
		for (i = 1; i <= count; i++)
			line = line sprintf(" %8s", cell(right[case_name, ways[i]], done[case_name, ways[i]]))
		print line | "sort"
	}
	close("sort")
	line = sprintf("%-26s", "all")
	for (i = 1; i <= count; i++)
		line = line sprintf(" %8s", cell(sum_right[ways[i]], sum[ways[i]]))
	print line
}' "$scratch"/*/table >"$scratch/summary"
say "$(cat "$scratch/summary")"
finish
