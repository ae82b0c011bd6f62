# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# TAP for the scripts that hold the house together. A script sources this, makes claims with
# result, and ends with finish. From the Makefile come top_srcdir, top_builddir, CC, CXX, NM,
# version, map_node, public_headers, man_pages, instrumented.

claims=0
failures=0

# result STATUS CLAIM [DETAILS]: does the claim hold? Details are shown if it does not.
result() {
	claims=$((claims + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $claims - $2"
	else
		failures=$((failures + 1))
		echo "not ok $claims - $2"
		[ -z "${3:-}" ] || printf '%s\n' "$3" | sed 's/^/# /'
	fi
}

# nothing TEXT CLAIM: the claim holds if the text is empty; otherwise it says why not.
nothing() {
	[ -z "$1" ]
	result $? "$2" "$1"
}

# same CLAIM FILE FILE: the files are equal.
same() {
	difference=$(diff -u "$2" "$3")
	result $? "$1" "$difference"
}

skip() {
	claims=$((claims + 1))
	echo "ok $claims - $2 # SKIP $1"
}

say() {
	printf '%s\n' "$1" | sed 's/^/# /'
}

finish() {
	echo "1..$claims"
	[ "$failures" -eq 0 ] || exit 1
	exit 0
}

# find_made FILE: where a file is that may be made by the build.
find_made() {
	[ -f "$top_builddir/$1" ] && echo "$top_builddir/$1" || echo "$top_srcdir/$1"
}

# symbols ARGUMENT...: run nm, whose command may have several words.
symbols() {
	# shellcheck disable=SC2086 # words are wanted
	$NM "$@"
}

# code FILE...: C without its comments; lines keep their numbers, strings their contents.
code() {
	awk '
	FNR == 1 { inside = 0 }
	{
		out = ""
		rest = $0
		while (rest != "") {
			if (inside) {
				end = index(rest, "*/")
				if (end == 0)
					break
				inside = 0
				rest = substr(rest, end + 2)
				out = out " "
				continue
			}
			if (!match(rest, /\/[*]|\/\/|"|\047/))
				break
			out = out substr(rest, 1, RSTART - 1)
			rest = substr(rest, RSTART)
			if (rest ~ /^\/\//) {
				rest = ""
			} else if (rest ~ /^\//) {
				inside = 1
				rest = substr(rest, 3)
			} else {
				match(rest, /^"([^"\\]|\\.)*"?|^\047([^\047\\]|\\.)*\047?/)
				out = out substr(rest, 1, RLENGTH)
				rest = substr(rest, RLENGTH + 1)
			}
		}
		print out (inside ? "" : rest)
	}' "$@"
}

# A folder of this test's own, gone at its end.
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
export LC_ALL=C
