# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Instructions of x86-64 in formats that compilers seldom use, for tests/arch/lengths.sh: immediates
# of all sizes behind RIP-relative operands, prefixes, VEX and EVEX, groups whose members differ.
	.text
start:
	enter $0x1234, $5
	leave
	movabs $0x1122334455667788, %r9
	mov $0x11223344, %eax
	movw $0x1122, %ax
	movabs 0x1122334455667788, %eax
	movabs %rax, 0x1122334455667788
	movabs %al, 0x1122334455667788
	addr32 mov 0x11223344, %eax
	testb $1, (%rdi)
	testw $0x1234, (%rdi)
	testl $0x12345678, 8(%rdi)
	testq $0x12345678, start(%rip)
	testb $7, start(%rip)
	testw $7, start(%rip)
	notb start(%rip)
	negw start(%rip)
	mull start(%rip)
	divq 8(%rsp)
	idivb %cl
	cmpw $0x1234, start(%rip)
	cmpb $0x12, start(%rip)
	cmpl $0x12345678, start(%rip)
	cmpq $0x12, start(%rip)
	addw $0x1234, %cx
	add $0x1234, %ax
	add $0x12345678, %rax
	imul $0x12345678, start(%rip), %rcx
	imul $0x12, start(%rip), %rcx
	imulw $0x1234, start(%rip), %cx
	pushq $0x12
	pushq $0x12345678
	pushw $0x1234
	pushq start(%rip)
	popq start(%rip)
	pop %r12
	ret $0x1234
	lretq
	lretq $8
	iretq
	int $0x80
	int3
	in $0x60, %al
	out %eax, $0x60
	in (%dx), %al
	rep movsb
	repne scasb
	lock cmpxchg16b start(%rip)
	lock xadd %rax, (%rdi)
	xlat
	hlt
	fwait
	fld1
	fstps (%rdi)
	fldt start(%rip)
	fcmovbe %st(3), %st
	fnstcw -2(%rsp)
	rcll $3, start(%rip)
	shll start(%rip)
	shrq %cl, 0x1234(%rdi, %rsi, 8)
	movb $3, start(%rip)
	movw $3, start(%rip)
	movl $3, start(%rip)
	movq $3, start(%rip)
	movq $3, 0x11(%r12)
	movq $3, 0x11223344(%r13)
	mov (%r13), %rax
	mov (%r12), %rax
	mov (, %rax, 8), %rbx
	mov 0x12345678, %rbx
	mov 8(%rbp, %r12, 4), %rbx
	mov (%r13, %r12, 4), %rbx
	mov %fs:0x28, %rax
	mov %fs:(%rdi), %rax
	mov %ds, %eax
	movslq %edi, %rax
	jmp start
	jmp *start(%rip)
	jmp *%rax
	jmp *(%rax, %rbx, 8)
	ljmp *(%rax)
	lcall *(%rax)
	call start
	call *start(%rip)
	call *8(%rsp)
	bnd jmp start
	bnd call start
	bnd ret
	notrack jmp *%rax
	data16 lea start(%rip), %rdi
	.byte 0x66, 0x66, 0x48
	call start
	.byte 0x67
	call start
	cs jne far
1:	loop 1b
	loope 1b
	loopne 1b
	jrcxz 1b
	jecxz 1b
	jno 1b
	jbe start
	jg far
	xbegin far
	xabort $1
	xend
	sete start(%rip)
	cmovg start(%rip), %rax
	btl $3, start(%rip)
	btsq $3, start(%rip)
	shld $3, %rax, start(%rip)
	shrd %cl, %rax, start(%rip)
	bswap %r10
	popcnt start(%rip), %rax
	tzcnt %rax, %rbx
	crc32b (%rdi), %eax
	movbe (%rdi), %rax
	adcx %rax, %rbx
	rdrand %rax
	rdseed %eax
	rdfsbase %rax
	rdtscp
	rdpid %rax
	xgetbv
	cpuid
	syscall
	clflush (%rdi)
	mfence
	prefetchw (%rdi)
	prefetcht0 start(%rip)
	endbr64
	rdsspq %rax
	pause
	ud2
	ud1 (%rax), %eax
	.byte 0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0
	nopl start(%rip)
	movups start(%rip), %xmm1
	cmpltps start(%rip), %xmm1
	shufps $3, start(%rip), %xmm1
	pshufd $3, start(%rip), %xmm1
	pshufw $3, %mm0, %mm1
	psrldq $3, %xmm1
	psllw $3, %mm1
	pinsrw $3, (%rdi), %xmm1
	pextrw $3, %xmm1, %eax
	pextrb $3, %xmm1, start(%rip)
	emms
	movnti %rax, (%rdi)
	maskmovdqu %xmm1, %xmm2
	palignr $3, start(%rip), %xmm1
	pcmpistri $3, start(%rip), %xmm1
	aesenc start(%rip), %xmm1
	aeskeygenassist $3, start(%rip), %xmm1
	pclmulqdq $3, start(%rip), %xmm1
	sha1rnds4 $3, start(%rip), %xmm1
	gf2p8affineqb $3, start(%rip), %xmm1
	vzeroupper
	vmovaps start(%rip), %ymm1
	vmovaps %ymm9, 0x20(%r13)
	vpshufd $3, start(%rip), %ymm1
	vcmpps $3, start(%rip), %ymm1, %ymm2
	vpsrldq $3, %ymm1, %ymm2
	vpinsrw $3, start(%rip), %xmm1, %xmm2
	vblendvps %ymm1, start(%rip), %ymm2, %ymm3
	vpermq $3, start(%rip), %ymm1
	vextracti128 $1, %ymm1, start(%rip)
	vgatherdps %ymm1, (%rdi, %ymm2, 4), %ymm3
	vfmadd231pd start(%rip), %ymm1, %ymm2
	vbroadcastss start(%rip), %ymm1
	vldmxcsr start(%rip)
	andn start(%rip), %rax, %rbx
	bextr %rax, start(%rip), %rbx
	rorx $3, start(%rip), %rax
	pdep start(%rip), %rax, %rbx
	kmovw start(%rip), %k1
	kmovq %rax, %k1
	kshiftlw $3, %k1, %k2
	kortestb %k1, %k2
	vaddps start(%rip), %zmm1, %zmm2{%k1}{z}
	vaddps (%rdi){1to16}, %zmm1, %zmm2
	vaddps 0x40(%rdi), %zmm17, %zmm31
	vpternlogd $3, start(%rip), %zmm1, %zmm2
	vcmpps $3, start(%rip), %zmm1, %k1
	vpsrlq $3, start(%rip), %zmm1
	vprold $3, %zmm1, %zmm2
	vcvttps2udq start(%rip), %zmm1
	vpgatherdd (%rdi, %zmm2, 4), %zmm3{%k1}
	vpermt2d start(%rip), %zmm1, %zmm2
	valignq $3, start(%rip), %zmm1, %zmm2
	vpinsrb $3, (%rdi), %xmm17, %xmm18
	vaddph start(%rip), %zmm1, %zmm2
	vcmpph $3, start(%rip), %zmm1, %k1
	vfmadd132ph start(%rip), %zmm1, %zmm2
	vmovw %eax, %xmm17
	vpdpbusd start(%rip), %zmm1, %zmm2
	tileloadd (%rdi, %rsi), %tmm1
	tdpbssd %tmm1, %tmm2, %tmm3
	tilerelease
	.zero 300, 0x90
far:
	ret
