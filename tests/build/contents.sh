# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What a patch may hold: each program of tests/build/cases, in two versions, is compiled, linked in
# several ways, and patched while it runs. With BUILD_MATRIX set every way is tried (make
# build-matrix), otherwise some of them for each case.

. "$top_srcdir/tests/api/rules.sh"
. "$top_srcdir/tests/build/cases.sh"

# The harness runs uninstrumented, in programs that are linked statically too, without libunwind.
driver_sources=$(ls "$top_srcdir"/liblcp/base/*.c "$top_srcdir"/liblcp/arch/*.c \
	"$top_srcdir"/liblcp/format/*.c "$top_srcdir"/liblcp/core/image*.c \
	"$top_srcdir"/liblcp/core/ledger*.c \
	"$top_srcdir"/liblcp/core/lookup*.c "$top_srcdir"/liblcp/core/process*.c \
	"$top_srcdir/liblcp/core/space.c" "$top_srcdir"/liblcp/core/symbols*.c \
	"$top_srcdir"/liblcp/target/[!u]*.c "$top_srcdir/tests/lib/no_unwinder.c" \
	"$top_srcdir/tests/lib/self_target.c" "$top_srcdir/tests/lib/selfpatch.c")
harness_flags="-std=gnu11 -O1 -fPIC -w -D_GNU_SOURCE -I$top_builddir/include -I$top_srcdir/include
	-I$top_srcdir/liblcp -I$top_srcdir/tests/lib"
for file in $driver_sources; do
	echo "$file -o $scratch/$(basename "$file" .c).part.o"
done >"$scratch/sources"
# shellcheck disable=SC2086 # words are wanted
{
	cat "$scratch/sources"
	echo "$top_srcdir/tests/build/driver.c -o $scratch/driver.o"
	echo "-DOPENS_LIBRARY $top_srcdir/tests/build/driver.c -o $scratch/driver-open.o"
} | xargs -P "$(nproc)" -L 1 $CC $harness_flags -c &&
	ar rc "$scratch/driver.a" "$scratch"/*.part.o
result $? "the harness compiles"

driver_libs='-lelf -lz -ldl -pthread'
share=${BUILD_MATRIX:+1}
export driver_libs share="${share:-5}"
# shellcheck disable=SC2046,SC2086 # words are wanted
run_cases ${CASES:-$(ls "$top_srcdir/tests/build/cases")}
finish
