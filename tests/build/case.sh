# SPDX-License-Identifier: LGPL-2.1-or-later
#
# One case in several flavours: compiled, linked, patched while it runs. What is not as it should be
# goes to FOLDER/wrong, and how often it was tried to FOLDER/runs. cases.sh makes the folder; what to
# use comes from contents.sh, in the environment:
#
#	case.sh CASE FOLDER NUMBER
#
#	scratch			has the driver, and in musl/ that of musl
#	driver_libs		libraries it needs
#	doctor			a program that runs it and patches it from outside; unset: it does so
#	variants		of each flavour: plain, now, cet, musl
#	share			try one combination in so many; 1 is all
#	make_patch, CC, ...	what is run
#
# Lines in the comment a case begins with say what is special:
#
#	expect: 1 2 1		what test_value() returns before, with and after the patch
#	refused: CODE words	the build fails with that code, and a message that has the words
#	only: pie library	flavours, all if there is no such line
#	flags: -O2 -g		of the compiler; several lines are tried in turn
#	link: -Wl,-z,now	of the linker
#	script: V1 { ... };	goes to the file version-script, for link:
#	program: -pthread	likewise, of the program that uses a library
#	units: 2		compile the file so often, with UNIT defined as 1 and 2
#	new: 2			unit 2 is not in the original
#	unpatched: 2		unit 2 is not given to the builder
#	preload: 1		PRELOADED makes a library of the file that comes first
#	compilers: gcc		those that can compile it, cc and clang if there is no such line
#	counts: 1		test_value() returns something else each time, without a patch too
#	unwinds: 1		by libgcc, which must be there before the patch, and to be found: in a
#				static program by its symbols
#	mixes: 1		test_value() calls several functions that are replaced
#	glibc: why		nothing that a program of musl could be

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
	options="-Wl,--build-id $link $binding"
	driver="$parts/driver.o $parts/driver.a"
	libs=$driver_libs
	# shellcheck disable=SC2086 # words are wanted
	case $flavour in
	library)
		$compiler -shared $options $objects -o object &&
			$compiler $parts/driver.o ./object $parts/driver.a $program $libs -o program
		;;
	dlopen)
		$compiler -shared $options $objects -o object &&
			$compiler $parts/driver-open.o $parts/driver.a $program $libs -o program
		;;
	*) $compiler -$flavour $options $objects $driver $libs -o object ;;
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
	case $unwinds-$flavour in
	1-static*) ;;
	*) [ $debug = - ] || strip --strip-all object ;;
	esac
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

# run_driver [STEP...]: the steps are for the doctor.
run_driver() {
	case $flavour in
	library | dlopen) command=./program ;;
	*) command=./object ;;
	esac
	[ -z "$doctor" ] || set -- "$doctor" "$@" --
	timeout 60 "$@" /usr/bin/env -u LD_BIND_NOW LD_PRELOAD="${preload:+./preloaded.so}" \
		LD_LIBRARY_PATH=. $command patch ./object
}

wrong() {
	echo "$compiler $flags $flavour $variant, symbols: $debug: $1"
}

# compare WAY WANTED PRINTED
compare() {
	echo "$flavour $variant $1 $([ "$3" = "$2" ] && echo 1 || echo 0)" >>table
	[ "$3" = "$2" ] || wrong "$1: wants '$2', is '$3'"
}

# without_mixed WORDS: who calls all the time may see one value that is half old and half new.
without_mixed() {
	# shellcheck disable=SC2086 # words are wanted
	set -- $expect -- $1
	echo "$*" | sed -E "s/^($1 )($2 )($3 )(-- )($1 )(-?[0-9]+ )?($2 )(-?[0-9]+ )?($3)\$/\5\7\9/; s/.*-- //"
}

# numbers WORDS COUNT: so many of them, and nothing else, if they are numbers.
numbers() {
	echo "$1" | tr -s '\n' ' ' | grep -qxE "(-?[0-9]+ ?){$2}" || echo "$1"
}

# Without a doctor there is one way. What counts is compared up to the number it says.
treat() {
	if [ -z "$doctor" ]; then
		compare inside "$expect" "$(run_driver 2>&1)"
		return
	fi
	once=$(run_driver 'tell value' 'apply patch' 'tell value' 'revert test' 'tell value' 2>&1)
	compare once "$expect" "$once"
	again=$(run_driver 'tell value' 'apply patch' 'tell value' 'revert test' 'tell value' \
		'apply patch' 'tell value' 'revert test' 'tell value' \
		'apply patch' 'tell value' 'revert test' 'tell value' 2>&1)
	[ -n "$unwinds" ] ||
		unbound=$(run_driver 'apply patch' 'tell value' 'revert test' 'tell value' 2>&1)
	watched=$(run_driver 'send watch' 'send pass' 'apply patch' 'send pass' 'revert test' \
		'send pass' 'tell seen' 2>&1)
	if [ -n "$counts" ]; then
		compare again '' "$(numbers "$again" 7)"
		compare unbound '' "$(numbers "$unbound" 2)"
		compare watched '' "$(numbers "$watched" '3,16')"
	else
		compare again "$expect ${expect#* } ${expect#* }" "$again"
		[ -n "$unwinds" ] || compare unbound "${expect#* }" "$unbound"
		[ -z "$mixes" ] || watched=$(without_mixed "$watched")
		compare watched "$expect" "$watched"
	fi
}

# What the variant adds to the compiler and the linker.
vary() {
	binding=-Wl,-z,lazy
	parts=$scratch
	case $variant in
	plain) ;;
	now) binding=-Wl,-z,now ;;
	cet) flags="$flags -fcf-protection=full" ;;
	musl)
		compiler=musl-gcc
		parts=$scratch/musl
		;;
	esac
}

try() {
	tried=$((tried + 1))
	debug=-
	vary
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
	treat
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
counts=$(directive counts)
mixes=$(directive mixes)
unwinds=$(directive unwinds)
glibc=$(directive glibc)
directive script >version-script
directive flags >flag-sets
[ -s flag-sets ] || printf '%s\n' -O2 -O0 >flag-sets
tried=0
runs=0
[ -n "$expect$refused" ] || echo "says nothing that could be wrong"
: "${flavours:=pie no-pie static static-pie library dlopen}"
case $source in
*.cc) language=cxx ;;
*) language=cc ;;
esac

kinds=$(directive compilers)
: "${kinds:=cc clang}"

set_compiler() {
	case $language-$kind in
	cc-cc) compiler=$CC ;;
	cxx-cc) compiler=$CXX ;;
	cc-gcc) compiler=$GCC ;;
	cxx-gcc) compiler=${GCC:+g++} ;;
	cc-clang) compiler=$CLANG ;;
	cxx-clang) compiler=${CLANG:+$CLANG++} ;;
	esac
}

# Does the variant make a difference, and can it be made?
makes_sense() {
	case $variant-$flavour-$language-$kind in
	now-static*) false ;;
	musl-static-pie-* | musl-*-clang | musl-*-cxx-*) false ;;
	musl-*) [ -z "$glibc" ] ;;
	esac
}

list_combinations() {
	for flavour in $flavours; do
		while read -r flags; do
			for kind in $kinds; do
				set_compiler
				[ -n "$compiler" ] || continue
				for variant in ${variants:-plain}; do
					! makes_sense || echo "$flavour $kind $variant $flags"
				done
			done
		done <flag-sets
	done
}

# All of them, or some: which, differs from case to case.
list_combinations >combinations
total=$(wc -l <combinations)
[ "$total" -gt "$share" ] || share=$total
awk -v share="$share" -v number="$number" 'NR % share == number % share' combinations >chosen
while read -r flavour kind variant flags; do
	set_compiler
	runs=$((runs + 1))
	try
done <chosen
echo "$runs" >runs
