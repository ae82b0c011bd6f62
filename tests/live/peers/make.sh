# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# Make the victims and the patches for them in a folder, and run a test with it, whose claims are
# those of the script: run NAME, when this is sourced.

. "$top_srcdir/tests/api/rules.sh"

# versions NAME FLAGS: assembler text of the functions as they are, and of each change.
versions() {
	for version in "" -DVALUE=11 -DVALUE=12 "-DVALUE=13 -DDATA=7" -DWAITS=1 -DYIELDS=1 \
		-DKEEPS=1 -DKEEPS=2 -DKEEPS=3 -DKEEPS=4 -DEARLY=1 -DSTUBBORN=2; do
		number=$((number + 1))
		# shellcheck disable=SC2086 # words are wanted
		$CC -O2 $2 $version -S -o "$1.$((number - 1)).s" "$source/functions.c" || return
	done
}

# patch OBJECT NAME VERSION ID [LEVEL]: from NAME.0.s to that version, as ID.kpatch or ID.LEVEL.kpatch.
patch() {
	"$build/tools/lcp" build --object "$1" --id "$4" --level "${5:-0}" --asm "$2.0.s" "$2.$3.s" \
		-o "$4${5:+.$5}.kpatch"
}

# program NAME ASSEMBLER FLAGS: a victim.
program() {
	# shellcheck disable=SC2086 # words are wanted
	$CC -O2 -pthread -Wl,--build-id,-z,now $3 -o "$1" "$2" victim.o customs.o surroundings.o $4
}

make_all() {
	number=0 && versions pie -fpie &&
		number=0 && versions plain -fno-pie &&
		number=0 && versions shared "-fPIC -DLIBRARY" || return
	for part in victim customs surroundings; do
		# shellcheck disable=SC2086 # words are wanted
		$CC -O2 -fpie -pthread -c -o $part.o "$source/$part.c" || return
	done
	$CC -O2 -fpie -pthread -S -o main.0.s "$source/victim.c" &&
		$CC -O2 -fpie -pthread -DGREETING='"hello"' -S -o main.1.s "$source/victim.c" || return
	# shellcheck disable=SC2086 # words are wanted
	$CC -shared -Wl,--build-id -o library.so shared.0.s &&
		program victim pie.0.s -pie "$scratch/library.so -Wl,--no-as-needed -lgcc_s" &&
		$CC -O2 -fpie -DSTANDALONE -c -o victim.o "$source/victim.c" &&
		$CC -O2 -fpie -pthread -DSTANDALONE -c -o customs.o "$source/customs.c" &&
		program static plain.0.s -static &&
		program no-pie plain.0.s -no-pie &&
		program other pie.1.s -pie || return
	patch victim pie 1 value && patch victim pie 2 second && patch victim pie 3 data &&
		patch victim pie 4 waits && patch victim pie 5 yields &&
		patch victim pie 6 text && patch victim pie 7 callback && patch victim pie 8 numbers &&
		patch victim pie 9 text 1 && patch victim pie 10 early &&
		patch victim pie 11 stubborn &&
		patch static plain 1 static-value && patch no-pie plain 1 no-pie-value &&
		patch library.so shared 1 library && patch victim main 1 main &&
		"$build/tools/lcp" build --object other --id foreign --asm pie.1.s pie.2.s -o foreign.kpatch
}

run() {
	build=$(cd "$top_builddir" && pwd)
	source=$(cd "$top_srcdir" && pwd)/tests/live/peers
	chmod 755 "$scratch"
	cd "$scratch" || exit 1
	make_all >log 2>&1 || {
		sed 's/^/# /' log
		echo "Bail out! the victims or their patches cannot be made"
		exit 1
	}
	# Not exec: the folder goes when this shell ends.
	"$build/tests/live/peers/$1" "$scratch"
	exit $?
}
