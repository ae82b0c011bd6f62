# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The text of the tree: licence lines, white space, spelling, shell scripts, and things that have no
# place in it.

. "$top_srcdir/tests/api/rules.sh"

cd "$top_srcdir" || exit 1
find configure.ac Makefile.am README liblcp include man tests tools examples bindings .ci quickstart run-tests \
	-type f ! -path '*/corpus/*' ! -name '*~' 2>/dev/null |
	sort >"$scratch/files"

nothing "$(grep -vE '(^|/)README$|\.pc\.in$' "$scratch/files" | while read -r file; do
	head -n 3 "$file" | grep -q 'SPDX-License-Identifier: LGPL-2.1-or-later' || echo "$file"
done)" "each file says its licence"

nothing "$(xargs grep -nE '[ 	]+$' <"$scratch/files")" "no line ends with a blank"
nothing "$(xargs grep -niE '\b(to''do|fix''me|xx''x)\b' <"$scratch/files")" "nothing is left for later"
nothing "$(xargs grep -nE '(/ho''me|/wo''rk|/ro''ot|/Us''ers)/[a-z]' <"$scratch/files")" \
	"no path of somebody's machine is in it"
nothing "$(grep -E '\.[ch]$' "$scratch/files" | xargs expand | awk '
	length($0) > 100 && !/"/ { print length($0) " columns: " $0 }')" \
	"no line of C is wider than 100 columns, but for long strings"

nothing "$(sed -n 's/^build \([^ ]*\).*/\1/p' .ci/packages | while read -r package; do
	sed -n '/^Needed are/,/^$/p' README | tr -s ' ,.()' '\n' | grep -qxF -e "$package" || echo "$package"
done)" "README names what .ci/packages lists for a build"

if command -v codespell >/dev/null; then
	nothing "$(xargs codespell --ignore-words-list=crate,te,statics,tje,ouput <"$scratch/files" 2>&1)" \
		"codespell finds no fault"
else
	skip "codespell is not installed" "codespell finds no fault"
fi

# Scripts by their first line, and those that are sourced or run by a shell by name. SC2154: what
# comes from the Makefile is not assigned in them.
while read -r file; do
	case $file in
	*.sh) echo "$file" ;;
	*) head -n 1 "$file" | grep -qE '^#!.*[/ ](ba)?sh\b' && echo "$file" ;;
	esac
done <"$scratch/files" >"$scratch/scripts"
if command -v shellcheck >/dev/null; then
	nothing "$(xargs shellcheck --shell=sh --exclude=SC1091,SC2154,SC3043 <"$scratch/scripts" 2>&1)" \
		"shellcheck finds no fault in $(wc -l <"$scratch/scripts") scripts"
else
	skip "shellcheck is not installed" "shellcheck finds no fault"
fi
finish
