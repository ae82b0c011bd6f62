# SPDX-License-Identifier: LGPL-2.1-or-later
#
# lcp list: what it says of a process, as a table and as JSON; what it cannot look at; exit codes.

. "$top_srcdir/tests/api/rules.sh"

lcp=$top_builddir/tools/lcp
get=$top_builddir/tests/tools/json-get

# A process to look at: cat, which ends when the pipe does, and answers once it runs.
mkfifo "$scratch/in" "$scratch/out"
cat <"$scratch/in" >"$scratch/out" &
pid=$!
exec 3>"$scratch/in" 4<"$scratch/out"
echo ready >&3
read -r word <&4
[ "$word" = ready ]
result $? "there is a process to look at"
program=$(readlink "/proc/$pid/exe")
build_id=$(readelf -nW "$program" | sed -n 's/.*Build ID: //p')

# runs CLAIM STATUS ARGUMENT...: lcp list with these, into $scratch/list and $scratch/said.
runs() {
	claim=$1
	want=$2
	shift 2
	"$lcp" list "$@" >"$scratch/list" 2>"$scratch/said"
	status=$?
	[ "$status" -eq "$want" ]
	result $? "$claim" "status $status: $(cat "$scratch/said")"
}

runs "one process is listed" 0 -p "$pid"
grep -q "^ *$pid  0x[0-9a-f]* *$build_id  $program\$" "$scratch/list"
result $? "the program has its build-id and path" "$(cat "$scratch/list")"
grep -q "libc\.so" "$scratch/list" && grep -q '\[vdso\]' "$scratch/list"
result $? "libc and the vdso are there" "$(cat "$scratch/list")"
base=$(sed -n "s|^\([0-9a-f]*\)-.* $program\$|0x\1|p" "/proc/$pid/maps" | head -n 1)
[ "$(awk 'NR == 2 { print $2 }' "$scratch/list")" = "$base" ]
result $? "the program is mapped where /proc/PID/maps says" "$base"

runs "only objects with a build-id" 0 -p "$pid" --build-id "$build_id"
[ "$(wc -l <"$scratch/list")" -eq 2 ]
result $? "that is one line and the heading" "$(cat "$scratch/list")"
runs "nobody has another build-id" 4 -p "$pid" --build-id 00
[ ! -s "$scratch/list" ]
result $? "nothing is printed then"
runs "all processes are looked at" 0 --build-id "$build_id"
grep -q "^ *$pid " "$scratch/list"
result $? "this one is among them"

runs "one document with --json" 0 --json -p "$pid"
same_text() {
	[ "$("$get" "$1" <"$scratch/list")" = "$2" ]
	result $? "$1 is $2" "$("$get" "$1" <"$scratch/list")"
}
same_text processes.0.pid "$pid"
same_text processes.0.process.path "$program"
same_text processes.0.process.objects.0.build_id "$build_id"
same_text processes.0.process.objects.0.base "$base"
same_text processes.0.process.start_time "$(cut -d ' ' -f 22 "/proc/$pid/stat")"
same_text unreadable 0

runs "a process that is not there is an error" 1 -p 2147483647
grep -q '^lcp: no process 2147483647' "$scratch/said"
result $? "it is named" "$(cat "$scratch/said")"
runs "some were there" 3 --json -p "$pid" -p 2147483647
same_text processes.1.error.name ESRCH
runs "a number is needed" 2 -p x
runs "no other words are" 2 "$pid"
runs "nothing is printed with --quiet" 0 -q -p "$pid"
[ ! -s "$scratch/list" ]
result $? "indeed"

# Another user's lcp may not look at it.
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null &&
	setpriv --reuid=65534 --clear-groups "$lcp" --version >/dev/null 2>&1; then
	setpriv --reuid=65534 --clear-groups "$lcp" list -p "$pid" >"$scratch/list" 2>"$scratch/said"
	[ $? -eq 6 ]
	result $? "without permission the status is 6" "$(cat "$scratch/said")"
	setpriv --reuid=65534 --clear-groups "$lcp" list >"$scratch/list" 2>"$scratch/said"
	grep -q 'could not be looked at$' "$scratch/said"
	result $? "of all processes those are counted" "$(cat "$scratch/said")"
else
	skip "no other user can be tried" "without permission the status is 6"
	skip "no other user can be tried" "of all processes those are counted"
fi

exec 3>&- 4<&-
wait "$pid"
result $? "the process has noticed nothing, and ends as it should"
finish
