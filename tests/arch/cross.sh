# SPDX-License-Identifier: LGPL-2.1-or-later
#
# All of the library, compiled for aarch64 as far as warnings go: it cannot run here. Headers of
# libelf and libdw are the same ones everywhere. libunwind has one header for each CPU; with those
# of this one its calls are checked, not its registers, which target/unwind.c does not name.

. "$top_srcdir/tests/api/rules.sh"

cross=aarch64-linux-gnu-gcc
claim="the library compiles for aarch64, without warnings"
if ! echo '#include <stdio.h>' | $cross -fsyntax-only -xc - >"$scratch/log" 2>&1; then
	skip "no $cross with a C library" "$claim"
	finish
fi

# This system's headers of those libraries, without those of its C library.
mkdir -p "$scratch/include/elfutils"
for header in gelf.h libelf.h libunwind.h dwarf.h elfutils/libdw.h; do
	# shellcheck disable=SC2086 # words are wanted
	echo "#include <$header>" | $CC -DUNW_REMOTE_ONLY -E -xc - 2>/dev/null |
		sed -n 's/^# 1 "\(.*\(elf\|dwarf\|libunwind[^/]*\|libdw\)\.h\)".*/\1/p'
done | sort -u | while read -r path; do
	case $path in
	*/elfutils/*) ln -sf "$path" "$scratch/include/elfutils/" ;;
	*) ln -sf "$path" "$scratch/include/" ;;
	esac
done
layouts=
[ ! -e "$scratch/include/elfutils/libdw.h" ] || layouts=-DHAVE_LIBDW

count=0
for file in "$top_srcdir"/liblcp/*/*.c; do
	count=$((count + 1))
	$cross -std=gnu11 -D_GNU_SOURCE -DUNW_REMOTE_ONLY $layouts -Wall -Wextra -Wshadow \
		-Wstrict-prototypes -Wmissing-prototypes -Wconversion -Wformat=2 -fsyntax-only \
		-I"$top_builddir/include" -I"$top_srcdir/include" -I"$top_srcdir/liblcp" \
		-isystem "$scratch/include" "$file"
done >"$scratch/log" 2>&1
nothing "$(head -n 40 "$scratch/log")" "$claim"
[ "$count" -gt 100 ]
result $? "all $count files of it"
finish
