# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The reader of JSON that tools and these tests use: what it takes, what it refuses.

. "$top_srcdir/tests/api/rules.sh"

get=$top_builddir/tests/tools/json-get

while IFS= read -r document; do
	printf '%s' "$document" | "$get"
	result $? "document $((claims + 1)) is JSON"
done <<'end'
{}
[]
null
 [ 1 , -0.5e+3 , 10E2 ]
{"a":{"b":[true,false,null]}}
"\" \\ \/ \b \f \n \r \t \u00e9 \ud83d\ude00"
"é😀"
end

while IFS= read -r document; do
	printf '%s' "$document" | "$get"
	[ $? -eq 1 ]
	result $? "document $((claims + 1)) is none"
done <<'end'

{
[1,]
[1 2]
{"a"}
{"a":1,}
{a:1}
01
1.
.5
+1
1e
'a'
"a
"\x"
"\u12"
"\ud83d"
"\ude00"
tru
[] []
null0
end
printf '"a\tb"' | "$get"
[ $? -eq 1 ]
result $? "no JSON: a string with a tab in it"
awk 'BEGIN { for (i = 0; i < 100000; i++) printf "[" }' | "$get"
[ $? -eq 1 ]
result $? "depth is limited"

value() {
	printf '%s' '{"a":[{"b":"x\u0041"},12.5],"c":null}' | "$get" "$1"
}
[ "$(value a.0.b)" = xA ] && [ "$(value a.1)" = 12.5 ] && [ "$(value c)" = null ] && [ "$(value a.)" = 2 ] &&
	[ "$(value .)" = "a c" ]
result $? "values are found by their path"
value d
[ $? -eq 2 ]
result $? "a missing value is told from a broken document"
finish
