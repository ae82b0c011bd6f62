# SPDX-License-Identifier: LGPL-2.1-or-later
#
# lcp-cc is what it wraps, and keeps the assembler text. Each command line is run twice, in two equal
# folders, by the real compiler and by lcp-cc; exit status, words, and all files must be the same, but
# for the texts and the sections that name them.

. "$top_srcdir/tests/api/rules.sh"

wrapper=$(cd "$top_builddir/tools" && pwd)/lcp-cc
unset LCP_STAGE KPATCH_STAGE LCP_CC LCP_CXX LCP_ASM_DIR LCP_CC_DEBUG
compilers=
for compiler in gcc clang; do
	if command -v "$compiler" >/dev/null; then
		compilers="$compilers $compiler"
	else
		skip "$compiler is not installed" "works with $compiler"
	fi
done

mkdir "$scratch/bin" "$scratch/real" "$scratch/ours"
for name in lcp-cc lcp-c++ libcare-cc kpatch_cc libcare-c++; do
	ln -s "$wrapper" "$scratch/bin/$name"
done
PATH=$scratch/bin:$PATH

# tree FOLDER: the sources every command line finds.
tree() {
	mkdir -p "$1"
	find "$1" -mindepth 1 -delete
	mkdir "$1/sub" "$1/out dir" "$1/.libs"
	cat >"$1/one.c" <<'END'
#include "shared.h"
static int hidden(int x) { int unused; return x * 3; }
int one(int x) { return hidden(x) + SHARED; }
END
	cat >"$1/two.c" <<'END'
#include <stdio.h>
#include "shared.h"
int one(int x);
static const char text[] = "the answer is %d\n";
int main(void) { return printf(text, one(SHARED)) < 0; }
END
	echo '#define SHARED 10' >"$1/shared.h"
	echo 'int sub_one(int x) { static int n; return n += x; }' >"$1/sub/one.c"
	echo 'int broken(void) { return nothing; }' >"$1/broken.c"
	printf '%s\n' '	.text' '	.globl three' 'three:	ret' >"$1/three.s"
	printf '%s\n' '#define NAME four' '	.text' '	.globl NAME' 'NAME:	ret' >"$1/four.S"
	echo 'template <class T> T five(T x) { return x; } int six() { return five(6); }' >"$1/six.cc"
	printf '%s\n' '-c -O1' "'-DNAME=\"a b\"' -DTWO\\ WORDS" '"one.c"' '@more' >"$1/words"
	printf '%s\n' '-o "out dir/answer.o"' >"$1/more"
	printf '%s\n' 'int main(void) { return 0; }' >"$1/conftest.c"
}

# keep SIDE: a copy of the folder, without what lcp-cc adds and without debug information.
keep() {
	rm -rf "$scratch/$1/t"
	cp -a "$scratch/t" "$scratch/$1/t"
	find "$scratch/$1/t" -name '.lcp_*.s' -delete
	find "$scratch/$1/t" -type f ! -name '*.[csSdi]' | while read -r file; do
		case $(head -c 4 "$file" | tr -dc ELF) in
		ELF) objcopy -g -R .lcp.asm -R .note.gnu.build-id "$file" ;;
		esac
	done
	# Temporary files have other names each time.
	sed 's,[^ :]*/\(cc\|[a-z]*-\|\.lcp_\)[^ :]*\.[so],TEMP,g' "$scratch/err" >"$scratch/$1/words"
	mv "$scratch/out" "$scratch/$1/out"
}

# equal CLAIM WORD...: the command line does the same with and without lcp-cc.
equal() {
	claim=$1
	shift
	tree "$scratch/t"
	# shellcheck disable=SC2086 # words are wanted
	(cd "$scratch/t" && $LCP_CC "$@" <one.c && echo success || echo "failure $?") >"$scratch/out" 2>"$scratch/err"
	keep real
	tree "$scratch/t"
	(cd "$scratch/t" && export LCP_STAGE=original && lcp-cc "$@" <one.c && echo success || echo "failure $?") \
		>"$scratch/out" 2>"$scratch/err"
	keep ours
	nothing "$(diff -ru "$scratch/real" "$scratch/ours")" "$LCP_CC: $claim"
}

# kept: the texts that lie there now.
kept() {
	(cd "$scratch/t" && find . -name '.lcp_*.s' | sort | tr '\n' ' ')
}

# texts CLAIM NAME...: exactly these texts are kept by the last command line.
texts() {
	[ "$(kept)" = "$2" ]
	result $? "$LCP_CC: $1" "kept: $(kept)"
}

# recorded FILE: the texts that an object or a program names.
recorded() {
	readelf -W -p .lcp.asm "$1" 2>/dev/null | sed -n 's/^ *\[ *[0-9a-f]*\]  //p'
}

same_for() {
	equal "-c without -o" -c one.c
	texts "the text lies beside the object" "./.lcp_one.original.s "
	equal "-c with -o in another directory" -c -O2 -g one.c -o sub/other.o
	texts "the text is named after the object, not the source" "./sub/.lcp_other.original.s "
	[ "$(recorded "$scratch/t/sub/other.o")" = "$(cd "$scratch/t" && pwd -P)/sub/.lcp_other.original.s" ]
	result $? "$LCP_CC: the object names its text by an absolute path"
	(cd "$scratch/t" && grep -q 'lcp\.asm' sub/.lcp_other.original.s)
	[ $? -eq 1 ]
	result $? "$LCP_CC: the text itself does not hold the record"
	equal "-o joined, optimisation, position independence" -fPIC -O3 -c one.c -ojoined.o
	equal "one section a function" -O2 -ffunction-sections -fdata-sections -c one.c -o one.o
	equal "several sources at once" -c one.c two.c
	texts "each has its text" "./.lcp_one.original.s ./.lcp_two.original.s "
	equal "compile and link" -O2 one.c two.c -o program
	texts "texts of a program are named after both" "./.lcp_program-one.original.s ./.lcp_program-two.original.s "
	[ "$(recorded "$scratch/t/program" | wc -l)" -eq 2 ] && [ "$("$scratch/t/program")" = "the answer is 40" ]
	result $? "$LCP_CC: a linked program runs and names its units"
	strip "$scratch/t/program" && [ "$(recorded "$scratch/t/program" | wc -l)" -eq 2 ]
	result $? "$LCP_CC: and still does when stripped"
	equal "link without a name for the program" one.c two.c
	texts "it is a.out then" "./.lcp_a-one.original.s ./.lcp_a-two.original.s "
	equal "sources of one name in one command" -shared -fPIC one.c sub/one.c -o both.so
	texts "do not share a text" "./.lcp_both-one-2.original.s ./.lcp_both-one.original.s "
	equal "garbage collection of sections" -ffunction-sections -Wl,--gc-sections one.c two.c -o program
	[ "$(recorded "$scratch/t/program" | wc -l)" -eq 2 ]
	result $? "$LCP_CC: keeps the record"
	equal "a library and its search path while linking" one.c -L. two.c -lm -o program
	equal "sources among assembler sources" one.c three.s two.c four.S -o program
	texts "only compiled ones are kept" "./.lcp_program-one.original.s ./.lcp_program-two.original.s "
	equal "assembler sources alone" -c three.s four.S
	texts "leave nothing" ""
	equal "-c of compiled and assembler sources" -c one.c four.S
	equal "a response file, nested and quoted" @words
	texts "the text follows a name with a blank" "./out dir/.lcp_answer.original.s "
	equal "a response file that is missing" -c @missing one.c
	equal "-MD" -MD -c one.c -o sub/one.o
	equal "-MD without -o" -MD -c one.c
	equal "-MMD -MP with -MF" -MMD -MP -MF sub/deps -c one.c -o sub/one.o
	equal "-MD -MF -MT" -MD -MFdeps -MT 'a target' -c one.c
	equal "-MD -MQ" -MD -MQ "a\$target" -c one.c -o one.obj
	equal "-Wp,-MD as kernels have it" -Wp,-MMD,.one.o.d -c one.c -o one.o
	equal "-MD while linking" -MD one.c two.c -o sub/program
	equal "-MD while linking to a.out" -MD one.c two.c
	equal "-pipe" -pipe -c one.c
	equal "-save-temps" -save-temps -c one.c -o sub/kept.o
	equal "-save-temps=cwd" -save-temps=cwd -c one.c -o sub/kept.o
	equal "-save-temps=obj" -save-temps=obj -c one.c -o sub/kept.o
	equal "-save-temps while linking" -save-temps one.c two.c -o program
	equal "-x and standard input" -x c -c -o stdin.o -
	texts "have a text" "./.lcp_stdin.original.s "
	equal "-x c for a file that ends in something else" -c -x c words -o words.o
	equal "-xc - while linking, with an object behind it" -xc - -x none two.c -o program
	equal "-x assembler" -c -x assembler three.s -o three.o
	equal "warnings are said once" -Wall -c one.c
	[ "$(grep -c 'warning:' "$scratch/err")" -eq 1 ]
	result $? "$LCP_CC: there was one"
	equal "warnings while linking" -Wall one.c two.c -lm -o program
	equal "warnings as errors" -Wall -Werror -c one.c
	equal "a source that is broken" -c broken.c
	texts "leaves no text" ""
	equal "a source that is broken beside a sound one" -c broken.c one.c
	equal "a source that is missing" -c none.c
	equal "a directory that is missing" -c one.c -o none/one.o
	equal "one output for two sources" -c one.c two.c -o both.o
	equal "no arguments"
	equal "an unknown option" -fno-such-thing -c one.c
	equal "a definition that is missing while linking" two.c -o program
	equal "-E" -E one.c
	equal "-S" -S one.c -o -
	equal "-M" -M one.c
	equal "-MM" -MM one.c
	equal "-fsyntax-only" -fsyntax-only broken.c
	equal "--version" --version
	equal "-dumpmachine" -dumpmachine
	equal "output to /dev/null" -c one.c -o /dev/null
	equal "a trial of a configure script" -c conftest.c
	texts "leaves no text" ""
	equal "link-time optimisation" -flto -frandom-seed=1 -c one.c
	texts "leaves no text" ""
	equal "an option's argument that looks like a source" -c one.c -include shared.h -D two.c
	equal "an object for a 32-bit ABI" -mx32 -c sub/one.c -o x32.o
	equal "a file of C++" -c six.cc
	equal "prefix maps" -g -fdebug-prefix-map=/=x -ffile-prefix-map=/=y -c one.c
	equal "a source that is missing beside a sound one" -c one.c none.c
}

for LCP_CC in $compilers; do
	export LCP_CC
	same_for
done

if command -v gcc >/dev/null; then
	LCP_CC=gcc
	equal "-gsplit-dwarf makes the file beside the object" -g -gsplit-dwarf -c one.c -o sub/split.o
	equal "-ftest-coverage" --coverage -frandom-seed=1 -c one.c -o sub/covered.o
	equal "-fstack-usage" -fstack-usage -c one.c -o sub/used.o
fi
first=$(echo "$compilers" | awk '{ print $1 }')
LCP_CC="env AN=environment $first"
equal "a command of several words for a compiler" -c one.c
LCP_CC=$first

# Libtool: the same source twice, to two objects of one name.
tree "$scratch/t"
cd "$scratch/t" || exit 1
LCP_STAGE=original lcp-cc -fPIC -DPIC -c one.c -o .libs/one.o && LCP_STAGE=original lcp-cc -c one.c -o one.o
texts "objects of one name have texts of their own" "./.lcp_one.original.s ./.libs/.lcp_one.original.s "
LCP_STAGE=patched lcp-cc -c one.c -o one.o
texts "the patched stage has other names" "./.lcp_one.original.s ./.lcp_one.patched.s ./.libs/.lcp_one.original.s "
cmp -s .lcp_one.original.s .lcp_one.patched.s
result $? "and the same text for the same source"

tree "$scratch/t"
LCP_ASM_DIR=$scratch/kept/there LCP_STAGE=original lcp-cc -c one.c -o sub/one.o
here=$(pwd -P)
[ -f "$scratch/kept/there$here/sub/.lcp_one.original.s" ] && [ "$(kept)" = "" ]
result $? "LCP_ASM_DIR keeps texts elsewhere"
tree "$scratch/t"
lcp-cc -c one.c && texts "without a stage it is the real compiler" ""
LCP_STAGE=configure KPATCH_STAGE=original lcp-cc -c one.c && texts "LCP_STAGE comes before KPATCH_STAGE" ""
KPATCH_STAGE=original lcp-cc -c one.c && texts "KPATCH_STAGE does too" "./.lcp_one.original.s "

# fails CLAIM STATUS TEXT WORD...: lcp-cc ends with STATUS and says TEXT.
fails() {
	claim=$1 status=$2 words=$3
	shift 3
	"$@" >"$scratch/out" 2>&1
	ended=$?
	[ "$ended" -eq "$status" ] && grep -qF -e "$words" "$scratch/out"
	result $? "$claim" "$ended: $(cat "$scratch/out")"
}
fails "an unknown stage is an error" 129 'stage "later" is none of' env LCP_STAGE=later lcp-cc -c one.c
fails "an empty compiler is an error" 129 'real compiler is empty' env LCP_CC= lcp-cc -c one.c
fails "a missing compiler is an error" 129 'cannot run none-such' env LCP_CC=none-such LCP_STAGE=original lcp-cc -c one.c
fails "a missing compiler is an error without a stage" 129 'cannot run none-such' env LCP_CC=none-such lcp-cc -c one.c
fails "the wrapper does not wrap itself" 129 'is lcp-cc itself' env LCP_CC=lcp-cc lcp-cc -c one.c
fails "nor through another command" 129 'is lcp-cc itself' env LCP_CC="env lcp-cc" LCP_STAGE=original lcp-cc -c one.c
LCP_CC_DEBUG=1 LCP_STAGE=original lcp-cc -c one.c 2>"$scratch/out"
[ "$(grep -c '^lcp-cc: ' "$scratch/out")" -eq 2 ]
result $? "LCP_CC_DEBUG shows what is run" "$(cat "$scratch/out")"

if command -v g++ >/dev/null; then
	tree "$scratch/t"
	echo 'int six(); int main() { return six() != 6; }' >main.cc
	LCP_STAGE=original lcp-c++ six.cc main.cc -o six && ./six && [ "$(recorded six | wc -l)" -eq 2 ]
	result $? "lcp-c++ is a C++ compiler"
else
	skip "g++ is not installed" "lcp-c++ is a C++ compiler"
fi

# A name with everything that an assembler's string may trip over.
mkdir "$scratch/t/a\"b\\c d"
(cd "$scratch/t/a\"b\\c d" && cp ../one.c ../shared.h . && LCP_STAGE=original lcp-cc -c one.c &&
	[ "$(recorded one.o)" = "$(pwd -P)/.lcp_one.original.s" ])
result $? "a directory may have quotes, backslashes and blanks in its name"

# Signals: a compiler that waits is told, the wrapper ends as it does.
mkfifo "$scratch/fifo"
cat >"$scratch/bin/slow" <<END
#!/bin/sh
trap 'echo told >"$scratch/told"; trap - TERM; kill -TERM \$\$' TERM
echo ready >"$scratch/fifo"
while :; do sleep 0.1; done
END
chmod +x "$scratch/bin/slow"
LCP_CC=slow LCP_STAGE=original lcp-cc one.c two.c -o program &
pid=$!
timeout 60 head -n 1 "$scratch/fifo" >/dev/null
kill -TERM "$pid"
wait "$pid"
[ $? -eq 143 ] && [ -f "$scratch/told" ]
result $? "a signal is passed on, and ends the wrapper too"
[ -z "$(find . -name '.lcp_*.o')" ]
result $? "nothing temporary is left"
printf '#!/bin/sh\nkill -KILL $$\n' >"$scratch/bin/slow"
LCP_CC=slow LCP_STAGE=original lcp-cc -c one.c
[ $? -eq 137 ]
result $? "a compiler that is killed is reported as killed"
(trap '' CHLD; LCP_STAGE=original lcp-cc -c broken.c 2>/dev/null)
[ $? -eq 1 ]
result $? "the exit status is right when SIGCHLD is ignored"
cd /
finish
