# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The folders of liblcp/ are its layers: each includes and calls only what is below it.

. "$top_srcdir/tests/api/rules.sh"

layers='base arch format target build core api'

# layer: what it may include and call
allowed() {
	case $1 in
	base) echo base ;;
	arch) echo base arch ;;
	format) echo base arch format ;;
	target) echo base arch target ;;
	build) echo base arch format build ;;
	core) echo base arch format target core ;;
	api) echo base format build core api ;;
	esac
}

# layer: the public headers it may include
public() {
	case $1 in
	base) echo lcp/error.h lcp/context.h ;;
	arch) ;;
	format) echo lcp/error.h lcp/kpatch.h ;;
	api) echo lcp/lcp.h ;;
	build) echo lcp/error.h lcp/build.h lcp/classic.h lcp/version.h ;;
	core) echo lcp/error.h lcp/apply.h lcp/process.h ;;
	*) echo lcp/error.h ;;
	esac
}

# The one layer that may include a foreign header.
only_in() {
	case $1 in
	dwarf.h | elfutils/libdw*.h) echo build ;;
	libelf.h | gelf.h | elfutils/*) echo format ;;
	libunwind*.h | sys/ptrace.h | linux/ptrace.h) echo target ;;
	esac
}

# includes FILE: "line header" of each #include, the header as it is written: "a.h" or <a.h>.
includes() {
	code "$1" | sed -n 's/^[[:blank:]]*#[[:blank:]]*include[[:blank:]]*//
		t found
		b
		:found
		s/[[:blank:]]*$//
		=
		p' | paste -d ' ' - -
}

# has LIST WORD
has() {
	case " $1 " in
	*" $2 "*) return 0 ;;
	esac
	return 1
}

# judge LAYER HEADER: what is wrong with it, or nothing.
judge() {
	header=$(echo "$2" | tr -d '<>"')
	only=$(only_in "$header")
	case $2 in
	*..* | */./*) echo "$2 is a detour" ;;
	'<'lcp/*'>') has "$(public "$1")" "$header" || echo "$1 may not include $2" ;;
	'"'*/*'"') has "$(allowed "$1")" "${header%%/*}" || echo "$1 may not include $2" ;;
	'<'*'>')
		[ ! -f "liblcp/$header" ] || echo "$2 is ours: write \"layer/file\""
		[ -z "$only" ] || [ "$only" = "$1" ] || echo "$2 is for $only"
		;;
	*) echo "$2 is not written as \"layer/file\"" ;;
	esac
}

cd "$top_srcdir" || exit 1

# Nothing is outside of a layer, where nobody would look. What a build in the source tree leaves is no
# source.
find liblcp -name '.?*' -prune -o -type f ! -name '*.o' ! -name '*.l[ao]' ! -name '*~' -print |
	sort >"$scratch/files"
misplaced=$(while read -r file; do
	case $file in
	liblcp/README | liblcp/Makemodule.am | liblcp/liblcp.sym | liblcp/liblcp.pc*) continue ;;
	esac
	layer=${file#liblcp/}
	layer=${layer%%/*}
	name=${file#liblcp/"$layer"/}
	if ! has "$layers" "$layer"; then
		echo "$file: $layer is not a layer"
		continue
	fi
	case $name in
	*/*) echo "$file: a layer has no folders in it" ;;
	*.[ch] | *.inc) echo "$layer" >>"$scratch/layers" ;;
	*) echo "$file: not a C file" ;;
	esac
done <"$scratch/files")
nothing "$misplaced" "all of liblcp is in its layers"
existing=$(sort -u "$scratch/layers")
[ "$(echo "$existing" | wc -l)" -ge 4 ]
result $? "there are layers to check: $(echo "$existing" | tr '\n' ' ')"

for layer in $existing; do
	: >"$scratch/seen"
	breaches=$(for file in "liblcp/$layer"/*.*; do
		includes "$file" | while read -r line header; do
			echo "$header" >>"$scratch/seen"
			breach=$(judge "$layer" "$header")
			[ -z "$breach" ] || echo "$file:$line: $breach"
		done
	done)
	nothing "$breaches" "$layer includes only what is below it"
	[ -s "$scratch/seen" ]
	result $? "its includes were found: $(wc -l <"$scratch/seen")"
done

cpu='__(x86_64|amd64|i[3-6]86|aarch64|arm64|arm|AARCH64EL|ARM_ARCH|ILP32|LP64)(__)?|_M_X64|_M_ARM64|__ELF_NATIVE_CLASS'
nothing "$(for file in liblcp/*/*.*; do
	[ "$file" = liblcp/arch/arch.c ] ||
		code "$file" | grep -nwE "$cpu" | sed "s|^|$file:|"
done)" "only arch/arch.c asks for which CPU it is compiled"
code liblcp/arch/arch.c | grep -qwE "$cpu"
result $? "it does ask"

# In Go and the like C is in comments, so they are looked at too. A quoted header is a guest's own, beside
# the file that includes it.
nothing "$(find tools examples bindings -type f 2>/dev/null | while read -r file; do
	sed -n 's|^[[:blank:]/*]*#[[:blank:]]*include[[:blank:]]*||p' "$file" | while read -r header; do
		name=$(echo "$header" | sed 's/^[<"]\([^>"]*\).*/\1/')
		case $header in
		'<lcp/lcp.h>'*) continue ;;
		'"'[!/]*'"') [ "${name#*/}" = "$name" ] && [ -f "${file%/*}/$name" ] && continue ;;
		'<lcp/'*) ;;
		'<'*) [ -f "liblcp/$name" ] || [ "${name#*..}" != "$name" ] || continue ;;
		esac
		echo "$file: $header"
	done
done)" "tools, bindings and examples include <lcp/lcp.h> only"

# What is declared by hand needs no include: the objects tell.
cd - >/dev/null || exit 1
for layer in $existing; do
	find "$top_builddir/liblcp/$layer" -name '*.o' >"$scratch/objects"
	: >"$scratch/$layer.defined"
	: >"$scratch/$layer.undefined"
	while read -r object; do
		symbols --extern-only --defined-only "$object" | awk 'NF == 3 { print $3 }' >>"$scratch/$layer.defined"
		symbols --undefined-only "$object" | awk '{ print $NF }' >>"$scratch/$layer.undefined"
	done <"$scratch/objects"
	sort -u -o "$scratch/$layer.defined" "$scratch/$layer.defined"
	sort -u -o "$scratch/$layer.undefined" "$scratch/$layer.undefined"
	[ -s "$scratch/$layer.defined" ]
	result $? "$layer defines symbols: $(wc -l <"$scratch/$layer.defined")"
done
for layer in $existing; do
	breaches=$(for other in $existing; do
		has "$(allowed "$layer")" "$other" ||
			comm -12 "$scratch/$layer.undefined" "$scratch/$other.defined" | sed "s|\$| of $other|"
	done)
	nothing "$breaches" "$layer calls only what is below it"
done
finish
