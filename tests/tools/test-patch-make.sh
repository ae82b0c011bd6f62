# SPDX-License-Identifier: LGPL-2.1-or-later
#
# lcp-patch-make on projects with make, autotools and cmake. What makes the patches is a stand-in that
# notes its arguments: the claims are about which pairs of texts it is given, and about what is left
# behind. LibCare's way is taken with the real tools.

. "$top_srcdir/tests/api/rules.sh"

tools=$(cd "$top_builddir/tools" && pwd)
script=$(cd "$top_srcdir/tools" && pwd)/lcp-patch-make
unset LCP_STAGE KPATCH_STAGE LCP_CC LCP_CXX LCP_ASM_DIR KPATCH_PATH KPCCREAL CC CXX CFLAGS MAKEFLAGS MAKELEVEL MFLAGS DESTDIR
unset LPMAKE_ORIGINAL_DIR LPMAKE_PATCHED_DIR LPMAKE_PATCHROOT
bin=$scratch/bin
mkdir "$bin"
for name in lcp-cc lcp-c++ libcare-cc libcare-c++ kpatch_cc; do
	ln -s "$tools/lcp-cc" "$bin/$name"
done
for name in lcp-patch-make libcare-patch-make kpmake; do
	ln -s "$script" "$bin/$name"
done
cat >"$bin/lcp" <<END
#!/bin/sh
printf '%s\n' "\$@" call-ends >>"$scratch/calls"
for word in "\$@"; do
	[ "\$last" != -o ] || out=\$word
	last=\$word
done
case " \$FAILS " in
*" \$(basename "\$3"):effect "*) echo "\$3: no effect: no function changes" >&2; exit 1 ;;
*" \$(basename "\$3") "*) echo "\$3: refused" >&2; exit 1 ;;
esac
echo patch >"\$out"
END
chmod +x "$bin/lcp"
export FAILS=''
PATH=$bin:$PATH

# project: a library, a program that is stripped when installed, one that uses nothing, in a new folder.
project() {
	cd "$scratch" || exit 1
	rm -rf project
	mkdir -p project/src
	cd project || exit 1
	project=$(pwd -P)
	echo 'int factor(void); int work(int x) { return x * factor(); }' >src/work.c
	printf '%s\n' '#include "factor.h"' 'int factor(void) { return FACTOR; }' >src/factor.c
	echo '#define FACTOR 3' >src/factor.h
	printf '%s\n' 'int work(int);' 'int main(void) { return work(1) != 3; }' >src/main.c
	echo 'int main(void) { return 0; }' >src/other.c
	: >src/empty.c
	cat >Makefile <<'END'
CC = gcc
all: libwork.so program other
factor.o: src/factor.c src/factor.h
	$(CC) -O2 -fPIC -c -o $@ src/factor.c
work.o: src/work.c
	$(CC) -O2 -fPIC -c -o $@ src/work.c
libwork.so: work.o factor.o $(EXTRA)
	$(CC) -shared -o $@ work.o factor.o $(EXTRA)
program: src/main.c libwork.so
	$(CC) -O2 -o $@ src/main.c ./libwork.so
other: src/other.c
	$(CC) -O2 -o $@ src/other.c
clean:
	rm -f *.o libwork.so program other
install: all
	mkdir -p $(DESTDIR)/lib $(DESTDIR)/bin
	cp libwork.so $(DESTDIR)/lib
	cp program other $(DESTDIR)/bin
	objcopy -S -R .lcp.asm $(DESTDIR)/bin/program
END
	changes 's/x \*/x +/' src/work.c >"$scratch/work.patch"
	changes 's/3$/4/' src/factor.h >"$scratch/header.patch"
	changes 's/1)/2)/' src/main.c >"$scratch/main.patch"
	changes '1i/* a remark */' src/work.c >"$scratch/remark.patch"
	changes 's/return 0/exit 0/' src/other.c >"$scratch/broken.patch"
	sed 's/^ .*//; s/^-.*/-something else/' "$scratch/work.patch" >"$scratch/wrong.patch"
	cat >"$scratch/new.patch" <<'END'
--- /dev/null
+++ b/src/new.c
@@ -0,0 +1 @@
+int added(void) { return 1; }
--- a/src/empty.c
+++ b/src/empty.c
@@ -0,0 +1 @@
+int no_longer_empty;
--- a/Makefile
+++ b/Makefile
@@ -1,2 +1,5 @@
 CC = gcc
+EXTRA = new.o
 all: libwork.so program other
+new.o: src/new.c
+	$(CC) -fPIC -O2 -c -o $@ src/new.c
END
	: >"$scratch/calls"
	makefile=Makefile
	sources >"$scratch/sources.before"
}

# changes SED-SCRIPT FILE: the change as a patch.
changes() {
	sed "$1" "$2" >"$scratch/changed"
	diff -u --label "a/$2" --label "b/$2" "$2" "$scratch/changed"
}

sources() {
	find . -path ./lpmake -prune -o -path ./out -prune -o -path ./.lpmaketmp -prune -o \( -name '*.[ch]' -o -name "$makefile" -o -name '*lpmakeorig*' \
		-o -name '*.rej' \) -print | sort | xargs cksum
}

# restored CLAIM: the sources are what they were.
restored() {
	sources >"$scratch/sources.after"
	same "$1" "$scratch/sources.before" "$scratch/sources.after"
}

# run STATUS CLAIM WORD...: run lcp-patch-make.
run() {
	wanted=$1 claim=$2
	shift 2
	"$bin/lcp-patch-make" "$@" >"$scratch/out" 2>"$scratch/err" </dev/null
	ended=$?
	[ "$ended" -eq "$wanted" ]
	result $? "$claim" "exit $ended, wanted $wanted
$(tail -n 30 "$scratch/out" "$scratch/err")"
}

# said CLAIM TEXT: the last run said it.
said() {
	cat "$scratch/out" "$scratch/err" | grep -qF -e "$2"
	result $? "$1" "$(cat "$scratch/out" "$scratch/err")"
}

id_of() {
	readelf -n "$1" | sed -n 's/.*Build ID: //p'
}

# pairs: what was compared, by the names of the texts.
pairs() {
	awk '$0 == "--asm" { left = 2; next } left > 0 { sub(/.*\//, ""); print; left-- }' "$scratch/calls" | tr '\n' ' '
}

objects() {
	awk '$0 == "--object" { left = 1; next } left > 0 { sub(/.*\/project\//, ""); print; left-- }' "$scratch/calls" | tr '\n' ' '
}

# is CLAIM TEXT TEXT
is() {
	[ "$2" = "$3" ]
	result $? "$1" "$2 is not $3"
}

project
run 0 "a project with a makefile" --clean -i fix-1 "$scratch/work.patch"
is "the patch is for the library that changes" "$(objects)" "lpmake/lib/libwork.so "
is "made of the pair that differs" "$(pairs)" ".lcp_work.original.s .lcp_work.patched.s "
id=$(id_of lpmake/lib/libwork.so)
printf '%s\n' build --object "$project/lpmake/lib/libwork.so" --id fix-1 --asm \
	"$project/.lpmaketmp/asm$project/.lcp_work.original.s" "$project/.lpmaketmp/asm$project/.lcp_work.patched.s" \
	-o "$project/patchroot/$id.kpatch" call-ends >"$scratch/wanted"
same "lcp build gets exactly these arguments" "$scratch/wanted" "$scratch/calls"
is "the last line says where it is" "$(tail -n 1 "$scratch/out")" \
	"patch for $project/lpmake/lib/libwork.so is in $project/patchroot/$id.kpatch"
[ -f "patchroot/$id.kpatch" ]
result $? "there it is"
is "each step is announced" "$(grep -E '^[A-Z ]{8,}|^applying' "$scratch/out" | sed 's/ INTO .*//' | tr '\n' ';')" \
	"BUILDING ORIGINAL CODE;INSTALLING ORIGINAL OBJECTS;applying work.patch...;BUILDING PATCHED CODE;INSTALLING PATCHED OBJECTS;MAKING PATCHES;"
restored "the sources are what they were"
is "texts are no litter beside the objects" "$(find . -path ./.lpmaketmp -prune -o -name '.lcp_*' -print)" ""

: >"$scratch/calls"
run 0 "again, without a clean" --id=fix-1 "$scratch/work.patch"
is "it is the same patch" "$(pairs)" \
	".lcp_work.original.s .lcp_work.patched.s "
is "of the same original" "$(id_of lpmake/lib/libwork.so)" "$id"
: >"$scratch/calls"
rm -r patchroot
run 0 "--update makes patches of what was built" --update -i fix-2
is "without building" "$(head -n 1 "$scratch/out")" "MAKING PATCHES"
is "of the same pairs" "$(pairs)" ".lcp_work.original.s .lcp_work.patched.s "
is "under the new id" "$(grep -A 1 -xF -e --id "$scratch/calls" | tail -n 1)" fix-2

project
run 0 "several patches, options behind them, jobs" --clean "$scratch/work.patch" "$scratch/main.patch" -i 7 -j2 --level 2 \
	--cve CVE-1 --cve CVE-2 --description "it's two words"
is "every object that changes has a patch" "$(objects)" "lpmake/bin/program lpmake/lib/libwork.so "
is "that of a program compiled and linked at once too" "$(pairs)" \
	".lcp_program-main.original.s .lcp_program-main.patched.s .lcp_work.original.s .lcp_work.patched.s "
grep -A 1 -xF -e --debug "$scratch/calls" | grep -q '\.twin$' && [ "$(grep -c -e --debug "$scratch/calls")" -eq 1 ]
result $? "the stripped one comes with its unstripped twin"
is "level, description and CVE names are passed on" \
	"$(sed -n '/^--level$/,/^--debug$/p' "$scratch/calls" | head -n 8 | tr '\n' '|')" \
	"--level|2|--cve|CVE-1|--cve|CVE-2|--description|it's two words|"
restored "the sources are what they were"

project
run 0 "a header" --clean -i 7 "$scratch/header.patch"
is "changes who includes it" "$(pairs)" ".lcp_factor.original.s .lcp_factor.patched.s "
project
run 0 "a header without a clean" -i 7 "$scratch/header.patch"
said "is warned of" "changes a header"

project
run 0 "a patch that adds a file" --clean -i 7 "$scratch/new.patch"
is "compares the new unit to nothing" "$(pairs)" "empty.s .lcp_new.patched.s "
restored "new files are gone, empty ones empty"

project
run 0 "two patches of one file" --clean -i 7 "$scratch/remark.patch" "$scratch/header.patch"
restored "are undone"

project
run 1 "a patch that does not apply is an error" --clean -i 7 "$scratch/work.patch" "$scratch/wrong.patch"
said "that names it" "wrong.patch does not apply"
restored "the sources are what they were"
run 1 "a patched source that does not compile is an error" --clean -i 7 "$scratch/broken.patch"
said "that says so" "the patched build failed"
restored "the sources are what they were"
run 1 "a patch without effect is an error" --clean -i 7 "$scratch/remark.patch"
said "that says so" "no effect: no program or library that was installed differs"
is "nothing is made of it" "$(cat "$scratch/calls")" ""

project
FAILS='libwork.so'
run 1 "a patch that lcp build refuses is an error" --clean -i 7 "$scratch/work.patch" "$scratch/main.patch"
said "the other one is made" "patch for $project/lpmake/bin/program is in"
said "the end says so" "not every patch could be made"
FAILS='libwork.so:effect'
run 0 "an object without effect beside one with it is none" --clean -i 7 "$scratch/work.patch" "$scratch/main.patch"
FAILS=

project
run 2 "an id is needed" --clean "$scratch/work.patch"
said "says usage" "usage: lcp-patch-make"
run 2 "patches are needed" --clean -i 7
run 2 "an unknown option is an error" --none -i 7 "$scratch/work.patch"
run 2 "an unknown letter is one" -z -i 7 "$scratch/work.patch"
run 2 "a value is needed" "$scratch/work.patch" -i
run 2 "jobs are a number" -i 7 -j many "$scratch/work.patch"
run 2 "a build-id is hexadecimal" -i 7 -b xyz "$scratch/work.patch"
run 1 "a patch that cannot be read is an error" -i 7 "$scratch/none.patch"
run 0 "--help" --help
said "shows the options" "--clean-with CMD"

project
make >/dev/null
run 1 "what was compiled before, without texts, is noticed" -i 7 "$scratch/work.patch"
said "and the remedy told" "there is no original of"
said "which is" "use --clean"
rm -r .lpmaketmp
run 1 "--update needs a build" -u -i 7
said "and says so" "nothing was built before"
make clean >/dev/null
run 0 "a tree that nothing was built in needs no clean" -i 7 "$scratch/work.patch"
run 2 "make clean is not for what another command builds" --clean --build 'make all' -i 7 "$scratch/work.patch"
run 1 "which a tree that was built before needs" --build 'make all' -i 7 "$scratch/work.patch"
said "it says so" "--clean-with is needed"
cp -r src elsewhere
mv Makefile lpmakefile
sed -i 's/DESTDIR/ROOT/g; s,src/,elsewhere/,g' lpmakefile
changes 's/x \*/x +/' elsewhere/work.c | sed 's,elsewhere/,,' >"$scratch/elsewhere.patch"
LPMAKE_ORIGINAL_DIR=$scratch/original LPMAKE_PATCHED_DIR=$scratch/patched LPMAKE_PATCHROOT="$scratch/patch root"
export LPMAKE_ORIGINAL_DIR LPMAKE_PATCHED_DIR LPMAKE_PATCHROOT
run 0 "lpmakefile, --srcdir, --destdir and the variables for folders" -c -s elsewhere -dROOT -i7 "$scratch/elsewhere.patch"
[ -f "$scratch/original/lib/libwork.so" ] && [ -f "$scratch/patched/lib/libwork.so" ] && [ -f "$scratch/patch root/$(id_of "$scratch/original/lib/libwork.so").kpatch" ]
result $? "are heeded"
unset LPMAKE_ORIGINAL_DIR LPMAKE_PATCHED_DIR LPMAKE_PATCHROOT

project
mkdir -p "$scratch/production/lib"
gcc -shared -fPIC -O2 src/work.c src/factor.c -o "$scratch/production/lib/libwork.so"
run 0 "--production" --clean -i 7 --production "$scratch/production" "$scratch/work.patch" "$scratch/main.patch"
is "makes patches for what is installed there" "$(grep -A 1 -xF -e --object "$scratch/calls" | tail -n 1)" \
	"$scratch/production/lib/libwork.so"
[ -f "patchroot/$(id_of "$scratch/production/lib/libwork.so").kpatch" ]
result $? "by its build-id"
: >"$scratch/calls"
run 0 "--buildid" --clean -i 7 --buildid "$(id_of lpmake/bin/program)" "$scratch/work.patch" "$scratch/main.patch"
is "leaves out others" "$(objects)" "lpmake/bin/program "

# A signal in the middle of the patched build, which then goes on to its end.
for signal in TERM INT HUP; do
	project
	# shellcheck disable=SC2016 # make's
	printf 'other: signal\nsignal:\n\t[ ! -f src/new.c ] || kill -%s %s\n' "$signal" '$$WHOM' >>Makefile
	sources >"$scratch/sources.before"
	# shellcheck disable=SC2016 # the inner shell's
	env --default-signal=INT sh -c 'export WHOM=$$; exec "$@"' sh "$bin/lcp-patch-make" --clean -i 7 "$scratch/new.patch" \
		>"$scratch/out" 2>&1 </dev/null
	[ $? -gt 128 ] && ! grep -q 'MAKING PATCHES' "$scratch/out"
	result $? "SIG$signal ends it" "$(tail "$scratch/out")"
	restored "the sources are what they were"
done

# One that was killed leaves its changes; the next one finds them.
project
(cd src && patch -s -b -z .0.lpmakeorig -p2 <"$scratch/work.patch")
run 0 "what a killed one left is undone first" --clean -i 7 "$scratch/work.patch"
restored "the sources are what they were"

# The makefile's own compiler is the one that is wrapped.
project
sed -i 's/^CC = .*/CC = gcc -DFROM_MAKEFILE/' Makefile
sed -i '1i#ifndef FROM_MAKEFILE\n#error\n#endif' src/factor.c
run 0 "the makefile's compiler keeps its flags" --clean -i 7 "$scratch/work.patch"
project
# shellcheck disable=SC2016 # make's
sed -i '/^CC = /d; s/\$(CC)/cc/' Makefile
run 1 "a makefile that names its compiler in the rules" --clean -i 7 "$scratch/work.patch"
said "has no effect" "no effect"

# Many units, twice at once.
project
i=0
while [ $i -lt 30 ]; do
	i=$((i + 1))
	mkdir -p "many/$i"
	echo "int same_$i(int x) { return x + $i; }" >"many/$i/same.c"
done
# shellcheck disable=SC2016 # make's
sed -i 's/^EXTRA.*//; 1iEXTRA := $(patsubst %.c,%.o,$(wildcard many/*/same.c))\nCFLAGS = -fPIC' Makefile
changes 's/x + 17/x - 17/' many/17/same.c >"$scratch/many.patch"
for run in first second; do
	: >"$scratch/calls"
	run 0 "thirty sources of one name with two jobs: $run" --clean -j2 -i 7 "$scratch/many.patch"
	grep -q '/many/17/\.lcp_same\.patched\.s$' "$scratch/calls" && [ "$(grep -c '^--asm$' "$scratch/calls")" -eq 1 ]
	result $? "the one that changes is found"
	is "all are recorded" "$(readelf -p .lcp.asm lpmake/lib/libwork.so | grep -c '/many/')" 30
done

# autotools, with libtool, whose clean takes .libs away and with it what lies in there.
if command -v autoreconf >/dev/null && command -v libtoolize >/dev/null && command -v automake >/dev/null; then
	project
	rm Makefile
	cat >configure.ac <<'END'
AC_INIT([project], [1])
AM_INIT_AUTOMAKE([foreign subdir-objects])
AC_CONFIG_MACRO_DIRS([m4])
AM_PROG_AR
LT_INIT
AC_PROG_CC
AC_CHECK_HEADERS([stdlib.h])
AC_CONFIG_FILES([Makefile])
AC_OUTPUT
END
	cat >Makefile.am <<'END'
ACLOCAL_AMFLAGS = -I m4
lib_LTLIBRARIES = libwork.la
libwork_la_SOURCES = src/work.c src/factor.c src/factor.h
bin_PROGRAMS = program
program_SOURCES = src/main.c
program_LDADD = libwork.la
END
	mkdir m4
	autoreconf -i >"$scratch/autoreconf" 2>&1
	result $? "there is an autotools project" "$(cat "$scratch/autoreconf")"
	LCP_STAGE=configure CC=lcp-cc ./configure -q --prefix=/usr >"$scratch/out" 2>&1
	result $? "it is configured with lcp-cc" "$(cat "$scratch/out")"
	makefile=Makefile.am
	sources >"$scratch/sources.before"
	run 0 "it is built" -j2 -i 7 "$scratch/work.patch" "$scratch/main.patch"
	is "its library and its program have patches" "$(objects)" \
		"lpmake/usr/bin/program lpmake/usr/lib/libwork.so.0.0.0 "
	is "made of the objects that are in them" "$(pairs)" \
		".lcp_main.original.s .lcp_main.patched.s .lcp_work.original.s .lcp_work.patched.s "
	grep -q '/src/\.libs/\.lcp_work\.original\.s$' "$scratch/calls"
	result $? "the library's one is that of .libs" "$(cat "$scratch/calls")"
	: >"$scratch/calls"
	run 0 "it is configured, cleaned and built again" --configure './configure -q --prefix=/usr' --clean -i 7 \
		"$scratch/work.patch"
	is "with the same result" "$(pairs)" ".lcp_work.original.s .lcp_work.patched.s "
	restored "the sources are what they were"
else
	skip "autoconf, automake and libtool are not installed" "an autotools project"
fi

# cmake, as the manual page has it.
if command -v cmake >/dev/null; then
	project
	rm Makefile
	cat >CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.10)
project(project C)
add_library(work SHARED src/work.c src/factor.c)
add_executable(program src/main.c)
target_link_libraries(program work)
install(TARGETS work program)
END
	sources >"$scratch/sources.before"
	run 0 "a cmake project" --clean --configure 'cmake -B out -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=/usr' \
		--build 'cmake --build out -j 2' --install 'cmake --install out' \
		--clean-with 'cmake --build out --target clean' -i 7 "$scratch/header.patch"
	is "its library has a patch" "$(objects)" "lpmake/usr/lib/libwork.so "
	is "made of what includes the header" "$(pairs)" ".lcp_factor.c.original.s .lcp_factor.c.patched.s "
	restored "the sources are what they were"
else
	skip "cmake is not installed" "a cmake project"
fi

# The same with what makes patches in earnest.
project
ln -sf "$tools/lcp" "$bin/lcp"
run 0 "lcp build makes the patches" --clean -i fix-1 "$scratch/work.patch" "$scratch/main.patch"
for object in lib/libwork.so:work bin/program:main; do
	"$bin/lcp" info "patchroot/$(id_of "lpmake/${object%:*}").kpatch" >"$scratch/out" 2>&1
	said "that of ${object%:*} replaces ${object#*:}" "${object#*:}"
done
run 1 "a remark has no effect on it" --clean -i 7 "$scratch/remark.patch"

# LibCare's way: the walk-throughs of its documents.
if [ ! -x "$tools/kpatch_gensrc" ]; then
	skip "kpatch_gensrc is not built" "LibCare's walk-throughs"
	finish
fi
for name in kpatch_gensrc kpatch_strip kpatch_make; do
	ln -s "$tools/$name" "$bin/$name"
done

mkdir "$scratch/foo" && cd "$scratch/foo" || exit 1
cat >foo.c <<'END'
// foo.c
#include <stdio.h>
#include <time.h>
#include <unistd.h>

void print_hello(void)
{
    printf("Hello world!\n");
}

int main(void)
{
    while (1) {
        print_hello();
        sleep(1);
    }
}
END
sed 's,// foo,// bar,; s/world!\\n"/world %s!\\n", "being patched"/' foo.c >bar.c
diff -up foo.c bar.c >foo.patch
cp foo.c saved.c
cat >makefile <<'END'
all: foo

foo: foo.c
	$(CC) -o $@ $<

clean:
	rm -f foo

install: foo
	mkdir $$DESTDIR || :
	cp foo $$DESTDIR
END
here=$(pwd -P)
"$bin/libcare-patch-make" --clean -i 0001 foo.patch >"$scratch/out" 2>"$scratch/err" </dev/null
result $? "LibcarePlus's walk-through" "$(cat "$scratch/out" "$scratch/err")"
grep -v '^Fixing up relocation' "$scratch/out" >"$scratch/lines"
cat >"$scratch/wanted" <<END
rm -f foo
BUILDING ORIGINAL CODE
$bin/libcare-cc -o foo foo.c
INSTALLING ORIGINAL OBJECTS INTO $here/lpmake
mkdir \$DESTDIR || :
cp foo \$DESTDIR
applying foo.patch...
patching file foo.c
BUILDING PATCHED CODE
$bin/libcare-cc -o foo foo.c
INSTALLING PATCHED OBJECTS INTO $here/.lpmaketmp/patched
mkdir \$DESTDIR || :
cp foo \$DESTDIR
MAKING PATCHES
patch for $here/lpmake/foo is in $here/patchroot/$(id_of lpmake/foo).kpatch
END
same "prints what its document shows" "$scratch/wanted" "$scratch/lines"
[ -f .kpatch_foo.original.s ] && [ -f .kpatch_foo.patched.s ] && [ -f .kpatch_foo.s ]
result $? "and leaves the files it names"
same "the source is what it was" saved.c foo.c
[ "$(head -c 7 "patchroot/$(id_of lpmake/foo).kpatch")" = KPATCH1 ]
result $? "there is a patch file"
readelf -SW .lpmaketmp/patched/foo | grep -q '\.kpatch\.text'
result $? "the patched program holds the patch"
sed '1s/foo/remark/' foo.c >bar.c
diff -up foo.c bar.c >same.patch
"$bin/libcare-patch-make" --clean -i 0001 same.patch >"$scratch/out" 2>&1 </dev/null
[ $? -eq 1 ] && grep -q 'no effect' "$scratch/out"
result $? "a patch without effect is an error" "$(cat "$scratch/out")"

mkdir "$scratch/server" && cd "$scratch/server" || exit 1
cat >server.c <<'END'
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

void handle_connection(int sock)
{
	char buf[16];

	(void) recv(sock, buf, 128, 0); // bug is here
	fprintf(stdout, "Got %s\n", buf);
	close(sock);
}

int main(void)
{
	handle_connection(0);
	return 0;
}
END
cat >Makefile <<'END'
server: server.c
	$(CC) -o $@ $< -fno-stack-protector -fomit-frame-pointer
clean:
	rm -f server
install: server
	mkdir -p $(DESTDIR)
	cp server $(DESTDIR)
END
sed 's/128/sizeof(buf)/' server.c >fixed.c
diff -u --label a/server.c --label b/server.c server.c fixed.c >server.patch
"$bin/kpmake" --clean server.patch >"$scratch/out" 2>&1 </dev/null
result $? "LibCare's walk-through" "$(cat "$scratch/out")"
is "its last line" "$(tail -n 1 "$scratch/out")" \
	"patch for $(pwd -P)/kpmake/server is in $(pwd -P)/patchroot/$(id_of kpmake/server).kpatch"
finish
