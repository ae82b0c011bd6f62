# SPDX-License-Identifier: LGPL-2.1-or-later
#
# One case in several flavours: compiled, linked, patched while it runs. What is not as it should be
# goes to FOLDER/wrong, and how often it was tried to FOLDER/runs. contents.sh makes the folder and
# says in the environment what to use.
#
#	case.sh CASE FOLDER NUMBER
#
# Lines in the comment a case begins with say what is special:
#
#	expect: 1 2 1		what test_value() returns before, with and after the patch
#	refused: CODE words	the build fails with that code, and a message that has the words
#	only: pie library	flavours, all if there is no such line
#	flags: -O2 -g		of the compiler; several lines are tried in turn
#	link: -Wl,-z,now	of the linker
#	program: -pthread	likewise, of the program that uses a library
#	units: 2		compile the file so often, with UNIT defined as 1 and 2
#	new: 2			unit 2 is not in the original
#	unpatched: 2		unit 2 is not given to the builder
#	preload: 1		PRELOADED makes a library of the file that comes first
#	compilers: gcc		those that can compile it, cc and clang if there is no such line

source=$1
number=$3
folder=$2
exec >"$folder/wrong" 2>&1
cd "$folder" || exit 1

directive() {
	sed -n "2,/\\*\\//s/^ \\* $1: *//p" "$source"
}

# compile VERSION OUTPUT: all units, to OUTPUT.1.s, OUTPUT.2.s, ...
compile() {
	for unit in $(seq "${units:-1}"); do
		# shellcheck disable=SC2086 # words are wanted
		$compiler $flags $pic -w -DUNIT="$unit" "$1" -S -o "$2.$unit.s" "$source" || return
	done
}

assemble() {
	for unit in $(seq "${units:-1}"); do
		[ "$unit" != "$new" ] || continue
		# shellcheck disable=SC2086 # words are wanted
		$compiler -c "old.$unit.s" -o "old.$unit.o" || return
		objects="$objects old.$unit.o"
	done
}

# The object and, for a library, the program that uses it. The harness is made without a build-id.
link_object() {
	objects=
	assemble || return
	id=-Wl,--build-id
	driver="$scratch/driver.o $scratch/driver.a"
	libs='-lelf -lz -ldl -pthread'
	# shellcheck disable=SC2086 # words are wanted
	case $flavour in
	library)
		$compiler -shared $id $link $objects -o object &&
			$compiler $scratch/driver.o ./object $scratch/driver.a $program $libs \
				-o program
		;;
	dlopen)
		$compiler -shared $id $link $objects -o object &&
			$compiler $scratch/driver-open.o $scratch/driver.a $program $libs -o program
		;;
	pie) $compiler -pie $id $link $objects $driver $libs -o object ;;
	no-pie) $compiler -no-pie $id $link $objects $driver $libs -o object ;;
	static) $compiler -static $id $link $objects $driver $libs -o object ;;
	static-pie) $compiler -static-pie $id $link $objects $driver $libs -o object ;;
	esac || return
	[ -z "$preload" ] ||
		$compiler -shared -fPIC -w -DPRELOADED "$source" -o preloaded.so
}

# Production files are stripped, and symbols kept elsewhere.
strip_object() {
	debug=-
	case $((tried % 3)) in
	1) cp object twin && debug=twin ;;
	2) objcopy --only-keep-debug object symbols && debug=symbols ;;
	esac
	[ $debug = - ] || strip --strip-all object
}

make_patch() {
	set --
	case $compiler in
	*clang*) set -- -a clang -a -c -a -x -a assembler -a - ;;
	esac
	set -- "$@" object $debug patch
	for unit in $(seq "${units:-1}"); do
		[ "$unit" != "$unpatched" ] || continue
		original=old.$unit.s
		[ "$unit" != "$new" ] || original=-
		set -- "$@" "$original" "new.$unit.s"
	done
	"$make_patch" "$@" >report 2>message
}

run_driver() {
	case $flavour in
	library) LD_PRELOAD=${preload:+./preloaded.so} LD_LIBRARY_PATH=. timeout 20 ./program patch ;;
	dlopen) LD_PRELOAD=${preload:+./preloaded.so} timeout 20 ./program patch ./object ;;
	*) LD_PRELOAD=${preload:+./preloaded.so} timeout 20 ./object patch ;;
	esac
}

wrong() {
	echo "$compiler $flags $flavour, symbols: $debug: $1"
}

try() {
	tried=$((tried + 1))
	debug=-
	case $flavour in
	library | dlopen) pic=-fPIC ;;
	no-pie | static) pic=-fno-pie ;;
	*) pic=-fpie ;;
	esac
	if ! compile -DORIGINAL old || ! compile -DPATCHED new || ! link_object 2>link.log || ! strip_object; then
		wrong "cannot be made: $(tail -n 3 link.log)"
		return
	fi
	make_patch
	made=$?
	if [ -n "$refused" ]; then
		if [ $made -eq 0 ]; then
			wrong "is not refused"
		else
			grep -qE "^${refused%% *}: .*${refused#* }" message ||
				wrong "refused for another reason: $(cat message)"
		fi
		return
	fi
	if [ $made -ne 0 ]; then
		wrong "no patch: $(cat message)"
		return
	fi
	printed=$(run_driver 2>&1)
	[ "$printed" = "$expect" ] || wrong "wants '$expect', is '$printed'"
}

expect=$(directive expect)
refused=$(directive refused)
units=$(directive units)
new=$(directive new)
unpatched=$(directive unpatched)
preload=$(directive preload)
link=$(directive link)
program=$(directive program)
flavours=$(directive only)
directive flags >flags
[ -s flags ] || printf '%s\n' -O2 -O0 >flags
tried=0
runs=0
[ -n "$expect$refused" ] || echo "says nothing that could be wrong"
: "${flavours:=pie no-pie static static-pie library dlopen}"
case $source in
*.cc) language=cxx ;;
*) language=cc ;;
esac

# Every combination, or each flavour once, with flags and compilers in turn.
combination=$number
for flavour in $flavours; do
	while read -r flags; do
		for kind in $(directive compilers | grep . || echo cc clang); do
			case $language-$kind in
			cc-cc | cc-gcc) compiler=$CC ;;
			cxx-cc | cxx-gcc) compiler=$CXX ;;
			cc-clang) compiler=$CLANG ;;
			cxx-clang) compiler=${CLANG:+$CLANG++} ;;
			esac
			[ -n "$compiler" ] || continue
			combination=$((combination + 1))
			last_flavour=$flavour
			last_flags=$flags
			last_compiler=$compiler
			[ -n "$BUILD_MATRIX" ] || [ $((combination % 5)) -eq 0 ] || continue
			runs=$((runs + 1))
			try
		done
	done <flags
done
# Where there are few, the turn may have passed over all.
if [ $runs -eq 0 ] && [ -n "$last_compiler" ]; then
	flavour=$last_flavour
	flags=$last_flags
	compiler=$last_compiler
	runs=1
	try
fi
echo "$runs" >runs
