# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What objdump -d -w says of x86-64, as lines "ADDRESS BYTES [TARGET]". Left out: what it could not
# decode, and prefixes that it shows alone because nothing of theirs follows. fwait is an
# instruction of its own to a processor.
BEGIN { FS = "\t" }
NF < 3 || $3 ~ /\(bad\)|^\.byte/ { next }
$3 ~ /^((rex[.WRXB]*|data16|addr32|repn?z|lock|[c-gs]s|bnd|notrack) *)+$/ { next }
{
	address = $1
	gsub(/[ :]/, "", address)
	bytes = $2
	gsub(/ /, "", bytes)
	if (bytes ~ /^9b./) {
		print address, "9b"
		next
	}
	target = ""
	if ($3 ~ /\(%[re]ip\)/ && match($3, /# [0-9a-f]+/))
		target = substr($3, RSTART + 2, RLENGTH - 2)
	else if ($3 ~ /^([a-zA-Z0-9.]+ )*(call|j[a-z]+|loop[a-z]*|xbegin)(,p[nt])? +[0-9a-f]+( |$)/) {
		match($3, / [0-9a-f]+( <|$)/)
		target = substr($3, RSTART + 1, RLENGTH - 1)
		sub(/ <$/, "", target)
	}
	print address, bytes, target
}
