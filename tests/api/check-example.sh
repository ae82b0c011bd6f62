# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The C example in README compiles without a warning, works, and is as short as README says.

. "$top_srcdir/tests/api/rules.sh"

"$top_srcdir/tests/api/readme-example" "$top_srcdir/README" >"$scratch/example.c"
lines=$(wc -l <"$scratch/example.c")
[ "$lines" -gt 5 ] && [ "$lines" -le 24 ]
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
"$top_builddir/tests/samples/make-sample" lcp 3 "$scratch/sample.kpatch"
result $? "there is a patch to try it with"
out=$("$scratch/example" "$scratch/sample.kpatch" 2>&1)
result $? "the example loads a patch" "$out"
printf '%s\n' "$out" | grep -q "^liblcp $version\$"
result $? "and prints the version" "$out"
printf '%s\n' "$out" | grep -q '"id":"sample-0001"'
result $? "and what is in the patch" "$out"
out=$("$scratch/example" /dev/null 2>&1)
[ $? -eq 1 ] && [ "$out" = "liblcp $version
/dev/null: not a regular file" ]
result $? "the example says why it cannot load a file" "$out"
finish
