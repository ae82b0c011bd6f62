# SPDX-License-Identifier: LGPL-2.1-or-later
#
# lcp-cc under LibCare's names: its variables, its files, its exit status. kpatch_gensrc is a stand-in
# that notes its arguments and marks what it writes.

. "$top_srcdir/tests/api/rules.sh"

wrapper=$(cd "$top_builddir/tools" && pwd)/lcp-cc
unset LCP_STAGE KPATCH_STAGE KPATCH_PATH KPATCH_PREFIX KPATCH_ASM_DIR KPATCH_GENSRC_ASM KPCCREAL KPCXXREAL
unset KPCC_DEBUG KPCC_REMOVE_ARGS KPCC_APPEND_ARGS KPCC_DBGFILTER_ARGS KPCC_PATCH_ARGS
mkdir "$scratch/bin" "$scratch/elsewhere"
for name in libcare-cc libcare-c++ kpatch_cc kpcc++; do
	ln -s "$wrapper" "$scratch/bin/$name"
done
cat >"$scratch/bin/kpatch_gensrc" <<END
#!/bin/sh
echo "\$*" >>"$scratch/calls"
[ "\$1" != --fail ] || exit 1
while [ \$# -gt 0 ]; do
	case \$1 in
	-i) input=\$2 ;;
	-o) output=\$2 ;;
	esac
	shift
done
cat "\$input" >"\$output"
echo '.section .kpatch.text,"ax",@progbits' >>"\$output"
END
chmod +x "$scratch/bin/kpatch_gensrc"
cp "$scratch/bin/kpatch_gensrc" "$scratch/elsewhere"
PATH=$scratch/bin:$PATH

# fresh: the sources in an empty folder.
fresh() {
	rm -rf "$scratch/tree"
	mkdir -p "$scratch/tree/sub"
	cd "$scratch/tree" || exit 1
	echo 'int one(int x) { return x + 1; }' >one.c
	echo 'int one(int); int main(void) { return one(-1); }' >main.c
	printf '%s\n' '	.text' '	.globl two' 'two:	ret' >two.s
	printf '%s\n' '#define NAME three' '	.globl NAME' 'NAME:	ret' >three.S
	: >"$scratch/calls"
}

kept() {
	find . -name '.*_*.s' | sort | tr '\n' ' '
}

# is CLAIM TEXT TEXT
is() {
	[ "$2" = "$3" ]
	result $? "$1" "$2 is not $3"
}

# fails CLAIM TEXT WORD...: the wrapper says TEXT and ends with 129.
fails() {
	claim=$1 words=$2
	shift 2
	"$@" >"$scratch/out" 2>&1
	ended=$?
	[ "$ended" -eq 129 ] && case $(cat "$scratch/out") in
	*"$words"*) true ;;
	*) false ;;
	esac
	result $? "$claim" "$ended: $(cat "$scratch/out")"
}

sections() {
	readelf -SW "$1"
}

fresh
fails "a stage is needed" "KPATCH_STAGE is not set" libcare-cc -c one.c
fails "LCP_STAGE is none" "KPATCH_STAGE is not set" env LCP_STAGE=original libcare-cc -c one.c
fails "an unknown stage is an error" "is none of" env KPATCH_STAGE=late kpatch_cc -c one.c
is "nothing was compiled" "$(find . -name '*.o')" ""
KPATCH_STAGE=configure libcare-cc -c one.c && [ -f one.o ]
result $? "configure is the real compiler"
is "without texts" "$(kept)" ""

export KPATCH_STAGE=original KPCC_DBGFILTER_ARGS=
fresh
libcare-cc -g -c one.c -o sub/one.o
is "original keeps the text beside the object" "$(kept)" "./sub/.kpatch_one.original.s "
sections sub/one.o | grep -qE 'lcp\.asm|debug_info'
[ $? -eq 1 ]
result $? "the object has no record of ours, and no debug information: -g is removed"
KPCC_REMOVE_ARGS='-O2;-DREMOVED' libcare-cc -g -O2 -DREMOVED -c one.c
sections one.o | grep -q debug_info
result $? "KPCC_REMOVE_ARGS removes other words"
libcare-cc -o main main.c one.c && ./main
result $? "a program is compiled and linked at once"
[ -f .kpatch_main.original.s ] && [ -f .kpatch_main-one.original.s ]
result $? "with the text named after the source alone where that is the program's name" "$(kept)"
sections main | grep -q rela.text
[ $? -eq 1 ]
result $? "the original is linked as ever"
is "kpatch_gensrc has no part in it" "$(cat "$scratch/calls")" ""
unset KPCC_DBGFILTER_ARGS
libcare-cc -c one.c
is "but for the filter of debug information" "$(sed "s,$(pwd -P)/,,g" "$scratch/calls")" \
	"--dbg-filter --dbg-filter-eh-frame --dbg-filter-gcc-except-table --os=rhel6 -i .kpatch_one.original.s -o .kpatch_one.original.s.filtered"
grep -q kpatch.text .kpatch_one.original.s && [ ! -f .kpatch_one.original.s.filtered ]
result $? "whose output is the text then"
KPCC_DBGFILTER_ARGS='--some;--thing' libcare-cc -c one.c
is "KPCC_DBGFILTER_ARGS has other arguments" "$(tail -n 1 "$scratch/calls" | cut -d ' ' -f 1-3)" "--some --thing -i"
rm one.o
fails "a filter that fails is an error" "" env KPCC_DBGFILTER_ARGS=--fail libcare-cc -c one.c
[ ! -f one.o ]
result $? "and leaves no object"

export KPCC_DBGFILTER_ARGS=
fresh
libcare-cc -c one.c main.c
export KPATCH_STAGE=patched
sed -i 's/+ 1/+ 2/' one.c
libcare-cc -g -c one.c
here=$(pwd -P)
is "patched keeps three texts" "$(kept)" \
	"./.kpatch_main.original.s ./.kpatch_one.original.s ./.kpatch_one.patched.s ./.kpatch_one.s "
is "the third of them by kpatch_gensrc" "$(cat "$scratch/calls")" \
	"--force-gotpcrel --os=rhel6 -i $here/.kpatch_one.original.s -i $here/.kpatch_one.patched.s -o $here/.kpatch_one.s"
sections one.o | grep -q 'kpatch\.text'
result $? "the object is made of that"
libcare-cc -o program one.o main.o && sections program | grep -q rela.text
result $? "the link keeps relocations: -Wl,-q"
KPCC_APPEND_ARGS='-Wl,-q;-Wl,-soname,appended' libcare-cc -shared -o library.so one.o && readelf -d library.so | grep -q appended
result $? "KPCC_APPEND_ARGS has other words for it"
KPCC_PATCH_ARGS='--other' libcare-cc -c one.c
is "KPCC_PATCH_ARGS has other arguments" "$(tail -n 1 "$scratch/calls" | cut -d ' ' -f 1-2)" "--other -i"
echo 'int added;' >added.c
libcare-cc -c added.c
is "a source without an original is compared to nothing" "$(tail -n 1 "$scratch/calls" | cut -d ' ' -f 3-4)" "-i /dev/null"
rm one.o
fails "a kpatch_gensrc that fails is an error" "" env KPCC_PATCH_ARGS=--fail libcare-cc -c one.c
[ ! -f one.o ]
result $? "and leaves no object"
: >"$scratch/calls"
sed -i 's/^echo "/echo "elsewhere /' "$scratch/elsewhere/kpatch_gensrc"
KPATCH_PATH=$scratch/elsewhere libcare-cc -c one.c
is "KPATCH_PATH says where kpatch_gensrc is" "$(cut -d ' ' -f 1 "$scratch/calls")" elsewhere
fails "one that is missing is an error" "cannot run $scratch/none/kpatch_gensrc" env KPATCH_PATH="$scratch/none" libcare-cc -c one.c
: >"$scratch/calls"
(PATH=/usr/bin:/bin && "$scratch/bin/kpatch_cc" -c one.c)
is "without it, it is beside the wrapper" "$(wc -l <"$scratch/calls")" 1

fresh
libcare-cc -c two.s three.S
is "assembler sources are not compared" "$(kept)" ""
KPATCH_GENSRC_ASM=1 KPATCH_STAGE=original libcare-cc -c two.s three.S
KPATCH_GENSRC_ASM=1 libcare-cc -c two.s three.S
is "with KPATCH_GENSRC_ASM they are" "$(kept)" "./.kpatch_three.original.s ./.kpatch_three.patched.s ./.kpatch_three.s ./.kpatch_two.original.s ./.kpatch_two.patched.s ./.kpatch_two.s "
grep -q '^three:' .kpatch_three.original.s && nm two.o | grep -q ' T two'
result $? "preprocessed where they want to be"

fresh
KPATCH_PREFIX=.other_ libcare-cc -c one.c
is "KPATCH_PREFIX begins the names" "$(kept)" "./.other_one.patched.s ./.other_one.s "
rm .other_*
KPATCH_ASM_DIR=$scratch/asm libcare-cc -c one.c -o sub/one.o
is "KPATCH_ASM_DIR keeps them elsewhere" "$(kept)" ""
[ -f "$scratch/asm$(pwd -P)/sub/.kpatch_one.s" ]
result $? "where the path of the object goes on"
KPCC_DEBUG=1 libcare-cc -c one.c 2>"$scratch/out"
is "KPCC_DEBUG shows what is run" "$(grep -c '^lcp-cc: ' "$scratch/out")" 3
KPCC_DEBUG=0 libcare-cc -c one.c 2>"$scratch/out"
is "0 does not" "$(cat "$scratch/out")" ""
printf '#!/bin/sh\necho "real $*"\n' >"$scratch/bin/real"
chmod +x "$scratch/bin/real"
is "KPCCREAL is the real compiler" "$(KPCCREAL=$scratch/bin/real libcare-cc --version)" "real --version"
is "KPCXXREAL that of names in ++" "$(KPCXXREAL=$scratch/bin/real libcare-c++ -E x)$(KPCXXREAL=$scratch/bin/real kpcc++ -E)" "real -E xreal -E"
fresh
cp one.c conftest.c
libcare-cc -c conftest.c
libcare-cc -c -DX=qemu-conf one.c
libcare-cc -c one.c -o /dev/null
libcare-cc -E one.c >/dev/null
is "trials of configure scripts, -E and /dev/null leave no text" "$(kept)" ""
cd /
finish
