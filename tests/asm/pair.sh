# SPDX-License-Identifier: LGPL-2.1-or-later
#
# One pair, whose folder is the argument, with all compilers and flags: what is not as wanted goes to
# the file "wrong", and how often it was compiled to "runs". pairs.sh makes the folder, and says in the
# environment what to use.
#
#	pair.sh FOLDER

cd "$1" || exit 1
exec >wrong 2>&1

verdict() {
	"$asm_diff" old.s new.s | awk -F'\t' '
		{ sub(/(\.[0-9]+)+$/, "", $2) }
		$1 == "refused" { print $1 " " $2 ": " $3; next }
		{ print $1 " " $2 }' | sort | paste -sd ';' | sed 's/;/; /g'
}

# has WORD LIST
has() {
	case " $2 " in
	*" $1 "*) return 0 ;;
	esac
	return 1
}

wanted() {
	compilers=
	any=
	found=
	for word in $with; do
		case $word in
		-*)
			any=yes
			! has "$word" "$flags" || found=yes
			;;
		*) compilers="$compilers $word" ;;
		esac
	done
	for word in $without; do
		! has "$word" "$flags" || return 1
	done
	[ -z "$compilers" ] || has "$compiler" "$compilers" || return 1
	[ -z "$any" ] || [ -n "$found" ]
}

compile() {
	# shellcheck disable=SC2086 # words are wanted
	"$compiler" $flags $added -S -w -std=gnu11 "$@" pair.c
}

touch with without flags
with=$(cat with)
without=$(cat without)
added=$(cat flags)
runs=0
for compiler in $compilers_here; do
	while read -r flags; do
		wanted || continue
		runs=$((runs + 1))
		if ! compile -o old.s || ! compile -DNEW -o new.s; then
			echo "$compiler $flags: does not compile"
			continue
		fi
		is=$(verdict)
		printf '%s' "$(cat want)" | awk -v is="$is" '
			BEGIN { RS = " [|] "; found = 1 }
			{ sub(/\n$/, ""); any = 1; if ($0 == is) found = 0 }
			END { exit any ? found : is != "" }' ||
			echo "$compiler $flags: $is"
	done <"$scratch/flags"
done
echo "$runs" >runs
