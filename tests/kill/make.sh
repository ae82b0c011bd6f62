# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# Make the victim and two levels of a patch for it, and run a test with them, whose claims are those
# of the script: run NAME, when this is sourced.

. "$top_srcdir/tests/api/rules.sh"

run() {
	build=$(cd "$top_builddir" && pwd)
	source=$(cd "$top_srcdir" && pwd)/tests/kill
	cd "$scratch" || exit 1
	# shellcheck disable=SC2086 # words are wanted
	{
		for level in 0 1 2; do
			$CC -O2 -fPIC -DLEVEL=$level -S -o $level.s "$source/group.c" || exit 1
		done
		# libgcc is there to be told of unwind tables.
		$CC -O2 -pthread -Wl,--build-id -o victim 0.s "$source/victim.c" \
			-Wl,--no-as-needed -lgcc_s -ldl &&
			$CC -shared -Wl,-Bsymbolic -o library.so 0.s &&
			"$build/tools/lcp" build --object victim --id group --level 1 \
				--asm 0.s 1.s -o 1.kpatch &&
			"$build/tools/lcp" build --object victim --id group --level 2 \
				--asm 0.s 2.s -o 2.kpatch &&
			dd if=/dev/zero of=board bs=4096 count=1
	} >log 2>&1 || {
		sed 's/^/# /' log
		echo "Bail out! the victim or its patches cannot be made"
		exit 1
	}
	"$build/tests/kill/$1" "$scratch/victim" "$scratch/board" "$scratch/1.kpatch" \
		"$scratch/2.kpatch" "$scratch/library.so"
	exit $?
}
