# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Manual pages: sound roff, and true to the headers.

. "$top_srcdir/tests/api/rules.sh"

pages=
for page in $man_pages; do
	if [ -f "$top_builddir/$page" ]; then
		pages="$pages $top_builddir/$page"
	else
		pages="$pages $top_srcdir/$page"
	fi
done

if command -v mandoc >/dev/null; then
	# Our pages have no date: they belong to a version.
	# shellcheck disable=SC2086 # words are wanted
	nothing "$(mandoc -Tlint -W warning $pages | grep -v 'missing date')" "mandoc finds no fault"
else
	skip "mandoc is not installed" "mandoc finds no fault"
fi

missing=$(for page in $pages; do
	for section in NAME SYNOPSIS DESCRIPTION 'SEE ALSO'; do
		case $page:$section in
		*lcp_*.3:DESCRIPTION | *.[57]:SYNOPSIS) continue ;;
		esac
		grep -q "^\.SH \"\{0,1\}$section" "$page" || echo "${page##*/}: no section $section"
	done
done)
nothing "$missing" "each page has its sections"

# The pages of functions: what was made of the headers.
functions=$(for page in $pages; do
	case $page in
	*/lcp_*.3) echo "$page" ;;
	esac
done)
# shellcheck disable=SC2086 # words are wanted
{
	nothing "$(grep -n '@' $functions)" "no mark of the headers' comments is left in a page"
	nothing "$(grep -L '^\.nh$' $functions)" "no page is hyphenated"
	nothing "$(grep -h ' \\- ' $functions | sed 's/\\-/-/g' | grep -E '^.{72}| - [A-Z]([^A-Z]|$)')" \
		"each NAME fits a line and begins with a small letter or an acronym"
	nothing "$(grep -l 'lcp_log_fn log_function' $functions | xargs grep -L '^typedef void (\*lcp_log_fn)')" \
		"pages of functions that take a callback show its type"
	nothing "$(grep -l 'reterr)' $functions | xargs grep -L '^\.BR lcp_error_message (3)')" \
		"pages of functions that give a reason say how to read it"
	nothing "$(for page in $functions; do
		sed '1,/^\.SH SYNOPSIS/d' "$page" | grep -qE '^\.SH (DESCRIPTION|RETURN VALUE|PARAMETERS)$' ||
			echo "$page"
	done)" "each page says more than its NAME"
	grep -l 'lcp_log_fn log_function' $functions | grep -q lcp_ctx_set_log.3 &&
		grep -h -A 1 '^\.SH NAME' $functions | grep -c ' \\- ' >"$scratch/count" &&
		[ "$(cat "$scratch/count")" -eq "$(echo "$functions" | wc -l)" ]
	result $? "pages were looked at: $(echo "$functions" | wc -l)"
}

# liblcp(3) has a line for each function, that of its page.
for page in $functions; do
	sed -n '/^\.SH NAME/{n;p;q;}' "$page"
done | sort >"$scratch/names"
sed -n '/^\.SS Functions/,/^\.SH/p' "$top_srcdir/man/liblcp.3" | sed -n '/^\.BR lcp_[a-z0-9_]* (3)$/{
	s/^\.BR \(lcp_[a-z0-9_]*\) (3)$/\1 \\-/
	N
	s/\n/ /p
	}' | sort >"$scratch/listed"
same "liblcp(3) lists every function, with the words of its page" "$scratch/names" "$scratch/listed"
grep -qF "$(sed -n '/^typedef void (\*lcp_log_fn)/p' "$top_srcdir/include/lcp/context.h")" "$top_srcdir/man/liblcp.3"
result $? "liblcp(3) shows the type of the log function as it is declared"

grep -ohE '#define LCP_E[A-Z]+ [0-9]+' "$top_srcdir/include/lcp/error.h" | awk '{ print $2 }' >"$scratch/codes"
unexplained=$(while read -r code; do
	grep -q "$code" "$top_srcdir/man/liblcp.3" || echo "$code"
done <"$scratch/codes")
nothing "$unexplained" "liblcp(3) explains every error code"

# The plan in liblcp/README marks what is here and what is planned.
for header in $public_headers; do
	code "$(find_made "$header")"
done | grep -oE '\blcp_[a-z0-9_]+\(' | tr -d '(' | sort -u >"$scratch/declared"
sed -n 's/^    + \(lcp_[a-z0-9_]*\) .*/\1/p' "$top_srcdir/liblcp/README" | sort >"$scratch/here"
sed -n 's/^    - \(lcp_[a-z0-9_]*\)[ ,].*/\1/p' "$top_srcdir/liblcp/README" | sort >"$scratch/planned"
[ -s "$scratch/here" ]
result $? "liblcp/README has functions that are here: $(wc -l <"$scratch/here"), planned: $(wc -l <"$scratch/planned")"
same "those marked + are those that the headers declare" "$scratch/declared" "$scratch/here"
nothing "$(comm -12 "$scratch/declared" "$scratch/planned")" "none of them is marked -"

# The tables of kpatch(5), by the section of the page they are in: "section|offset|size|field".
page=$top_srcdir/man/kpatch.5
awk -F '\t' '
	/^\.S[SH] / { section = substr($0, 5) }
	/^Records of [0-9]+ bytes/ { split($0, words, " "); print section "|" words[3] "||SIZE" }
	$1 ~ /^[0-9]+$/ && $2 ~ /^[0-9]+$/ { print section "|" $1 "|" $2 "|" $3 }' "$page" |
	sed 's/^Header of LibCare (\([0-9]*\) bytes)|/libcare|/
		s/^Header of LibcarePlus and of liblcp (\([0-9]*\) bytes)|/plus|/' >"$scratch/tables"

# The same from the code: "section|offset|size|field", the size missing where the code does not say.
kpatch=$top_srcdir/liblcp/format/kpatch
sizes=$(code "$kpatch"*.c | grep -oE '[gp]et_le(16|32|64)\([a-z_]+ \+ ((INFO|FUNCTION|SYMBOL)_[A-Z_]+|layout->[a-z_]+)' |
	sed 's/^.et_le\([0-9]*\)(.* + \(layout->\)\{0,1\}/\1 /' | sort -u)
code "$kpatch.h" | sed -n 's/^#define \(INFO\|FUNCTION\|SYMBOL\)_\([A-Z_]*\) \([0-9]*\) *$/\1_\2 \3/p' |
	grep -vE '_MAX |_IS_' >"$scratch/offsets"
code "$kpatch.c" | awk '
	/^const struct kpatch_layout/ { layout = $4; sub(/kpatch_layout_/, "", layout) }
	/^}/ { layout = "" }
	layout != "" && /^\t\.[a-z_]+ = / { sub(/^\t\./, ""); sub(/ =/, ""); sub(/,.*/, ""); print layout, $0 }' |
	sed "s/ KPATCH_BUILD_ID_MAX\$/ $(sed -n 's/^#define KPATCH_BUILD_ID_MAX \([0-9]*\).*/\1/p' "$kpatch.h")/" \
		>"$scratch/layouts"
grep '_size ' "$scratch/layouts" >"$scratch/text-sizes"
{
	while read -r name offset; do
		field=$(echo "${name#*_}" | tr '[:upper:]' '[:lower:]')
		bits=$(echo "$sizes" | sed -n "s/ $name\$//p")
		case $name in
		INFO_*) section=.kpatch.info ;;
		FUNCTION_*) section=.lcp.functions ;;
		SYMBOL_*) section=.lcp.symbols ;;
		esac
		case $name in
		*_SIZE) [ "$field" = size ] && field=SIZE ;;
		esac
		echo "$section|$offset|${bits:+$((bits / 8))}|$field"
	done <"$scratch/offsets"
	while read -r layout field value; do
		bits=$(echo "$sizes" | sed -n "s/ $field\$//p")
		case $field in
		name | format | size | *_size) [ "$field" = total_size ] || continue ;;
		esac
		size=$(sed -n "s/^$layout ${field}_size //p" "$scratch/text-sizes")
		[ -z "$bits" ] || size=$((bits / 8))
		echo "$layout|$value|$size|$field"
	done <"$scratch/layouts"
} >"$scratch/known"
[ "$(wc -l <"$scratch/known")" -ge 28 ] && [ "$(grep -c '|[0-9][0-9]*|[0-9][0-9]*|' "$scratch/known")" -ge 12 ]
result $? "the code knows fields: $(wc -l <"$scratch/known"), and sizes of them: $(grep -c "|[0-9][0-9]*|[0-9]" "$scratch/known")"
wrong=$(while IFS='|' read -r section offset size field; do
	[ "$section $field" = "libcare build_id" ] && field="uname"
	grep -qE "^$section\|$offset\|${size:-[0-9]*}\|$field\$" "$scratch/tables" ||
		echo "$section: $field is at $offset${size:+, $size bytes}"
done <"$scratch/known")
nothing "$wrong" "kpatch(5) has the offsets and sizes that the code has"

# Each table begins at 0, has no hole, and is as long as the page and the code say.
total() {
	sed -n "s/^$1 size //p" "$scratch/layouts"
	sed -n "s/^$1|\([0-9]*\)||SIZE\$/\1/p" "$scratch/tables"
}
for section in plus libcare .kpatch.info .lcp.symbols .lcp.functions; do
	holes=$(grep "^$section|[0-9]*|[0-9]" "$scratch/tables" | awk -F '|' -v total="$(total "$section")" '
		$2 != at { print $4 " is at " $2 ", but what stands before it ends at " at }
		{ at = $2 + $3 }
		END { if (at != total) print "it ends at " at ", not at " total }')
	nothing "$holes" "the table $section of kpatch(5) has no hole"
done
nothing "$(sed -n 's/^\(plus\|libcare\) size //p' "$scratch/layouts" | while read -r size; do
	grep -q "^\.SS Header .*($size bytes)\$" "$page" || echo "$size bytes"
done)" "the headers are as long as their titles say"

# Classes of symbols: the numbers of the header, the words of the code, the table of the page, the
# list in lcp_kpatch_json(3).
code "$top_srcdir/include/lcp/kpatch.h" | awk '
	$2 ~ /^LCP_SYMBOL_/ { word = tolower(substr($2, 12)); gsub(/_/, "-", word); print $3, word }' |
	sort >"$scratch/classes"
[ "$(wc -l <"$scratch/classes")" -ge 7 ]
result $? "there are classes of symbols"
code "$kpatch.c" | grep -oE '\[LCP_SYMBOL_[A-Z_]+\] = "[^"]*"' | tr -d '[]="' | while read -r name word; do
	echo "$(sed -n "s/^#define $name \([0-9]*\).*/\1/p" "$top_srcdir/include/lcp/kpatch.h") $word"
done | sort >"$scratch/words"
same "the code has a word for each class" "$scratch/classes" "$scratch/words"
awk -F '\t' '
	/^\.S[SH] / { section = substr($0, 5) }
	$2 == "word" { inside = 1; next }
	/^\.TE/ { inside = 0 }
	inside && section == ".lcp.symbols" && $1 ~ /^[0-9]+$/ { print $1, $2 }' "$page" |
	sort >"$scratch/words-of-page"
same "kpatch(5) has the same words and numbers" "$scratch/classes" "$scratch/words-of-page"
tr '\n' ' ' <"$top_srcdir/include/lcp/kpatch.h" | sed 's/ \* / /g' |
	sed -n 's/.*"version", "class" (\([^)]*\)).*/\1/p' | grep -oE '"[a-z-]+"' | tr -d '"' | sort >"$scratch/words-of-json"
sed 's/.* //' "$scratch/words" | sort >"$scratch/only-words"
same "lcp_kpatch_json(3) has the same words" "$scratch/only-words" "$scratch/words-of-json"
finish
