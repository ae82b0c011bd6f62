# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Source patches as lcp applies them: what diff -u made of two files makes the second of the first,
# strictly; and #line directives keep the number of every unchanged line.

. "$top_srcdir/tests/api/rules.sh"

apply=$(cd "$top_builddir" && pwd)/tests/tools/apply-diff
cd "$scratch" || exit 1
mkdir -p a b tree

# differ NAME: a diff of a/NAME and b/NAME in NAME.diff; a/NAME is put into the tree.
differ() {
	diff -u "a/$1" "b/$1" >"$1.diff"
	cp "a/$1" "tree/$1"
}

# Random files: lines of a few kinds, so that context is ambiguous, some lost, some new, some changed.
wrong=
seed=0
while [ "$seed" -lt 60 ]; do
	seed=$((seed + 1))
	awk -v seed="$seed" 'BEGIN {
		srand(seed)
		count = int(rand() * 60)
		for (i = 0; i < count; i++) {
			line = "line " int(rand() * 12)
			end = i == count - 1 && rand() < 0.3 ? "" : "\n"
			printf "%s%s", line, end >"a/random.c"
			chance = rand()
			if (chance < 0.08) continue
			if (chance < 0.16) printf "new %d\n", i >"b/random.c"
			if (chance < 0.20) line = "changed"
			printf "%s%s", line, (i == count - 1 && rand() < 0.3 ? "" : "\n") >"b/random.c"
		}
		printf "" >>"a/random.c"
		printf "" >>"b/random.c"
	}'
	if ! cmp -s a/random.c b/random.c && [ -s a/random.c ] && [ -s b/random.c ]; then
		differ random.c
		"$apply" tree random.c random.c.diff >made 2>said || cat said >>made
		cmp -s made b/random.c || wrong="$wrong $seed"
		tried=$((${tried:-0} + 1))
	fi
	rm -f a/random.c b/random.c
done
nothing "$wrong" "what diff -u found is what is applied, with and without a newline at the end: $tried files"
[ "$tried" -ge 40 ]
result $? "files were tried"

seq 1 100 >a/moved.c
sed 's/^50$/fifty/' a/moved.c >b/moved.c
differ moved.c
{ echo "in front" && cat a/moved.c; } >tree/moved.c
{ echo "in front" && cat b/moved.c; } >wanted
"$apply" tree moved.c moved.c.diff >made 2>said
same "a hunk that moved is found" wanted made
grep -q 'hunk 1 of moved.c applies +1 lines' said
result $? "and this is said" "$(cat said)"

sed 's/^52$/other/' a/moved.c >tree/moved.c
"$apply" tree moved.c moved.c.diff >made 2>said
[ $? -eq 1 ] && grep -q 'hunk 1 of moved.c .*does not apply' said
result $? "one line of context that differs, and the hunk does not apply" "$(cat said)"

printf 'one\r\ntwo\r\nthree\r\n' >tree/returns.c
printf -- '--- a/returns.c\n+++ b/returns.c\n@@ -1,3 +1,4 @@\n one\n-two\n+zwei\n+drei\n three\n' >returns.diff
"$apply" tree returns.c returns.diff >made
printf 'one\r\nzwei\r\ndrei\r\nthree\r\n' >wanted
same "a file with line ends of Windows keeps them" wanted made

printf 'one\ntwo\n' >tree/stack.c
printf -- '--- a/stack.c\n+++ b/stack.c\n@@ -1,2 +1,2 @@\n-one\n+eins\n two\n' >first.diff
printf -- '--- a/stack.c\n+++ b/stack.c\n@@ -1,2 +1,2 @@\n eins\n-two\n+zwei\n' >second.diff
"$apply" tree stack.c first.diff second.diff >made
printf 'eins\nzwei\n' >wanted
same "patches build on each other" wanted made

printf 'diff --git a/new.h b/new.h\nnew file mode 100644\nindex 0000000..1111111\n--- /dev/null\n+++ b/new.h\n@@ -0,0 +1 @@\n+new\n-- \n2.39\n' >new.diff
"$apply" tree new.h new.diff >made
echo new >wanted
same "a file can be new, and a mailer's signature is not part of it" wanted made

printf -- '--- stack.c.orig/stack.c.orig\t2020-01-01 00:00:00\n+++ x/stack.c\t2020-01-01 00:00:01\n@@ -1 +1 @@\n-one\n+uno\n' >times.diff
"$apply" tree stack.c times.diff >made
printf 'uno\ntwo\n' >wanted
same "time stamps and .orig names are understood" wanted made

mkdir -p 'tree/my dir'
echo old >'tree/my dir/file.c'
printf -- '--- a/my dir/file.c\t\n+++ b/my dir/file.c\t\n@@ -1 +1 @@\n-old\n+new\n' >blank.diff
"$apply" tree 'my dir/file.c' blank.diff >made
echo new >wanted
same "a name may have blanks" wanted made

# refused WORDS CLAIM: bad.diff is an error that says so.
refused() {
	"$apply" tree stack.c bad.diff >made 2>said
	[ $? -eq 1 ] && grep -q -e "$1" said
	result $? "$2" "$(cat said)"
}
printf -- '--- a/stack.c\n+++ b/stack.c\n@@ -1,2 +1,2 @@\n-one\n+eins\n' >bad.diff
refused 'cut short' "a hunk that is cut short is refused"
printf -- '--- a/stack.c\n+++ b/stack.c\n@@ -1 +1 @@\n-one\n+eins\n+more\n' >bad.diff
refused 'more lines' "a hunk with more lines than its head says is refused"
printf 'diff --git a/x b/y\nrename from x\nrename to y\n' >bad.diff
refused renamed "a renamed file is refused"
printf 'diff --git a/x b/x\nGIT binary patch\n' >bad.diff
refused binary "a binary file is refused"
printf 'hello\n' >bad.diff
refused 'no unified diff' "a text without a diff is refused"
printf -- '--- a/../stack.c\n+++ b/../stack.c\n@@ -1 +1 @@\n-one\n+eins\n' | (
	mkdir -p tree/sub
	cat >bad.diff
	"$apply" tree/sub stack.c bad.diff 2>said
	grep -q 'outside' said
)
result $? "a name that leads out of the tree is refused"

# Lines of these sources that matter say E(NAME), which makes a constant NAME of the line's number.
numbers() {
	$CC -E -P -x c -D'E(name)=@name=__LINE__@' "$1" 2>/dev/null | tr -s ' \n' '  ' | tr -d ' ' |
		grep -oE '@[a-z0-9_]+=[0-9]+@' | sort
}

# keeps CLAIM: of b/marked.c each line that is in a/marked.c too has the number it has there. Names
# that begin with "new" are not.
keeps() {
	differ marked.c
	"$apply" -l tree marked.c marked.c.diff >result.c
	$CC -fsyntax-only -x c -D'E(name)=enum { name = __LINE__ };' result.c >said 2>&1
	result $? "it compiles: $1" "$(cat said && cat -n result.c)"
	numbers a/marked.c >old-numbers
	numbers result.c | grep -v '^@new' >new-numbers
	[ -s new-numbers ]
	result $? "numbers are compared: $(wc -l <new-numbers)"
	nothing "$(comm -13 old-numbers new-numbers)" "$1"
}

cat >a/marked.c <<'end'
E(one)
int function(int x)
{
	E(two)
	x += 1;
	E(three)
	return x;
}
E(four)
end
sed 's/x += 1;/x += 1;\n\tx += 2;\n\tE(new1)/' a/marked.c >b/marked.c
keeps "lines behind an insertion within a function keep their numbers"
sed '/x += 1/d' a/marked.c >b/marked.c
keeps "so do lines behind a removal"
sed 's/x += 1;/x += 2;/' a/marked.c >b/marked.c
keeps "so do lines behind a change"
"$apply" -l tree marked.c marked.c.diff | grep -q '#line'
[ $? -eq 1 ]
result $? "which needs no directive"
sed 's/E(one)/E(new1)\nE(one)/; s/E(three)/x++;\n\tE(three)/; s/return/\n\n\treturn/' a/marked.c >b/marked.c
keeps "several changes in one hunk"

cat >a/marked.c <<'end'
/*
 * A comment,
 * of several lines.
 */
E(one)
#define LONG(x) \
	((x) +  \
	 (1))
E(two)
const char *text = "with a /* in \
	it";
E(three) // a comment \
	that goes on
E(four)
#define CALL(a, b) ((a) + (b))
int sum = CALL(1,
	       2);
E(five)
end
sed 's/ \* A comment,/ * A comment, which\n * is/; s/((x) +  \\/((x) + \\\n 1 + \\/; s/with a/with \\\na/; s/(1,$/(1\n,/' a/marked.c >b/marked.c
keeps "changes in a comment, a macro, a string, the arguments of a macro"
sed 's/that goes on/that goes \\\non/' a/marked.c >b/marked.c
keeps "a change in a comment that goes on behind a backslash"

cat >a/marked.c <<'end'
E(one)
#if 0
E(never)
#ifdef __x86_64__
E(never2)
#else
E(never3)
#endif
E(never4)
#else
E(two)
#endif
E(three)
#ifdef __linux__
E(four)
# if 1
E(five)
# endif
E(six)
#endif
E(seven)
end
sed 's/E(never2)/E(never2)\nE(new1)/' a/marked.c >b/marked.c
keeps "changes in a branch that is skipped"
sed 's/E(five)/E(new1)\nE(five)/' a/marked.c >b/marked.c
keeps "changes in a branch that is taken"
sed 's/^#if 0/#if 0\n#error x/; s/E(two)/E(new1)\nE(two)/' a/marked.c >b/marked.c
keeps "changes in both branches"

cat >a/marked.c <<'end'
E(one)
const char *raw = R"x(
 "a string \
 )" /* of several
)x";
E(two)
int number = 1'000;
E(three)
end
sed 's/^ )"/more\n )"/' a/marked.c >b/marked.c
keeps_raw() {
	differ marked.c
	"$apply" -l tree marked.c marked.c.diff >result.c
	$CC -fsyntax-only -std=c++17 -x c++ -D'E(name)=enum { name = __LINE__ };' result.c >said 2>&1 &&
		! sed -n '/R"x/,/)x"/p' result.c | grep -q '#line' && grep -q '^#line 6$' result.c
	result $? "no directive stands in a raw string" "$(cat said && cat -n result.c)"
}
keeps_raw
finish
