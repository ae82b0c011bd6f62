# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Several patches on one process: on the same functions, taken out in every order; levels of one; on
# a program and its library in one call, all or none.

. "$top_srcdir/tests/api/rules.sh"

source=$(cd "$top_srcdir" && pwd)/tests/live/several.c
lcp=$(cd "$top_builddir" && pwd)/tools/lcp
doctor=$(cd "$top_builddir" && pwd)/tests/live/doctor
cd "$scratch" || exit 1

# compile OUTPUT KIND DIGITS: what each function returns.
compile() {
	digits=$(echo "$3" | sed 's/./& /g')
	# shellcheck disable=SC2086 # words are wanted
	set -- "$1" "$2" $digits
	# shellcheck disable=SC2086 # words are wanted
	$CC -O2 -fPIC "-D$2" -DONE="$3" -DTWO="$4" -DTHREE="$5" -DFOUR="$6" -DFIVE="$7" -S -o "$1.s" \
		"$source"
}

# patch NAME ID LEVEL KIND DIGITS
patch() {
	object=./program
	[ "$4" = PROGRAM ] || object=./library.so
	compile "$1" "$4" "$5" &&
		"$lcp" build --object "$object" --id "$2" --level "$3" --asm "$4.s" "$1.s" -o "$1"
}

{
	compile PROGRAM PROGRAM 00000 && compile LIBRARY LIBRARY 00000 &&
		compile other LIBRARY 00009 &&
		$CC -shared -Wl,--build-id LIBRARY.s -o library.so &&
		$CC -Wl,--build-id -Wl,-rpath,. PROGRAM.s ./library.so -pthread -o program
} >log 2>&1
result $? "the program and its library are made" "$(cat log)"
{
	patch a a 0 PROGRAM 11000 && patch b b 0 PROGRAM 02200 && patch c c 0 PROGRAM 33300 &&
		patch level1 fix 1 PROGRAM 11000 && patch level2 fix 2 PROGRAM 02200 &&
		patch level3 fix 3 PROGRAM 33300 && patch another fix 3 PROGRAM 44400 &&
		patch library library 0 LIBRARY 00050 && patch staying staying 0 LIBRARY 00006 &&
		cp library.so kept && cp LIBRARY.s LIBRARY.kept &&
		$CC -shared -Wl,--build-id other.s -o library.so && cp other.s LIBRARY.s &&
		patch elsewhere elsewhere 0 LIBRARY 00070 && mv kept library.so &&
		mv LIBRARY.kept LIBRARY.s
} >log 2>&1
result $? "so are patches" "$(cat log)"

# says CLAIM WORDS [REASON] -- STEP...: the words are printed, and the reason of a failure is given.
says() {
	claim=$1
	words=$2
	reason=
	[ "$3" = -- ] || reason=$3
	while [ "$1" != -- ]; do
		shift
	done
	shift
	is=$(timeout 60 "$doctor" "$@" -- ./program 2>reasons)
	[ "$is" = "$words" ] && if [ -n "$reason" ]; then grep -qE "$reason" reasons; else [ ! -s reasons ]; fi
	result $? "$claim" "wants '$words' and '$reason', is '$is' and '$(cat reasons)'"
}

# newest PATCHES: what the program says with those applied, in the order a, b, c.
newest() {
	case $1 in
	*c*) echo 3330 ;;
	*ab*) echo 1220 ;;
	*a*) echo 1100 ;;
	*b*) echo 0220 ;;
	*) echo 0000 ;;
	esac
}

for order in 'a b c' 'a c b' 'b a c' 'b c a' 'c a b' 'c b a'; do
	left=abc
	set -- 'apply a' 'tell value' 'apply b' 'tell value' 'apply c' 'tell value'
	words='1100 1220 3330'
	for id in $order; do
		left=$(echo "$left" | tr -d "$id")
		set -- "$@" "revert $id" 'tell value'
		words="$words $(newest "$left")"
	done
	says "three patches on the same functions, taken out in the order $order" "$words none" -- \
		"$@" query
done
says "the same in one call, and again" "3330 a=0 b=0 c=0 1220 3330 b=0 a=0 c=0 0000" -- \
	'apply a b c' 'tell value' query 'revert c' 'tell value' 'revert a' 'apply a c' 'tell value' \
	query 'revert program' 'tell value'
says "a patch that is applied is not applied again" "already 1100 a=0 0000" -- \
	'apply a' 'apply a' 'tell value' query 'revert a' 'tell value'
says "a call with one that is applied applies the other" "1220 a=0 b=0" -- \
	'apply a' 'apply a b' 'tell value' query
says "a higher level replaces a lower one" "1100 fix=1 0220 fix=2 3330 fix=3 0000 none" -- \
	'apply level1' 'tell value' query 'apply level2' 'tell value' query 'apply level3' \
	'tell value' query 'revert fix' 'tell value' query
says "a lower level is refused" "LCP_ECONFLICT 0220 fix=2" "applied with level 2, which is above 1" -- \
	'apply level2' 'apply level1' 'tell value' query
says "so is another patch of the same id and level" "LCP_ECONFLICT 3330 fix=3" \
	"another patch with the id 'fix' and level 3" -- \
	'apply level3' 'apply another' 'tell value' query
says "a level is newer than what was applied after the one it replaces" "1220 3330 3330 0000 none" -- \
	'apply level1' 'apply b' 'tell value' 'apply level3' 'tell value' 'revert b' 'tell value' \
	'revert fix' 'tell value' query
says "a program and its library in one call" "1105 a=0 library=0 0005 0000" -- \
	'apply a library' 'tell value' query 'revert a' 'tell value' 'revert library.so' 'tell value'
says "none is applied if the library is another one" "LCP_ENOOBJECT 0000 none" \
	"no object has the build-id" -- 'apply a elsewhere' 'tell value' query
says "nor if a thread is in a function of the library" "LCP_EINUSE 0000 none 1100 a=0 staying=0" \
	"in function 'stay'|return into function 'stay'" -- \
	'send stay' 'wait 300' 'apply a staying' 'tell value' query 'send leave' 'wait 5000' \
	'apply a staying' 'tell value' query
says "two doctors who wait for the same thread do not confuse each other" \
	"LCP_EINUSE LCP_EINUSE 0000 none 1100 a=0 staying=0" \
	"in function 'stay'|return into function 'stay'" -- \
	'send stay' 'wait 1000' 'both a staying' 'tell value' query 'send leave' 'wait 5000' \
	'apply a staying' 'tell value' query
says "what is not there cannot be taken out" "LCP_ENOTAPPLIED 0000" "holds no patch 'a'" -- \
	'revert a' 'tell value'
finish
