# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The verdict of the differ on what compilers really write: each pair of tests/asm/pairs with gcc and
# clang and some flags; with ASM_MATRIX set, with all combinations of them (make asm-matrix).

. "$top_srcdir/tests/api/rules.sh"

if [ -n "${ASM_MATRIX:-}" ]; then
	for level in -O0 -O1 -O2 -O3 -Os; do
		for debug in '' -g; do
			for pic in '' -fPIC; do
				for cf in '' -fcf-protection; do
					for sections in '' '-ffunction-sections -fdata-sections'; do
						echo "$level $debug $pic $cf $sections"
					done
				done
			done
		done
	done
else
	printf '%s\n' -O0 -O2 '-O2 -g -ffunction-sections -fdata-sections' \
		'-Os -g -fPIC -fcf-protection'
fi >"$scratch/flags"

# One folder a pair: what its lines begin with, and pair.c.
awk -v scratch="$scratch" '
	/^== / {
		count++
		dir = sprintf("%s/%03d", scratch, count)
		system("mkdir " dir)
		print substr($0, 4) >(dir "/claim")
		next
	}
	!count { next }
	/^(want|with|without|flags)( |$)/ { print substr($0, length($1) + 2) >(dir "/" $1); next }
	{ print >(dir "/pair.c") }' "$top_srcdir/tests/asm/pairs"

asm_diff=$(cd "$top_builddir" && pwd)/tests/asm/asm-diff
compilers_here=
for compiler in gcc clang; do
	if command -v $compiler >/dev/null; then
		compilers_here="$compilers_here $compiler"
	else
		skip "it is not installed" "$compiler writes assembler"
	fi
done
export asm_diff scratch compilers_here
find "$scratch" -mindepth 1 -type d | sort |
	xargs -P "$(nproc)" -n 1 sh "$top_srcdir/tests/asm/pair.sh"
for pair in "$scratch"/[0-9]*; do
	wrong=$(cat "$pair/wrong")
	[ "$(cat "$pair/runs" 2>/dev/null || echo 0)" -gt 0 ] || wrong="$wrong; never run"
	nothing "$wrong" "$(cat "$pair/claim")"
done
say "$(cat "$scratch"/*/runs | awk '{ sum += $1 } END { print sum }') pairs of compilations"
finish
