# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Each fault that other live patchers were found to have has a test here: tests/live/peers.txt says
# which. Its lines name a file that is there, and words of it.

. "$top_srcdir/tests/api/rules.sh"

cd "$top_srcdir" || exit 1
list=tests/live/peers.txt
grep -v '^#' $list | grep . >"$scratch/rows"
[ -s "$scratch/rows" ]
result $? "there are $(wc -l <"$scratch/rows") rows"

nothing "$(awk -F ' *[|] *' 'NF != 3 || $1 == "" || $2 == "" || $3 == ""' "$scratch/rows")" \
	"each row has a fault, a file and words of a claim"

# Claims may go on in the next line, with the quotes of C or the star of a comment between.
nothing "$(while IFS='|' read -r fault file words; do
	file=$(echo "$file" | tr -d ' ')
	words=$(echo "$words" | sed 's/^ *//; s/ *$//')
	if [ ! -f "$file" ]; then
		echo "$fault: no $file"
	elif ! tr -s '\n\t ' '   ' <"$file" | sed 's/" "//g; s/ \* / /g' | grep -qF -e "$words"; then
		echo "$fault: $file does not say '$words'"
	fi
done <"$scratch/rows")" "each test that a row names says those words"

# What is not run proves nothing. The cases of tests/build are run by its script.
nothing "$(cut -d '|' -f 2 "$scratch/rows" | tr -d ' ' | sort -u | while read -r file; do
	case $file in
	tests/build/cases/*) ;;
	tests/*.c) grep -qF -e "${file%.c}" tests/Makemodule.am || echo "$file" ;;
	*) grep -qF -e "$file" tests/Makemodule.am || echo "$file" ;;
	esac
done)" "and is one that is run"
finish
