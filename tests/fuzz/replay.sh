# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Replay the seed corpora through the fuzzing entry points.

. "$top_srcdir/tests/api/rules.sh"

for fuzzer in asm elf image kpatch ledger process procfs; do
	out=$("$top_builddir/tests/fuzz/fuzz-$fuzzer" "$top_srcdir/tests/fuzz/corpus/$fuzzer" 2>&1)
	result $? "seeds of fuzz-$fuzzer are accepted or refused as their names say, changes do no harm" "$out"
	say "$(printf '%s\n' "$out" | grep -c '^ok') claims"
	nothing "$(printf '%s\n' "$out" | grep '# SKIP')" "fuzz-$fuzzer tells what became of each"
done
finish
