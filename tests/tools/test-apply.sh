# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The life of patches through lcp apply, query, check and revert: words, exit codes, reasons, JSON, and
# names for debuggers. Two processes live through all of it, and at the end are as they were.

. "$top_srcdir/tests/api/rules.sh"

build=$(cd "$top_builddir" && pwd)
sources=$(cd "$top_srcdir" && pwd)/tests/tools
lcp=$build/tools/lcp
get=$build/tests/tools/json-get
sample=$build/tests/samples/make-sample
chmod 755 "$scratch"
cd "$scratch" || exit 1
trap '' PIPE

# runs CLAIM STATUS COMMAND ARGUMENT...: lcp with these, into out and err.
runs() {
	claim=$1
	want=$2
	shift 2
	"$lcp" "$@" >out 2>err
	status=$?
	[ "$status" -eq "$want" ]
	result $? "$claim" "status $status: $(cat out err)"
}

# line PATTERN CLAIM, and the same on standard error: such a line was written.
line() {
	grep -q -e "$1" out
	result $? "$2" "$(cat out err)"
}
complains() {
	grep -q -e "$1" err
	result $? "$2" "$(cat out err)"
}

# member PATH TEXT: so it is in the document that was written.
member() {
	[ "$("$get" "$1" <out)" = "$2" ]
	result $? "$1 is $2" "$(cat out)"
}

# Ask the first or the second process, and wait for its word.
next_word() {
	timeout 30 head -n 1
}
first() {
	echo "$1" >&3
	word=$(next_word <&4)
}
second() {
	echo "$1" >&5
	word=$(next_word <&6)
}

# A build-id of its own: other tests have processes, too, and some that are meant to be malformed.
build_id=$(echo "$scratch" | sha1sum | cut -c 1-40)
# shellcheck disable=SC2086 # words are wanted
{
	$CC -O2 -S -o 0.s "$sources/apply-victim.c" &&
		$CC -O2 -DLEVEL=1 -S -o 1.s "$sources/apply-victim.c" &&
		$CC -O2 -DLEVEL=2 -S -o 2.s "$sources/apply-victim.c" &&
		$CC -Wl,--build-id=0x"$build_id" -o victim 0.s &&
		$CC -O2 -Wl,--build-id -o spy "$sources/apply-spy.c"
} >log 2>&1
result $? "there are programs" "$(cat log)"
for level in 1 2; do
	"$lcp" build --object victim --id fix --level $level --asm 0.s $level.s -o $level.kpatch >log 2>&1
	result $? "and level $level of a patch" "$(cat log)"
done
"$sample" lcp 1 other.kpatch && "$sample" libcare 1 foreign.kpatch
result $? "patches for something else"

mkfifo in1 out1 in2 out2
# It holds a file open, as one that writes a map of its own does.
./victim <in1 >out1 9>own.map &
one=$!
exec 3>in1 4<out1
./victim <in2 >out2 &
two=$!
exec 5>in2 6<out2
[ "$(next_word <&4)" = ready ] && [ "$(next_word <&6)" = ready ]
result $? "two processes run"
cat "/proc/$one/maps" >maps-before

# What is not patched yet.
runs "query finds nothing in a process" 0 query -p $one
line "^$one: unpatched\$" "and says so"
runs "that is nothing to list" 4 query --only-patched -p $one
[ ! -s out ]
result $? "indeed"
runs "check says yes" 0 check -p $one 1.kpatch
line "^$one: applicable\$" "in one word"
runs "a dry run does, too" 0 apply --dry-run -p $one 1.kpatch
line "^$one: applicable" "in the same word"
cat "/proc/$one/maps" >maps-now
same "no memory was mapped" maps-before maps-now
first ask
[ "$word" = 0 ]
result $? "the process answers as before" "$word"
runs "what is not there cannot be reverted" 4 revert -p $one fix
line "^$one: not-applied\$" "and there is a word for it"
complains "^lcp: process $one holds no patch 'fix'" "and a reason"

# Apply.
runs "level 1 is applied" 0 apply -p $one 1.kpatch
line "^$one: applied (3 functions, 1 thread stopped for [0-9]* us)\$" "with what was done"
first ask
[ "$word" = 11 ]
result $? "the new code answers" "$word"
runs "a second time there is nothing to do" 0 apply -p $one 1.kpatch
line "^$one: already-applied\$" "and the word is another"
runs "check says the same" 0 check -p $one 1.kpatch
line "^$one: already-applied\$" "with the same word"
runs "query shows the patch" 0 query -p $one
line "^$one: patched\$" "of the process"
line "^  fix level 1: applied, on $scratch/victim, build-id $build_id\$" "its level, state and object"
line "^    0x[0-9a-f]* [0-9]* answer\$" "and its functions"
runs "as one document" 0 query --json -p $one -p $two
member processes.0.pid $one
member processes.0.outcome patched
member processes.0.status.patches.0.id fix
member processes.0.status.patches.0.level 1
member processes.0.status.patches.0.state applied
member processes.0.status.patches.0.in_force true
member processes.0.status.patches.0.build_id "$build_id"
member processes.0.error null
member processes.1.outcome unpatched
member unreadable 0
member error null
if command -v python3 >/dev/null; then
	python3 -c 'import json, sys; print(sorted(f["name"] for f in json.load(sys.stdin)["processes"][0]["status"]["patches"][0]["functions"]))' \
		<out >names 2>&1
	[ "$(cat names)" = "['answer', 'hold_on', 'spin_here']" ]
	result $? "python3 reads it and finds the functions" "$(cat names)"
else
	skip "python3 is not installed" "python3 reads it and finds the functions"
fi
"$lcp" query --all --only-patched >out 2>err
grep -q "^$one: " out && ! grep -q "^$two: " out
result $? "of all processes the patched one is listed, the other is not" "$(cat out)"

# Levels.
runs "level 2 replaces level 1" 0 apply --json -p $one 2.kpatch
member processes.0.outcome applied
member processes.0.report.outcome applied
member processes.0.report.functions 3
member processes.0.error null
first ask
[ "$word" = 22 ]
result $? "its code answers" "$word"
runs "level 1 does not replace level 2" 1 apply -p $one 1.kpatch
line "^$one: conflict\$" "that is a conflict"
runs "a process with an object of the build-id is found" 0 apply --build-id "$build_id" 2.kpatch
grep -q "^$one: already-applied" out && grep -q "^$two: applied " out
result $? "and so is every other" "$(cat out)"
second ask
[ "$word" = 20 ]
result $? "which answers with new code, too" "$word"
runs "of all processes those that hold a patch are reverted" 0 revert --build-id "$build_id" fix
grep -q "^$one: reverted " out && grep -q "^$two: reverted " out && [ "$(wc -l <out)" -eq 2 ]
result $? "and no other" "$(cat out)"
first ask
[ "$word" = 3 ]
result $? "the old code answers" "$word"
runs "the second time there is none" 4 revert -p $one fix
runs "nor in any process" 4 revert --all --build-id "$build_id" fix
[ ! -s out ]
result $? "and nothing is listed" "$(cat out)"

# Not for this process.
runs "a patch for another object is not applied" 4 apply -p $one other.kpatch
line "^$one: not-applicable\$" "and there is a word for it"
complains "process $one: no object has the build-id" "and a reason"
runs "no process at all has that object" 4 apply --all other.kpatch
[ ! -s out ]
result $? "and none is listed" "$(cat out)"
runs "nor is one of two applied, where the other does not fit" 4 apply -p $one 1.kpatch other.kpatch
runs "the process holds none of them" 4 query -p $one --only-patched

# In use.
first hold
[ "$word" = holding ]
result $? "a function is busy"
runs "it is not replaced" 5 apply --timeout 300 --retries 2 -p $one 1.kpatch
line "^$one: busy\$" "the word says so"
complains "^    thread $one in hold_on, at 0x[0-9a-f]*\$" "the thread and the function are named"
complains "^        $scratch/victim+0x[0-9a-f]*\$" "and its frames"
runs "the same as a document" 5 apply --json --retries 0 -p $one 1.kpatch
member processes.0.outcome busy
member processes.0.report null
member processes.0.error.name LCP_EINUSE
member processes.0.error.blockers.0.tid $one
member processes.0.error.blockers.0.function hold_on
runs "check tells every reason" 4 check -p $one 1.kpatch other.kpatch
line "^$one: not-applicable\$" "the word is that of what waiting does not mend"
line "^  busy: " "one is that it is busy"
line "^    thread $one in hold_on" "with the thread"
line "^  not-applicable: " "the other that it is the wrong object"
runs "if it is only busy" 5 check -p $one 1.kpatch
line "^$one: busy\$" "that is the word"
runs "of two processes one is patched" 3 apply --retries 0 -p $one -p $two 1.kpatch
grep -q "^$one: busy" out && grep -q "^$two: applied" out
result $? "each has its word" "$(cat out)"
runs "with --entry-only calls end in the old code" 0 apply --entry-only -p $one 1.kpatch
first ""
[ "$word" = 0 ]
result $? "this one did" "$word"
first ask
[ "$word" = 14 ]
result $? "the next is of the new" "$word"

# Names for the code.
runs "a map for perf goes to standard output" 0 query -p $two --perf-map=-
cp out map
runs "as a document" 0 query --json -p $two
for function in 0 1 2; do
	address=$("$get" "processes.0.status.patches.0.functions.$function.address" <out)
	size=$("$get" "processes.0.status.patches.0.functions.$function.size" <out)
	name=$("$get" "processes.0.status.patches.0.functions.$function.name" <out)
	printf '%s %x %s\n' "${address#0x}" "$size" "$name"
done >wanted
same "it has a line for each function" wanted map
usual=/tmp/perf-$two.map
echo precious >precious
rm -f "$usual"
ln -s "$scratch/precious" "$usual"
runs "it is written where perf looks" 0 query -q -p $two --perf-map
[ ! -L "$usual" ] && cmp -s map "$usual" && [ "$(cat precious)" = precious ]
result $? "in place of a link, and not through it" "$(ls -l "$usual") $(cat precious)"
if command -v perf >/dev/null && perf record -q -e cpu-clock -o perf.data true >/dev/null 2>&1; then
	echo spin >&5
	perf record -q -e cpu-clock -o perf.data -p $two -- sleep 0.5 >/dev/null 2>&1
	word=$(next_word <&6)
	perf report -i perf.data --stdio --sort symbol >log 2>&1
	grep -q 'spin_here' log
	result $? "perf names new code by it" "$word $(cat log)"
else
	skip "perf cannot record here" "perf names new code by it"
fi
rm -f "$usual"
runs "a map that the process itself writes is left alone" 1 query -p $one --perf-map="$scratch/own.map"
line "^$one: conflict\$" "that is a conflict"
[ ! -s own.map ]
result $? "indeed" "$(cat own.map)"
second hold
runs "symbols are written" 0 query -q -p $two --symbols new.symbols
if command -v gdb >/dev/null; then
	DEBUGINFOD_URLS='' gdb -nx -q -batch -p $two -ex 'add-symbol-file new.symbols' -ex bt >log 2>&1
	grep -A 1 'in hold_on ()' log | grep -q ' in main ()'
	result $? "gdb shows by them which new function was called by which old one" "$(cat log)"
	! grep -qF '?''?' log
	result $? "and every frame has a name" "$(cat log)"
else
	skip "gdb is not installed" "gdb shows by them which new function was called by which old one"
	skip "gdb is not installed" "and every frame has a name"
fi
second ""
[ "$word" = 1 ]
result $? "the process goes on" "$word"
runs "a file of symbols is of one process" 2 query -p $one -p $two --symbols new.symbols
runs "a map on standard output is all that is there" 2 query --json -p $one --perf-map=-
runs "a file that cannot be written is an error" 1 query -p $one --symbols no/such/file
complains 'no/such/file' "which names it"

# Others at the process.
mkfifo spy-in spy-out
./spy $one <spy-in >spy-out 2>log &
spy=$!
exec 7>spy-in 8<spy-out
if [ "$(next_word <&8)" = tracing ]; then
	runs "a traced process is not touched" 5 revert --timeout 300 -p $one fix
	line "^$one: traced\$" "there is a word for it"
	complains "'spy' ($spy)" "the tracer is named"
	runs "nothing but reading is needed to query it" 0 query -p $one
else
	result 1 "a process can be traced" "$(cat log)"
fi
exec 7>&- 8<&-
wait "$spy"
runs "afterwards it works" 0 revert -p $one fix
runs "by the object's name as well, and from within lcp" 0 revert --in-process -p $two victim

runs "a process that is not there is an error" 1 apply -p 2147483647 1.kpatch
line '^2147483647: gone$' "and has a word"
if [ "$(id -u)" != 0 ]; then
	runs "without permission the status is 6" 6 apply -p 1 1.kpatch
	line '^1: not-permitted$' "and there is a word for it"
elif command -v setpriv >/dev/null &&
	setpriv --reuid=65534 --clear-groups "$lcp" --version >/dev/null 2>&1; then
	setpriv --reuid=65534 --clear-groups "$lcp" apply -p $one 1.kpatch >out 2>err
	[ $? -eq 6 ]
	result $? "without permission the status is 6" "$(cat out err)"
	line "^$one: not-permitted\$" "and there is a word for it"
else
	skip "no other user can be tried" "without permission the status is 6"
	skip "no other user can be tried" "and there is a word for it"
fi

# Files.
cp 1.kpatch damaged.kpatch
printf 'X' | dd of=damaged.kpatch bs=1 seek=$(($(wc -c <1.kpatch) / 2)) conv=notrunc 2>/dev/null
runs "a damaged patch is not applied" 7 apply -p $one damaged.kpatch
machine=$(($(grep -abo ELF foreign.kpatch | head -n 1 | cut -d : -f 1) + 17))
printf '\025\0' | dd of=foreign.kpatch bs=1 seek=$machine conv=notrunc 2>/dev/null
runs "nor one for another CPU" 8 apply --json -p $one foreign.kpatch
member error.name LCP_EUNSUPPORTED
member processes. 0
runs "a file has to be there" 1 check -p $one no.kpatch

# Command lines.
runs "a process is wanted" 2 apply 1.kpatch
runs "a file is wanted" 2 apply -p $one
runs "a file is wanted by check" 2 check -p $one
runs "an id is wanted" 2 revert -p $one
runs "one of them" 2 revert -p $one a b
runs "-p and --all exclude each other" 2 apply -p $one --all 1.kpatch
runs "no time is no time limit" 2 apply --timeout 0 -p $one 1.kpatch
runs "query takes no words" 2 query $one
runs "check changes nothing, so there is no --dry-run" 2 check --dry-run -p $one 1.kpatch
runs "--quiet says nothing" 0 apply -q -p $one 1.kpatch
[ ! -s out ] && [ ! -s err ]
result $? "indeed" "$(cat out err)"
runs "and the last patch goes" 0 revert -q -p $one fix

# As they were.
cat "/proc/$one/maps" >maps-now
same "no memory is left behind" maps-before maps-now
grep -q '^TracerPid:[[:blank:]]*0$' "/proc/$one/status" && grep -q '^TracerPid:[[:blank:]]*0$' "/proc/$two/status"
result $? "nobody traces the processes"
first ask
[ "$word" = 5 ]
result $? "the first one answers with its old code" "$word"
exec 3>&- 4<&- 5>&- 6<&-
wait "$one" && wait "$two"
result $? "both end as they should"
finish
