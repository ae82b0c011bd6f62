# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Sizes of files and functions, printed; and their caps. A file or function that has a reason to be
# larger is named here with it.

. "$top_srcdir/tests/api/rules.sh"

file_cap=600
function_cap=80
branch_cap=15

# Tables of test cases, one a line: splitting them would separate cases of one kind.
large_files='tests/unit/test-kpatch.c tests/unit/test-elf-file.c'

cd "$top_srcdir" || exit 1
find liblcp tests tools examples include -name '*.[ch]' 2>/dev/null | sort >"$scratch/files"
[ -s "$scratch/files" ]
result $? "there are files to measure"

# name lines branches: a function begins with { and ends with } in the first column.
while read -r file; do
	awk -v file="$file" '
		/^[a-zA-Z_].*\(/ { name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name) }
		/^{$/ { inside = 1; lines = 0; branches = 1; next }
		/^}/ && inside { print file ":" name, lines, branches; inside = 0 }
		inside {
			lines++
			code = $0
			gsub(/"([^"\\]|\\.)*"/, "", code)
			gsub(/\/\*.*\*\//, "", code)
			if (code ~ /^[ \t]*\*/) next
			branches += gsub(/(^|[^a-z_])(if|for|while|case|vec_foreach)[ (]|&&|\|\||\?/, "", code)
		}' "$file"
done <"$scratch/files" >"$scratch/functions"

# median FILE COLUMN PERCENT
percentile() {
	sort -n -k"$2" "$1" | awk -v column="$2" -v percent="$3" '
		{ value[NR] = $column } END { print value[int((NR - 1) * percent / 100) + 1] }'
}

grep '^liblcp/' "$scratch/functions" >"$scratch/library"
say "library: $(cat liblcp/*/*.[ch] | wc -l) lines in $(grep -c "^liblcp/" "$scratch/files") files"
say "functions: $(wc -l <"$scratch/library"), lines: median $(percentile "$scratch/library" 2 50), p90 $(percentile "$scratch/library" 2 90), most $(percentile "$scratch/library" 2 100)"
say "branches: median $(percentile "$scratch/library" 3 50), p90 $(percentile "$scratch/library" 3 90), most $(percentile "$scratch/library" 3 100)"
say "largest files:"
say "$(wc -l liblcp/*/*.[ch] | grep -v total | sort -rn | head -5)"

nothing "$(while read -r file; do
	lines=$(wc -l <"$file")
	case " $large_files " in
	*" $file "*) continue ;;
	esac
	[ "$lines" -le "$file_cap" ] || echo "$file: $lines lines"
done <"$scratch/files")" "no file has more than $file_cap lines without a reason"
nothing "$(awk -v cap="$function_cap" '$2 > cap { print $1 ": " $2 " lines" }' "$scratch/functions")" \
	"no function has more than $function_cap lines"
nothing "$(awk -v cap="$branch_cap" '$3 > cap { print $1 ": " $3 " branches" }' "$scratch/library")" \
	"no function of the library has more than $branch_cap branches"
[ "$(percentile "$scratch/library" 2 50)" -lt 18 ]
result $? "half of the library's functions have fewer than 18 lines"
[ "$(percentile "$scratch/library" 2 90)" -lt 45 ]
result $? "nine of ten have fewer than 45"
finish
