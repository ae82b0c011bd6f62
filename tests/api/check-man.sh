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

grep -ohE '#define LCP_E[A-Z]+ [0-9]+' "$top_srcdir/include/lcp/error.h" | awk '{ print $2 }' >"$scratch/codes"
unexplained=$(while read -r code; do
	grep -q "$code" "$top_srcdir/man/liblcp.3" || echo "$code"
done <"$scratch/codes")
nothing "$unexplained" "liblcp(3) explains every error code"

unlisted=$(for page in $pages; do
	name=${page##*/}
	case $name in
	lcp_*.3) grep -q "${name%.3}\b" "$top_srcdir/liblcp/README" || echo "${name%.3}" ;;
	esac
done)
nothing "$unlisted" "liblcp/README lists every function"

# The tables of kpatch(5) against the numbers in the code: "16 4 old_size ..." is INFO_OLD_SIZE.
sed -n 's/^#define \(INFO\|FUNCTION\|SYMBOL\)_\([A-Z_]*\) \([0-9]*\)$/\1 \2 \3/p' \
	"$top_srcdir/liblcp/format/kpatch.h" >"$scratch/offsets"
[ "$(wc -l <"$scratch/offsets")" -ge 18 ]
result $? "the offsets in kpatch(5) can be compared with those in the code"
tab=$(printf '\t')
wrong=$(while read -r table field offset; do
	case $field in
	SIZE) want="^Records of $offset bytes" ;;
	*) want="^$offset${tab}[0-9]*${tab}$(echo "$field" | tr '[:upper:]' '[:lower:]')${tab}" ;;
	esac
	grep -q "$want" "$top_srcdir/man/kpatch.5" || echo "$table $field is $offset"
done <"$scratch/offsets")
nothing "$wrong" "kpatch(5) has the offsets that the code has"

# The same for the headers: ".kpatch_offset = 152".
wrong=$(awk '/^const struct kpatch_layout/, /^};/' "$top_srcdir/liblcp/format/kpatch.c" |
	sed -n 's/^\t\.\(size\|[a-z_]*\) = \([0-9]\{1,\}\),$/\1 \2/p' | while read -r field offset; do
	case $field in
	size) want="($offset bytes)\$" ;;
	id_size | build_id_size) continue ;;
	build_id) want="^$offset${tab}[0-9]*${tab}\(build_id\|uname\)${tab}" ;;
	*) want="^$offset${tab}[0-9]*${tab}$field${tab}" ;;
	esac
	grep -q "$want" "$top_srcdir/man/kpatch.5" || echo "$field is $offset"
done)
nothing "$wrong" "kpatch(5) has the headers that the code has"
finish
