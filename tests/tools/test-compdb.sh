# SPDX-License-Identifier: LGPL-2.1-or-later
#
# lcp build --compdb: from a source patch to a patch. A small project with blanks in its path, whose
# units were compiled in every way that compile_commands.json can say.

. "$top_srcdir/tests/api/rules.sh"

lcp=$(cd "$top_builddir" && pwd)/tools/lcp
get=$(cd "$top_builddir" && pwd)/tests/tools/json-get
cd "$scratch" || exit 1
mkdir -p 'my project/src' 'my project/inc' tmp
TMPDIR=$scratch/tmp
export TMPDIR
project="$scratch/my project"
flags='-O2 -g -fPIC'

for unit in one two three; do
	cat >"my project/src/$unit.c" <<-end
		#include <stdio.h>
		#include "shared.h"
		#include "$unit.h"
		void report(const char *file, int line);
		int first_$unit(int x)
		{
			return x * 2;
		}
		int second_$unit(int x)
		{
			report(__FILE__, __LINE__);
			return shared(x) + NUMBER;
		}
		int third_$unit(int x)
		{
			report(__FILE__, __LINE__);
			return x - 1;
		}
	end
	echo "#define NUMBER 5" >"my project/inc/$unit.h"
done
cat >'my project/inc/shared.h' <<'end'
static inline int shared(int x)
{
	return x + 1;
}
end
# The name of what the third one includes comes from a macro.
sed 's/.*shared.h.*/#define OWN HEADER/; s/"three.h"/OWN/; s/shared(x)/x/' 'my project/src/three.c' >three && cat three >'my project/src/three.c'
cat >'my project/src/report.c' <<'end'
int reported;
void report(const char *file, int line);
void report(const char *file, int line)
{
	reported += line + file[0];
}
end
printf '%s\n' "$flags -I ../inc" '"-DTEXT=\"a b\""' >'my project/two.rsp'
cat >'my project/compile_commands.json' <<end
[
{ "directory": "$project", "command": "ccache $CC $flags -Iinc '-DTEXT=\"a b\"' -MD -MF one.d -c -o one.o src/one.c",
  "file": "src/one.c" },
{ "directory": "src", "arguments": ["$CC", "@../two.rsp", "-c", "two.c", "-o", "../two.o"], "file": "two.c" },
{ "directory": "$project", "arguments": ["$CC", "-O2", "-g", "-fPIC", "-Iinc", "-DHEADER=\\"three.h\\"", "-c", "$project/src/three.c"],
  "file": "$project/src/three.c", "output": "three.o" },
{ "directory": "$project", "command": "$CC $flags -o report.o -c src/report.c", "file": "src/report.c" }
]
end
(
	# As the commands say: the proof that the object is made of these sources needs it.
	cd 'my project' || exit 1
	# shellcheck disable=SC2086 # words are wanted
	$CC $flags -Iinc '-DTEXT="a b"' -c -o one.o src/one.c &&
		(cd src && $CC $flags -I ../inc '-DTEXT="a b"' -c two.c -o ../two.o) &&
		$CC $flags -Iinc '-DHEADER="three.h"' -c "$project/src/three.c" && $CC $flags -o report.o -c src/report.c &&
		$CC -shared -Wl,--build-id -o libproject.so one.o two.o three.o report.o
) 2>err
result $? "the project compiles" "$(cat err)"

# edit NAME FILE SED...: NAME.patch makes of FILE what sed makes of it.
edit() {
	name=$1 file=$2
	shift 2
	mkdir -p "$(dirname "a/$file")" "$(dirname "b/$file")"
	cp "my project/$file" "a/$file"
	sed "$@" "a/$file" >"b/$file"
	diff -u "a/$file" "b/$file" >>"$name.patch"
	rm -r a b
}

# All that may not change: names, times, contents.
tree_state() {
	(cd 'my project' && find . -printf '%p %s %T@ %C@ %m %n %l\n' | sort && find . -type f -exec cksum {} +)
}
tree_state >before

# build STATUS CLAIM ARGUMENT...: run it; what it prints is in out and err; and nothing is left behind.
build() {
	status=$1 claim=$2
	shift 2
	rm -rf out.kpatch asm
	"$lcp" build --object 'my project/libproject.so' --id fix --compdb 'my project/compile_commands.json' \
		-o out.kpatch --keep-asm asm "$@" >out 2>err
	code=$?
	[ "$code" -eq "$status" ]
	result $? "$status: $claim" "status $code, $(cat out err)"
	tree_state >after
	cmp -s before after && [ -z "$(ls -A tmp)" ]
	result $? "the tree is untouched, and nothing is left" "$(diff before after && ls tmp)"
}

# units CLAIM NAME...: those were compiled, in both versions.
units() {
	claim=$1
	shift
	for unit in "$@"; do
		echo "$unit.c"
	done | sort >wanted
	find asm -name '*.patched.s' | sed 's|.*/[0-9]*-||; s|\.patched\.s$||' | sort >made
	same "$claim" wanted made
}

# code FUNCTION FILE: its instructions in assembler text.
instructions() {
	sed -n "/^$1:/,/\.size[[:blank:]]*$1/p" "$2" | grep -vE '^[[:blank:]]*\.|^\.L'
}

edit function src/one.c 's/x \* 2/x * 3/; s/^int first_one/\/* a comment *\/\n&/; s/return x \* 3;/\n\n&/'
for way in '' --copy-tree; do
	build 0 "a function changes${way:+, in a copy of the tree}" $way function.patch
	units "only its unit is compiled" one
	instructions first_one asm/*one.c.original.s >old
	instructions first_one asm/*one.c.patched.s >new
	! cmp -s old new
	result $? "the function differs"
	for function in second_one third_one; do
		instructions "$function" asm/*one.c.original.s >old
		instructions "$function" asm/*one.c.patched.s >new
		[ -s old ]
		result $? "there is code of $function"
		same "and it does not differ, although it moved and tells its line" old new
	done
	grep -h '\.string' asm/*one.c.original.s | grep one.c >old
	grep -h '\.string' asm/*one.c.patched.s | grep one.c >new
	same "both versions tell the same file names" old new
	! grep -q "$scratch/tmp" asm/*.s
	result $? "and no name of the scratch directory" "$(grep "$scratch/tmp" asm/*.s)"
	[ -f out.kpatch ] && "$lcp" verify -q out.kpatch --object 'my project/libproject.so'
	result $? "the patch fits the object" "$(ls -l out.kpatch)"
	"$lcp" info out.kpatch | sed -n '/^functions/,/^symbols/p' | sed '1d;$d' | awk '{ print $1 }' >made
	echo first_one >wanted
	same "and holds that function" wanted made
	mv out.kpatch "way$way.kpatch"
done
same "both ways make the same patch" way.kpatch way--copy-tree.kpatch
grep -q '^built out.kpatch: id fix, level 0, 1 functions, ' out && grep -q '^first_one ' out
result $? "what it prints says so" "$(cat out)"

edit header inc/shared.h 's/x + 1/x + 100/'
build 0 "a header changes" header.patch
units "those are compiled that include it" one two
edit own inc/three.h 's/5/6/'
build 0 "a header of one unit changes" own.patch
units "and that alone is compiled" three
edit two src/two.c 's/x \* 2/x * 5/'
build 0 "several patches" function.patch two.patch own.patch
units "all units are compiled" one two three
"$lcp" info out.kpatch | grep -c '^  [a-z]*_[a-z]*  *at ' >made
echo 3 >wanted
same "and are in one patch" wanted made

printf -- '--- /dev/null\n+++ b/inc/deep/new.h\n@@ -0,0 +1 @@\n+#define NEW 77\n' >new.patch
edit new src/one.c 's/#include "one.h"/&\n#include "deep\/new.h"/; s/x \* 2/x * NEW/'
for way in '' --copy-tree; do
	build 0 "a header is new${way:+, in a copy of the tree}" $way new.patch
	units "and found by the unit that includes it" one
	grep -q 77 asm/*one.c.patched.s
	result $? "in its new version"
done

build 0 "in JSON" --json --report report.json --level 3 --cve CVE-1 --cve CVE-2 --description 'a fix' function.patch
[ "$("$get" . <out)" = "outcome file patch report error" ] && [ "$("$get" outcome <out)" = built ] &&
	[ "$("$get" file <out)" = out.kpatch ] && [ "$("$get" patch.level <out)" = 3 ] &&
	[ "$("$get" patch.cves.1 <out)" = CVE-2 ] && [ "$("$get" patch.description <out)" = 'a fix' ] &&
	[ "$("$get" report.functions.0.symbol <out)" = first_one ] && [ "$("$get" error <out)" = null ]
result $? "one document with the documented names" "$(cat out)"
[ "$("$get" functions.0.symbol <report.json)" = first_one ]
result $? "and the report is in its file" "$(cat report.json)"
rm report.json

edit comment src/one.c 's/^int first_one/\/* a comment *\/\n\n&/'
build 1 "a comment changes" comment.patch
grep -qx no-effect out && [ ! -e out.kpatch ]
result $? "the word is no-effect, and no file is written" "$(cat out err)"
edit data src/report.c 's/int reported/int reported = 5/'
build 1 "the initial value of a variable changes" data.patch
grep -qx refused out && grep -q '^refusal: reported ' out && [ ! -e out.kpatch ]
result $? "the word is refused, and the variable is named" "$(cat out err)"
build 1 "the same in JSON" --json data.patch
[ "$("$get" outcome <out)" = refused ] && [ "$("$get" report.refusals.0.symbol <out)" = reported ] &&
	[ "$("$get" error.name <out)" = LCP_EREFUSED ] && [ "$("$get" file <out)" = null ]
result $? "has the refusal" "$(cat out)"

edit broken src/one.c 's/x \* 2/x * unknown/'
build 1 "a patch that does not compile" broken.patch
grep -qx compiler-failed out && grep -q "src/one.c: the patched source does not compile" err &&
	grep -q "unknown.*undeclared\|undeclared.*unknown" err
result $? "the word is compiler-failed, and the compiler's message is shown" "$(cat out err)"
sed 's/x \* 2/x * 7/' function.patch >wrong.patch
build 1 "a patch for another version" wrong.patch
grep -qx does-not-apply out && grep -q 'wrong.patch: hunk 1 of src/one.c' err
result $? "the word is does-not-apply, and the hunk is named" "$(cat out err)"
build 1 "names that lead nowhere" -p 0 function.patch
grep -qx does-not-apply out && grep -q -e '--strip' err
result $? "the word is does-not-apply, and --strip is hinted at" "$(cat out err)"
build 0 "other names" -p 2 --source "$project/src" function.patch
printf -- '--- /dev/null\n+++ b/src/four.c\n@@ -0,0 +1 @@\n+int four;\n' >unknown.patch
build 1 "a new source without a command" unknown.patch
grep -qx unknown-unit out && grep -q 'src/four.c' err
result $? "the word is unknown-unit, and the source is named" "$(cat out err)"
edit notes two.rsp 's/-g/-g0/'
build 1 "a patch that touches no unit" notes.patch
grep -qx unknown-unit out
result $? "the word is unknown-unit" "$(cat out err)"
build 1 "a patch that is not there" missing.patch
grep -qx failed out
result $? "the word is failed" "$(cat out err)"
build 1 "an object that is not there" --object missing function.patch
[ ! -e out.kpatch ]
result $? "makes no file" "$(cat out err)"

# A variant of compile_commands.json, in the same place; the tree is another then.
variant() {
	sed "$1" 'my project/compile_commands.json' >variant.json
	cat variant.json >'my project/variant.json'
	tree_state >before
}
variant 's/-MD -MF one.d/-flto=auto/'
build 8 "a unit compiled with -flto" --compdb 'my project/variant.json' function.patch
grep -qx unsupported out && grep -q -e -fno-lto err
result $? "the word is unsupported, and a way out is named" "$(cat out err)"
variant 's/-MD -MF one.d/-flto -Werror -save-temps -Wp,-MMD,x.d -Wl,-z,now -lm -MJ x.json -fno-lto/'
build 0 "options that belong to what the command made are left out" --compdb 'my project/variant.json' function.patch
variant 's/"src\/one.c" }/&,{ "directory": "src", "arguments": ["cc", "-O0", "-c", "one.c"], "file": "one.c" }/'
build 0 "a unit that is compiled in two ways" --compdb 'my project/variant.json' function.patch
grep -q 'several ways' err
result $? "the one that suits a shared library is taken, and this is said" "$(cat out err)"
printf '[{"directory": "/",}]' >'my project/variant.json'
tree_state >before
build 1 "compile commands that are no JSON" --compdb 'my project/variant.json' function.patch
grep -qx malformed out && grep -q 'variant.json:1: not JSON' err
result $? "the word is malformed, and the place is named" "$(cat out err)"

# A compiler that takes no directive: then without.
cat >no-line <<end
#!/bin/sh
! grep -q '^#line' src/one.c && exec $CC "\$@"
end
chmod +x no-line
variant "s|ccache $CC|$scratch/no-line|"
build 0 "a unit that does not compile with #line" -v --compdb 'my project/variant.json' function.patch
grep -q 'one.c: once more, without #line directives' err && grep -q 'first_one' asm/*one.c.patched.s
result $? "is compiled without" "$(cat out err)"
build 0 "the same in a copy of the tree" -v --copy-tree --compdb 'my project/variant.json' function.patch
grep -q 'one.c: once more, without #line directives' err
result $? "is compiled without, too" "$(cat out err)"
rm 'my project/variant.json'
tree_state >before

chmod -R a-w 'my project'
tree_state >before
build 0 "a tree that cannot be written" function.patch
chmod -R u+w 'my project'
if [ "$(id -u)" -eq 0 ] && chmod 755 . && chmod 777 tmp && cp function.patch tmp.patch &&
	setpriv --reuid=65534 --regid=65534 --clear-groups "$lcp" --version >/dev/null 2>&1; then
	mkdir other && chmod 777 other
	for way in '' --copy-tree; do
		setpriv --reuid=65534 --regid=65534 --clear-groups "$lcp" build -v --object 'my project/libproject.so' \
			--id fix --compdb 'my project/compile_commands.json' -o other/out.kpatch $way function.patch >out 2>err
		result $? "another user than the owner of the tree can build${way:+, in a copy}" "$(cat out err)"
		cmp -s other/out.kpatch way.kpatch
		result $? "and gets the same patch"
	done
	[ -z "$(ls -A tmp)" ]
	result $? "and nothing is left" "$(ls tmp)"
else
	skip "needs root, and a build that others can reach" "another user than the owner of the tree can build"
fi
echo "old" >kept.kpatch
"$lcp" build -q --object 'my project/libproject.so' --id fix --compdb 'my project/compile_commands.json' \
	-o kept.kpatch broken.patch 2>err
grep -qx old kept.kpatch
result $? "a build that fails leaves the old file as it was"
"$lcp" build -q --object 'my project/libproject.so' --id fix --compdb 'my project/compile_commands.json' \
	-o kept.kpatch function.patch 2>err
same "one that succeeds replaces it" way.kpatch kept.kpatch
[ "$(stat -c %a kept.kpatch)" = "$(printf '%o' $((0644 & ~0$(umask))))" ] && [ -z "$(find . -maxdepth 1 -name '.kept*')" ]
result $? "with the usual mode, and without traces"
"$lcp" build -q --object 'my project/libproject.so' --id fix --compdb 'my project/compile_commands.json' \
	-o nowhere/out.kpatch function.patch >out 2>err
[ $? -eq 1 ] && grep -q nowhere err
result $? "1: a directory for the result that is not there" "$(cat err)"
finish
