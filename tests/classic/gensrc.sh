# SPDX-License-Identifier: LGPL-2.1-or-later
#
# kpatch_gensrc: each option, what it refuses, and how it ends.
#
# shellcheck disable=SC2016 # dollars in single quotes are the assembler's

. "$top_srcdir/tests/api/rules.sh"
. "$top_srcdir/tests/classic/classic.sh"

source=$(cd "$top_srcdir/tests/classic" && pwd)/contents.c
cd "$scratch" || exit 1

# ends STATUS WORDS CLAIM COMMAND...: the command ends so, and its output has the words.
ends() {
	status=$1
	words=$2
	claim=$3
	shift 3
	out=$("$@" 2>&1)
	[ $? -eq "$status" ] && printf '%s\n' "$out" | grep -qF -e "$words"
	result $? "$claim" "$out"
}

# function NAME VALUE: the text of a function that returns a value.
function_text() {
	printf '\t.text\n\t.globl %s\n\t.type %s, @function\n%s:\n\t.cfi_startproc\n' "$1" "$1" "$1"
	printf '\tmovl $%s, %%eax\n\tret\n\t.cfi_endproc\n\t.size %s, .-%s\n' "$2" "$1" "$1"
}

variable_text() {
	printf '\t.data\n\t.globl %s\n\t.type %s, @object\n\t.size %s, 4\n%s:\n\t.long %s\n' "$1" "$1" "$1" "$1" "$2"
}

{ function_text f 1; function_text g 1; variable_text v 1; } >old.s
{ function_text f 2; function_text g 2; variable_text v 1; } >new.s
{ function_text f 1; function_text g 1; variable_text v 2; } >value.s
{ function_text f 1; function_text g 1; variable_text v 1; function_text h 3; variable_text w 4; } >more.s

# Texts that are equal, by two compilers.
for compiler in gcc clang; do
	for flags in -O0 '-O2 -g' '-O2 -fPIC'; do
		if ! command -v $compiler >/dev/null; then
			skip "$compiler is not installed" "equal texts of $compiler $flags"
			continue
		fi
		# shellcheck disable=SC2086 # words are wanted
		$compiler $flags -S "$source" -o unit.s && kpatch_gensrc -i unit.s -i unit.s -o same.s &&
			grep -v '^#' unit.s >one && grep -v '^#' same.s >two
		same "equal texts of $compiler $flags give the original, but for lines with #" one two
	done
done
grep -q '^#---------- func ---------$' same.s && grep -q '^#---------- var ---------$' same.s
result $? "comments say where functions and variables begin"

# What stands in the output.
kpatch_gensrc -i old.s -i new.s -o both.s
result $? "two texts are compared"
for line in 'f.Lfe:' 'f.kpatch:' 'f.kpatch_end:' 'f.Lpi:' 'kpatch_strtab1:' 'kpatch_strtab2:' \
	'#---------- kpatch begin ---------' '#---------- kpatch end -----------'; do
	grep -qxF -e "$line" both.s
	result $? "the output has the line $line"
done
for section in '.kpatch.text,"ax"' '.kpatch.strtab,"a"' '.kpatch.info,"a"'; do
	grep -qF ".pushsection $section,@progbits" both.s
	result $? "and the section $section"
done
kpatch_gensrc -i old.s -i more.s -o both.s && grep -q '^#---------- new func ---------$' both.s &&
	grep -qF '.pushsection .kpatch.data,"aw",@progbits' both.s
result $? "new functions and data are in it"
$CC -c both.s -o both.o && nm both.o >symbols &&
	[ "$(grep -cE ' [TD] (h|w|h\.kpatch|w\.kpatch)$' symbols)" -eq 4 ]
result $? "by their names, so that other units find them, and as .kpatch" "$(cat symbols)"
kpatch_gensrc -i /dev/null -i old.s -o both.s && $CC -c both.s -o both.o &&
	readelf -SW both.o | grep -q ' \.kpatch\.info '
result $? "with /dev/null for the original all is new"
[ "$(od -An -tu4 -j16 -N4 /dev/null)" = "" ] && objcopy -O binary -j .kpatch.info both.o info &&
	[ "$(wc -c <info)" -eq 96 ] && [ "$(od -An -tu4 -j16 -N4 info | tr -d ' ')" -eq 0 ]
result $? "in records without an old function"

# A function with a cold part, as gcc writes it: only that differs, and both go to the patch.
cold_text() {
	printf '\t.text\n\t.globl f\n\t.type f, @function\nf:\n\t.cfi_startproc\n\ttestl %%edi, %%edi\n'
	printf '\tje .L2\n\tmovl $1, %%eax\n\tret\n\t.cfi_endproc\n\t.section .text.unlikely,"ax",@progbits\n'
	printf '\t.cfi_startproc\n\t.type f.cold, @function\nf.cold:\n.L2:\n\tmovl $%s, %%eax\n' "$1"
	printf '\tret\n\t.cfi_endproc\n\t.text\n\t.size f, .-f\n\t.section .text.unlikely\n'
	printf '\t.size f.cold, .-f.cold\n'
}
cold_text 5 >old-cold.s && cold_text 6 >new-cold.s && kpatch_gensrc -i old-cold.s -i new-cold.s -o both.s &&
	$CC -c both.s -o both.o && objdump -d -r -j .kpatch.text both.o >code
grep -q '<f\.kpatch>:$' code && grep -q '<f\.cold\.kpatch>:$' code && grep -q 'mov  *$0x6,%eax' code &&
	grep -qE 'je .*<f\.cold\.kpatch>' code
result $? "a cold part goes with its function" "$(cat code)"
objcopy -O binary -j .kpatch.info both.o info && [ "$(wc -c <info)" -eq 48 ]
result $? "without a record of its own"

# Standard input and output.
kpatch_gensrc -i old.s -i new.s >one && kpatch_gensrc -i - -i new.s -o - <old.s >two
same "- is the standard input and output" one two
kpatch_gensrc -i old.s --input=new.s --ouput two && kpatch_gensrc -i old.s -i new.s --output=three
same "--ouput is --output" two three
cmp one two
result $? "and there is no difference to it"

# Filters.
cat >debug.s <<'end'
	.file "a.c"
	.file 1 "a.c"
	.text
	.loc 1 5
	.cfi_startproc
	.cfi_lsda 0x3,.LLSDA0
	nop
	.section .gcc_except_table,"a",@progbits
.LLSDA0:
	.byte 0
	.section .eh_frame,"a",@progbits
	.byte 1
	.section .debug_info,"",@progbits
	.long 5
	.pushsection .debug_str
	.string "x"
	.popsection
	.long 6
	.text
	ret
end
kept() {
	claim=$1
	want=$2
	shift 2
	kpatch_gensrc -i debug.s -o out.s "$@"
	tr -s '\n\t' '  ' <out.s >is
	printf '%s ' "$want" >want
	same "$claim" want is
}
top=' .file "a.c" .file 1 "a.c" .text .loc 1 5'
code=' .cfi_startproc .cfi_lsda 0x3,.LLSDA0 nop'
table=' .section .gcc_except_table,"a",@progbits .LLSDA0: .byte 0'
frame=' .section .eh_frame,"a",@progbits .byte 1'
debug=' .section .debug_info,"",@progbits .long 5 .pushsection .debug_str .string "x" .popsection .long 6'
kept "one input without a filter stays" "$top$code$table$frame$debug .text ret"
kept "-f leaves debug information out" " .file \"a.c\" .text$code$table$frame .text ret" -f
kept "so does --dbg-filter" " .file \"a.c\" .text$code$table$frame .text ret" --dbg-filter
kept "--dbg-filter-eh-frame leaves .eh_frame out" "$top$code$table$debug .text ret" --dbg-filter-eh-frame
kept "--dbg-filter-gcc-except-table its table" "$top .cfi_startproc nop$frame$debug .text ret" \
	--dbg-filter-gcc-except-table
kept "--dbg-filter-cfi what begins with .cfi_" "$top nop$table$frame$debug .text ret" --dbg-filter-cfi
kpatch_gensrc -i debug.s -o out.s -f --dbg-filter-emit-newlines
[ "$(wc -l <out.s)" -eq "$(wc -l <debug.s)" ] && [ "$(grep -c '^$' out.s)" -eq 8 ]
result $? "--dbg-filter-emit-newlines keeps the number of lines"

# Which changes count.
ends 1 "FATAL! value.s: 'v': the initial value of a writable variable changed" \
	"what code cannot change is fatal" kpatch_gensrc -i old.s -i value.s -o refused.s
[ ! -e refused.s ]
result $? "and nothing is written then"
kpatch_gensrc -i old.s -i value.s -o out.s --ignore-changes=v && ! grep -q '\.kpatch' out.s
result $? "--ignore-changes leaves a change out"
kpatch_gensrc -i old.s -i new.s -o out.s --ignore-changes=new.s:f,other.s:g &&
	! grep -q '^f\.kpatch:' out.s && grep -q '^g\.kpatch:' out.s
result $? "of a file that is named, not of another"
kpatch_gensrc -i old.s -i value.s -o out.s --unlink-symbols=v && grep -q '^v\.kpatch:' out.s
result $? "--unlink-symbols gives the patch its own variable"
kpatch_gensrc -i old.s -i new.s -o out.s --unlink-symbols=f && ! grep -q '^f\.Lfe:' out.s &&
	grep -q '^#---------- unlinked func ---------$' out.s
result $? "and its own function, which replaces none"
ends 1 "FATAL! new.s: 'f': it changed and must be adapted by hand" \
	"--must-adapt refuses a change" kpatch_gensrc -i old.s -i new.s -o out.s --must-adapt=f,x
{ printf '\t.kpgensrc_flags KPGENSRC_ADAPTED\n' && cat new.s; } >adapted.s
kpatch_gensrc -i old.s -i adapted.s -o out.s --must-adapt=f && $CC -c out.s -o out.o
result $? "unless the text says that it was adapted, which the assembler does not see"

# Symbols.
cat >outside.c <<'end'
extern int far_away, other;
static int __attribute__((noinline)) f(int x) { far_away += VALUE; return x + other; }
int g(int x) { return f(x + 1) + f(x); }
end
$CC -O2 -fno-pie -DVALUE=1 -S outside.c -o old-outside.s && $CC -O2 -fno-pie -DVALUE=2 -S outside.c -o new-outside.s
kpatch_gensrc -i old-outside.s -i new-outside.s -o plain.s && kpatch_gensrc -i old-outside.s \
	-i new-outside.s -o got.s --force-gotpcrel --force-global && $CC -c plain.s && $CC -c got.s
result $? "both ways are assembled"
[ "$(readelf -rW got.o | sed -n '/\.rela\.kpatch\.text/,/^$/p' | grep -cE 'GOTPCRELX? .*(far_away|other)')" -eq 2 ] &&
	! readelf -rW got.o | sed -n '/\.rela\.kpatch\.text/,/^$/p' | grep -E 'PC32 .*(far_away|other)'
result $? "--force-gotpcrel takes what is outside from the GOT" "$(readelf -rW got.o)"
readelf -rW plain.o | sed -n '/\.rela\.kpatch\.text/,/^$/p' | grep -qE 'PC32 .*far_away'
result $? "which is not so without it"
readelf -sW got.o | grep -qE 'GLOBAL HIDDEN .* f\.kpatch$' && readelf -sW plain.o | grep -qE 'LOCAL .* f\.kpatch$'
result $? "--force-global makes new versions of static functions global"

# The forms of instructions, by what the new text has in place of "nop".
instruction() {
	{ function_text f 1; } >plain-old.s
	sed "s/movl \$1, %eax/$1/" plain-old.s >plain-new.s
	kpatch_gensrc -i plain-old.s -i plain-new.s -o got.s --force-gotpcrel && $CC -c got.s -o got.o &&
		sed -n '/^f\.kpatch:/,/^\tret/p' got.s | tr -d '\n' | tr '\t' ' ' >is &&
		printf 'f.kpatch: .cfi_startproc%s ret' "$2" >want
	same "$1 becomes$2" want is
}
load=' movq x@GOTPCREL(%rip), %'
save=' leaq -128(%rsp), %rsp pushq %r11'"$load"r11
back=' popq %r11 leaq 128(%rsp), %rsp'
instruction 'movl x(%rip), %eax' "${load}rax movl (%rax), %eax"
instruction 'movq x+8(%rip), %r9' "${load}r9 movq +8(%r9), %r9"
instruction 'movzbl x(%rip), %ecx' "${load}rcx movzbl (%rcx), %ecx"
instruction 'leaq x+8(%rip), %rdi' "${load}rdi leaq +8(%rdi), %rdi"
instruction 'movl $x, %edi' "${load}rdi"
instruction 'movl %eax, x(%rip)' "$save movl %eax, (%r11)$back"
instruction 'cmpq $0, x' "$save cmpq \$0, (%r11)$back"
instruction 'addl $5, x-4(%rip)' "$save addl \$5, -4(%r11)$back"
instruction 'addsd x(%rip), %xmm0' "$save addsd (%r11), %xmm0$back"
instruction 'movl x(,%rdi,4), %edi' "$save movl (%r11,%rdi,4), %edi$back"
instruction 'movl x(%rax), %eax' "$save movl (%r11,%rax), %eax$back"
instruction 'call x' ' call x'
instruction 'je x' ' je x'
instruction 'movq x@GOTPCREL(%rip), %rax' ' movq x@GOTPCREL(%rip), %rax'
instruction 'pushq x(%rip)' ' pushq x(%rip)'
instruction 'movl %fs:y@tpoff, %eax' ' movl %fs:y@tpoff, %eax'

# The rest.
for option in --os=rhel5 --os=rhel6 '-O rhel6' '-a x86_64' --arch=x86_64 --test-mode '-d 0'; do
	# shellcheck disable=SC2086 # words are wanted
	kpatch_gensrc -i old.s -i new.s -o two $option && cmp -s one two
	result $? "$option changes nothing"
done
ends 0 "new.s: f: changed" "-d says what changed" kpatch_gensrc -i old.s -i new.s -o out.s -d ff
ends 0 "usage: kpatch_gensrc" "-h shows how it is used" kpatch_gensrc -h
ends 1 "FATAL! architecture 'i686' is not supported" "another CPU is refused" kpatch_gensrc -a i686 -i old.s
ends 1 "FATAL! no input" "no input is refused" kpatch_gensrc -o out.s
ends 1 "FATAL! at most two inputs" "so are three" kpatch_gensrc -i old.s -i old.s -i old.s
ends 1 "FATAL! missing.s: No such file" "and a file that is not there" kpatch_gensrc -i old.s -i missing.s
ends 1 "unrecognized option" "and what is no option" kpatch_gensrc --nonsense
ends 1 "FATAL! 'x' is no option" "and what else is there" kpatch_gensrc -i old.s x
ends 1 "FATAL! 'x' is no hexadecimal level" "and what is no level" kpatch_gensrc -i old.s -d x
printf '\t.string "open\n' >broken.s
ends 1 "FATAL! broken.s:1: a string has no end" "broken text is refused" kpatch_gensrc -i old.s -i broken.s
printf 'a\0b' >binary.s
ends 1 "FATAL! binary.s: not a text" "and what is none" kpatch_gensrc -i old.s -i binary.s
finish
