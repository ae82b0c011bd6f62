# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Programs of all kinds say where their objects and symbols are, and the library, which looks at them
# from outside, says the same. Their own dynamic linker is who is right.

. "$top_srcdir/tests/api/rules.sh"

victims=$(cd "$top_srcdir/tests/core/victims" && pwd)
look=$(cd "$top_builddir" && pwd)/tests/core/look
cd "$scratch" || exit 1

# compile ARGUMENT...
compile() {
	# shellcheck disable=SC2086 # words are wanted
	$CC -O1 -D_GNU_SOURCE -I"$victims" "$@" >>compile.log 2>&1
}

# looks CLAIM COMMAND...: what the program says is what is found.
looks() {
	claim=$1
	shift
	details=$("$@" 2>&1)
	result $? "$claim" "$details"
}

# interpreter FILE: the dynamic linker that it asks for.
interpreter() {
	readelf -lW "$1" | sed -n 's/.*interpreter: \(.*\)].*/\1/p'
}

# plain CLAIM ARGUMENT...: the program without libraries, linked that way, if that can be done here.
plain() {
	claim=$1
	shift
	if compile "$victims/plain.c" -o plain "$@"; then
		looks "$claim" "$look" ./plain
	else
		skip "the linker or the C library for it is missing" "$claim"
	fi
}

plain "a position-independent program" -pie -fPIE
plain "a program at a fixed address, which has copies of data and PLT entries that stand for functions" \
	-no-pie -fno-pie
plain "one that is bound when it starts" -Wl,-z,now
plain "one with a hash table of the old kind only" -Wl,--hash-style=sysv
plain "one without a symbol table" -Wl,-s
plain "a static program" -static -DSTATIC
plain "a static program at any address" -static-pie -DSTATIC
if command -v musl-gcc >/dev/null; then
	compiler=$CC
	CC=musl-gcc
	plain "a program of musl"
	plain "a static program of musl" -static -DSTATIC
	if compile "$victims/plain.c" -o plain; then
		looks "a program that musl's dynamic linker was run for" "$look" "$(interpreter plain)" ./plain
	fi
	CC=$compiler
else
	skip "musl-gcc is not installed" "a program of musl"
	skip "musl-gcc is not installed" "a static program of musl"
	skip "musl-gcc is not installed" "a program that musl's dynamic linker was run for"
fi

# library NAME NUMBER ARGUMENT...
library() {
	name=$1
	number=$2
	shift 2
	compile -fPIC -shared -DNAME="$name" -DNUMBER="$number" "$victims/lib.c" \
		-Wl,-soname,"lib$name.so" -o "lib$name.so" "$@" ||
		result 1 "lib$name.so is made" "$(cat compile.log)"
}

library one 1 -DINDIRECT -ftls-model=initial-exec -DTLS_IS_FIXED
library two 2
library inward 3 -Wl,-Bsymbolic
library dep 4
library plug 5 -L. -Wl,-rpath,. -Wl,--no-as-needed -ldep
library alone 6
library pre 7
compile -fPIC -shared "$victims/versions.c" -Wl,--version-script="$victims/versions.map" -o libversions.so
result $? "a library with versions is made" "$(cat compile.log)"

# program ARGUMENT...: the one with libraries.
program() {
	compile "$victims/libs.c" -L. -Wl,-rpath,. -lone -ltwo -lversions -linward -o libs "$@" ||
		result 1 "the program with libraries is made" "$(cat compile.log)"
}

program -no-pie -fno-pie -Wl,-z,lazy
looks "libraries, bound when they are used, with a program at a fixed address" "$look" ./libs
program -pie -fPIE -Wl,-z,now
looks "libraries, bound when the program starts" "$look" ./libs
program -pie -fPIE -Wl,-z,lazy
looks "libraries, bound when they are used" "$look" ./libs
looks "a library in a namespace of its own" "$look" ./libs namespace
looks "a preloaded library gets in front of others" "$look" LD_PRELOAD=./libpre.so ./libs
looks "so it does if the program is handed to the dynamic linker" \
	"$look" LD_PRELOAD=./libpre.so "$(interpreter libs)" ./libs
strip libs lib*.so
looks "stripped files" "$look" ./libs

compile "$victims/churn.c" -o churn -pthread || result 1 "the program is made" "$(cat compile.log)"
looks "libraries that are opened and closed all the time" "$look" ./churn

mkdir gone
cp libs lib*.so gone
cd gone || exit 1
looks "files that were deleted" "$look" ./libs unlink
[ ! -e libs ] && [ ! -e libone.so ]
result $? "they were deleted indeed"
cd ..
if [ "$(id -u)" = 0 ]; then
	cp libs lib*.so gone
	cd gone || exit 1
	looks "files that were deleted, of a process in another root" "$look" ./libs unlink chroot
	cd ..
else
	skip "only root may change the root" "files that were deleted, of a process in another root"
fi
finish
