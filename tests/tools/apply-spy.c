/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A tracer that is no doctor: traces a process until its standard input ends.
 *
 *	apply-spy PID
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>

int main(int argc, char **argv)
{
	if (argc != 2 || ptrace(PTRACE_SEIZE, atoi(argv[1]), NULL, NULL) < 0) {
		perror("ptrace");
		return 1;
	}
	(void)puts("tracing");
	(void)fflush(stdout);
	while (getchar() != EOF)
		;
	return 0;
}
