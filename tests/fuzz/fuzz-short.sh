#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Build the fuzzers with clang, ASan and UBSan, and run each for some seconds, or as many times as
# FUZZ_RUNS says, from FUZZ_SEED, which is a new one each time if it is not set. FUZZERS names some of
# them. The corpora of the source tree are read, what is found goes to the build folder.
#
#	fuzz-short.sh SOURCE BUILD SECONDS
set -eu

source=$1 build=$2 seconds=$3
if [ -n "${FUZZ_RUNS:-}" ]; then
	limit=-runs=$FUZZ_RUNS
else
	limit=-max_total_time=$seconds
fi

mkdir -p "$build"
cd "$build"
[ -f Makefile ] || "$source/configure" -q CC=clang CFLAGS='-O1 -g' --disable-shared \
	--enable-fuzzers --enable-sanitizers
make -s -j"$(nproc)" >/dev/null
for fuzzer in ${FUZZERS:-asm elf image kpatch ledger process procfs}; do
	make -s "tests/fuzz/fuzz-$fuzzer" >/dev/null
	mkdir -p "found/$fuzzer"
	echo "fuzz-$fuzzer $limit"
	"tests/fuzz/fuzz-$fuzzer" "$limit" "-seed=${FUZZ_SEED:-0}" -max_len=40000 -timeout=10 -print_final_stats=1 \
		-artifact_prefix="found/" "found/$fuzzer" "$source/tests/fuzz/corpus/$fuzzer" \
		>"fuzz-$fuzzer.log" 2>&1 || {
		tail -n 40 "fuzz-$fuzzer.log"
		echo "fuzz-$fuzzer: see $build/found"
		exit 1
	}
	grep -E 'number_of_executed_units|DONE' "fuzz-$fuzzer.log"
done
