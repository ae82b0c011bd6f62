# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Manual pages of commands say what the commands' own tables say: forms of calling, options and what
# they do, and outcomes with their exit codes.

. "$top_srcdir/tests/api/rules.sh"

lcp=$top_builddir/tools/lcp

# plain: roff without its marks: "\-" is "-", fonts and quotes go.
plain() {
	sed 's/^\.[BIR]*  *//; s/\\f[BIRP]//g; s/\\-/-/g; s/"//g; s/  */ /g; s/ *$//'
}

# The options of a page: "--name VALUES: what it does", from each .TP with an option behind it.
page_options() {
	awk '/^\.SH OPTIONS/ { inside = 1; next } /^\.SH/ { inside = 0 } inside' "$1" | awk '
		/^\.TP/ { getline option; getline text; print option "\n" text }' | plain | paste -d '|' - - |
		sed 's/|\(.\)/|\1/; s/\.$//'
}

# The same of --help, which breaks the line behind a long option.
help_options() {
	# shellcheck disable=SC2086 # none, or one word
	"$lcp" $1 --help | awk '
		/^  -/ {
			sub(/^  /, "")
			at = index($0, "  ")
			if (at == 0) { getline more; sub(/^ */, "", more); print $0 "|" more; next }
			option = substr($0, 1, at - 1)
			text = substr($0, at)
			sub(/^ */, "", text)
			print option "|" text
		}'
}

# first letters differ: a sentence begins with a capital.
small() {
	awk -F '|' '{ print $1 "|" tolower(substr($2, 1, 1)) substr($2, 2) }' | sort
}

"$lcp" help | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p' >"$scratch/commands"
[ "$(wc -l <"$scratch/commands")" -ge 3 ]
result $? "there are commands: $(tr '\n' ' ' <"$scratch/commands")"

while read -r command; do
	page=$top_srcdir/man/lcp-$command.1
	[ -f "$page" ]
	result $? "lcp $command has a manual page"
	case " $man_pages " in
	*" man/lcp-$command.1 "*) ;;
	*) false ;;
	esac
	result $? "which is installed"

	"$lcp" "$command" --help | sed -n '1,/^$/s/^\(usage:\|      \) //p' | sed 's/  */ /g' >"$scratch/forms"
	sed -n '/^\.SH SYNOPSIS/,/^\.SH DESCRIPTION/p' "$page" | grep -vE '^\.(SH|br|nf|fi|PP|nh|HP|P)' | plain >"$scratch/synopsis"
	same "its synopsis is what lcp $command --help says" "$scratch/forms" "$scratch/synopsis"

	help_options "$command" | small >"$scratch/help"
	page_options "$page" | small >"$scratch/page"
	[ "$(wc -l <"$scratch/help")" -ge 5 ]
	result $? "lcp $command --help lists options: $(wc -l <"$scratch/help")"
	same "its page has the same options, with the same words" "$scratch/help" "$scratch/page"

	name=$(sed -n '/^\.SH NAME/{n;p;q;}' "$page" | plain | sed 's/^[^ ]* - //')
	[ "$name" = "$("$lcp" help | sed -n "s/^  $command  *//p")" ]
	result $? "and calls the command what lcp help calls it" "$name"
done <"$scratch/commands"

help_options '' | small >"$scratch/help"
page_options "$top_srcdir/man/lcp.1" | small >"$scratch/page"
same "lcp(1) has the options that all commands have" "$scratch/help" "$scratch/page"
"$lcp" help | sed -n 's/^  \([a-z][a-z]*\)   */\1|/p' | sort >"$scratch/listed"
sed -n '/^\.SH COMMANDS/,/^\.SH/p' "$top_srcdir/man/lcp.1" | awk '/^\.TP/ { getline; name = $2; getline; print name "|" $0 }' |
	plain | sed 's/^lcp-//' | sort >"$scratch/page"
same "and all commands" "$scratch/listed" "$scratch/page"

# Words and exit codes: those of the table in output.c.
code "$top_srcdir/tools/output.c" | sed -n 's/.*\[OUTCOME_[A-Z_]*\] = { "\([a-z-]*\)", EXIT_\([A-Z]*\) }.*/\1 \2/p' |
	while read -r word exit; do
		echo "$word|$(sed -n "s/^#define EXIT_$exit \([0-9]*\).*/\1/p" "$top_srcdir/tools/output.h")"
	done | sort >"$scratch/known"
[ "$(wc -l <"$scratch/known")" -ge 15 ]
result $? "there are words for outcomes: $(wc -l <"$scratch/known")"
sed -n '/^\.SS Outcomes/,/^\.S[SH]/p' "$top_srcdir/man/lcp.1" | awk -F '\t' 'NF == 3 { print $1 "|" $2 }' | plain |
	grep '|[0-9]' | sort >"$scratch/told"
same "lcp(1) has the words of all outcomes, with their exit codes" "$scratch/known" "$scratch/told"
finish
