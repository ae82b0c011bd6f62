# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The library holds no writable global, and calls nothing that a library must not: it does not
# print, end the process, look at the environment, or change the process it is in.

. "$top_srcdir/tests/api/rules.sh"

library=$top_builddir/liblcp/.libs/liblcp.so

if [ "$instrumented" = yes ]; then
	skip "an instrumented build" "the library holds and calls nothing a library must not"
	finish
fi

# writable FILE: "name size" (hexadecimal) of sections that are allocated, writable and not empty.
writable() {
	readelf -SW "$1" | sed -n 's/^ *\[ *[0-9]*\] //p' | awk '
		$(NF - 3) ~ /A/ && $(NF - 3) ~ /W/ && $5 !~ /^0+$/ { sub(/^0+/, "", $5); print $1, $5 }'
}

# In .data.rel.ro are constants that hold pointers: the linker makes them read-only.
find "$top_builddir/liblcp" -name '*.o' >"$scratch/objects"
while read -r object; do
	symbols "$object"
done <"$scratch/objects" >"$scratch/names"
grep -q ' T lcp_version$' "$scratch/names"
result $? "there are objects to look at: $(wc -l <"$scratch/objects")"
globals=$(while read -r object; do
	{
		writable "$object" | grep -vE '^\.data\.rel\.ro[. ]'
		symbols "$object" | awk '$(NF - 1) == "C" { print "common symbol", $NF }'
	} | sed "s|^|${object##*/}: |"
done <"$scratch/objects")
nothing "$globals" "the library has no writable global, nor a constructor"

# Every place that opens a descriptor says O_CLOEXEC. A statement a line, strings left out.
opens='open|open64|openat|openat2|creat|memfd_create|pipe|pipe2|socket|socketpair|accept|accept4|eventfd'
opens="$opens|dup|dup2|dup3|epoll_create1?|inotify_init1?|timerfd_create|signalfd|userfaultfd"
opens="$opens|perf_event_open|fopen|fdopen|mkstemp|mkostemp"
find "$top_srcdir/liblcp" -name '*.[ch]' -o -name '*.inc' >"$scratch/sources"
while read -r source; do
	code "$source" | sed 's/"[^"]*"/""/g' | tr -s '\n\t' '  ' | tr ';{}' '\n' | sed "s|^|${source##*/}: |"
done <"$scratch/sources" | awk -v opens="(^|[^A-Za-z0-9_])(($opens) ?[(]|F_DUPFD[^_])" '
	{
		text = $0
		count = gsub(opens, "", text)
		if (count > gsub(/CLOEXEC/, "", text))
			print
		else if (count > 0)
			right++
	}
	END { print "right", right + 0 }' >"$scratch/opens"
# What the assembler is given is to stay open when it begins.
given='assemble.c:  return dup2(fd, to) == to'
nothing "$(grep -v '^right' "$scratch/opens" | grep -vxF "$given")" "every descriptor is opened with O_CLOEXEC"
[ "$(sed -n 's/^right //p' "$scratch/opens")" -ge 1 ]
result $? "places that open one were found"

if [ ! -f "$library" ]; then
	skip "the shared library is not built" "the library calls nothing a library must not"
	finish
fi

# What crtbeginS.o brings is 8 bytes of .data and one byte of .bss, which is rounded up.
nothing "$(writable "$library" | grep -vE '^(\.data\.rel\.ro|\.dynamic|\.got|\.got\.plt) ' |
	grep -vxE '(\.init_array|\.fini_array|\.data|\.bss) [1-8]')" \
	"nor has the linker found one"
readelf -lW "$library" | grep -q '^ *GNU_RELRO '
result $? "what holds pointers is read-only once they are relocated"

# All that the library calls. It does not print, end the process, look at the environment or change
# the process that it is in: another function needs a reason to be here, and none of these has one:
# write, dprintf, exit, abort, getenv, signal, sigaction, fork, chdir, setlocale, strerror.
{
cat <<-end
	calloc free malloc realloc
	abs bcmp bsearch memchr memcmp memcpy memmem memmove memrchr memset qsort
	strchr strcmp strcspn strdup strlen strncmp strndup strnlen strrchr strspn strstr
	vsnprintf
	__errno_location strerrordesc_np strerrorname_np
	close fstat open pread stat
	pthread_mutex_destroy pthread_mutex_init pthread_mutex_lock pthread_mutex_unlock
	elf_end elf_errmsg elf_getphdrnum elf_getscn elf_memory elf_version
	elf64_getehdr gelf_getphdr gelf_getshdr
end
# libdw is loaded on demand: who embeds the library to apply patches does without it, lzma and bzip2.
# The assembler is run as a process of its own: build/assemble.c, where _exit, execve, dup2 and sigaction
# are called in that process only. Units are worked on by several threads, with all signals blocked.
#
# Processes: target/. The surgeon is a process of its own, which waits, sleeps, names itself and has a
# timer; its stack and its tables are mappings, since it may not use the heap. The thread that waits
# for it must not be cancelled: that would happen in the surgeon, which shares its state. Where a stack
# is mapped is asked for by an ioctl of the process's maps. Records of the ledger have the time. Who
# traces from within the program leaves the end of the program's own children to it. Processes that may
# run in the same memory are listed in /proc.
# libunwind gets accessors of ours (target/unwind.c), so that it reads what we have read and nothing else.
cat <<-end
	dlclose dlopen dlsym
	_exit clone closedir dup2 execve fcntl lseek memfd_create sigaction sigfillset sigprocmask syscall
	waitpid write
	pthread_cond_destroy pthread_cond_signal pthread_cond_wait pthread_create pthread_join
	pthread_sigmask sched_getaffinity __sched_cpucount
	clock_gettime clock_nanosleep fstatat getpid ioctl madvise mmap mprotect munmap openat opendir
	poll prctl readdir
	process_vm_readv pthread_setcancelstate ptrace pwrite read snprintf strtoull sysconf
	timer_create timer_settime waitid
	_Ux86_64_create_addr_space _Ux86_64_destroy_addr_space _Ux86_64_dwarf_search_unwind_table
	_Ux86_64_get_reg _Ux86_64_get_save_loc _Ux86_64_init_remote _Ux86_64_is_signal_frame
	_Ux86_64_set_caching_policy _Ux86_64_step
end
# What the toolchain brings: the end of the process if a stack is smashed, hooks for unloading.
cat <<-end
	__stack_chk_fail __cxa_finalize __gmon_start__
	_ITM_deregisterTMCloneTable _ITM_registerTMCloneTable
end
} | tr -s ' ' '\n' >"$scratch/allowed-names"
# With _FORTIFY_SOURCE memcpy is __memcpy_chk.
symbols -D --undefined-only "$library" | awk '{ sub(/@.*/, "", $NF); print $NF }' |
	sed 's/^__\(.*\)_chk$/\1/' >"$scratch/called"
nothing "$(grep -vxFf "$scratch/allowed-names" "$scratch/called")" \
	"the library calls nothing that it has no reason to call"
grep -qx 'vsnprintf' "$scratch/called"
result $? "what is called was seen: $(wc -l <"$scratch/called") names"

objdump -p "$library" | sed -n 's/^ *NEEDED *//p' | sort >"$scratch/needed"
nothing "$(grep -vE '^(libc\.so|libelf\.so|libunwind[-a-z0-9_]*\.so|ld-linux)' "$scratch/needed")" \
	"the library needs libc, libelf and libunwind at most"
objdump -p "$library" | grep -q "SONAME *liblcp.so.${version%%.*}\$"
result $? "its name is liblcp.so.${version%%.*}"
readelf -dW "$library" | grep -qE '\((FLAGS|FLAGS_1)\).*\b(BIND_NOW|NOW)\b'
result $? "it is bound when it is loaded"
nothing "$(readelf -lW "$library" | grep -E 'GNU_STACK.*RWE|LOAD.*RWE')" \
	"no part of it is writable and executable"
finish
