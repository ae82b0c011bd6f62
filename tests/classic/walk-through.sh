# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The walk-throughs of LibCare and LibcarePlus by hand: foo.c and bar.c, every step, and the program
# runs patched.

. "$top_srcdir/tests/api/rules.sh"
. "$top_srcdir/tests/classic/classic.sh"

if ! can_run; then
	skip "programs cannot be patched by preloading here" "the walk-throughs lead to a patch"
	finish
fi

# walk NAME FLAGS OPTIONS ORDER ID: all steps in a directory of their own.
walk() {
	dir=$scratch/$1
	mkdir "$dir" && cp "$top_srcdir/tests/classic/foo.c" "$top_srcdir/tests/classic/bar.c" "$dir" &&
		cd "$dir" || return 1
	# shellcheck disable=SC2086 # words are wanted
	$CC $2 -S foo.c && $CC $2 -S bar.c && sed -i 's/bar\.c/foo.c/' bar.s || return 1
	# shellcheck disable=SC2086
	kpatch_gensrc --os=rhel6 -i foo.s -i bar.s -o foobar.s $3 || return 1
	link "$2" foo foo.s && link "$2" foobar foobar.s -Wl,-q || return 1
	finish_patch foo foobar "$4" "$5" foo.kpatch
}

# walked CLAIM NAME FLAGS OPTIONS ORDER ID
walked() {
	out=$(walk "$2" "$3" "$4" "$5" "$6" 2>&1)
	result $? "$1: the steps succeed" "$out"
	out=$("$scratch/$2/foo")
	[ "$out" = "i'm unpatched!
i'm unpatched!" ]
	result $? "$1: the original runs as it did" "$out"
	out=$(run_patched "$scratch/$2/foo.kpatch" "$scratch/$2/foo")
	[ "$out" = "you patched my tralala
you patched my tralala" ]
	result $? "$1: the program is patched" "$out"
}

number=0
for flags in '-O0' '-O2' '-O0 -fno-pie -no-pie' '-O2 -fno-pie -no-pie' '-O2 -g -fPIC'; do
	number=$((number + 1))
	walked "LibCare's, $flags" "libcare-$number" "$flags" "" after ""
	walked "LibcarePlus's, $flags" "plus-$number" "$flags" --force-global before 0001
done
walked "without strip(1)" no-strip -O2 --force-gotpcrel never 0002

# What the walk-throughs show of the files.
cd "$scratch/plus-1" || exit 1
grep -q '^Fixing up relocation i_m_being_patched+0$' foobar.fixup
result $? "--rel-fixup says what it looks at"
readelf -hW foobar.stripped | grep -q 'REL (Relocatable file)'
result $? "--undo-link makes an object file"
readelf -SW foobar.stripped | grep -q '\.text  *NOBITS'
result $? "sections of the original are headers without contents"
address=$(readelf -SW foo | sed -n 's/.* \.text  *PROGBITS  *\([0-9a-f]*\) .*/\1/p')
readelf -SW foobar.stripped | grep -q " \.text  *NOBITS  *$address "
result $? "with the addresses of the original"
readelf -sW foobar.stripped | grep -q 'GLOBAL DEFAULT  *[0-9]* i_m_being_patched\.kpatch$'
result $? "the new version is a global symbol"
same_lines() {
	grep -v '^#' "$1" >"$scratch/one"
	grep -v '^#' "$2" >"$scratch/two"
	same "$3" "$scratch/one" "$scratch/two"
}
kpatch_gensrc -i foo.s -i foo.s -o same.s
same_lines foo.s same.s "two equal texts give the original"
out=$(libcare-dump -H -i foo.kpatch)
[ "$out" = "Patch Name: foo.kpatch
Magic: KPATCH1
Patch id: 0001
buildid: $(build_id foo)" ]
result $? "libcare-dump -H shows the header" "$out"
libcare-dump -c -i foo.kpatch -o image
result $? "libcare-dump -c cuts it off"
head -c "$(wc -c <foobar.stripped)" image >image.head
cmp image.head foobar.stripped && [ "$(stat -c %a image)" = 550 ]
result $? "and leaves the object file, with mode 0550"
[ "$(od -An -tu4 -j152 -N4 foo.kpatch | tr -d ' ')" = 504 ]
result $? "with -i the header is LibcarePlus's"
[ "$(od -An -tu4 -j352 -N4 ../libcare-1/foo.kpatch | tr -d ' ')" = 688 ]
result $? "without, LibCare's"
finish
