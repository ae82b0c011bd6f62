# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The library holds no writable global, and calls nothing that a library must not: it does not
# print, end the process, look at the environment, or change the process it is in.

. "$top_srcdir/tests/api/rules.sh"

library=$top_builddir/liblcp/.libs/liblcp.so

if [ "$instrumented" = yes ] || [ ! -f "$library" ]; then
	skip "an instrumented or static build" "the library holds and calls nothing a library must not"
	finish
fi

# In .data.rel.ro are constants that hold pointers: nm says d, but nobody can write to them.
find "$top_builddir/liblcp" -name '*.o' -exec objdump -t {} + >"$scratch/symbols"
grep -q 'lcp_version' "$scratch/symbols"
result $? "there are objects to look at"
awk -F '\t' '
	$1 ~ /[ ](\.(data|bss|tdata|tbss)|\.data\.rel(\.local)?|\*COM\*)$/ { print $2 }' "$scratch/symbols" |
	awk '{ print $NF }' | grep -v '^\.' >"$scratch/globals"
nothing "$(cat "$scratch/globals")" "the library has no writable global"

[ -s "$library" ]
result $? "there is a library to look at"

forbidden='printf|fprintf|vprintf|vfprintf|puts|fputs|putchar|perror|fopen|fdopen|freopen|fclose|fread'
forbidden="$forbidden|fwrite|stdout|stderr|stdin|popen|tmpfile|syslog|vsyslog|err|errx|warn|warnx"
forbidden="$forbidden|exit|_exit|_Exit|abort|atexit|on_exit|quick_exit|__assert_fail"
forbidden="$forbidden|getenv|secure_getenv|setenv|putenv|unsetenv|environ"
forbidden="$forbidden|signal|sigaction|chdir|fchdir|setlocale|umask|system|srand|rand|strtok|strerror"
nothing "$($NM -D --undefined-only "$library" | awk '{ sub(/@.*/, "", $NF); print $NF }' |
	sed 's/^__\(.*\)_chk$/\1/' | grep -xE "$forbidden")" \
	"the library does not print, exit, read the environment, or change its process"

$NM -D --undefined-only "$library" | grep -q 'vsnprintf'
result $? "what is forbidden would have been seen"

objdump -p "$library" | sed -n 's/^ *NEEDED *//p' | sort >"$scratch/needed"
nothing "$(grep -vE '^(libc\.so|libelf\.so|libunwind[-a-z0-9_]*\.so|ld-linux)' "$scratch/needed")" \
	"the library needs libc, libelf and libunwind at most"
objdump -p "$library" | grep -q "SONAME *liblcp.so.${version%%.*}\$"
result $? "its name is liblcp.so.${version%%.*}"
objdump -p "$library" | grep -qE '^ *FLAGS .*|BIND_NOW' && readelf -d "$library" | grep -q NOW
result $? "it is bound when it is loaded"
nothing "$(readelf -lW "$library" | grep -E 'GNU_STACK.*RWE|LOAD.*RWE')" \
	"no part of it is writable and executable"

# Every place that opens a descriptor says O_CLOEXEC.
opens=$(cd "$top_srcdir/liblcp" && grep -nE '\b(open|openat|memfd_create|pipe2?|socket|eventfd|dup[23]?)\(' ./*/*.c |
	grep -vE 'CLOEXEC|^\S+:[0-9]+: *[/ ]\*|"')
nothing "$opens" "every descriptor is opened with O_CLOEXEC"
finish
