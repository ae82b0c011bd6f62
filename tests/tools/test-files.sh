# SPDX-License-Identifier: LGPL-2.1-or-later
#
# lcp info and lcp verify: what they print, the words, the exit codes, the JSON documents. And how
# lcp takes its arguments.

. "$top_srcdir/tests/api/rules.sh"

lcp=$(cd "$top_builddir" && pwd)/tools/lcp
get=$(cd "$top_builddir" && pwd)/tests/tools/json-get
make_sample=$(cd "$top_builddir" && pwd)/tests/samples/make-sample
cd "$scratch" || exit 1
"$make_sample" lcp 3 sample.kpatch && "$make_sample" libcare 2 classic.kpatch &&
	"$make_sample" libcareplus 2 plus.kpatch
result $? "there are files of three formats"

# expect STATUS CLAIM ARGUMENT...: run lcp; what it prints is in "out" and "err".
expect() {
	status=$1 claim=$2
	shift 2
	"$lcp" "$@" >out 2>err
	code=$?
	[ "$code" -eq "$status" ]
	result $? "$status: $claim" "status $code, $(cat out err)"
}

# says PATTERN CLAIM, of standard output; complains, of standard error.
says() {
	grep -q -e "$1" out
	result $? "$2" "$(cat out)"
}
complains() {
	grep -q -e "$1" err
	result $? "$2" "$(cat err)"
}

expect 0 "info of a patch" info sample.kpatch
for line in 'id  *sample-0001' 'level  *2' 'target  *sample-server' 'build-id  *8f2c41d0' 'cve  *CVE-0000-0001' \
	'cve  *CVE-0000-0002' 'format  *lcp' 'arch  *x86_64' 'sha256  *[0-9a-f]\{64\}$' \
	'size  *[0-9]* bytes: [0-9]* of code and constants, [0-9]* of data' 'functions  *3' \
	'  handle_request_0  *at 0x2000, 96 -> 64 bytes' '  handle_request_2  *new, 64 bytes' \
	'symbols  *8' '  import  *[a-z]' '  tls '; do
	says "^$line" "info shows: $(echo "$line" | tr -d '^$*')"
done
[ ! -s err ]
result $? "and says nothing else" "$(cat err)"

expect 0 "info of several patches" info classic.kpatch plus.kpatch
says '^format  *libcare$' "the one of LibCare"
says '^format  *libcareplus$' "and the one of LibcarePlus"

expect 0 "info in JSON" info --json sample.kpatch classic.kpatch
[ "$("$get" patches.0. <out)" = "file outcome patch error" ] && [ "$("$get" patches.1.outcome <out)" = loaded ] &&
	[ "$("$get" patches.0.patch.id <out)" = sample-0001 ] && [ "$("$get" patches. <out)" = 2 ] &&
	[ "$("$get" patches.0.error <out)" = null ]
result $? "is one document with the documented names" "$(cat out)"

expect 0 "verify of an intact patch" verify sample.kpatch
[ "$(cat out)" = "sample.kpatch: intact" ]
result $? "says intact"
expect 0 "verify of a classic patch" verify classic.kpatch
[ "$(cat out)" = "classic.kpatch: well-formed" ]
result $? "says well-formed"
complains 'no digest' "and why it cannot say more"
expect 7 "verify of a classic patch, if there has to be a digest" verify --need-digest classic.kpatch
says '^classic.kpatch: no-digest$' "says so"

sed 's/requests longer/Requests longer/' sample.kpatch >damaged.kpatch
expect 7 "verify of a damaged patch" verify damaged.kpatch
says '^damaged.kpatch: damaged$' "says damaged"
complains 'damaged.kpatch' "and which, on standard error"
expect 7 "info of a damaged patch" info damaged.kpatch
expect 7 "the first that fails decides" verify sample.kpatch damaged.kpatch missing.kpatch
says '^sample.kpatch: intact$' "and the others are looked at all the same"
says '^missing.kpatch: failed$' "all of them"
expect 7 "verify of a damaged patch in JSON" verify --json damaged.kpatch
[ "$("$get" patches.0.outcome <out)" = damaged ] && [ "$("$get" patches.0.error.name <out)" = LCP_EINTEGRITY ]
result $? "has the word and the code" "$(cat out)"
expect 7 "quietly" verify --quiet damaged.kpatch
[ ! -s out ] && [ -s err ]
result $? "prints the error only"
expect 0 "quietly, if all is well" verify -q sample.kpatch
[ ! -s out ] && [ ! -s err ]
result $? "prints nothing"

head -c 100 sample.kpatch >short.kpatch
expect 1 "verify of a patch that is cut short" verify short.kpatch
says ': malformed$' "says malformed"
expect 1 "verify of a file that is not there" verify missing.kpatch
complains 'No such file' "says why"
expect 1 "verify of a directory" verify .

# The machine of the ELF file behind the header: what no CPU of ours has.
elf=$(LC_ALL=C grep -abo 'ELF' sample.kpatch | head -n 1 | cut -d : -f 1)
{
	head -c $((elf - 1 + 18)) sample.kpatch
	printf '\363\000'
	tail -c +$((elf - 1 + 18 + 3)) sample.kpatch
} >foreign.kpatch
expect 8 "verify of a patch for another CPU" verify foreign.kpatch
says ': unsupported$' "says unsupported"

if [ "$(id -u)" -eq 0 ]; then
	cp sample.kpatch secret.kpatch && chmod 600 secret.kpatch && chmod 755 .
	cat >as-nobody <<-end
		#!/bin/sh
		exec setpriv --reuid=65534 --regid=65534 --clear-groups "\$@"
	end
	chmod +x as-nobody
else
	cp sample.kpatch secret.kpatch && chmod 000 secret.kpatch
	printf '#!/bin/sh\nexec "$@"\n' >as-nobody
	chmod +x as-nobody
fi
if ./as-nobody "$lcp" --version >out 2>&1; then
	./as-nobody "$lcp" verify secret.kpatch >out 2>err
	[ $? -eq 6 ] && grep -q ': not-permitted$' out
	result $? "6: a file that may not be read, and the word is not-permitted" "$(cat out err)"
else
	skip "another user cannot run what was built here" "6: a file that may not be read"
fi

program=$(command -v sh)
expect 1 "a patch and a program that it is not for" verify sample.kpatch --object "$program"
says '^sample.kpatch: mismatch$' "says mismatch"
expect 1 "a patch and something that is no program" verify --object sample.kpatch sample.kpatch
says ': malformed$' "says malformed"
expect 1 "a patch and a program that is not there" verify --object missing sample.kpatch
says ': failed$' "says failed"

expect 2 "no command"
complains 'which command' "asks for one"
expect 2 "an unknown command" unknown
expect 2 "an unknown option" info --unknown sample.kpatch
complains '--unknown' "names it"
expect 2 "an unknown letter" info -X sample.kpatch
expect 2 "an option without its value" verify sample.kpatch --object
complains '--object needs BIN' "says what is missing"
expect 2 "a value for an option that takes none" info --json=yes sample.kpatch
expect 2 "info without a file" info
expect 2 "verify without a file" verify
expect 2 "an abbreviated option" verify --obj x sample.kpatch
expect 0 "a value behind =" verify sample.kpatch --need-digest -q
expect 0 "options in front of the command" --json info sample.kpatch
"$get" patches.0.outcome <out >value && [ "$(cat value)" = loaded ]
result $? "count"
cp sample.kpatch ./-strange
expect 0 "a file that looks like an option, behind --" verify -- -strange

B="--object x --id y -o z"
for fault in "--id y -o z --asm a b" "--object x -o z --asm a b" "--object x --id y --asm a b" "$B" \
	"$B --asm a" "$B --compdb c" "$B p.patch" "$B --asm a b p.patch" "$B --asm a b --compdb c p.patch" \
	"$B --level -1 --asm a b" "$B --level 4294967296 --asm a b" "$B --level 1x --asm a b" \
	"$B --jobs 2000 --asm a b" "$B --strip x --asm a b"; do
	# shellcheck disable=SC2086 # words are wanted
	expect 2 "build $fault" build $fault
	[ ! -s out ]
	result $? "and standard output is empty"
done

for command in build info verify; do
	expect 0 "help" help
	says "^  $command " "names $command"
	expect 0 "help of $command" help "$command"
	says "^usage: lcp $command " "says how to use it"
	cp out help
	expect 0 "$command --help" "$command" --help
	same "is the same" help out
done
expect 2 "help of an unknown command" help unknown
expect 0 "--version" --version
says "^lcp $version\$" "tells the tool's version"
says "^library $version\$" "and the library's"
says '^abi liblcp.so.' "and the ABI"
says '^features ' "and features"
expect 0 "--version in JSON" --json --version
[ "$("$get" . <out)" = "tool library abi features" ]
result $? "has the documented names" "$(cat out)"

if [ -w /dev/full ]; then
	"$lcp" info sample.kpatch >/dev/full 2>err
	[ $? -eq 1 ] && grep -q 'standard output' err
	result $? "1: standard output that takes nothing" "$(cat err)"
fi
"$lcp" verify sample.kpatch | grep -q "$(printf '\033')"
[ $? -eq 1 ]
result $? "no colour where there is no terminal"
if command -v script >/dev/null; then
	TERM=xterm script -qec "'$lcp' verify sample.kpatch" /dev/null </dev/null >out
	grep -q "$(printf '\033\\[')" out
	result $? "colour on a terminal" "$(cat -v out)"
	NO_COLOR=1 TERM=xterm script -qec "'$lcp' verify sample.kpatch" /dev/null </dev/null >out
	grep -q intact out && ! grep -q "$(printf '\033\\[')" out
	result $? "none with NO_COLOR" "$(cat -v out)"
else
	skip "script is not installed" "colour on a terminal"
fi
finish
