# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Each public header compiles alone, as C99 and as C++, and keeps to what bindings can read.

. "$top_srcdir/tests/api/rules.sh"

include="-I$top_builddir/include -I$top_srcdir/include"

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

# Comments are prose; what is left is what bindings are generated from: one directive or declaration
# a line, its words and signs parted by single blanks.
for header in $public_headers; do
	code "$(find_made "$header")"
done | awk '
	function put(text) {
		gsub(/[^a-zA-Z0-9_" .<>\/-]/, " & ", text)
		gsub(/[ \t]+/, " ", text)
		sub(/^ /, "", text)
		sub(/ $/, "", text)
		if (text != "")
			print text
	}
	{
		while (/\\$/ && (getline more) > 0)
			$0 = substr($0, 1, length($0) - 1) " " more
	}
	/^[ \t]*#/ { put($0); next }
	/^extern "C" \{$/ || (/^}$/ && depth == 0) { next }
	{
		for (i = 1; i <= length($0); i++) {
			char = substr($0, i, 1)
			text = text char
			depth += (char == "{") - (char == "}")
			if (char == ";" && depth == 0) {
				put(text)
				text = ""
			}
		}
		text = text " "
	}
	END { put(text) }' >"$scratch/declarations"

# Keywords of Go, Rust, Python and Lua, reserved ones included, that C does not have.
keywords='abstract and as assert async await become box chan class crate def defer del dyn elif
	elseif end except exec fallthrough false final finally fn from func function gen global go impl
	import in interface is lambda let local loop macro map match mod move mut nil nonlocal not or
	override package pass priv pub raise range ref repeat select self super then trait true try
	type typeof unsafe unsized until use var virtual where with yield'

# What is wrong, one a line, each beginning with the rule that it breaks.
awk -v keywords="$(echo "$keywords" | tr '\n\t' '  ')" '
	BEGIN {
		split(keywords, list, " ")
		for (i in list)
			is_keyword[list[i]] = 1
		type = "^(u?int(8|16|32|64)_t|char [*]( [*])?|const char [*]( const [*])?|(const )?void [*]|" \
			"(const )?struct lcp_[a-z0-9_]+ [*]( [*])?|lcp_[a-z0-9_]+_fn)$"
	}
	function check_name(name) {
		if (name !~ /^[a-z][a-z0-9_]*$/)
			print "name: \"" name "\" in " $0
		if (name in is_keyword)
			print "keyword: " name " in " $0
	}
	# "const char * path": a type and a name.
	function check_variable(text,	name) {
		name = text
		sub(/.* /, "", name)
		check_name(name)
		sub(/ ?[^ ]*$/, "", text)
		if (text !~ type)
			print "type: \"" text "\" in " $0
		return text
	}
	function check_parameters(text,	list, count, i) {
		if (text == "void")
			return
		count = split(text, list, / , /)
		for (i = 1; i <= count; i++)
			check_variable(list[i])
	}
	# Pointers and callbacks are 8 bytes on the machines that the library is for.
	function size_of(type) {
		return type ~ /int8_t$/ ? 1 : type ~ /int16_t$/ ? 2 : type ~ /int32_t$/ ? 4 : 8
	}
	function check_struct(text,	list, count, i, at, size, largest) {
		count = split(text, list, / ; ?/)
		if (list[1] != "uint32_t size")
			print "struct: size is not first in " $0
		for (i = 1; i < count; i++) {
			size = size_of(check_variable(list[i]))
			if (at % size != 0)
				print "struct: a hole in front of \"" list[i] "\" in " $0
			at += size
			largest = size > largest ? size : largest
		}
		if (largest == 0 || at % largest != 0)
			print "struct: a hole at the end of " $0
	}
	function check_value(text) {
		if (text ~ /^(0|[1-9][0-9]*)$/)
			return length(text) <= 10 && text + 0 <= 2147483647
		return text ~ /^0x([0-7]?[0-9a-fA-F]?[0-9a-fA-F]?[0-9a-fA-F]?[0-9a-fA-F]?[0-9a-fA-F]?[0-9a-fA-F]?)?[0-9a-fA-F]$/
	}

	/^# define [A-Z0-9_]+$/ && last == "# ifndef " $3 { last = ""; next }
	/^# define / {
		if ($3 !~ /^LCP_[A-Z0-9_]+$/ || NF != 4 || !check_value($4))
			print "macro: " $0
		next
	}
	/^# (ifndef LCP_[A-Z]+_H|ifdef __cplusplus|endif|include <(stdint|lcp\/[a-z]+)[.]h>)$/ { last = $0; next }
	/^struct lcp_[a-z0-9_]+ ;$/ { next }
	/^struct lcp_[a-z0-9_]+_options [{] .* [}] ;$/ {
		text = $0
		sub(/^[^{]*[{] /, "", text)
		sub(/[}] ;$/, "", text)
		check_struct(text)
		next
	}
	/^typedef void [(] [*] lcp_[a-z0-9_]+_fn [)] [(] [^()]* [)] ;$/ {
		text = $0
		sub(/^[^)]*[)] [(] /, "", text)
		sub(/ [)] ;$/, "", text)
		check_parameters(text)
		next
	}
	/^[^()]* lcp_[a-z0-9_]+ [(] [^()]* [)] ;$/ {
		result = text = $0
		sub(/ lcp_[a-z0-9_]+ [(].*/, "", result)
		if (result != "void" && result !~ type)
			print "type: \"" result "\" in " $0
		sub(/^[^(]*[(] /, "", text)
		sub(/ [)] ;$/, "", text)
		check_parameters(text)
		match($0, /lcp_[a-z0-9_]+ [(]/)
		print "function: " substr($0, RSTART, RLENGTH - 2)
		next
	}
	{ print "other: " $0 }' "$scratch/declarations" >"$scratch/found"

found() {
	sed -n "s/^$1: //p" "$scratch/found"
}

found function | sort >"$scratch/functions"
sed -n 's/^\t\(lcp_[a-z0-9_]*\);$/\1/p' "$top_srcdir/liblcp/liblcp.sym" | sort >"$scratch/map"
[ -s "$scratch/functions" ] && [ "$(grep -c '^# define' "$scratch/declarations")" -gt 10 ]
result $? "there are declarations to look at: $(wc -l <"$scratch/declarations")"
same "all functions of the symbol map are among them" "$scratch/map" "$scratch/functions"
nothing "$(found other)" \
	"headers hold functions, opaque structs, option structs, callback types and constants only"
nothing "$(found type)" \
	"values are integers of fixed width, pointers to char, void or structs, or callbacks"
nothing "$(found macro)" "macros are numbers that fit in 31 bits"
nothing "$(found struct)" "option structs begin with their size and have no holes"
nothing "$(found name)" "parameters and members have names"
nothing "$(found keyword)" "none is called like a keyword of Go, Rust, Python or Lua"
finish
