# SPDX-License-Identifier: LGPL-2.1-or-later
#
# kpatch_strip, kpatch_make and libcare-dump: what they refuse, and how they end.

. "$top_srcdir/tests/api/rules.sh"
. "$top_srcdir/tests/classic/classic.sh"

if [ "$(uname -m)" != x86_64 ]; then
	skip "the texts are x86-64's" "the steps refuse what they must"
	finish
fi
cd "$scratch" || exit 1

# ends STATUS WORDS CLAIM COMMAND...: the command ends so, and its output has the words.
ends() {
	status=$1
	words=$2
	claim=$3
	shift 3
	out=$("$@" 2>&1)
	[ $? -eq "$status" ] && printf '%s\n' "$out" | grep -qF -e "$words"
	result $? "$claim" "$out"
}

# Two units, each with a static function and variable of the same names; one changes.
for unit in one two; do
	cat >$unit.c <<-end
		static int count;
		static int __attribute__((noinline)) step(int x) { count += VALUE; return x + count; }
		int ${unit}_step(int x);
		int ${unit}_step(int x) { return step(x) + 1; }
	end
done
printf 'int one_step(int);\nint two_step(int);\nint main(void)\n{\n' >main.c
printf '\treturn one_step(0) * 16 + two_step(0);\n}\n' >>main.c
$CC -O1 -DVALUE=1 -S one.c -o one.s && $CC -O1 -DVALUE=1 -S two.c -o two.s &&
	$CC -O1 -DVALUE=4 -S two.c -o new.s && kpatch_gensrc -i two.s -i new.s -o both.s &&
	link -O1 old main.c one.s two.s && link -O1 linked main.c one.s both.s -Wl,-q &&
	finish_patch old linked after 0001 patch.kpatch
result $? "a patch is made of one of two units with equal names"
./old
[ $? -eq 34 ]
result $? "the program adds 1 in both"
if can_run; then
	run_patched patch.kpatch ./old
	[ $? -eq 37 ]
	result $? "patched it adds 4 in that unit, to its own variable"
fi

kpatch_strip --strip linked a.stripped && mkdir -p out && (umask 022 && kpatch_strip -s linked out/b.stripped)
cmp a.stripped out/b.stripped
result $? "-s is --strip"
[ "$(stat -c %a out/b.stripped)" = 640 ]
result $? "what it makes has mode 0660, less the umask"
[ "$(readelf -SW a.stripped | sed -n 's/.* \.kpatch\.info  *PROGBITS  *[0-9a-f]* [0-9a-f]* \([0-9a-f]*\) .*/\1/p')" = 000048 ]
result $? "24 bytes end .kpatch.info" "$(readelf -SW a.stripped)"
cp a.stripped b.stripped && kpatch_strip -r old a.stripped >/dev/null && kpatch_strip --rel-fixup old b.stripped >/dev/null &&
	cmp a.stripped b.stripped && kpatch_strip -u old a.stripped && kpatch_strip -o --undo-link old b.stripped &&
	cmp a.stripped b.stripped
result $? "-r and -u are --rel-fixup and --undo-link; -o means nothing"

ends 1 "undone already" "a link is undone once" kpatch_strip --undo-link old a.stripped
ends 1 "undone already" "and not fixed up afterwards" kpatch_strip --rel-fixup old a.stripped
ends 255 "only one action" "two actions are refused" kpatch_strip --strip --undo-link old a.stripped
ends 255 "no action" "so is none" kpatch_strip old a.stripped
ends 255 "two files" "and one file" kpatch_strip --strip linked
ends 255 "unrecognized option" "and what is no option" kpatch_strip --nonsense
ends 0 "usage: kpatch_strip" "-h shows how it is used" kpatch_strip -h
ends 1 "missing: No such file" "a file that is not there is named" kpatch_strip --strip missing out/x
ends 1 "old: there is no patch in it" "a program without a patch is refused" kpatch_strip --strip old out/x
link -O1 quiet main.c one.s both.s
ends 1 "quiet: '.kpatch.info' has no relocations: link with -Wl,-q" "so is one linked without -q" \
	kpatch_strip --strip quiet out/x
$CC -c both.s -o both.o
ends 1 "both.o: not a program or library that was linked" "and an object file" kpatch_strip --strip both.o out/x
ends 1 "main.c: " "and what is no ELF file" kpatch_strip --strip main.c out/x
[ ! -e out/x ]
result $? "nothing is written then"

{
	printf '\t.text\n\t.globl f\n\t.type f, @function\nf:\n\tret\n\t.size f, .-f\n' >short.s
	printf '\t.text\n\t.globl f\n\t.type f, @function\nf:\n\tnop\n\tret\n\t.size f, .-f\n' >longer.s
} && kpatch_gensrc -i short.s -i longer.s -o both.s && link -O1 short main.c one.s two.s both.s -Wl,-q
ends 1 "short: too small function to patch: 'f' has 1 bytes" "a function without room for a branch is refused" \
	kpatch_strip --strip short out/x

# What is not in the original.
kpatch_strip --strip linked c.stripped
link -O1 other main.c one.s two.s -Wl,--defsym=two_step=one_step 2>/dev/null
printf 'int main(void)\n{\n\treturn 0;\n}\n' >nothing.c && link -O1 nothing nothing.c
before=$(cksum <c.stripped)
ends 1 "c.stripped: " "a patch for another program is refused" kpatch_strip --rel-fixup nothing c.stripped
[ "$before" = "$(cksum <c.stripped)" ]
result $? "and left as it is"

ends 1 "main.c: " "an original that is no ELF file is named" kpatch_strip --rel-fixup main.c c.stripped
ends 1 "main.c: " "in the last step too" kpatch_strip --undo-link main.c c.stripped

id=$(build_id old)
for command in "-b $id -i 0001 -o out/1 a.stripped" "a.stripped -o out/2 -i 0001 -b $id" \
	"-d -v x -s y -b $id a.stripped -i 0001 -o out/3"; do
	# shellcheck disable=SC2086 # words are wanted
	SOURCE_DATE_EPOCH=7 kpatch_make $command && cmp out/1 "out/$(echo "$command" | sed 's|.*out/\(.\).*|\1|')"
	result $? "options are in any order: ${command%%-*}"
done
SOURCE_DATE_EPOCH=7 kpatch_make -b "$id" -i 0001 a.stripped >out/4 && cmp out/1 out/4
result $? "without -o it writes to the standard output"
[ "$(od -An -tu8 -j136 -N8 out/1 | tr -d ' ')" = 7 ]
result $? "SOURCE_DATE_EPOCH is the time in the header"
[ "$(stat -c %a out/1)" = "$(stat -c %a out/b.stripped)" ] || [ "$(umask)" != 0022 ]
result $? "its mode is 0660, less the umask"
upper=$(echo "$id" | tr '[:lower:]' '[:upper:]')
SOURCE_DATE_EPOCH=7 kpatch_make -b "$upper" -i 0001 a.stripped -o out/5 && cmp out/1 out/5
result $? "capital digits are as good"
ends 0 "has not 40 digits" "a build-id of another length is used with a warning" \
	kpatch_make -b abcd -i 1 -o out/6 a.stripped
ends 1 "no build-id: -b BUILDID" "none is refused" kpatch_make -i 0001 -o out/x a.stripped
ends 1 "'xyz' is no build-id" "so is what is none" kpatch_make -b xyz -i 0001 -o out/x a.stripped
ends 1 "is no build-id" "and one that does not fit" kpatch_make -b "${id}ab" -i 0001 -o out/x a.stripped
ends 1 "'12345678' is no id" "and an id that does not fit" kpatch_make -b "$id" -i 12345678 -o out/x a.stripped
ends 1 "option -i is given twice" "and an option given twice" kpatch_make -b "$id" -i 1 -i 2 -o out/x a.stripped
ends 1 "one object file" "and no file" kpatch_make -b "$id" -o out/x
ends 1 "one object file" "and two" kpatch_make -b "$id" -o out/x a.stripped a.stripped
ends 1 "both.o: " "and an object file that is no patch" kpatch_make -b "$id" -o out/x both.o
ends 1 "ET_REL" "and a patch whose link is not undone" kpatch_make -b "$id" -o out/x c.stripped
ends 0 "usage: kpatch_make" "-h shows how it is used" kpatch_make -h

ends 1 "one of -H and -c" "libcare-dump wants to know what" libcare-dump -i out/1
ends 1 "one of -H and -c" "one of both" libcare-dump -H -c -i out/1 -o out/x
ends 1 "-i PATCH" "and of which file" libcare-dump -H
ends 1 "-o OUTPUT" "and where to" libcare-dump -c -i out/1
ends 1 "main.c: not a patch file" "and what is no patch it refuses" libcare-dump -H -i main.c
ends 0 "Patch id: 0001" "it shows the id" libcare-dump -H -i out/1
[ ! -e out/x ]
result $? "what failed wrote nothing"
finish
