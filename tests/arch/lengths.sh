# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The decoder of x86-64 agrees with objdump: on the C library and the mathematical one, on formats
# that compilers seldom use, and on what they make of AVX-512. Then how many functions can be moved.
# LENGTHS_FILES and MOVES_FILES name more files to look at.

. "$top_srcdir/tests/api/rules.sh"

lengths=$top_builddir/tests/arch/lengths
moves=$top_builddir/tests/arch/moves

# agrees FILE CLAIM: every instruction is decoded, and as objdump does it.
agrees() {
	objdump -d -w "$1" | awk -f "$top_srcdir/tests/arch/lines.awk" >"$scratch/lines"
	"$lengths" <"$scratch/lines" >"$scratch/out"
	total=$(sed -n 's/^total //p' "$scratch/out")
	say "$2: ${total% * *} instructions and bytes"
	[ -s "$scratch/lines" ]
	result $? "$2: there are instructions"
	nothing "$(grep -v '^total' "$scratch/out" | head -n 20)" "$2: sizes and targets agree"
}

case $($CC -dumpmachine) in
x86_64*) ;;
*)
	skip "the compiler is not for x86-64" "the decoder of x86-64 agrees with objdump"
	finish
	;;
esac

as "$top_srcdir/tests/arch/instructions.s" -o "$scratch/instructions.o"
result $? "seldom used instructions are assembled"
agrees "$scratch/instructions.o" "seldom used instructions"

for compiler in gcc clang; do
	if ! command -v $compiler >/dev/null; then
		skip "it is not installed" "$compiler with AVX-512"
		continue
	fi
	$compiler -O3 -ffast-math -mavx512f -mavx512bw -mavx512vl -mprefer-vector-width=512 -c \
		"$top_srcdir/tests/arch/vectors.c" -o "$scratch/vectors.o"
	result $? "$compiler compiles for AVX-512"
	[ "$(objdump -d "$scratch/vectors.o" | grep -c zmm)" -gt 10 ]
	result $? "$compiler makes use of it"
	agrees "$scratch/vectors.o" "$compiler with AVX-512"
done

for library in libc.so.6 libm.so.6; do
	file=$($CC -print-file-name=$library)
	if [ -f "$file" ]; then
		agrees "$file" "$library"
	else
		skip "it is not here" "$library: sizes and targets agree"
	fi
done
for file in ${LENGTHS_FILES:-}; do
	agrees "$file" "$file"
done

# share FILE: of 1000 functions, how many can be moved.
share() {
	MOVES_PUSH=1 "$moves" "$1" >"$scratch/moves"
	say "$(cat "$scratch/moves")"
	say "  without pushing return addresses:$("$moves" "$1" | sed 's/^[^:]*://')"
	sed -n 's/.*: \([0-9]*\) functions, moved \([0-9]*\) .*/\2 \1/p' "$scratch/moves" |
		awk '$2 > 0 { print int(1000 * $1 / $2) }'
}

for file in "$($CC -print-file-name=libc.so.6)" "$top_builddir/liblcp/.libs/liblcp.so" ${MOVES_FILES:-}; do
	[ -f "$file" ] || continue
	share "$file" >"$scratch/share"
	grep '^#' "$scratch/share"
	[ "$(grep -v '^#' "$scratch/share")" -ge 970 ]
	result $? "97 of 100 functions of $(basename "$file") can be moved"
done
finish
