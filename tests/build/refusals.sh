# SPDX-License-Identifier: LGPL-2.1-or-later
#
# When no patch can be made: each time the code and the words say why. And that the same input gives
# the same bytes. What is refused because of the change itself is in tests/build/cases.

. "$top_srcdir/tests/api/rules.sh"

make_patch=$(cd "$top_builddir" && pwd)/tests/build/make-patch
cd "$scratch" || exit 1

# refused WORDS CLAIM ARGUMENT...: make-patch fails, says so, and leaves no file.
refused() {
	words=$1
	claim=$2
	shift 2
	rm -f patch
	if "$make_patch" "$@" >report 2>message; then
		result 1 "$claim" "a patch was made"
	else
		grep -qE "$words" message && [ ! -e patch ]
		result $? "$claim" "$(cat message)"
	fi
}

# made CLAIM ARGUMENT...
made() {
	claim=$1
	shift
	"$make_patch" "$@" >report 2>message
	result $? "$claim" "$(cat message)"
}

cat >program.c <<'END'
#include <string.h>
static int state = 1;
int helper(int by);
int __attribute__((noinline)) helper(int by)
{
	return by * 7 + state;
}
int changes(const char *text);
int __attribute__((noinline)) changes(const char *text)
{
#ifdef PATCHED
	state++;
#endif
	return helper((int)strlen(text)) + state;
}
int main(int argc, char **argv)
{
	return argc > 5 ? changes(argv[0]) : 0;
}
END
sed 's/by \* 7/by * 9/' program.c >other.c
sed 's/helper(int by)/elsewhere(int by)/' program.c >renamed.c
mkdir one two
flags='-O2 -fpie -w'
# shellcheck disable=SC2086 # words are wanted
{
	$CC $flags -S program.c -o old.s &&
		$CC $flags -DPATCHED -S program.c -o new.s &&
		$CC -O1 -fpie -w -S program.c -o flags.s &&
		$CC $flags -S other.c -o other.s &&
		sed 's/"other.c"/"program.c"/' other.s >source.s &&
		$CC -c old.s -o old.o && $CC -pie -Wl,--build-id old.o -o program &&
		$CC -c other.s -o other.o && $CC -pie -Wl,--build-id other.o -o another &&
		$CC -pie -Wl,--build-id=none old.o -o anonymous
}
result $? "the programs compile"
assembler=
case $CC in
*clang*) assembler='-a clang -a -c -a -x -a assembler -a -' ;;
esac
# shellcheck disable=SC2086 # words are wanted
set -- $assembler

made "a patch is made" "$@" program - patch old.s new.s
refused '^LCP_EMISMATCH: .*changes: the function is another one' \
	"an original compiled with other flags: the functions are named" \
	"$@" program - patch flags.s new.s
refused '^LCP_EMISMATCH: .*helper: the function is another one' \
	"an original of other source: the function that differs is named, though it does not change" \
	"$@" program - patch source.s new.s
sed 's/by \* 7/(int)(by * 7.5)/' program.c >seven.c
sed 's/by \* 7/(int)(by * 8.5)/' program.c >eight.c
sed 's/return argc > 5/return argc > 6 ? (int)strnlen(argv[0], 9) : argc > 5/; s/helper((int)/other((int)/
	s/^int changes.const char .text.;/int other(int by); int __attribute__((noinline)) other(int by) { return by * 7 + state; }\n&/' \
	program.c >callee.c
sed 's/other((int)/helper((int)/' callee.c >called.c
for name in seven eight callee called; do
	# shellcheck disable=SC2086 # words are wanted
	$CC $flags -S $name.c -o $name.s && sed -i "s/\"$name.c\"/\"program.c\"/" $name.s &&
		$CC $flags -DPATCHED -S $name.c -o $name.new.s && $CC -c $name.s -o $name.o &&
		$CC -pie -Wl,--build-id $name.o -o $name
	result $? "$name compiles"
done
refused '^LCP_EMISMATCH: .*helper: the function is another one' \
	"an original with another constant: the function that uses it is named" \
	"$@" eight - patch seven.s seven.new.s
refused '^LCP_EMISMATCH: .*changes: the function is another one' \
	"an original that calls another function of the same unit or of others" \
	"$@" callee - patch called.s called.new.s
for other in gcc clang; do
	case $CC in
	*$other*) continue ;;
	esac
	if command -v $other >/dev/null && $other -O2 -fpie -w -S program.c -o $other.s &&
		$other -O2 -fpie -w -DPATCHED -S program.c -o $other.new.s; then
		sed '/\.addrsig/d' $other.s >plain.s
		refused '^LCP_EMISMATCH: .*changes: the function is another' \
			"an original of another compiler ($other): the functions are named" \
			"$@" program - patch plain.s $other.new.s
	fi
done
refused '^LCP_EMISMATCH: (another: )?another: its build-id is not that of the object' \
	"a debug file of another build" "$@" program another patch old.s new.s
cp program stripped && strip --strip-all stripped
refused '^LCP_EMISMATCH: .*the object is stripped, and there is no debug file' \
	"a stripped object without a debug file" "$@" stripped - patch old.s new.s
refused '^LCP_EMISMATCH: .*stripped: it has no symbols either' \
	"a debug file without symbols" "$@" stripped stripped patch old.s new.s
refused '^LCP_ENOEFFECT: no effect' "nothing changed" "$@" program - patch old.s old.s
refused '^LCP_EUNSUPPORTED: .*no build-id' "an object without a build-id" \
	"$@" anonymous - patch old.s new.s
refused '^LCP_EFORMAT: ' "an object that is no ELF file" "$@" program.c - patch old.s new.s
refused '^LCP_EFORMAT: .*neither a program nor a library' "an object that is not linked" \
	"$@" old.o - patch old.s new.s
refused '^ENOENT: ' "an original that is not there" "$@" program - patch nowhere.s new.s
grep -q nowhere.s message
result $? "whose name is said" "$(cat message)"

refused "^LCP_EASSEMBLER: cannot run '/nonexistent/as': ENOENT" "an assembler that is not there" \
	-a /nonexistent/as program - patch old.s new.s
refused "^LCP_EASSEMBLER: cannot run 'no-such-assembler': ENOENT" \
	"one that is in none of the folders" -a no-such-assembler program - patch old.s new.s
refused "^LCP_EASSEMBLER: cannot run './old.s': EACCES" "one that is no program" \
	-a ./old.s program - patch old.s new.s
refused "^LCP_EASSEMBLER: .*'false' ended with status 1" "one that fails" \
	-a false program - patch old.s new.s
refused "^LCP_E(ASSEMBLER|FORMAT): " "one that writes no object" -a true program - patch old.s new.s
cat >garbage <<'END'
#!/bin/sh
echo 'this is no object' >/proc/self/fd/3
END
cat >complains <<'END'
#!/bin/sh
echo 'Assembler messages:' >&2
echo '{standard input}:7: Error: no such instruction' >&2
exit 3
END
cat >killed <<'END'
#!/bin/sh
kill -9 $$
END
chmod +x garbage complains killed
refused "^LCP_E(ASSEMBLER|FORMAT): " "one that writes something else" \
	-a ./garbage program - patch old.s new.s
refused "^LCP_EASSEMBLER: old.s: './complains' ended with status 3: .*7: Error: no such instruction" \
	"one that complains: its first complaint is passed on" \
	-a ./complains program - patch old.s new.s
refused "^LCP_EASSEMBLER: old.s: './killed' was ended by signal 9" "one that is killed" \
	-a ./killed program - patch old.s new.s

# A static function that the linker left out, and another source file's that has the same code.
cat >twin.c <<'END'
static int __attribute__((noinline)) step(int by)
{
#ifdef PATCHED
	return by * 7 + 2;
#else
	return by * 7 + 1;
#endif
}
int NAME(int by);
int __attribute__((noinline)) NAME(int by)
{
	return step(by) + 3;
}
#ifdef MAIN
int main(int argc, char **argv)
{
	return MAIN(argc);
}
#endif
END
for version in ORIGINAL PATCHED; do
	$CC -O2 -ffunction-sections -fpie -w -D$version -DNAME=unused -DMAIN=used -S twin.c -o first.$version.s &&
		$CC -O2 -ffunction-sections -fpie -w -DORIGINAL -DNAME=used -S twin.c -o second.s &&
		sed -i '/\.file/s/twin\.c/second.c/' second.s
	result $? "two units compile" "$version"
done
$CC -c first.ORIGINAL.s -o first.o && $CC -c second.s -o second.o &&
	$CC -pie -Wl,--build-id -Wl,--gc-sections first.o second.o -o twins
result $? "they are linked without what is not used"
refused '^LCP_ENOEFFECT: ' "the function of another file that has the same code is not replaced" \
	"$@" twins - patch first.ORIGINAL.s first.PATCHED.s

# The same bytes, wherever the files are and however many work on them.
for unit in 1 2 3 4 5; do
	for version in ORIGINAL PATCHED; do
		sed "s/changes/changes_$unit/; s/helper/helper_$unit/; s/int main.*/int unused$unit(int argc, char **argv)/" \
			program.c >unit.c
		$CC -O2 -fPIC -w -D$version -S unit.c -o "one/$version.$unit.s" || exit 1
	done
	$CC -c "one/ORIGINAL.$unit.s" -o "unit.$unit.o"

done
$CC -shared -Wl,--build-id unit.?.o -o one/library.so
cp one/* two/
# shellcheck disable=SC2086 # words are wanted
make_in() {
	(cd "$1" && "$make_patch" $assembler -j "$3" library.so - "$2" \
			ORIGINAL.1.s PATCHED.1.s ORIGINAL.2.s PATCHED.2.s ORIGINAL.3.s PATCHED.3.s \
			ORIGINAL.4.s PATCHED.4.s ORIGINAL.5.s PATCHED.5.s)
}
make_in one "$scratch/a" 1 >a.report 2>message
result $? "a patch of five units is made" "$(cat message)"
make_in two "$scratch/b" 1 >b.report 2>message
cmp a b
result $? "in another folder it has the same bytes"
make_in two "$scratch/c" 4 >c.report 2>message
cmp a c
result $? "and with four jobs"
same "and the reports are the same" a.report c.report
finish
