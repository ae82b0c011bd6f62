# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Each public header compiles alone, as C99 and as C++, and keeps to what bindings can read.

. "$top_srcdir/tests/api/rules.sh"

include="-I$top_builddir/include -I$top_srcdir/include"

find_header() {
	[ -f "$top_builddir/$1" ] && echo "$top_builddir/$1" || echo "$top_srcdir/$1"
}

for header in $public_headers; do
	name=${header#include/}
	printf '#include <%s>\nextern int unit;\n' "$name" >"$scratch/alone.c"
	cp "$scratch/alone.c" "$scratch/alone.cc"
	# shellcheck disable=SC2086 # words are wanted
	out=$($CC -std=c99 -pedantic -Wall -Wextra -Werror $include -fsyntax-only "$scratch/alone.c" 2>&1)
	result $? "<$name> compiles alone as C99" "$out"
	# shellcheck disable=SC2086
	out=$($CXX -std=c++98 -pedantic -Wall -Wextra -Werror -Wno-long-long $include -fsyntax-only \
		"$scratch/alone.cc" 2>&1)
	result $? "<$name> compiles alone as C++" "$out"
done

# Comments are prose; what is left is what bindings are generated from.
for header in $public_headers; do
	# shellcheck disable=SC2086
	$CC -fpreprocessed -dD -E -P "$(find_header "$header")" 2>/dev/null
done >"$scratch/declarations"

nothing "$(grep -nE '\.\.\.|va_list|\binline\b|\bunion\b|\bbool\b|\bpid_t\b|\benum\b|FILE *\*' \
	"$scratch/declarations")" "headers have no varargs, inlines, unions, bool, pid_t, enums, FILE"
nothing "$(grep -nE '^ *[a-z].*:[0-9 ]+;' "$scratch/declarations")" "headers have no bit-fields"
nothing "$(grep -nE '^extern [^"]*;' "$scratch/declarations")" "headers export no data"
nothing "$(grep -nE '#define .*(LL|\(u?int64_t\))' "$scratch/declarations")" \
	"headers have no 64-bit constants in macros"
nothing "$(grep -nE '#define [A-Z_]+\(' "$scratch/declarations")" "headers have no macros with arguments"

# Keywords of Go, Rust, Python and Lua that C does not have.
keywords='as|async|await|chan|class|crate|def|defer|del|elif|end|except|exec|fallthrough|finally|fn'
keywords="$keywords|from|func|function|global|go|impl|import|in|interface|is|lambda|let|local|map"
keywords="$keywords|match|mod|move|mut|nil|nonlocal|not|or|and|package|pass|pub|raise|range|ref"
keywords="$keywords|repeat|select|self|super|then|trait|try|type|until|unsafe|use|var|where|with|yield"
tr '\n' ' ' <"$scratch/declarations" | grep -oE '[a-z_0-9]+ *[,)]' | grep -oE '^[a-z_0-9]+' |
	sort -u >"$scratch/parameters"
nothing "$(grep -xE "$keywords" "$scratch/parameters" | grep -vx function)" \
	"no parameter is called like a keyword of Go, Rust, Python or Lua"

# Structs that are visible are input options: size first, fixed widths, no padding.
awk '/^struct [a-z_]+ {/ { name = $2; getline; if ($0 !~ /^ *uint32_t size;/) print name ": size is not first" }
	/^struct [a-z_]+ {/,/^};/ { if ($0 ~ /;/ && $0 !~ /u?int(8|16|32|64)_t |^};|\*/) print name ": " $0 }' \
	"$scratch/declarations" >"$scratch/structs"
nothing "$(cat "$scratch/structs")" "visible structs begin with their size and have fixed widths"
finish
