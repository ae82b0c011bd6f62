# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The C example in README compiles without a warning, works, and is as short as README says.

. "$top_srcdir/tests/api/rules.sh"

"$top_srcdir/tests/api/readme-example" "$top_srcdir/README" >"$scratch/example.c"
lines=$(wc -l <"$scratch/example.c")
[ "$lines" -gt 5 ] && [ "$lines" -le 26 ]
result $? "the example has about 20 lines: $lines"

if [ "$instrumented" = yes ] || [ ! -f "$top_builddir/liblcp/.libs/liblcp.so" ]; then
	skip "an instrumented or static build" "the example works"
	finish
fi
# shellcheck disable=SC2086 # words are wanted
out=$($CC -std=c99 -pedantic -Wall -Wextra -Werror -I"$top_builddir/include" -I"$top_srcdir/include" \
	"$scratch/example.c" -L"$top_builddir/liblcp/.libs" -llcp -o "$scratch/example" 2>&1)
result $? "the example compiles as C99" "$out"

LD_LIBRARY_PATH=$top_builddir/liblcp/.libs
export LD_LIBRARY_PATH
build=$(cd "$top_builddir" && pwd)
source=$(cd "$top_srcdir" && pwd)/tests/sweep/victim.c
# shellcheck disable=SC2086 # words are wanted
(cd "$scratch" && $CC -O2 -S -o 0.s "$source" && $CC -O2 -DLEVEL=1 -S -o 1.s "$source" &&
	$CC -Wl,--build-id -o victim 0.s &&
	"$build/tools/lcp" build --object victim --id example --asm 0.s 1.s -o victim.kpatch) \
	>"$scratch/log" 2>&1
result $? "there is a program, and a patch for it" "$(cat "$scratch/log")"

mkfifo "$scratch/in"
"$scratch/victim" <"$scratch/in" >"$scratch/out" &
pid=$!
exec 3>"$scratch/in"
ask() {
	echo "$1" >&3
	for _ in $(seq 200); do
		[ "$(wc -l <"$scratch/out")" -lt "$2" ] || break
		sleep 0.05
	done
	# The last word is a count, which compilers take before or after the calls.
	sed -n "$2{ s/ [0-9]*\$//p; }" "$scratch/out"
}
[ "$(ask word 2)" = '3 2 5 12' ]
result $? "the program runs"
out=$("$scratch/example" "$pid" "$scratch/victim.kpatch" 2>&1) && [ "$out" = applied ]
result $? "the example applies the patch" "$out"
[ "$(ask word 3)" = '4 3 12 12' ]
result $? "and the program runs new code" "$(cat "$scratch/out")"
exec 3>&-
wait "$pid"
result $? "until its end"
out=$("$scratch/example" "$pid" "$scratch/victim.kpatch" 2>&1)
[ "$?:$out" = "1:no process $pid" ]
result $? "the example says why it cannot apply it to a process that is gone" "$out"
out=$("$scratch/example" 1 /dev/null 2>&1)
[ "$?:$out" = "1:not a regular file" ]
result $? "and why it cannot load a file" "$out"
finish
