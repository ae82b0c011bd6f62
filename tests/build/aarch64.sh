# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Patches for aarch64, made with a cross compiler: they cannot run here, so their symbols and
# relocations are looked at. What gcc addresses by section anchors is the point.

. "$top_srcdir/tests/api/rules.sh"

cross=aarch64-linux-gnu
claim="patches for aarch64 refer to the right places"
if ! command -v $cross-gcc >/dev/null; then
	skip "$cross-gcc is not installed" "$claim"
	finish
fi
make_patch=$(cd "$top_builddir" && pwd)/tests/build/make-patch
cd "$scratch" || exit 1
cat >unit.c <<'END'
#include <string.h>
static int first = 1, second = 2;
static int zero_one, zero_two;
static const int table[4] = { 1, 2, 3, 4 };
#ifdef APART
#define IN(name) __attribute__((section(name)))
#else
#define IN(name)
#endif
#ifdef PATCHED
static int brought IN(".data.brought") = 7;
static int brought_zero IN(".bss.brought");
#endif
int other(int by);
int __attribute__((noinline)) other(int by)
{
	first += by; second -= by; zero_one++; zero_two--;
	return first + second + table[by & 3];
}
int value(int by);
int __attribute__((noinline)) value(int by)
{
#ifdef PATCHED
	brought += by; brought_zero++;
	return second + zero_two * 3 + table[by & 3] + brought + brought_zero + (int)strlen("a string");
#elif defined(SIMPLE)
	return second + zero_two * 5 + table[by & 3];
#else
	return second + zero_two + table[by & 3];
#endif
}
int main(int argc, char **argv) { return value(argc) + other(argc); }
END

# target NAME: the addresses that the relocations of NAME lead to.
target() {
	readelf -rW image | awk -v name="$1" '
		/\.rela\.kpatch\.text/ { inside = 1; next }
		/^$/ { inside = 0 }
		inside && $5 == name { print $4, $7 }' | sort -u | while read -r value addend; do
		printf '%x\n' $((0x$value + 0x$addend))
	done | sort -u | paste -sd ' ' -
}

address() {
	$cross-nm program | awk -v name="$1" '$3 == name { sub(/^0+/, "", $1); print $1 }'
}

for flags in '-O0 -fno-pie' '-O2 -fno-pie' '-Os -fpie' '-O2 -fPIC' '-O2 -fno-section-anchors -fpie'; do
	case $flags in
	*-fno-pie) link=-no-pie ;;
	*-fPIC) link=-shared ;;
	*) link=-pie ;;
	esac
	# shellcheck disable=SC2086 # words are wanted
	$cross-gcc $flags -w -S unit.c -o old.s &&
		$cross-gcc $flags -w -DSIMPLE -S unit.c -o simple.s &&
		$cross-gcc $flags -w -DPATCHED -DAPART -S unit.c -o apart.s &&
		$cross-gcc $flags -w -DPATCHED -S unit.c -o beside.s &&
		$cross-gcc -c old.s -o old.o && $cross-gcc $link -Wl,--build-id old.o -o program
	result $? "$flags: the programs compile"
	for new in simple apart; do
		rm -f patch
		"$make_patch" -a $cross-as program - patch old.s $new.s >report 2>message
		result $? "$flags: a patch is made ($new)" "$(cat message)"
		tail -c +$(($(grep -abo "$(printf '\177ELF')" patch | head -n 1 | cut -d: -f1) + 1)) patch \
			>image
		case $flags in
		-O0* | *-fno-section-anchors*) places="$(target second) $(target zero_two)" ;;
		*) places="$(target first) $(target zero_one)" ;;
		esac
		# An anchor is used as it is, or with the offset in the relocation.
		case " $places " in
		" $(address second) $(address zero_two) ") right=0 ;;
		*" $(address first) $(address zero_one) "*) right=0 ;;
		*) right=1 ;;
		esac
		result $right "$flags: its relocations lead to the old variables ($new)" \
			"$places: $(readelf -rW image; $cross-nm program | grep -E 'first|second|zero')"
	done
	"$make_patch" -a $cross-as program - patch old.s beside.s >report 2>message
	made=$?
	case $flags in
	-O0* | *-fno-section-anchors*) result $made "$flags: new variables are brought" "$(cat message)" ;;
	*)
		grep -q '^LCP_EUNSUPPORTED: .*is a section anchor' message
		result $? "$flags: new variables beside old ones are refused" "$(cat message)"
		;;
	esac
done
finish
