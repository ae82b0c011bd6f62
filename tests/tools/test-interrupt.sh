# SPDX-License-Identifier: LGPL-2.1-or-later
#
# lcp build --compdb, interrupted while compilers run: whatever the signal, the scratch directory goes,
# the compilers end, and the tree is as it was.

. "$top_srcdir/tests/api/rules.sh"

lcp=$(cd "$top_builddir" && pwd)/tools/lcp
cd "$scratch" || exit 1
mkdir -p project tmp
TMPDIR=$scratch/tmp
export TMPDIR

echo 'int one(int x) { return x * 2; }' >project/one.c
printf -- '--- a/one.c\n+++ b/one.c\n@@ -1 +1 @@\n-int one(int x) { return x * 2; }\n+int one(int x) { return x * 3; }\n' >fix.patch
(cd project && $CC -O2 -fPIC -shared -Wl,--build-id -o libone.so one.c)
# It tells its process group, and then takes longer than anybody waits; it makes files meanwhile.
cat >slow-compiler <<'end'
#!/bin/sh
for output; do :; done
echo "$$" >>"$STARTED"
i=0
while [ "$i" -lt 6000 ]; do
	i=$((i + 1))
	echo "$i" >"$output.$i"
	sleep 0.01
done
end
chmod +x slow-compiler
STARTED=$scratch/started
export STARTED
echo "[{\"directory\": \"$scratch/project\", \"arguments\": [\"$scratch/slow-compiler\", \"-c\", \"one.c\"], \"file\": \"one.c\"}]" \
	>project/compile_commands.json
tree_state() {
	(cd project && find . -printf '%p %s %T@ %C@ %m\n' | sort && find . -type f -exec cksum {} +)
}
tree_state >before

# wait_until COMMAND...: for ten seconds. It calls the functions below.
wait_until() {
	tries=0
	while [ "$tries" -lt 1000 ]; do
		"$@" && return 0
		sleep 0.01
		tries=$((tries + 1))
	done
	return 1
}
# shellcheck disable=SC2317
both_started() {
	[ -f "$STARTED" ] && [ "$(wc -l <"$STARTED")" -eq 2 ]
}
# shellcheck disable=SC2317
nothing_left() {
	[ -z "$(ls -A tmp)" ]
}
# Ended, or a zombie that waits for whoever inherited it.
# shellcheck disable=SC2317
compilers_ended() {
	while read -r pid; do
		case $(sed -n 's/^State:[[:blank:]]*\(.\).*/\1/p' "/proc/$pid/status" 2>/dev/null) in
		'' | Z | X) ;;
		*) return 1 ;;
		esac
	done <"$STARTED"
}

for way in '' --copy-tree; do
	for signal in TERM HUP INT KILL; do
		rm -f started
		# A shell has SIGINT ignored in what it starts in the background.
		env --default-signal=INT "$lcp" build --object project/libone.so --id fix --compdb project/compile_commands.json \
			-o out.kpatch --jobs 2 $way fix.patch >out 2>err &
		pid=$!
		wait_until both_started
		result $? "compilers run${way:+ ($way)}" "$(cat out err)"
		[ -n "$(ls -A tmp)" ]
		result $? "there is a scratch directory"
		kill -s "$signal" "$pid"
		wait "$pid" 2>/dev/null
		status=$?
		number=$(kill -l "$signal" 2>/dev/null || case $signal in HUP) echo 1 ;; INT) echo 2 ;; KILL) echo 9 ;; *) echo 15 ;; esac)
		[ "$status" -eq $((128 + number)) ]
		result $? "SIG$signal ends lcp, as that signal does" "status $status"
		if [ "$signal" = KILL ]; then
			wait_until nothing_left
		else
			nothing_left
		fi
		result $? "after SIG$signal the scratch directory is gone" "$(find tmp)"
		wait_until compilers_ended
		result $? "and the compilers ended"
		tree_state >after
		same "the tree is untouched" before after
		[ ! -e out.kpatch ] && [ -z "$(find . -maxdepth 1 -name '.out*')" ]
		result $? "and there is no result"
	done
done
finish
