# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What the layout check says of pairs of units that are compiled here: what is a change of a type,
# what is none, and when it cannot tell.

. "$top_srcdir/tests/api/rules.sh"

tool=$top_builddir/tests/asm/layout-diff
flags=-g
suffix=c
compiler=$CC
# How a compiler writes long: gcc says "long int".
long_of() {
	case $($1 --version) in
	*clang*) ;;
	*) echo ' int' ;;
	esac
}
long=$(long_of "$CC")

# compile NAME TEXT: make $scratch/NAME.o
compile() {
	printf '%s\n' "$2" >"$scratch/$1.$suffix"
	# shellcheck disable=SC2086 # words are wanted
	$compiler $flags -c -o "$scratch/$1.o" "$scratch/$1.$suffix"
}

# says WANT CLAIM: what the check says of old.o and new.o, a line for a change, blanks for tabs.
says() {
	is=$("$tool" "$scratch/old.o" "$scratch/new.o" | tr '\t' ' ' | sort)
	[ "$is" = "$1" ]
	result $? "$2" "is: $is
want: $1"
}

# pair OLD NEW WANT CLAIM: types in two versions, each with a variable v that uses them.
pair() {
	if compile old "$1" && compile new "$2"; then
		says "$3" "$4"
	else
		result 1 "$4" "it does not compile"
	fi
}

compile old 'int v;' && compile new 'int v;' || exit 1
if "$tool" "$scratch/old.o" "$scratch/new.o" | grep -q '	.*libdw'; then
	skip "libdw is not there, or its headers were not" "layouts are compared"
	finish
fi

# What is a change.

pair 'struct s { int a; char *b; } v;' 'struct s { int a; char *b; long c; } v;' \
	"struct s size 16 -> 24, member 'c' added at 16" "a struct grew"
pair 'struct s { long a, b; } v;' 'struct s { long b; } v;' \
	"struct s size 16 -> 8, member 'a' removed from 0" "it shrank"
pair 'struct s { int a; long b; } v;' 'struct s { int a, c; long b; } v;' \
	"struct s member 'c' added at 4" "a member took the place of padding"
pair 'struct s { int a, b; } v;' 'struct s { int b, a; } v;' \
	"struct s member 'b' moved from 4 to 0" "members changed places"
pair 'struct s { int a; } v;' 'struct s { float a; } v;' \
	"struct s member 'a' was int, is float" "a member has another type of that size"
pair 'struct s { int a, b; } v;' 'struct s { int a, c; } v;' \
	"struct s member 'b' is now 'c'" "a member has another name"
pair 'struct s { int a[4]; } v;' 'struct s { int a[2][2]; } v;' \
	"struct s member 'a' was int[4], is int[2][2]" "an array has other dimensions"
pair 'struct s { unsigned a : 3, b : 5; } v;' 'struct s { unsigned a : 4, b : 4; } v;' \
	"struct s member 'a' had 3 bits, has 4" "a bit-field is wider"
pair 'struct s { unsigned a : 3, b : 5; } v;' 'struct s { unsigned a : 3, : 1, b : 5; } v;' \
	"struct s member 'b' moved from 0:3 to 0:4" "a bit-field moved"
pair 'struct s { unsigned a : 3; } v;' 'struct s { unsigned a : 3, n : 1; } v;' \
	"struct s member 'n' added at 0:3" "a bit-field was added"
pair 'struct a; struct b; struct s { struct a *p; } v;' \
	'struct a; struct b; struct s { struct b *p; } v;' \
	"struct s member 'p' was struct a *, is struct b *" "a pointer points to another type"
pair 'struct s { int (*f)(int); } v;' 'struct s { int (*f)(int, char *); } v;' \
	"struct s member 'f' was int (int) *, is int (int, char *) *" "a callback has a parameter more"
pair 'struct s { int (*f)(int); } v;' 'struct s { int (*f)(int, ...); } v;' \
	"struct s member 'f' was int (int) *, is int (int, ...) *" "or any number of them"
pair 'struct s { union { int a; float b; }; } v;' 'struct s { union { int a; long b; }; } v;' \
	"struct s size 4 -> 8, member 'b' was float, is long$long" "a union without a name counts"
pair 'struct s { struct { int a; } in; } v;' 'struct s { struct { float a; } in; } v;' \
	"struct s member 'in.a' was int, is float" "so does a struct without a name"
pair 'struct s { struct { int a; } *in, l[2]; } v;' 'struct s { struct { float a; } *in, l[2]; } v;' \
	"struct s member 'in->a' was int, is float" "behind a pointer too"
pair 'struct s { struct { int a; } l[2]; } v;' 'struct s { struct { float a; } l[2]; } v;' \
	"struct s member 'l[].a' was int, is float" "and in an array"
pair 'typedef struct { int a; } s_t; s_t v;' 'typedef struct { int a, b; } s_t; s_t v;' \
	"s_t size 4 -> 8, member 'b' added at 4" "its typedef may name a struct"
pair 'typedef int t; struct s { t a; } v;' 'typedef unsigned t; struct s { t a; } v;' \
	"struct s member 'a' was int, is unsigned int
typedef t was int, is unsigned int" "a typedef stands for another type"
pair 'union u { int a; char b; } v;' 'union u { int a; char b; double c; } v;' \
	"union u size 4 -> 8, member 'c' added at 0" "a union grew"
pair 'enum e { A, B, C } v;' 'enum e { A, X, B, C } v;' \
	"enum e enumerator B was 1, is 2" "an enumerator has another value"
pair 'enum e { A = -1, B } v;' 'enum e { A = -2, B = 0 } v;' \
	"enum e enumerator A was -1, is -2" "a negative one"
pair 'enum e { A, B } v;' 'enum e { A } v;' "enum e enumerator B removed" "an enumerator is gone"
pair 'struct in { int a; }; struct s { struct in *p; } v;' \
	'struct in { int a, b; }; struct s { struct in *p; } v;' \
	"struct in size 4 -> 8, member 'b' added at 4" "only the struct that changed is named, not who points to it"
pair 'struct in { int a; }; struct s { struct in i; } v;' \
	'struct in { int a, b; }; struct s { struct in i; } v;' \
	"struct in size 4 -> 8, member 'b' added at 4
struct s size 4 -> 8" "who holds it changes its size"
pair 'int f(void) { struct l { int a; } x = { 1 }; return x.a; }' \
	'int f(void) { struct l { int a, b; } x = { 1, 2 }; return x.a; }' \
	"struct l size 4 -> 8, member 'b' added at 4" "a type within a function counts"
flags='-g -funsigned-char'
compile new 'char v;'
flags='-g -fsigned-char'
compile old 'char v;'
says 'char was encoding 6, is encoding 8' "a base type has another encoding"
flags=-g

# What is none.

both='struct s { int a; enum e { A, B } e; const char *p; } v; int f(void) { return v.a; }'
pair "$both" "
$both" '' "lines may move"
pair "$both" "$both struct n { int x; } n; int g(void) { return 1; }" '' "a type or function may be new"
pair "$both struct n { int x; } n;" "$both" '' "or gone"
pair 'struct a { int x; } v; struct b { int y; } w;' 'struct b { int y; } w; struct a { int x; } v;' \
	'' "types may be reordered"
pair 'union u { int a; char b; } v;' 'union u { char b; int a; } v;' '' "so may the members of a union"
pair 'enum e { A, B } v;' 'enum e { A, B, C } v;' '' "an enumerator may be added"
pair 'struct s { char *p; } v;' 'struct s { const char *volatile p; } v;' '' \
	"const and volatile are nothing"
pair 'typedef unsigned t; struct s { t a; } v;' 'struct s { unsigned a; } v;' '' \
	"a typedef is what it stands for"
pair 'struct s { int a; char b; } v;' 'struct s { struct { int a; char b; }; } v;' '' \
	"members may move into a struct without a name if their places stay"
pair 'struct p; struct s { struct p *p; } v;' 'struct p { int a; }; struct s { struct p *p; } v;' '' \
	"a type that was only declared may be defined"
pair 'int f(void) { struct l { int a; } x = { 1 }; return x.a; }
int g(void) { struct l { long b; } x = { 1 }; return (int)x.b; }' \
	'int g(void) { struct l { long b; } x = { 1 }; return (int)x.b; }
int f(void) { struct l { int a; } x = { 1 }; return x.a; }' '' \
	"local types of one name are paired, whatever their order"
pair 'int f(void) { struct l { int a; } x = { 1 }; return x.a; }
int g(void) { struct l { long b; } x = { 1 }; return (int)x.b; }' \
	'int g(void) { struct l { long b; } x = { 1 }; return (int)x.b; }' '' "one of them may be gone"
pair 'int f(void) { struct l { int a; } x = { 1 }; return x.a; }
int g(void) { struct l { long b; } x = { 1 }; return (int)x.b; }' \
	'int f(void) { struct l { int a; } x = { 1 }; return x.a; }
int g(void) { struct l { float b; } x = { 1 }; return (int)x.b; }' \
	"struct l size 8 -> 4, member 'b' was long$long, is float" "but not changed"

# However debug information is written.

old='struct in { int x; }; enum e { A, B };
struct s { int a; struct in *in; unsigned b : 3, c : 9; enum e e; union { int u; float f; }; } v;'
new='struct in { int x, y; }; enum e { B, A };
struct s { int a; struct in *in; unsigned b : 3, d : 1, c : 9; enum e e; union { int u; float f; }; } v;'
want="enum e enumerator A was 0, is 1
struct in size 4 -> 8, member 'y' added at 4
struct s member 'd' added at 16:3"
for compiler in "$CC" gcc clang; do
	if ! command -v "${compiler%% *}" >/dev/null; then
		skip "$compiler is not installed" "the same as $compiler writes it"
		continue
	fi
	for flags in -gdwarf-4 -gdwarf-5 '-gdwarf-4 -fdebug-types-section' \
		'-gdwarf-5 -fdebug-types-section' '-g -O2'; do
		pair "$old" "$new" "$want" "the same with $compiler $flags"
	done
	flags=-gdwarf-4
	compile old "$old"
	flags=-gdwarf-5
	compile new "$old"
	says '' "$compiler: old and new ways of writing say the same"
done

# C++.

compiler=$CXX
suffix=cc
flags=-g
long=$(long_of "$CXX")
pair 'namespace n { class c { int a; static int s; }; } n::c v;' \
	'namespace n { class c { int a; long b; static int s; }; } n::c v;' \
	"class n::c size 4 -> 16, member 'b' added at 8" "a class in a namespace grew"
pair 'namespace n { struct c { int a; }; } namespace m { struct c { long a; }; } n::c v; m::c w;' \
	'namespace n { struct c { int a; }; } namespace m { struct c { float a; }; } n::c v; m::c w;' \
	"struct m::c size 8 -> 4, member 'a' was long$long, is float" "classes of one name are told apart"
pair 'struct b { int a; }; struct c { int x; }; struct d : b { int y; } v; c w;' \
	'struct b { int a; }; struct c { int x; }; struct d : c { int y; } v; b w;' \
	"struct d member 'base struct b' removed from 0" "a class has another base"
pair 'struct c { int a; int f() { return a; } static int s; } v;' \
	'struct c { int a; int f() { return a; } int g() { return f(); } static int s, t; } v;' '' \
	"functions and static members are no part of an object"
pair 'struct c { virtual int f() { return 1; } virtual int g() { return 2; } } v;' \
	'struct c { virtual int g() { return 2; } virtual int f() { return 1; } } v;' \
	"struct c member 'virtual _ZN1c1gEv' moved from 8 to 0" "the places of virtual functions are"
pair 'struct o { struct i; i *p; }; struct o::i { int a; }; o v; int f() { return v.p->a; }' \
	'struct o { struct i; i *p; }; struct o::i { int a, b; }; o v; int f() { return v.p->a; }' \
	"struct o::i size 4 -> 8, member 'b' added at 4" "a class may be defined outside of its class"
flags='-gdwarf-5 -fdebug-types-section'
pair 'struct c { int a; int f(); } v;' 'struct c { long a; int f(); } v;' \
	"struct c size 4 -> 8, member 'a' was int, is long$long" "type units have classes too"

# When it cannot tell.

compiler=$CC
suffix=c
flags=
pair 'int v;' 'int v;' 'not checked it has no debug information' "without -g it is not checked"
flags='-g -gsplit-dwarf'
pair 'int v;' 'int v;' 'not checked its debug information is in another file' "nor with -gsplit-dwarf"
flags='-g -Wa,--compress-debug-sections=zlib'
compiler=gcc
pair 'int v;' 'int v;' 'not checked its debug information is compressed' "nor if it is compressed"
flags=-g1
pair 'struct s { int a; } v;' 'struct s { int a; } v;' \
	'not checked its debug information describes no types' "nor with -g1"
flags=-g
pair 'int v;' 'int v;' '' "it is checked with -g"
printf 'garbage' >"$scratch/new.o"
says 'not checked it is damaged, or no object' "what is no object is not checked"
"$tool" "$scratch/old.o" "$scratch/new.o" >/dev/null
[ $? -eq 3 ]
result $? "that is a status of its own"
finish
