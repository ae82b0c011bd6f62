# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Replay the seed corpora through the fuzzing entry points.

. "$top_srcdir/tests/api/rules.sh"

for fuzzer in asm elf kpatch procfs; do
	out=$("$top_builddir/tests/fuzz/fuzz-$fuzzer" "$top_srcdir/tests/fuzz/corpus/$fuzzer" 2>&1)
	result $? "the corpus of fuzz-$fuzzer does no harm" "$out"
	say "$(printf '%s\n' "$out" | grep -c '^ok') claims"
done
finish
