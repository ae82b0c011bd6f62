# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Everything that a classic patch can hold, in programs and libraries: patched, they behave as the new
# version does.

. "$top_srcdir/tests/api/rules.sh"
. "$top_srcdir/tests/classic/classic.sh"

if ! can_run; then
	skip "programs cannot be patched by preloading here" "patched programs behave as new ones"
	finish
fi
source=$(cd "$top_srcdir/tests/classic" && pwd)/contents.c
cd "$scratch" || exit 1
printf 'int run(void);\nint main(void)\n{\n\treturn run();\n}\n' >main.c

# compile FLAGS OPTIONS: old.s and new.s, and both.s of them
compile() {
	# shellcheck disable=SC2086 # words are wanted
	$CC $1 -S "$source" -o old.s && $CC $1 -DPATCHED -S "$source" -o new.s &&
		kpatch_gensrc -i old.s -i new.s -o both.s $2
}

# patched CLAIM PROGRAM: it behaves as ./want does.
patched() {
	./want >want.out 2>&1
	grep -q 'a new string' want.out || return 1
	run_patched patch.kpatch "$2" >is.out
	same "$1" want.out is.out
}

# program FLAGS OPTIONS ORDER
program() {
	out=$({ compile "$1" "$2" && link "$1" old old.s && link "$1" want new.s &&
		link "$1" both both.s -Wl,-q && finish_patch old both "$3" "" patch.kpatch; } 2>&1)
	result $? "program, $1, $2: a patch is made" "$out"
	patched "program, $1, $2: it behaves as the new one" ./old
}

# library FLAGS OPTIONS ORDER
library() {
	flags="$1 -fPIC -DLIBRARY"
	out=$({ compile "$flags" "$2" && link "$flags -shared" libnew.so new.s &&
		link "$1" want main.c ./libnew.so && link "$flags -shared" libold.so old.s &&
		link "$1" old main.c ./libold.so && link "$flags -shared" libboth.so both.s -Wl,-q &&
		finish_patch libold.so libboth.so "$3" 0001 patch.kpatch; } 2>&1)
	result $? "library, $1, $2: a patch is made" "$out"
	patched "library, $1, $2: it behaves as the new one" ./old
}

got=--force-gotpcrel
for flags in '-O0' '-O2' '-O2 -g' '-O2 -fno-pie -no-pie' '-O0 -fno-pie -no-pie' '-O2 -fPIC'; do
	program "$flags" $got after
	program "$flags" "$got --force-global" before
done
program '-O2 -g' "$got -f --dbg-filter-eh-frame --dbg-filter-gcc-except-table --dbg-filter-cfi" after
program '-O2 -ffunction-sections -fdata-sections' $got after
library '-O0' '' after
library '-O2' '' before
library '-O2 -g' "$got --force-global" after
library '-O2 -fno-semantic-interposition' '' before

# Without the GOT, code that counts on a copy of a library's variable cannot get one.
compile '-O2' '' && link -O2 old old.s && link -O2 both both.s -Wl,-q &&
	kpatch_strip --strip both both.stripped
result $? "a program without --force-gotpcrel is linked"
if readelf -rW both.stripped | grep -q 'PC32 .*environ'; then
	out=$(kpatch_strip --rel-fixup old both.stripped 2>&1)
	[ $? -eq 1 ] && echo "$out" | grep -q "'environ@GLIBC_[0-9.]*' is new to the original.*--force-gotpcrel"
	result $? "--rel-fixup refuses a new copy of a library's variable, and says what helps" "$out"
else
	skip "this compiler uses the GOT by itself" "--rel-fixup refuses a new copy of a library's variable"
fi
finish
