# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What the headers declare, what the symbol map lists, what the library exports, what the manual
# describes and what tests/api/test-arguments.c tries are the same functions; each is documented.

. "$top_srcdir/tests/api/rules.sh"

library=$top_builddir/liblcp/.libs/liblcp.so

for header in $public_headers; do
	cat "$(find_made "$header")"
done >"$scratch/headers"

# A declaration begins a line and is no typedef; comments begin with a blank.
grep -vE '^( |/|#|typedef|\t|})' "$scratch/headers" | grep -oE '\blcp_[a-z0-9_]+\(' | tr -d '(' |
	sort >"$scratch/declared"
sed -n 's/^\t\(lcp_[a-z0-9_]*\);$/\1/p' "$top_srcdir/liblcp/liblcp.sym" | sort >"$scratch/map"
for page in $man_pages; do
	basename "$page"
done | sed -n 's/^\(lcp_.*\)\.3$/\1/p' | sort >"$scratch/manual"

[ -s "$scratch/declared" ]
result $? "the headers declare functions: $(wc -l <"$scratch/declared")"
same "the symbol map lists what the headers declare" "$scratch/declared" "$scratch/map"
same "section 3 of the manual has what the headers declare" "$scratch/declared" "$scratch/manual"
if [ -f "$library" ]; then
	$NM -D --defined-only "$library" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' |
		sort >"$scratch/exported"
	same "the library exports what the headers declare" "$scratch/declared" "$scratch/exported"
else
	skip "the shared library is not built" "the library exports what the headers declare"
fi

grep -oE '^LCP_[0-9.]+' "$top_srcdir/liblcp/liblcp.sym" | sort -V | tail -n 1 >"$scratch/node"
echo "$map_node" >"$scratch/wanted-node"
same "the newest node of the map is that of the version" "$scratch/wanted-node" "$scratch/node"

# The parts that each comment has: what it does (or returns), threads, since.
undocumented=$(awk '
	/^\/\*$/ { name = ""; returns = threads = since = 0 }
	/^ \* lcp_[a-z0-9_]+:$/ { name = substr($2, 1, length($2) - 1) }
	/^ \* Returns: / { returns = 1 }
	/^ \* Threads: / { threads = 1 }
	/^ \* Since: [0-9]/ { since = 1 }
	/^[a-z].*\(/ && !/^typedef/ && match($0, /lcp_[a-z0-9_]+\(/) {
		function_name = substr($0, RSTART, RLENGTH - 1)
		if (name != function_name) print function_name ": no comment in front of it"
		else if (!threads) print function_name ": no \"Threads:\""
		else if (!since) print function_name ": no \"Since:\""
		else if (!returns && $0 !~ /^void /) print function_name ": no \"Returns:\""
		name = ""
	}' "$scratch/headers")
nothing "$undocumented" "each function is documented in its header"

# Every parameter is described, by its name.
awk '
	/^\/\*$/ { split("", described) }
	/^ \* @[a-z_]+:/ { described[substr($2, 2, length($2) - 2)] = 1 }
	/^[a-z].*\(/ && !/^typedef/ {
		declaration = $0
		while (declaration !~ /;$/ && (getline line) > 0) declaration = declaration line
		match(declaration, /lcp_[a-z0-9_]+\(/)
		name = substr(declaration, RSTART, RLENGTH - 1)
		parameters = substr(declaration, RSTART + RLENGTH)
		count = split(parameters, list, ",")
		for (i = 1; i <= count; i++) {
			gsub(/[);]/, "", list[i])
			if (match(list[i], /[a-z_]+ *$/)) {
				parameter = substr(list[i], RSTART)
				gsub(/ /, "", parameter)
				if (parameter != "void" && !(parameter in described))
					print name ": parameter " parameter " is not described"
			}
		}
	}' "$scratch/headers" >"$scratch/parameters"
nothing "$(cat "$scratch/parameters")" "each parameter is described in its header"

# Not what a comment or a string names.
code "$top_srcdir/tests/api/test-arguments.c" | sed 's/"[^"]*"/""/g' >"$scratch/arguments"
untried=$(while read -r name; do
	grep -q "\b$name(" "$scratch/arguments" || echo "$name"
done <"$scratch/declared")
nothing "$untried" "each function is called with arguments it must refuse"
finish
