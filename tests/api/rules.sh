# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# TAP for the scripts that hold the house together. A script sources this, makes claims with
# result, and ends with finish. From the Makefile come top_srcdir, top_builddir, CC, CXX, NM,
# version, map_node, public_headers, man_pages.

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

# A folder of this test's own, gone at its end.
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
export LC_ALL=C
