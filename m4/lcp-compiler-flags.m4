# SPDX-License-Identifier: LGPL-2.1-or-later

# LCP_TRY_FLAG(VARIABLE, FLAGS)
# Append to VARIABLE each flag that the compiler accepts. -Werror makes clang refuse unknown
# warnings, which it otherwise accepts with a warning.
AC_DEFUN([LCP_TRY_FLAG], [
	AC_LANG_PUSH([C])
	for flag in $2; do
		AC_MSG_CHECKING([whether $CC accepts $flag])
		save_CFLAGS=$CFLAGS
		CFLAGS="$CFLAGS -Werror $flag"
		AC_LINK_IFELSE([AC_LANG_PROGRAM([[]], [[]])],
			[AC_MSG_RESULT([yes]); $1="$$1 $flag"],
			[AC_MSG_RESULT([no])])
		CFLAGS=$save_CFLAGS
	done
	AC_LANG_POP([C])
])

# LCP_COMPILER_FLAGS
# Decide LCP_CFLAGS (all of our C), LCP_LDFLAGS (all we link), LCP_LIB_LDFLAGS (the library only),
# LCP_FUZZ_LDFLAGS (the fuzzing entry points) from the --enable options.
AC_DEFUN([LCP_COMPILER_FLAGS], [
	LCP_TRY_FLAG([LCP_CFLAGS], [-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
		-Wwrite-strings -Wvla -Wundef -Wconversion -Wformat=2 -Wpointer-arith \
		-fvisibility=hidden -fstack-protector-strong])

	AS_IF([test "$enable_werror" = yes], [LCP_CFLAGS="$LCP_CFLAGS -Werror"])

	AS_IF([test "$enable_sanitizers" = yes], [
		LCP_CFLAGS="$LCP_CFLAGS -fsanitize=address,undefined -fno-sanitize-recover=all"
		LCP_CFLAGS="$LCP_CFLAGS -fno-omit-frame-pointer"
		LCP_LDFLAGS="$LCP_LDFLAGS -fsanitize=address,undefined"
	])

	AS_IF([test "$enable_fuzzers" = yes], [
		LCP_TRY_FLAG([LCP_FUZZ_CFLAGS], [-fsanitize=fuzzer-no-link])
		AS_IF([test -z "$LCP_FUZZ_CFLAGS"], [AC_MSG_ERROR([--enable-fuzzers needs clang with libFuzzer: CC=clang])])
		LCP_CFLAGS="$LCP_CFLAGS $LCP_FUZZ_CFLAGS"
		LCP_LDFLAGS="$LCP_LDFLAGS $LCP_FUZZ_CFLAGS"
		LCP_FUZZ_LDFLAGS=-fsanitize=fuzzer
	])

	AS_IF([test "$enable_coverage" = yes], [
		LCP_CFLAGS="$LCP_CFLAGS --coverage -O0"
		LCP_LDFLAGS="$LCP_LDFLAGS --coverage"
	])

	# clang leaves the sanitizers' symbols to the program, so its shared libraries cannot be
	# closed; gcc links them in.
	LCP_LIB_LDFLAGS="-Wl,-z,now -Wl,-z,relro -Wl,--as-needed"
	AS_CASE([$enable_sanitizers:$($CC --version 2>/dev/null)],
		[yes:*clang*], [],
		[LCP_LIB_LDFLAGS="$LCP_LIB_LDFLAGS -Wl,-z,defs"])

	AC_SUBST([LCP_CFLAGS])
	AC_SUBST([LCP_LDFLAGS])
	AC_SUBST([LCP_LIB_LDFLAGS])
	AC_SUBST([LCP_FUZZ_LDFLAGS])
	AM_CONDITIONAL([ENABLE_FUZZERS], [test "$enable_fuzzers" = yes])
	AM_CONDITIONAL([ENABLE_SANITIZERS], [test "$enable_sanitizers" = yes])
])
