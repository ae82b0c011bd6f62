# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The folders of liblcp/ are its layers: each includes only what is below it.

. "$top_srcdir/tests/api/rules.sh"

# layer: what it may include
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

# The one layer that may include a foreign header.
only_in() {
	case $1 in
	libelf.h | gelf.h | elfutils/*) echo format ;;
	libunwind*.h | sys/ptrace.h | linux/ptrace.h) echo target ;;
	esac
}

cd "$top_srcdir/liblcp" || exit 1
layers=0
for layer in */; do
	layer=${layer%/}
	may=$(allowed "$layer")
	[ -n "$may" ]
	result $? "liblcp/$layer is a layer"
	breaches=$(grep -HnoE '^ *# *include *["<][^">]+[">]' "$layer"/*.[ch] | tr -d '<>"' |
		while IFS=: read -r file line include; do
			header=${include##*include}
			header=${header# }
			only=$(only_in "$header")
			[ -z "$only" ] || [ "$only" = "$layer" ] || echo "$file:$line: $header is for $only"
			case $header in
			lcp/*) continue ;;
			esac
			below=${header%%/*}
			[ -d "$below" ] || continue
			case " $may " in
			*" $below "*) ;;
			*) echo "$file:$line: $layer may not include $header" ;;
			esac
		done)
	nothing "$breaches" "$layer includes only what is below it"
	layers=$((layers + 1))
done
[ "$layers" -ge 4 ]
result $? "there are layers to check: $layers"

cd .. || exit 1
nothing "$(grep -rnE '#\s*(el)?ifn?(def)?\b.*__(x86_64|aarch64)__' liblcp | grep -v '^liblcp/arch/arch\.c:')" \
	"only arch/arch.c asks for which CPU it is compiled"
nothing "$(grep -rlE '#include "(base|arch|format|target|build|core|api)/' tools bindings examples 2>/dev/null)" \
	"tools, bindings and examples include <lcp/lcp.h> only"
finish
