# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# What tests of the classic tools share: the way from two sources to a patch, and running a program
# that is patched. A script sources this behind tests/api/rules.sh.

tools=$(cd "$top_builddir/tools" && pwd)
selfpatch=$(cd "$top_builddir/tests" && pwd)/.libs/selfpatch.so
PATH=$tools:$PATH
export PATH
LC_ALL=C
export LC_ALL

# A sanitised library in a program that is not wants the sanitiser in front of it.
preload=$selfpatch
if [ "$instrumented" = yes ]; then
	asan=$($CC -print-file-name=libasan.so 2>/dev/null)
	[ -f "$asan" ] && preload="$asan $selfpatch"
fi

# can_run: can a program be patched by preloading here?
can_run() {
	[ "$(uname -m)" = x86_64 ] && [ -f "$selfpatch" ] || return 1
	[ "$instrumented" = no ] || [ "$preload" != "$selfpatch" ]
}

# run_patched PATCH PROGRAM: its output, both streams.
run_patched() {
	SELFPATCH=$1 LD_PRELOAD=$preload ASAN_OPTIONS=detect_leaks=0 "$2" 2>&1
}

# build_id FILE
build_id() {
	readelf -n "$1" | sed -n 's/.*Build ID: //p'
}

# finish_patch ORIGINAL LINKED ORDER ID PATCH: the steps from the linked file on. The order says where
# strip(1) is run: before, after or never.
finish_patch() {
	kpatch_strip --strip "$2" "$2.stripped" || return 1
	[ "$3" != before ] || strip --strip-unneeded "$2.stripped" || return 1
	kpatch_strip --rel-fixup "$1" "$2.stripped" >"$2.fixup" || return 1
	[ "$3" != after ] || strip --strip-unneeded "$2.stripped" || return 1
	kpatch_strip --undo-link "$1" "$2.stripped" || return 1
	# shellcheck disable=SC2086 # an id is optional
	kpatch_make -b "$(build_id "$1")" ${4:+-i $4} "$2.stripped" -o "$5"
}

# link FLAGS OUTPUT FILE...: the linker warns that .kpatch.info needs relocations; see libcare-tools(1).
link() {
	flags=$1
	output=$2
	shift 2
	# shellcheck disable=SC2086 # words are wanted
	$CC $flags -Wl,--build-id -o "$output" "$@" 2>"$output.warnings" && return 0
	cat "$output.warnings"
	return 1
}
